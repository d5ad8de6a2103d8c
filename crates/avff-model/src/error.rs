//! Errors of configs, checkpoints and networks.

use std::{fmt, io, path::PathBuf};

use crate::kind::Kind;

/// Why a network could not be made, read, prepared or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Sizes or options of a config that do not fit each other.
    #[error("config: {field} {reason}")]
    Config {
        /// The field, as in the JSON.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system reports an error.
    #[error("{}: {source}", path.display())]
    Io {
        /// The checkpoint.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A file that is not a checkpoint, or a damaged one.
    #[error("{}: not a readable checkpoint: {reason}", path.display())]
    Format {
        /// The checkpoint.
        path: PathBuf,
        /// Which rule it breaks.
        reason: String,
    },
    /// A checkpoint without a config whose sizes do not follow from its shapes.
    #[error("{}: cannot infer {what}: {reason}", path.display())]
    Infer {
        /// The checkpoint.
        path: PathBuf,
        /// The unknown size.
        what: &'static str,
        /// Why not, and what to give instead.
        reason: String,
    },
    /// The checkpoint holds the other model.
    #[error("{}: holds a {actual}, a {expected} is needed", path.display())]
    Kind {
        /// The checkpoint.
        path: PathBuf,
        /// What is in the file.
        actual: Kind,
        /// What was asked for.
        expected: Kind,
    },
    /// A file without an encoder to initialize from.
    #[error("{}: {reason}", path.display())]
    Initialize {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A precision that runs on the CPU backend only.
    #[error(
        "{precision} of this kind runs on the CPU only (backend flex, feature `flex` of avff-model)"
    )]
    CpuOnly {
        /// int8 or bf16.
        precision: &'static str,
    },
    /// A network that was packed or rounded for evaluation and no longer holds its plain weights.
    #[error(
        "this network's weights are packed or rounded for evaluation: load the checkpoint again"
    )]
    Prepared,
    /// Keys that do not match the network.
    #[error("{}: {problems}", path.display())]
    Keys {
        /// The checkpoint.
        path: PathBuf,
        /// Every key that is wrong.
        problems: KeyProblems,
    },
}

/// Keys of a checkpoint that do not match the network, by what is wrong with them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct KeyProblems {
    /// The network needs them, the file lacks them.
    pub missing: Vec<String>,
    /// The file has them, the network has no place for them.
    pub unused: Vec<String>,
    /// Key, shape in the file, shape the network needs.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Keys whose values are not floating-point numbers, with what they are.
    pub not_float: Vec<(String, String)>,
}

impl KeyProblems {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
            && self.unused.is_empty()
            && self.misshapen.is_empty()
            && self.not_float.is_empty()
    }
}

/// Keys listed of each kind; a wrong file can have hundreds.
const LISTED: usize = 12;

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
            format!("{key} is {actual:?}, the network needs {expected:?}")
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
