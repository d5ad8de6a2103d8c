//! Errors of recipes, with the origin of the faulty key.

use std::{fmt, io, path::PathBuf};

/// An invalid recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// An unreadable file.
    #[error("{}: cannot read the recipe: {source}", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A file that is not UTF-8 text, too large, or nested too deeply.
    #[error("{}: not a recipe: {reason}", path.display())]
    NotARecipe {
        /// Path of the file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Text that is not TOML.
    #[error("{}, line {line}, column {column}: {reason}", path.display())]
    Syntax {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// Message of the TOML parser.
        reason: String,
    },
    /// An invalid `--set`.
    #[error("--set {text}: {reason}")]
    Override {
        /// The argument of `--set`.
        text: String,
        /// The reason.
        reason: String,
    },
    /// A key that recipes do not have.
    #[error("{origin}unknown key `{key}`{}", suggestion(nearest.as_deref(), known))]
    UnknownKey {
        /// Origin of the key.
        origin: Origin,
        /// Full key.
        key: String,
        /// Full name of the key that was probably meant.
        nearest: Option<String>,
        /// All keys of the table.
        known: Vec<String>,
    },
    /// A key that does not go with the kind of its table.
    #[error("{origin}`{key}` does not go with `{kind}`; leave it out")]
    Inapplicable {
        /// Origin of the key.
        origin: Origin,
        /// Full key.
        key: String,
        /// The key and the value that say the table's kind.
        kind: String,
    },
    /// A key that has a new name.
    #[error("{origin}`{key}` is now `{new_key}`")]
    RenamedKey {
        /// Origin of the key.
        origin: Origin,
        /// Full key with the old name.
        key: String,
        /// Full key with the new name.
        new_key: String,
    },
    /// A missing key.
    #[error("{origin}`{key}` is missing")]
    Missing {
        /// Origin of the recipe.
        origin: Origin,
        /// Full key.
        key: String,
    },
    /// A value with a wrong type or range, or one that contradicts another value.
    #[error("{origin}`{key}` {problem}")]
    Value {
        /// Origin of the key.
        origin: Origin,
        /// Full key.
        key: String,
        /// The value and the rule that it breaks.
        problem: String,
    },
    /// A recipe that TOML cannot represent.
    #[error("the recipe cannot be written: {reason}")]
    Write {
        /// The reason.
        reason: String,
    },
}

/// The origin of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// Not written in any text.
    #[default]
    Unknown,
    /// A recipe file.
    File {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1; `None` if the whole table is missing.
        line: Option<usize>,
    },
    /// A `--set` argument.
    Set {
        /// The argument.
        text: String,
    },
}

impl fmt::Display for Origin {
    /// Writes the origin with a colon as separator; [`Origin::Unknown`] writes nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Ok(()),
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
        (None, known) => format!("; known keys are {}", known.join(", ")),
    }
}

impl RecipeError {
    /// Returns the faulty key and its origin.
    pub(crate) fn origin(&mut self) -> Option<(&str, &mut Origin)> {
        match self {
            Self::UnknownKey { key, origin, .. }
            | Self::Inapplicable { key, origin, .. }
            | Self::RenamedKey { key, origin, .. }
            | Self::Missing { key, origin }
            | Self::Value { key, origin, .. } => Some((key, origin)),
            _ => None,
        }
    }
}

/// An invalid value, as reported by the type that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Key within the type.
    pub(crate) key: String,
    /// The value and the rule that it breaks.
    pub(crate) text: String,
}

impl Problem {
    /// Returns a problem unless `valid`.
    pub(crate) fn unless(
        valid: bool,
        key: &str,
        actual: impl fmt::Display,
        rule: &str,
    ) -> Result<(), Self> {
        if valid {
            return Ok(());
        }
        Err(Self { key: key.into(), text: format!("is {actual}, but must be {rule}") })
    }

    /// Returns the problem with its key in the table `table`.
    pub(crate) fn within(self, table: &str) -> Self {
        Self { key: format!("{table}.{}", self.key), ..self }
    }
}

impl From<Problem> for RecipeError {
    fn from(Problem { key, text }: Problem) -> Self {
        Self::Value { origin: Origin::Unknown, key, problem: text }
    }
}
