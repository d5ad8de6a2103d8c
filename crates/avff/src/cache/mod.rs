//! Decodes the clips of a manifest into a cache before training.
//!
//! A training run caches the clips that it decodes, so only its first epoch is slow. Filling the cache
//! in advance decodes each clip once for several runs or machines. Several processes can fill one cache
//! together, one shard each ([`Shard`]). Cached clips are skipped, so an interrupted run is continued by
//! running it again.

mod summary;

use std::{
    io::{self, BufRead, BufReader, Read},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use avff_data::{
    ClipError, ClipSpec,
    cache::{Cache, CacheConfig, CacheEntries},
    decode::AudioForm,
    loader::CacheFiller,
    prefetch::Prefetch,
};
use avff_datasets::ManifestOptions;

pub use self::summary::CacheSummary;
use crate::{
    evaluate::Progress,
    failure::{ClipFailure, guarded},
    input::{InputError, manifest},
    output::{
        OutputError, expect_csv, expect_not_input,
        table::{ERRORS, Table},
    },
    shard::Shard,
};

/// Why a cache cannot be filled. A clip that cannot be read does not stop the run: it gets a row in the
/// errors file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The errors file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The cache's folder or the clip spec cannot be used.
    #[error(transparent)]
    Clip(#[from] ClipError),
}

/// Options of [`fill`].
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// A CSV with a column `video_name`.
    pub csv: PathBuf,
    /// How the CSV is read: the folder of relative names, and the names of its columns.
    pub manifest: ManifestOptions,
    /// The shard of the rows to decode; `None` for all rows.
    pub shard: Option<Shard>,
    /// The cache, configured as in training.
    pub cache: CacheConfig,
    /// How clips are prepared. Training finds an entry only if its own spec is equal.
    pub spec: ClipSpec,
    /// The forms of audio that training reads. Data augmentation of the waveform needs waveforms.
    pub audio: Vec<AudioForm>,
    /// A CSV of the clips that could not be cached, with the reason. A shard adds its number to the name
    /// ([`CacheOptions::errors_file`]). The errors file of an earlier run is replaced at the end.
    pub errors: PathBuf,
    /// Clips decoded in parallel; `None` for one.
    pub workers: Option<NonZeroUsize>,
}

impl CacheOptions {
    /// The path of the errors file, with the shard's number if there is a shard.
    #[must_use]
    pub fn errors_file(&self) -> PathBuf {
        self.shard.map_or_else(|| self.errors.clone(), |shard| shard.file(&self.errors))
    }
}

/// The stage of clips that were decoded but could not be cached.
const STAGE: &str = "cache";

/// Decodes every clip of a manifest into a cache, except for clips that are cached already.
///
/// # Errors
/// Fails if the run cannot start or if its files cannot be written. A clip that cannot be read does not
/// fail the run: it gets a row in the errors file.
pub fn fill(
    options: &CacheOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<CacheSummary, CacheError> {
    let path = options.errors_file();
    expect_replaceable(&path, &options.csv)?;
    let manifest = manifest::scan(&options.csv, &options.manifest, options.shard)?;
    let cache = Arc::new(Cache::open(&options.cache)?);
    let filler = CacheFiller::new(options.spec.clone(), Arc::clone(&cache), options.audio.clone())
        .map_err(|source| ClipError::new(&options.csv, source))?;
    let mut errors = Table::create(&path)?;
    errors.write(ERRORS)?;
    errors.flush()?;

    let workers = options.workers.map_or(1, NonZeroUsize::get);
    let worker_cache = Arc::clone(&cache);
    let clips = Prefetch::new(manifest.rows(0)?, workers, workers, move |row| match row {
        Ok(row) => guarded(|| {
            let entries = filler.fill(&row.path)?;
            match worker_cache.size(&entries) {
                Some(_) => Ok(entries),
                None => Err(not_cached(&worker_cache)),
            }
        }),
        Err(_) => Err(ClipFailure::manifest()),
    });
    let mut summary = CacheSummary::new(&options.spec, manifest.row_count());
    // Later clips, of this process or another, may evict the entries again: sizes are summed at the end.
    let mut cached: Vec<CacheEntries> = Vec::new();
    let mut state = Progress { done: 0, total: manifest.row_count(), failed: 0 };
    progress(state);
    for (row, clip) in clips {
        let row = row?;
        match clip {
            Ok(clip) => cached.push(clip),
            Err(failure) => {
                errors.write_failure(&row, &failure)?;
                // The errors can be inspected while a long run continues.
                errors.flush()?;
                summary.count_failure(failure.stage);
                state.failed += 1;
            }
        }
        state.done += 1;
        progress(state);
    }
    errors.finish()?;
    summary.finish(cached.iter().map(|clip| cache.size(clip)), cache.counts());
    Ok(summary)
}

fn not_cached(cache: &Cache) -> ClipFailure {
    let reason = cache
        .last_error()
        .unwrap_or_else(|| "it was evicted at once to make room for other clips".into());
    ClipFailure {
        code: "cache".into(),
        stage: STAGE.into(),
        stream: None,
        error: format!("the clip was decoded, but could not be cached: {reason}"),
        hint: Some("check the free disk space and the cache's size limit, then run again".into()),
    }
}

/// Refuses to overwrite any file except the errors file of an earlier run.
fn expect_replaceable(path: &Path, csv: &Path) -> Result<(), OutputError> {
    expect_csv(path)?;
    expect_not_input(path, csv)?;
    let file = match avff_files::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.map_err(OutputError::io(path))?,
    };
    let (mut line, header) = (Vec::new(), ERRORS.join(",") + "\n");
    let read = BufReader::new(file).take(header.len() as u64).read_until(b'\n', &mut line);
    if read.map_err(OutputError::io(path))? > 0 && line != header.as_bytes() {
        return Err(OutputError::Exists { path: path.into() });
    }
    Ok(())
}
