//! Detects validation clips that are also training clips.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use avff_data::shards::ShardSet;
use avff_datasets::{Dataset, Row};

/// Why validation on such clips misleads.
const CONSEQUENCE: &str = "validation then measures how well the network remembers these clips";

/// Returns a warning if the two manifests share clips.
pub(super) fn warning(
    [train, validation]: [&Dataset; 2],
    [train_path, validation_path]: [&Path; 2],
) -> Option<String> {
    // The files of packed clips may be gone, but shards keep their names.
    let packed = [train_path, validation_path].into_iter().any(ShardSet::is_set);
    let identity = |row: &Row| match packed {
        true => PathBuf::from(&row.name),
        false => resolved(&row.path),
    };
    let known: HashSet<PathBuf> = train.rows().iter().map(identity).collect();
    let mut shared =
        validation.rows().iter().filter(|row| known.contains(&identity(row))).peekable();
    let name = shared.peek()?.name.clone();
    // Conditions may select different rows of one file.
    let lines = |dataset: &Dataset| dataset.rows().iter().map(|row| row.line).collect::<Vec<_>>();
    if lines(train) == lines(validation) && resolved(train_path) == resolved(validation_path) {
        return Some(format!(
            "data.train and data.validation are the same file, {}: {CONSEQUENCE}",
            train_path.display()
        ));
    }
    Some(format!(
        "{} of {} clips of data.validation are also in data.train (the first is {name}): {CONSEQUENCE}",
        shared.count(),
        validation.len()
    ))
}

/// The path without links and `..`, as far as the file exists.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use avff_datasets::ManifestOptions;

    use super::*;

    #[test]
    fn shared_clips_are_counted_by_resolved_path() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, rows: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("video_name\n{rows}")).unwrap();
            (Dataset::read(&path, &ManifestOptions::default()).unwrap(), path)
        };
        std::fs::create_dir(folder.path().join("clips")).unwrap();
        std::fs::write(folder.path().join("clips/b.mp4"), "").unwrap();
        let (train, train_path) = write("train.csv", "a.mp4\nclips/b.mp4\n");
        let (other, other_path) = write("other.csv", "c.mp4\nclips/../clips/b.mp4\na.mp4\n");
        let (apart, apart_path) = write("apart.csv", "c.mp4\n");
        let of = |other: &Dataset, path: &Path| warning([&train, other], [&train_path, path]);
        assert_eq!(of(&apart, &apart_path), None);
        let text = of(&other, &other_path).unwrap();
        let start = "2 of 3 clips of data.validation are also in data.train (the first is clips/../clips/b.mp4)";
        assert!(text.starts_with(start), "{text}");
        // Two parts of one file share nothing unless their conditions overlap.
        let part = |name: &str| {
            let conditions = vec![format!("video_name={name}").parse().unwrap()];
            let options = ManifestOptions { conditions, ..ManifestOptions::default() };
            Dataset::read(&train_path, &options).unwrap()
        };
        let (a, b) = (part("a.mp4"), part("clips/b.mp4"));
        assert_eq!(warning([&a, &b], [&train_path; 2]), None);
        let text = warning([&a, &train], [&train_path; 2]).unwrap();
        assert!(text.starts_with("1 of 2 clips of data.validation"), "{text}");
        let text = of(&train, &folder.path().join("clips/../train.csv")).unwrap();
        assert!(text.contains("are the same file"), "{text}");
    }
}
