//! Rows of metadata held against the files that are there.

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

/// Why a file or a row of metadata is not in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Problem {
    /// Listed, but there is no such file.
    Missing,
    /// There, but not listed.
    Unlisted,
    /// Listed again; the first row counts.
    Repeated,
    /// A row of metadata that cannot be trusted: a path that leaves the root, an unknown label...
    Refused,
    /// A file whose name is not UTF-8, which no CSV can hold.
    Unnamed,
    /// A folder or link that cannot be followed.
    Unreadable,
}

impl Problem {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What a scan comes across, in the order of the metadata.
#[derive(Debug)]
pub enum Event<'a> {
    /// A row of the manifest.
    Row(&'a Record),
    /// Something that is no row.
    Problem {
        /// Its kind.
        problem: Problem,
        /// The file, relative to the root; of a refused row, the metadata file.
        path: &'a str,
        /// Why, where there is more to say.
        detail: &'a str,
    },
}

/// How many of what a scan found.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Rows of the manifest.
    pub rows: u64,
    /// Rows by target: `real`, `fake`, `hidden`.
    pub targets: BTreeMap<&'static str, u64>,
    /// Rows by category; `unknown` for a fake whose data set does not tell which stream.
    pub categories: BTreeMap<&'static str, u64>,
    /// Rows by split; `none` where the data set has none.
    pub splits: BTreeMap<&'static str, u64>,
    /// Problems by [`Problem::name`].
    pub problems: BTreeMap<&'static str, u64>,
    /// Rows whose sound is in a file of its own, which no reader here joins to the picture; none for
    /// layouts that keep sound inside.
    pub sound_apart: Option<u64>,
    /// Rows of such a layout with no file of sound beside them.
    pub sound_absent: Option<u64>,
}

impl Summary {
    /// How often a problem was met.
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

/// Where in a metadata file a row stands, from 1.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Of a table.
    Line(u64),
    /// Of a table without lines.
    Row(u64),
    /// Of a list.
    Element(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
            Self::Element(element) => write!(f, "element {element}"),
        }
    }
}

/// What becomes of the rows of a metadata file: those that can be used, and why others cannot.
pub(super) type Rows<'a, T> = &'a mut dyn FnMut(Place, Result<T, String>) -> ControlFlow<()>;

/// A scan under way: layouts offer records, and this holds them against the tree.
pub(super) struct Scanner<'a> {
    root: &'a Path,
    tree: &'a Tree,
    keep_missing: bool,
    emit: &'a mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    /// Which clips of the tree were listed.
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

    /// What lies below the root.
    pub(super) fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// Where it lies.
    pub(super) fn root(&self) -> &'a Path {
        self.root
    }

    /// The counts so far.
    pub(super) fn summary_mut(&mut self) -> &mut Summary {
        &mut self.summary
    }

    /// Opens a metadata file.
    pub(super) fn open(&self, path: &str) -> Result<File, DatasetError> {
        let path = self.root.join(path);
        let open = || {
            // Asked before opening: opening a pipe that nobody writes to would wait for ever.
            if !fs::metadata(&path).map_err(open_error)?.is_file() {
                return Err(Reason::NotAFile { kind: "special file" });
            }
            File::open(&path).map_err(open_error)
        };
        open().map_err(|source| DatasetError::new(&path, source))
    }

    /// Attaches the path of a metadata file.
    pub(super) fn at<T>(&self, path: &str, result: Result<T, Reason>) -> Result<T, DatasetError> {
        result.map_err(|source| DatasetError::new(self.root.join(path), source))
    }

    /// Reads a metadata file and takes what `record` makes of its rows.
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
        let mut take = |place: Place, row: Result<T, String>| match row.and_then(&record) {
            Ok(record) => self.offer(&record),
            Err(why) => self.report(Problem::Refused, metadata, &format!("{place}: {why}")),
        };
        let result = read(input, &mut take);
        self.at(metadata, result)
    }

    /// A record that metadata lists.
    pub(super) fn offer(&mut self, record: &Record) -> ControlFlow<()> {
        let Some(place) = self.tree.find(&record.path) else {
            self.report(Problem::Missing, &record.path, "")?;
            return if self.keep_missing {
                self.emit_row(record)
            } else {
                ControlFlow::Continue(())
            };
        };
        match self.listed.get_mut(place) {
            Some(listed) if !*listed => *listed = true,
            _ => return self.report(Problem::Repeated, &record.path, ""),
        }
        self.emit_row(record)
    }

    /// Whether the receiver has seen enough.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Reports what no record was offered for.
    pub(super) fn finish(mut self) -> Summary {
        let _ = self.report_rest();
        self.summary
    }

    fn report_rest(&mut self) -> ControlFlow<()> {
        let tree = self.tree;
        for (place, path) in tree.media.iter().enumerate() {
            if self.listed.get(place) == Some(&false) {
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
