//! Measures how fast clips are read on this machine.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use avff_data::{
    DataError,
    decode::{AudioForm, DecodeRequest},
    loader::{ClipReader, ReadClip, Unreadable},
    prefetch::Prefetch,
    shards::{Preparer, ShardReader, ShardRun, ShardSet, ShardWriter},
};
use avff_datasets::Row;
use serde::Serialize;

use super::{PlanError, PlanOptions};
use crate::failure::{ClipFailure, guarded};

/// The most clips of a manifest that are read: many, so that no cache of the system holds them all.
const SAMPLE: usize = 20_000;
/// The most clips that are packed for the measurement of shards.
const PACKED: usize = 64;

/// How fast clips were read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reading {
    /// Clips that were read.
    pub clips: u64,
    /// Clips that could not be read, each counted once.
    pub failed: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

impl Reading {
    /// Returns clips per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.clips as f64 / self.seconds.max(1e-9)
    }
}

/// What shards would take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shards {
    /// How fast clips were packed.
    pub packing: Reading,
    /// How fast they were read back.
    pub reading: Reading,
    /// Bytes of all packed clips.
    pub bytes: u64,
}

/// Returns rows from all over a manifest, which is often sorted.
pub(super) fn spread(rows: &[Row]) -> Vec<Row> {
    // A step that shares no factor with the number of rows visits each once.
    let count = rows.len();
    let coprime = |step: &usize| {
        let (mut a, mut b) = (count, *step);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    let golden = (count as f64 * 0.618) as usize;
    let step = (golden.max(1)..).find(coprime).unwrap_or(1);
    let places = (0..count.min(SAMPLE)).map(|index| index * step % count);
    places.filter_map(|place| rows.get(place).cloned()).collect()
}

fn request(wave: bool) -> DecodeRequest {
    let form = if wave { AudioForm::Wave } else { AudioForm::Fbank };
    DecodeRequest { frames: true, audio: Some(form) }
}

/// Reads files until the time is over, as often as there are too few.
pub(super) fn files(sample: &[Row], options: &PlanOptions) -> Result<Reading, DataError> {
    let reader = Arc::new(ClipReader::new(options.spec.clone())?);
    Ok(read(&(reader as Arc<dyn ReadClip>), sample, options))
}

fn read(reader: &Arc<dyn ReadClip>, sample: &[Row], options: &PlanOptions) -> Reading {
    let (workers, request) = (options.workers.get(), request(options.packing.wave));
    let (start, reader) = (Instant::now(), Arc::clone(reader));
    let until = start + options.duration;
    let paths: Vec<_> = sample.iter().map(|row| row.path.clone()).collect();
    let count = paths.len();
    let rows = (0..).map_while(move |index: usize| {
        let path = paths.get(index % count.max(1))?;
        (Instant::now() < until).then(|| (index, path.clone()))
    });
    let clips = Prefetch::new(rows, workers, workers, move |(_, path)| {
        guarded(|| Ok::<_, ClipFailure>(reader.read(path, request, &mut |_| 0)?)).is_ok()
    });
    let (mut read, mut failed) = (0, 0);
    for ((index, _), is_read) in clips {
        read += u64::from(is_read);
        // Later rounds try the same clips again.
        failed += u64::from(!is_read && index < count);
    }
    Reading { clips: read, failed, seconds: start.elapsed().as_secs_f64() }
}

/// Packs some clips and reads them back.
pub(super) fn shards(sample: &[Row], options: &PlanOptions) -> Result<Shards, PlanError> {
    let folder = tempfile::tempdir()?;
    let preparer = Preparer::new(options.spec.clone(), options.packing)
        .map_err(|source| avff_data::ClipError::new(folder.path(), source))?;
    let mut writer = ShardWriter::open(ShardRun {
        folder: folder.path().into(),
        part: (0, 1),
        rows: sample.len() as u64,
        manifest: String::new(),
        spec: options.spec.for_weights(),
        packing: options.packing,
        columns: Vec::new(),
        shard_bytes: options.shard_bytes,
    })?;
    let start = Instant::now();
    let rows: Vec<Row> = sample.iter().take(PACKED).cloned().collect();
    let workers = options.workers.get();
    let clips = Prefetch::new(rows.into_iter(), workers, workers, move |row: &Row| {
        guarded(|| Ok::<_, ClipFailure>(preparer.prepare(&row.path)?))
    });
    let mut failed = 0;
    for (row, clip) in clips {
        // The columns of the manifest are few bytes.
        let row = Row { extra: Vec::new(), ..row };
        match clip {
            Ok(clip) => writer.add(&row, &clip)?,
            Err(failure) => {
                failed += 1;
                writer.fail(&row, failure.error);
            }
        }
    }
    let packed = writer.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    let packing = Reading { clips: packed.clips, failed, seconds };
    let set = Arc::new(ShardSet::open(folder.path(), Unreadable::Error)?);
    let rows = set.dataset()?.rows().to_vec();
    let reader: Arc<dyn ReadClip> = Arc::new(ShardReader::new(set, options.spec.clone())?);
    // They lie in the system's cache, so a short time tells as much as a long one.
    let short =
        PlanOptions { duration: options.duration.min(Duration::from_secs(3)), ..options.clone() };
    Ok(Shards { packing, reading: read(&reader, &rows, &short), bytes: packed.bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_has_no_row_twice() {
        for count in [1, 2, 3, 10, 97, 1000, 30_000] {
            let row = |index: usize| Row {
                name: index.to_string(),
                path: index.to_string().into(),
                target: None,
                extra: Vec::new(),
                line: index as u64,
            };
            let rows: Vec<Row> = (0..count).map(row).collect();
            let mut lines: Vec<u64> = spread(&rows).iter().map(|row| row.line).collect();
            let early = lines.iter().take(4).max().copied().unwrap_or_default();
            assert!(count < 4 || early as usize > count / 2, "{count}: {early}");
            lines.sort_unstable();
            lines.dedup();
            assert_eq!(lines.len(), count.min(SAMPLE));
        }
    }
}
