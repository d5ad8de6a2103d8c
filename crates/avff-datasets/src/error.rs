//! Why a data set, a manifest or a split was refused.

use std::{io, path::PathBuf};

/// A [`Reason`] and the file or folder that it is about.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct DatasetError {
    /// The manifest, the metadata file, or the root of the data set.
    pub path: PathBuf,
    /// What is wrong with it.
    pub source: Reason,
}

impl DatasetError {
    /// Attaches a path to a reason.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, source: impl Into<Reason>) -> Self {
        Self { path: path.into(), source: source.into() }
    }
}

/// What is wrong, without the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is at the path.
    #[error("no such file")]
    NotFound,
    /// The path names a pipe, socket, device or folder.
    #[error("not a regular file but a {kind}")]
    NotAFile {
        /// What it is instead.
        kind: &'static str,
    },
    /// The operating system refused a read.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// The file holds no bytes.
    #[error("the file is empty")]
    Empty,
    /// The metadata breaks the rules of its format.
    #[error("malformed {format}: {what}")]
    Malformed {
        /// `Arrow stream`, `JSON`...
        format: &'static str,
        /// Which rule, and where.
        what: String,
    },
    /// A size beyond what is accepted; the limits keep a hostile file from using up memory.
    #[error("{what} of {value} is over the limit of {limit}")]
    TooLarge {
        /// The quantity.
        what: &'static str,
        /// Its value in the file.
        value: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// A row or header that cannot be used.
    #[error("line {line}: {what}")]
    Row {
        /// The line in the file, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A name that is no layout's.
    #[error("no layout is named `{name}`")]
    NoSuchLayout {
        /// What was asked for.
        name: String,
    },
    /// The root of a data set is something else than a folder.
    #[error("not a folder")]
    NotAFolder,
    /// A root without any sign of the layout asked for.
    #[error("not {layout}: looked for {expected}, found {found}{}", alike(like))]
    NotLayout {
        /// The data set.
        layout: &'static str,
        /// What has to lie below its root.
        expected: &'static str,
        /// What lies there.
        found: String,
        /// The names of the layouts it looks like.
        like: String,
    },
    /// A root that looks like no layout, or like several.
    #[error("cannot tell the data set: {}, found {found}", choices(candidates))]
    UnknownLayout {
        /// The names of the layouts it looks like.
        candidates: String,
        /// What lies there.
        found: String,
    },
    /// A data set of which nothing is there.
    #[error("no clips: {listed} are listed, none is there")]
    NoClips {
        /// Clips that metadata lists.
        listed: u64,
    },
}

fn alike(like: &str) -> String {
    if like.is_empty() { String::new() } else { format!("; it looks like {like}") }
}

fn choices(candidates: &str) -> String {
    if candidates.is_empty() {
        "it looks like none".to_owned()
    } else {
        format!("it looks like {candidates}")
    }
}
