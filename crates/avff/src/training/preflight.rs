//! Checks that the clips of a run exist, before its first step.

use std::{io, path::Path, thread};

use avff_data::ClipError;
use avff_datasets::{Dataset, manifest::Row};
use avff_media::MediaError;

use super::TrainingError;

/// Metadata is read in parallel, because a network file system answers each call slowly.
const THREADS: usize = 8;

/// Checks that every clip of a manifest exists. The clips are not opened.
///
/// # Errors
/// Returns [`TrainingError::MissingClips`] with the number of missing clips and the first of them.
pub(super) fn check(dataset: &Dataset, manifest: &Path) -> Result<(), TrainingError> {
    let rows = dataset.rows();
    let chunks = rows.chunks(rows.len().div_ceil(THREADS).max(1));
    // Threads return in the order of their rows, so the first error belongs to the first missing clip.
    let found = thread::scope(|scope| {
        let threads: Vec<_> =
            chunks.map(|chunk| (chunk, scope.spawn(move || missing(chunk)))).collect();
        let join = |(chunk, thread): (_, thread::ScopedJoinHandle<'_, _>)| {
            // A panicked thread has checked nothing.
            thread.join().unwrap_or_else(|_| missing(chunk))
        };
        threads.into_iter().map(join).collect::<Vec<_>>()
    });
    let count = found.iter().map(|(count, _)| count).sum();
    match found.into_iter().find_map(|(_, first)| first) {
        None => Ok(()),
        Some((row, source)) => Err(TrainingError::MissingClips {
            manifest: manifest.into(),
            missing: count,
            clips: rows.len(),
            line: row.line,
            source: ClipError::new(&row.path, source).into(),
        }),
    }
}

/// Returns the number of missing clips among `rows`, and the first of them.
fn missing(rows: &[Row]) -> (usize, Option<(&Row, MediaError)>) {
    let mut first = None;
    let mut count = 0;
    for row in rows {
        let Err(error) = row.path.metadata() else { continue };
        count += 1;
        first.get_or_insert_with(|| (row, reason(error)));
    }
    (count, first)
}

fn reason(error: io::Error) -> MediaError {
    match error.kind() {
        io::ErrorKind::NotFound => MediaError::NotFound,
        _ => MediaError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn missing_clips_are_counted_and_the_first_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "video_name,target\n".to_owned();
        for number in 0..40 {
            let name = format!("{number}.mp4");
            if number != 17 && number != 38 {
                std::fs::write(folder.path().join(&name), "").unwrap();
            }
            text += &format!("{name},1\n");
        }
        let path = folder.path().join("train.csv");
        std::fs::write(&path, text).unwrap();
        let dataset = Dataset::read(&path, None).unwrap();
        let text = check(&dataset, Path::new("train.csv")).unwrap_err().to_string();
        let start =
            "train.csv: 2 of 40 clips are missing or cannot be accessed; the first is on line 19: ";
        assert!(text.starts_with(start) && text.ends_with("17.mp4: no such file"), "{text}");
        for name in ["17.mp4", "38.mp4"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        check(&dataset, &path).unwrap();
    }
}
