//! Why a network or a checkpoint could not be had.

use std::{fmt, io, path::PathBuf};

/// Everything `avff-model` can refuse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Sizes or choices that do not fit each other.
    #[error("config: {field} {reason}")]
    Config {
        /// The field, as in the JSON.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The checkpoint.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Neither PyTorch's formats nor safetensors, or a broken one.
    #[error("{}: not a readable checkpoint: {reason}", path.display())]
    Format {
        /// The checkpoint.
        path: PathBuf,
        /// Which rule it breaks.
        reason: String,
    },
    /// The sizes of a checkpoint without a config could not be read off its shapes.
    #[error("{}: cannot infer {what}: {reason}", path.display())]
    Infer {
        /// The checkpoint.
        path: PathBuf,
        /// The size that is not known.
        what: &'static str,
        /// Why not, and what to give instead.
        reason: String,
    },
    /// The checkpoint holds the other model.
    #[error("{}: holds a {found}, a {wanted} is needed{}", path.display(), kind_hint(*found, *wanted))]
    Kind {
        /// The checkpoint.
        path: PathBuf,
        /// What is in the file.
        found: crate::checkpoint::Kind,
        /// What was asked for.
        wanted: crate::checkpoint::Kind,
    },
    /// A file that holds no encoder to start from.
    #[error("{}: {reason}", path.display())]
    Donor {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The backend has no such products.
    #[error(
        "{precision} of this kind runs on the CPU alone (backend flex, feature `flex` of avff-model)"
    )]
    CpuAlone {
        /// int8 or bf16.
        precision: &'static str,
    },
    /// The weights are packed or rounded for evaluation, and as they were they are gone.
    #[error(
        "this network's weights are packed or rounded for evaluation: load the checkpoint anew"
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

fn kind_hint(found: crate::checkpoint::Kind, wanted: crate::checkpoint::Kind) -> &'static str {
    use crate::checkpoint::Kind;
    match (found, wanted) {
        (Kind::Pretrain, Kind::Classifier) => {
            "; `avff adapt STAGE2 STAGE3` starts a classifier from it, to be trained before it scores"
        }
        _ => "",
    }
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
        let misshapen = self.misshapen.iter().map(|(key, found, wanted)| {
            format!("{key} is {found:?}, the network needs {wanted:?}")
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
