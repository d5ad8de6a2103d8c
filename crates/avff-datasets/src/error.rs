//! Errors of data sets, manifests and splits.

use std::{io, path::PathBuf};

/// A [`Reason`] with the file or folder that it concerns.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct DatasetError {
    /// The manifest, the metadata file, or the root of the data set.
    pub path: PathBuf,
    /// The reason.
    pub source: Reason,
}

impl DatasetError {
    /// Attaches a path to a reason.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, source: impl Into<Reason>) -> Self {
        Self { path: path.into(), source: source.into() }
    }
}

/// A header without a required column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: the header has no `{column}` column, it is {header}{advice}")]
pub struct NoColumn {
    /// The line of the header, from 1.
    pub line: u64,
    /// The missing column.
    pub column: String,
    /// The header, quoted.
    pub header: String,
    /// What to do: a colon and a sentence, or empty.
    pub advice: String,
    /// A column that may hold the clip names under another name.
    pub likely: Option<String>,
}

/// The reason of an error, without the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// There is no file at the path.
    #[error("no such file")]
    NotFound,
    /// The path names a pipe, socket, device or folder.
    #[error("not a regular file but a {kind}")]
    NotAFile {
        /// The actual kind.
        kind: &'static str,
    },
    /// The operating system reports a read error.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The metadata violates its format.
    #[error("malformed {format}: {what}")]
    Malformed {
        /// The format: `Arrow stream`, `JSON`...
        format: &'static str,
        /// The violated rule and its position.
        what: String,
    },
    /// A size exceeds its limit. The limits prevent hostile files from exhausting memory.
    #[error("{what} of {value} exceeds the limit of {limit}")]
    TooLarge {
        /// The quantity.
        what: &'static str,
        /// Its value in the file.
        value: u64,
        /// The maximum.
        limit: u64,
    },
    /// A row or header is invalid.
    #[error("line {line}: {what}")]
    Row {
        /// The line in the file, from 1.
        line: u64,
        /// The reason.
        what: String,
    },
    /// The header lacks a column.
    #[error(transparent)]
    NoColumn(Box<NoColumn>),
    /// No layout has the name.
    #[error("no layout is named `{name}`")]
    NoSuchLayout {
        /// The requested name.
        name: String,
    },
    /// A condition selects no rows.
    #[error("{condition}: {what}")]
    Condition {
        /// The condition, as it was given.
        condition: String,
        /// The reason.
        what: String,
    },
    /// The root of a data set is not a folder.
    #[error("not a folder")]
    NotAFolder,
    /// The root does not match the requested layout.
    #[error("not {layout}: looked for {expected}, found {found}{}", hint(like))]
    NotLayout {
        /// The data set.
        layout: &'static str,
        /// The files that the layout requires below the root.
        expected: &'static str,
        /// The files below the root.
        found: String,
        /// The names of the layouts that match.
        like: String,
    },
    /// The root matches no layout, or several.
    #[error("cannot detect the layout: {}, found {found}", choices(candidates))]
    UnknownLayout {
        /// The names of the layouts that match.
        candidates: String,
        /// The files below the root.
        found: String,
    },
    /// No listed clip exists.
    #[error("no clips: {listed} are listed, but none exist")]
    NoClips {
        /// Number of clips that the metadata lists.
        listed: u64,
    },
}

fn hint(like: &str) -> String {
    if like.is_empty() { String::new() } else { format!("; it looks like {like}") }
}

fn choices(candidates: &str) -> String {
    if candidates.is_empty() {
        "no layout matches".to_owned()
    } else {
        format!("it looks like {candidates}")
    }
}
