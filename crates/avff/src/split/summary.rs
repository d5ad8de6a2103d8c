//! What came of a split, as JSON and for a person.

use std::{fmt::Write, path::PathBuf};

use avff_datasets::protocol::composition::Composition;
use serde::Serialize;

use crate::table::Text;

/// What came of a split.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// What chance depended on.
    pub seed: u64,
    /// Rows of the manifest.
    pub rows: usize,
    /// What was written.
    pub files: Vec<PathBuf>,
    /// The `--root` that the written files need, where their names were kept.
    pub root: Option<String>,
    /// One, or one for each category left out.
    pub splits: Vec<Made>,
}

/// One split.
#[derive(Debug, Clone, Serialize)]
pub struct Made {
    /// What is left out, where there are several splits.
    pub value: Option<String>,
    /// What is in each part.
    pub composition: Composition,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// The most files that a person is shown.
const SHOWN_FILES: usize = 10;

impl Summary {
    /// Rows by part, target and category; what parts share; the files.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        for made in &self.splits {
            if let Some(value) = &made.value {
                let _ = writeln!(text, "leaving out {value}");
            }
            let _ = writeln!(text, "{}", composition(&made.composition));
            for note in &made.notes {
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
            let _ = writeln!(text, "names are as they were: they start at {root}");
        }
        text
    }
}

/// Rows by part, target and category, and what parts share.
pub(crate) fn composition(composition: &Composition) -> String {
    let mut table = Text::with_header(["split", "target", "category", "rows"]);
    for cell in &composition.cells {
        let target = match cell.target {
            Some(1) => "fake",
            Some(_) => "real",
            None => "unknown",
        };
        let split = cell.split.as_deref().unwrap_or("left out");
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
    let _ = write!(text, "\nin more than one: {}", shared.join(", "));
    text
}
