//! Notes on a manifest that change how its metrics are to be read.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Component, Path},
};

use avff_datasets::manifest::TARGET_COLUMN;

/// Names that other tables give to the column of labels.
const LIKELY: [&str; 12] = [
    "target",
    "targets",
    "label",
    "labels",
    "class",
    "fake",
    "is_fake",
    "isfake",
    "y",
    "y_true",
    "truth",
    "ground_truth",
];

/// Returns a note if no column has the labels, with the column that may have them.
pub(super) fn without_target(columns: &[String]) -> Option<String> {
    if columns.iter().any(|column| column == TARGET_COLUMN) {
        return None;
    }
    let bare = |column: &str| column.trim_matches(['"', '\'', ' ']).to_ascii_lowercase();
    let likely = columns.iter().find(|column| LIKELY.contains(&&*bare(column)));
    let advice = likely.map(|column| {
        format!(": if `{column}` has the labels, give --target-column {column}, or name it `{TARGET_COLUMN}` (1 fake, 0 real)")
    });
    let advice = advice.unwrap_or_default();
    Some(format!("no column `{TARGET_COLUMN}`, so there are no metrics{advice}"))
}

/// Counts the rows whose clip was listed before.
#[derive(Default)]
pub(super) struct Repeats {
    /// Hashes instead of names, so that a manifest of millions of rows takes little memory.
    seen: HashSet<u64>,
    count: u64,
}

impl Repeats {
    /// Adds the row of a clip by its `video_name`.
    pub(super) fn add(&mut self, name: &str) {
        let mut hasher = DefaultHasher::new();
        let parts = Path::new(name).components().filter(|part| *part != Component::CurDir);
        parts.for_each(|part| part.hash(&mut hasher));
        self.count += u64::from(!self.seen.insert(hasher.finish()));
    }

    pub(super) fn note(&self) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some("1 row repeats a clip of an earlier row, so the clip counts twice".into()),
            count => Some(format!(
                "{count} rows repeat clips of earlier rows, so these clips count more than once"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn note(columns: &[&str]) -> Option<String> {
        without_target(&columns.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn likely_column_of_labels_is_named() {
        assert_eq!(note(&["label", "target"]), None);
        assert_eq!(note(&["note"]).unwrap(), "no column `target`, so there are no metrics");
        for column in ["label", "Labels", "is_fake", "class", "Target", "\"target\""] {
            let note = note(&["note", column]).unwrap();
            let advice = format!(
                ": if `{column}` has the labels, give --target-column {column}, or name it `target`"
            );
            assert!(note.contains(&advice), "{note}");
        }
    }

    #[test]
    fn repeated_rows_are_counted() {
        let note = |names: &[&str]| {
            let mut repeats = Repeats::default();
            names.iter().for_each(|name| repeats.add(name));
            repeats.note()
        };
        assert_eq!(note(&["a", "b"]), None);
        assert_eq!(note(&["a/b", "ab", "a", "b"]), None);
        assert!(note(&["a", "./a"]).unwrap().starts_with("1 row repeats a clip"));
        assert!(note(&["a", "b", "a", "a"]).unwrap().starts_with("2 rows repeat clips"));
    }
}
