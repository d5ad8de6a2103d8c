//! The result of a split, as JSON and as text.

use std::{fmt::Write, path::PathBuf};

use avff_datasets::protocol::composition::Composition;
use serde::Serialize;

use crate::table::Text;

/// The result of a split.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The random seed.
    pub seed: u64,
    /// The number of rows of the manifest.
    pub rows: usize,
    /// The written files.
    pub files: Vec<PathBuf>,
    /// The `--root` that the written files need, if names were kept and the files are in another folder.
    pub root: Option<String>,
    /// One split, or one for each category that is left out.
    pub splits: Vec<SplitReport>,
}

/// The report of one split.
#[derive(Debug, Clone, Serialize)]
pub struct SplitReport {
    /// The category that is left out, if there are several splits.
    pub value: Option<String>,
    /// The number of rows in each subset by target and category.
    pub composition: Composition,
    /// Notes on the split.
    pub notes: Vec<String>,
}

/// The maximum number of files in the text.
const SHOWN_FILES: usize = 10;

impl Summary {
    /// Formats the result: rows by subset, target and category, values that subsets share, and the files.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        for split in &self.splits {
            if let Some(value) = &split.value {
                let _ = writeln!(text, "leaving out {value}");
            }
            let _ = writeln!(text, "{}", composition(&split.composition));
            for note in &split.notes {
                let _ = writeln!(text, "note: {note}");
            }
        }
        for file in self.files.iter().take(SHOWN_FILES) {
            let _ = writeln!(text, "wrote {}", file.display());
        }
        if let Some(more) = self.files.len().checked_sub(SHOWN_FILES).filter(|&more| more > 0) {
            let _ = writeln!(text, "and {more} more");
        }
        if let Some(root) = &self.root {
            let _ = writeln!(text, "names are unchanged: they are relative to {root}");
        }
        text
    }
}

/// Formats rows by subset, target and category, and the values that subsets share.
pub(crate) fn composition(composition: &Composition) -> String {
    let mut table = Text::with_header(["split", "target", "category", "rows"]);
    for cell in &composition.cells {
        let target = match cell.target {
            Some(1) => "fake",
            Some(_) => "real",
            None => "unknown",
        };
        let split = cell.split.as_deref().unwrap_or("excluded");
        table.row([split, target, &cell.category, &cell.rows.to_string()]);
    }
    let mut text = table.to_string();
    if let Some(identities) = &composition.identities {
        let counts: Vec<String> =
            identities.iter().map(|(split, count)| format!("{split} {count}")).collect();
        let _ = write!(text, "\nidentities: {}", counts.join(", "));
    }
    let shared = [
        ("identities", composition.shared_identities),
        ("sources", composition.shared_sources),
        ("paths", Some(composition.shared_paths)),
    ];
    let shared: Vec<String> =
        shared.iter().filter_map(|(what, count)| Some(format!("{} {what}", (*count)?))).collect();
    let _ = write!(text, "\nin more than one split: {}", shared.join(", "));
    text
}
