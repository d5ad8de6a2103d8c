//! Errors of configs, checkpoints and networks.

use std::{fmt, io, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// An error in creating, reading, preparing or saving a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Inconsistent sizes or options of a config.
    #[error("config: {field} {reason}")]
    Config {
        /// Name of the field in the JSON.
        field: String,
        /// The problem with the field.
        reason: String,
    },
    /// An error of the operating system.
    #[error("{}: {source}", path.display())]
    Io {
        /// Path of the checkpoint.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A file that is not a checkpoint, or that is damaged.
    #[error("{}: not a readable checkpoint: {reason}", path.display())]
    Format {
        /// Path of the checkpoint.
        path: PathBuf,
        /// The violated rule.
        reason: String,
    },
    /// A checkpoint without a config, whose shapes do not determine the sizes.
    #[error("{}: cannot infer {what}: {reason}", path.display())]
    Infer {
        /// Path of the checkpoint.
        path: PathBuf,
        /// The unknown size.
        what: &'static str,
        /// The problem, and the setting that resolves it.
        reason: String,
    },
    /// The checkpoint holds the other model.
    #[error(
        "{}: the file holds a {actual} ({}), but a {expected} ({}) is needed",
        path.display(), actual.stages(), expected.stages()
    )]
    Kind {
        /// Path of the checkpoint.
        path: PathBuf,
        /// The model in the file.
        actual: Kind,
        /// The requested model.
        expected: Kind,
    },
    /// A file without a usable encoder for initialization.
    #[error("{}: {reason}", path.display())]
    Initialize {
        /// Path of the file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// A precision that only the CPU backend supports.
    #[error(
        "this form of {precision} runs on the CPU only (backend flex, feature `flex` of avff-model)"
    )]
    CpuOnly {
        /// `int8` or `bf16`.
        precision: &'static str,
    },
    /// A network whose weights were packed or rounded for evaluation, without its plain weights.
    #[error(
        "the weights of this network are packed or rounded for evaluation: load the checkpoint again"
    )]
    Prepared,
    /// A file without a key that matches the network by name and shape.
    #[error("{}: no key of the file matches the network by name and shape: {problems}", path.display())]
    NoMatch {
        /// Path of the file.
        path: PathBuf,
        /// All keys.
        problems: Box<KeyProblems>,
    },
    /// Checkpoint keys that do not match the network.
    #[error("{}: {problems}", path.display())]
    Keys {
        /// Path of the checkpoint.
        path: PathBuf,
        /// All problems.
        problems: KeyProblems,
    },
}

/// Keys of a checkpoint that do not match the network, grouped by problem.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyProblems {
    /// Keys of the network that the file lacks.
    pub missing: Vec<String>,
    /// Keys of the file that the network does not have.
    pub unused: Vec<String>,
    /// Key, shape in the file, shape in the network.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Keys whose values are not floating-point numbers, with their type.
    pub not_float: Vec<(String, String)>,
}

impl KeyProblems {
    /// Whether there are no problems.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
            && self.unused.is_empty()
            && self.misshapen.is_empty()
            && self.not_float.is_empty()
    }
}

/// Maximum number of keys listed per problem; a wrong file can have hundreds.
const LISTED: usize = 3;

impl fmt::Display for KeyProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "keys do not match the network: {} missing, {} unused, {} misshapen, {} not float",
            self.missing.len(),
            self.unused.len(),
            self.misshapen.len(),
            self.not_float.len()
        )?;
        let misshapen = self.misshapen.iter().map(|(key, actual, expected)| {
            format!("{key} has shape {actual:?}, but the network needs {expected:?}")
        });
        let not_float = self.not_float.iter().map(|(key, what)| format!("{key} is {what}"));
        list(f, "missing", self.missing.iter().cloned())?;
        list(f, "unused", self.unused.iter().cloned())?;
        list(f, "misshapen", misshapen)?;
        list(f, "not float", not_float)
    }
}

fn list(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    keys: impl ExactSizeIterator<Item = String>,
) -> fmt::Result {
    let total = keys.len();
    for key in keys.take(LISTED) {
        write!(f, "\n  {what}: {key}")?;
    }
    if total > LISTED {
        write!(f, "\n  {what}: ... and {} more", total - LISTED)?;
    }
    Ok(())
}
