//! The notes on the clips of a run, and the windows that are left out of their scores.

use std::{collections::HashSet, path::Path, sync::Arc};

use avff_data::LeftOut;

use avff_datasets::manifest::NAME_COLUMN;

use super::output::Paths;
use crate::output::{OutputError, remove, table::Table};

/// The columns of the file of notes.
const COLUMNS: [&str; 2] = [NAME_COLUMN, "note"];
/// The columns of the file of windows that are left out.
const LEFT_OUT_COLUMNS: [&str; 6] = [NAME_COLUMN, "start", "end", "stream", "code", "message"];

/// Collects [`Score::notes`](crate::Score::notes) in the order of the rows. Ordinary clips have none.
#[derive(Default)]
pub(super) struct ClipNotes {
    rows: Vec<(String, Arc<str>)>,
    /// Most notes are those of many clips.
    known: HashSet<Arc<str>>,
    clips: u64,
    /// The windows that are left out, by clip.
    left_out: Vec<(String, Vec<LeftOut>)>,
}

impl ClipNotes {
    /// Adds the notes on the clip of a row, given by its `video_name`, and its windows that are left out.
    pub(super) fn add(&mut self, name: &str, notes: &[String], left_out: &[LeftOut]) {
        if !left_out.is_empty() {
            self.left_out.push((name.to_owned(), left_out.to_vec()));
        }
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

    /// The number of rows whose clip has windows that are left out.
    pub(super) fn clips_with_left_out(&self) -> u64 {
        self.left_out.len() as u64
    }

    /// Writes both tables, or removes those of an earlier run if there is nothing to write.
    pub(super) fn write(&self, paths: &Paths) -> Result<(), OutputError> {
        self.write_notes(&paths.notes)?;
        self.write_left_out(&paths.left_out)
    }

    fn write_left_out(&self, path: &Path) -> Result<(), OutputError> {
        if self.left_out.is_empty() {
            return remove(path);
        }
        let mut table = Table::create(path)?;
        table.write(LEFT_OUT_COLUMNS)?;
        for (name, windows) in &self.left_out {
            for LeftOut { start, end, stream, code, message } in windows {
                // Milliseconds are the same after a journal was read.
                let [start, end] = [start, end].map(|time| format!("{time:.3}"));
                let (stream, code) = (stream.to_string(), code.to_string());
                table.write([name.as_str(), &start, &end, &stream, &code, message])?;
            }
        }
        table.finish()
    }

    fn write_notes(&self, path: &Path) -> Result<(), OutputError> {
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
    use avff_media::{DamageCode, Stream};

    use super::*;

    #[test]
    fn notes_are_written_in_the_order_of_rows() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(&folder.path().join("a.csv"));
        let mut notes = ClipNotes::default();
        notes.add("b.mp4", &["one".into(), "two, and".into()], &[]);
        notes.add("plain.mp4", &[], &[]);
        let out = LeftOut {
            start: 0.1 + 0.2,
            end: 3.5,
            stream: Stream::Video,
            code: DamageCode::Damaged,
            message: "why, and where".into(),
        };
        notes.add("a.mp4", &["one".into()], &[out]);
        assert_eq!((notes.clips(), notes.clips_with_left_out()), (2, 1));
        notes.write(&paths).unwrap();
        let text = std::fs::read_to_string(&paths.left_out).unwrap();
        let row = "a.mp4,0.300,3.500,video,damaged,\"why, and where\"\n";
        assert_eq!(text, format!("video_name,start,end,stream,code,message\n{row}"));
        let text = std::fs::read_to_string(&paths.notes).unwrap();
        assert_eq!(text, "video_name,note\nb.mp4,one\nb.mp4,\"two, and\"\na.mp4,one\n");
        ClipNotes::default().write(&paths).unwrap();
        assert!(!paths.notes.exists() && !paths.left_out.exists());
    }
}
