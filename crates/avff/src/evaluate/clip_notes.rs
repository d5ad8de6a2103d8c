//! The notes on the clips of a run.

use std::{collections::HashSet, path::Path, sync::Arc};

use avff_datasets::manifest::NAME_COLUMN;

use crate::output::{OutputError, remove, table::Table};

/// The columns of the file of notes.
const COLUMNS: [&str; 2] = [NAME_COLUMN, "note"];

/// Collects [`Score::notes`](crate::Score::notes) in the order of the rows. Ordinary clips have none.
#[derive(Default)]
pub(super) struct ClipNotes {
    rows: Vec<(String, Arc<str>)>,
    /// Most notes are those of many clips.
    known: HashSet<Arc<str>>,
    clips: u64,
}

impl ClipNotes {
    /// Adds the notes on the clip of a row, given by its `video_name`.
    pub(super) fn add(&mut self, name: &str, notes: &[String]) {
        self.clips += u64::from(!notes.is_empty());
        for note in notes {
            let note = match self.known.get(note.as_str()) {
                Some(note) => Arc::clone(note),
                None => {
                    let note: Arc<str> = note.as_str().into();
                    self.known.insert(Arc::clone(&note));
                    note
                }
            };
            self.rows.push((name.to_owned(), note));
        }
    }

    /// The number of rows whose clip has notes.
    pub(super) fn clips(&self) -> u64 {
        self.clips
    }

    /// Writes all notes, or removes the file of an earlier run if there are none.
    pub(super) fn write(&self, path: &Path) -> Result<(), OutputError> {
        if self.rows.is_empty() {
            return remove(path);
        }
        let mut table = Table::create(path)?;
        table.write(COLUMNS)?;
        for (name, note) in &self.rows {
            table.write([name.as_str(), note])?;
        }
        table.finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn notes_are_written_in_the_order_of_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.notes.csv");
        let mut notes = ClipNotes::default();
        notes.add("b.mp4", &["one".into(), "two, and".into()]);
        notes.add("plain.mp4", &[]);
        notes.add("a.mp4", &["one".into()]);
        assert_eq!(notes.clips(), 2);
        notes.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "video_name,note\nb.mp4,one\nb.mp4,\"two, and\"\na.mp4,one\n");
        ClipNotes::default().write(&path).unwrap();
        assert!(!path.exists());
    }
}
