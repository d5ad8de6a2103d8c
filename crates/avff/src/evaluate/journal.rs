//! What an unfinished run has done, row by row.
//!
//! The predictions hold one number a clip; metrics over both outputs need two. The journal keeps
//! them, counts the rows that are safely in the other files, and says under which options they
//! were made. Once the summary is there it is gone, or, where other shards have to be merged with this
//! one, kept under another name.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{Entry, summary::Run};
use crate::{output::OutputError, score::Logits};

/// What follows the logits of a clip whose pictures were taken whole for want of a face.
const WITHOUT_FACE: &str = " whole";

pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Of the run before the interruption.
    entries: Vec<Entry>,
    appended: u64,
}

impl Journal {
    pub(super) fn create(path: &Path, run: &Run) -> Result<Self, OutputError> {
        let output = OutputError::io(path);
        let mut file = open(path)?;
        file.set_len(0).map_err(&output)?;
        writeln!(file, "{}", run.to_json()).map_err(&output)?;
        Ok(Self { path: path.into(), file, entries: Vec::new(), appended: 0 })
    }

    pub(super) fn resume(path: &Path, run: &Run) -> Result<Self, OutputError> {
        let output = OutputError::io(path);
        let broken = |reason: String| OutputError::Damaged { path: path.into(), reason };
        let mut file = open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(&output)?;
        // What follows the last line end was being written when the run was interrupted.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        if whole.is_empty() {
            drop(file);
            return Self::create(path, run);
        }
        let (earlier, entries) = read(whole).map_err(broken)?;
        earlier.expect_same(run)?;
        file.set_len(whole.len() as u64).map_err(&output)?;
        file.seek(SeekFrom::End(0)).map_err(&output)?;
        Ok(Self { path: path.into(), file, entries, appended: 0 })
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Rows done, before and in this run.
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64 + self.appended
    }

    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), OutputError> {
        self.file.write_all(show(entry).as_bytes()).map_err(OutputError::io(&self.path))?;
        self.appended += 1;
        Ok(())
    }

    /// Gives the journal of a finished shard its last name.
    pub(super) fn keep(self, rows: &Path) -> Result<(), OutputError> {
        let Self { path, file, .. } = self;
        drop(file);
        avff_files::finish(&path, rows).map_err(OutputError::io(&path))
    }

    pub(super) fn remove(self) -> Result<(), OutputError> {
        let Self { path, file, .. } = self;
        drop(file);
        fs::remove_file(&path).map_err(OutputError::io(&path))
    }
}

/// Opens a journal as its only writer: two runs into one output would ruin it.
fn open(path: &Path) -> Result<File, OutputError> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(OutputError::io(path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OutputError::Busy { path: path.into() }),
        // A file system without locks: as good as it gets.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// The run and the rows of a journal, or what is wrong with it.
pub(super) fn read(text: &str) -> Result<(Run, Vec<Entry>), String> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let run = serde_json::from_str(header).map_err(|error| error.to_string())?;
    let entry = |line| parse(line).ok_or_else(|| format!("cannot read `{line}`"));
    Ok((run, lines.map(entry).collect::<Result<_, _>>()?))
}

/// Rust prints the shortest decimal that reads back as the same number.
fn show(entry: &Entry) -> String {
    match entry {
        Entry::Scored { logits: Logits { fake, real }, without_face } => {
            format!("{fake} {real}{}\n", if *without_face { WITHOUT_FACE } else { "" })
        }
        Entry::Failed(stage) => format!("! {stage}\n"),
    }
}

fn parse(line: &str) -> Option<Entry> {
    match line.split_once(' ')? {
        ("!", stage) => Some(Entry::Failed(stage.into())),
        (fake, real) => {
            let whole = real.strip_suffix(WITHOUT_FACE);
            let (real, without_face) = (whole.unwrap_or(real), whole.is_some());
            let logits = Logits { fake: fake.parse().ok()?, real: real.parse().ok()? };
            Some(Entry::Scored { logits, without_face })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scored(fake: f32, real: f32, without_face: bool) -> Entry {
        Entry::Scored { logits: Logits { fake, real }, without_face }
    }

    #[test]
    fn entries_read_back_to_the_last_bit() {
        for entry in [
            scored(-0.100_748_69, 1.0e-30, false),
            scored(f32::MAX, -0.0, true),
            Entry::Failed("video".into()),
        ] {
            assert_eq!(parse(show(&entry).trim_end()).unwrap(), entry);
        }
        assert_eq!(parse("1.0"), None);
    }
}
