//! Compares metadata rows with the files on disk.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    ops::ControlFlow,
    path::Path,
};

use serde::Serialize;

use super::{record::Record, tree::Tree};
use crate::{
    error::{DatasetError, Reason},
    manifest::open_error,
};

/// The reason why a file or a metadata row is not in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Problem {
    /// The clip is listed, but the file does not exist.
    Missing,
    /// The file exists, but is not listed.
    Unlisted,
    /// The clip is listed again; the first row counts.
    Repeated,
    /// An invalid metadata row: a path outside the root, an unknown label...
    Refused,
    /// A file whose name is not UTF-8, so a CSV cannot contain it.
    Unnamed,
    /// A folder or link that cannot be read.
    Unreadable,
}

impl Problem {
    /// Returns the name of the problem.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// An event of a scan, in the order of the metadata.
#[derive(Debug)]
pub enum Event<'a> {
    /// A row of the manifest.
    Row(&'a Record),
    /// A problem.
    Problem {
        /// The kind of the problem.
        problem: Problem,
        /// The file, relative to the root; for an invalid row, the metadata file.
        path: &'a str,
        /// Details; may be empty.
        detail: &'a str,
    },
}

/// Counts of a scan.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Number of manifest rows.
    pub rows: u64,
    /// Rows by target: `real`, `fake`, `hidden`.
    pub targets: BTreeMap<&'static str, u64>,
    /// Rows by category; `unknown` for a fake whose data set does not state the fake streams.
    pub categories: BTreeMap<&'static str, u64>,
    /// Rows by split; `none` if the data set has no splits.
    pub splits: BTreeMap<&'static str, u64>,
    /// Problems by [`Problem::name`].
    pub problems: BTreeMap<&'static str, u64>,
    /// Rows with audio in a separate file, which no reader of this project merges with the video.
    /// `None` for layouts with audio inside the clips.
    #[serde(rename = "sound_apart")]
    pub separate_audio: Option<u64>,
    /// Rows of such a layout without a separate audio file.
    #[serde(rename = "sound_absent")]
    pub missing_audio: Option<u64>,
}

impl Summary {
    /// Returns how often a problem occurred.
    #[must_use]
    pub fn count(&self, problem: Problem) -> u64 {
        self.problems.get(problem.name()).copied().unwrap_or(0)
    }

    fn add(&mut self, record: &Record) {
        self.rows += 1;
        let target = match record.target {
            Some(0) => "real",
            Some(_) => "fake",
            None => "hidden",
        };
        let category = record.category.map_or("unknown", |category| category.name());
        let split = record.split.map_or("none", |split| split.name());
        for (counts, key) in [
            (&mut self.targets, target),
            (&mut self.categories, category),
            (&mut self.splits, split),
        ] {
            *counts.entry(key).or_default() += 1;
        }
    }
}

/// The position of a row in a metadata file, from 1.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    /// Line of a text table.
    Line(u64),
    /// Row of a binary table.
    Row(u64),
    /// Element of a list.
    Element(u64),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
            Self::Element(element) => write!(f, "element {element}"),
        }
    }
}

/// Receives the rows of a metadata file: a value, or the reason why the row is invalid.
pub(super) type Rows<'a, T> = &'a mut dyn FnMut(Position, Result<T, String>) -> ControlFlow<()>;

/// A scan in progress: layouts emit records, and the scanner compares them with the tree.
pub(super) struct Scanner<'a> {
    root: &'a Path,
    tree: &'a Tree,
    keep_missing: bool,
    emit: &'a mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    /// Whether each clip of the tree is listed.
    listed: Vec<bool>,
    summary: Summary,
    stopped: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(
        root: &'a Path,
        tree: &'a Tree,
        keep_missing: bool,
        emit: &'a mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Self {
        let listed = vec![false; tree.media.len()];
        Self { root, tree, keep_missing, emit, listed, summary: Summary::default(), stopped: false }
    }

    /// Returns the files below the root.
    pub(super) fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// Returns the root.
    pub(super) fn root(&self) -> &'a Path {
        self.root
    }

    /// Returns the counts so far.
    pub(super) fn summary_mut(&mut self) -> &mut Summary {
        &mut self.summary
    }

    /// Opens a metadata file.
    pub(super) fn open(&self, path: &str) -> Result<File, DatasetError> {
        let path = self.root.join(path);
        let open = || {
            // The check precedes opening, because opening a pipe without a writer blocks forever.
            if !fs::metadata(&path).map_err(open_error)?.is_file() {
                return Err(Reason::NotAFile { kind: "special file" });
            }
            File::open(&path).map_err(open_error)
        };
        open().map_err(|source| DatasetError::new(&path, source))
    }

    /// Attaches the path of a metadata file to an error.
    pub(super) fn at<T>(&self, path: &str, result: Result<T, Reason>) -> Result<T, DatasetError> {
        result.map_err(|source| DatasetError::new(self.root.join(path), source))
    }

    /// Reads a metadata file and emits the records that `record` creates from its rows.
    pub(super) fn each<T>(
        &mut self,
        metadata: &str,
        read: impl FnOnce(File, Rows<'_, T>) -> Result<(), Reason>,
        record: impl Fn(T) -> Result<Record, String>,
    ) -> Result<(), DatasetError> {
        if self.stopped {
            return Ok(());
        }
        let input = self.open(metadata)?;
        let mut receive = |position: Position, row: Result<T, String>| match row.and_then(&record) {
            Ok(record) => self.offer(&record),
            Err(why) => self.report(Problem::Refused, metadata, &format!("{position}: {why}")),
        };
        let result = read(input, &mut receive);
        self.at(metadata, result)
    }

    /// Emits a record that the metadata lists.
    pub(super) fn offer(&mut self, record: &Record) -> ControlFlow<()> {
        let Some(index) = self.tree.find(&record.path) else {
            self.report(Problem::Missing, &record.path, "")?;
            return if self.keep_missing {
                self.emit_row(record)
            } else {
                ControlFlow::Continue(())
            };
        };
        match self.listed.get_mut(index) {
            Some(listed) if !*listed => *listed = true,
            _ => return self.report(Problem::Repeated, &record.path, ""),
        }
        match self.tree.media.get(index) {
            Some(path) if **path != *record.path => {
                self.emit_row(&Record { path: path.to_string(), ..record.clone() })
            }
            _ => self.emit_row(record),
        }
    }

    /// Returns whether the receiver has stopped the scan.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Reports files without a record and returns the counts.
    pub(super) fn finish(mut self) -> Summary {
        let _ = self.report_remaining();
        self.summary
    }

    fn report_remaining(&mut self) -> ControlFlow<()> {
        let tree = self.tree;
        for (index, path) in tree.media.iter().enumerate() {
            if self.listed.get(index) == Some(&false) {
                self.report(Problem::Unlisted, path, "")?;
            }
        }
        for path in &tree.unnamed {
            self.report(Problem::Unnamed, path, "")?;
        }
        for (path, why) in &tree.unreadable {
            self.report(Problem::Unreadable, path, why)?;
        }
        ControlFlow::Continue(())
    }

    fn emit_row(&mut self, record: &Record) -> ControlFlow<()> {
        self.summary.add(record);
        self.send(Event::Row(record))
    }

    pub(super) fn report(&mut self, problem: Problem, path: &str, detail: &str) -> ControlFlow<()> {
        *self.summary.problems.entry(problem.name()).or_default() += 1;
        self.send(Event::Problem { problem, path, detail })
    }

    fn send(&mut self, event: Event<'_>) -> ControlFlow<()> {
        if self.stopped {
            return ControlFlow::Break(());
        }
        let flow = (self.emit)(event);
        self.stopped = flow.is_break();
        flow
    }
}
