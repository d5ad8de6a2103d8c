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

/// A manifest without the column of labels.
pub(super) struct WithoutTarget {
    /// The column that may have the labels.
    pub(super) likely: Option<String>,
}

impl WithoutTarget {
    /// Returns `None` if a column has the labels.
    pub(super) fn of(columns: &[String]) -> Option<Self> {
        if columns.iter().any(|column| column == TARGET_COLUMN) {
            return None;
        }
        let bare = |column: &str| column.trim_matches(['"', '\'', ' ']).to_ascii_lowercase();
        let likely = columns.iter().find(|column| LIKELY.contains(&&*bare(column))).cloned();
        Some(Self { likely })
    }

    pub(super) fn note(&self) -> String {
        let advice = self.likely.as_ref().map(|column| {
            format!("; `{column}` may have the labels: if so, name it `{TARGET_COLUMN}` (1 fake, 0 real)")
        });
        let advice = advice.unwrap_or_default();
        format!("no column `{TARGET_COLUMN}`, so there are no metrics{advice}")
    }
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
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        WithoutTarget::of(&columns).map(|without| without.note())
    }

    #[test]
    fn likely_column_of_labels_is_named() {
        assert_eq!(note(&["label", "target"]), None);
        assert_eq!(note(&["note"]).unwrap(), "no column `target`, so there are no metrics");
        for column in ["label", "Labels", "is_fake", "class", "Target", "\"target\""] {
            let note = note(&["note", column]).unwrap();
            let advice = format!("; `{column}` may have the labels: if so, name it `target`");
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
