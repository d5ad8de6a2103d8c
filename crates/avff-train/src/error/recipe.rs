//! What can be wrong with a recipe, and where it was written.

use std::{fmt, io, path::PathBuf};

/// A recipe that no run can be made from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A file that cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is no text, too much of it, or nested too deep.
    #[error("{}: is no recipe: {reason}", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Text that is no TOML.
    #[error("{}, line {line}, column {column}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What the parser said.
        reason: String,
    },
    /// A `--set` that cannot be understood.
    #[error("--set {text}: {reason}")]
    Override {
        /// What was given.
        text: String,
        /// Why not.
        reason: String,
    },
    /// A key that no recipe has.
    #[error("{place}there is no key `{key}`{}", suggestion(nearest.as_deref(), known))]
    UnknownKey {
        /// Where it was written.
        place: Place,
        /// The key, from the root of the recipe.
        key: String,
        /// The key that may have been meant, from the root too.
        nearest: Option<String>,
        /// The keys of the same table.
        known: Vec<String>,
    },
    /// A key that must be there.
    #[error("{place}`{key}` is missing")]
    Missing {
        /// The recipe.
        place: Place,
        /// The key, from the root of the recipe.
        key: String,
    },
    /// A value of another type or range, or one that contradicts another.
    #[error("{place}`{key}` {problem}")]
    Value {
        /// Where it was written.
        place: Place,
        /// The key, from the root of the recipe.
        key: String,
        /// What it is and what it must be.
        problem: String,
    },
    /// A recipe that TOML cannot hold.
    #[error("the recipe cannot be written: {reason}")]
    Write {
        /// Why not.
        reason: String,
    },
}

/// Where a key was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// Not in a text.
    #[default]
    Nowhere,
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1; none where a whole table is meant that is not there.
        line: Option<usize>,
    },
    /// In a `--set`.
    Set {
        /// What was given.
        text: String,
    },
}

impl fmt::Display for Place {
    /// With the colon that parts it from what follows; nothing for [`Place::Nowhere`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => Ok(()),
            Self::File { path, line: Some(line) } => write!(f, "{}, line {line}: ", path.display()),
            Self::File { path, line: None } => write!(f, "{}: ", path.display()),
            Self::Set { text } => write!(f, "--set {text}: "),
        }
    }
}

fn suggestion(nearest: Option<&str>, known: &[String]) -> String {
    match (nearest, known) {
        (Some(nearest), _) => format!("; did you mean `{nearest}`?"),
        (None, []) => String::new(),
        (None, known) => format!("; here are {}", known.join(", ")),
    }
}

impl RecipeError {
    /// The key that is at fault, and where it was written.
    pub(crate) fn place(&mut self) -> Option<(&str, &mut Place)> {
        match self {
            Self::UnknownKey { key, place, .. }
            | Self::Missing { key, place }
            | Self::Value { key, place, .. } => Some((key, place)),
            _ => None,
        }
    }
}

/// What is wrong with a value, told by the type that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The key within the type.
    pub(crate) key: String,
    /// What it is and what it must be.
    pub(crate) text: String,
}

impl Problem {
    /// A problem unless all is `well`.
    pub(crate) fn unless(
        well: bool,
        key: &str,
        found: impl fmt::Display,
        rule: &str,
    ) -> Result<(), Self> {
        if well {
            return Ok(());
        }
        Err(Self { key: key.into(), text: format!("is {found}, it must be {rule}") })
    }

    /// The same, in the table `key` of the type around.
    pub(crate) fn within(self, table: &str) -> Self {
        Self { key: format!("{table}.{}", self.key), ..self }
    }
}

impl From<Problem> for RecipeError {
    fn from(Problem { key, text }: Problem) -> Self {
        Self::Value { place: Place::Nowhere, key, problem: text }
    }
}
