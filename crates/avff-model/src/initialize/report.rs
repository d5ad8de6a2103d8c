//! Which values came from a file, and which of its values are unused.

use std::path::PathBuf;

use serde::Serialize;
use strum::{Display, IntoStaticStr};

use super::architecture::{Architecture, Modality};

/// How values of a file become a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Display, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Conversion {
    /// Unchanged.
    Copied,
    /// Axes exchanged.
    Transposed,
    /// Rows put in this network's token order.
    Reordered,
    /// A position table brought to another grid by cubic interpolation.
    Interpolated,
    /// A kernel brought to another size by cubic interpolation.
    Resized,
    /// Changed for inputs that are normalised as this network's, not as the source's.
    Renormalised,
    /// Biases that this network has no place for, moved into parameters where they have the same effect.
    Folded,
    /// Set to 0: the source adds nothing here.
    Zeroed,
    /// Not in the file: drawn from the seed.
    #[strum(serialize = "not in the file")]
    Random,
}

/// A parameter of this network's encoder and its origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InitializedKey {
    /// The key.
    pub key: String,
    /// The keys of the file that its values come from.
    pub sources: Vec<String>,
    /// How they were converted, in order.
    pub conversions: Vec<Conversion>,
    /// Sizes and amounts of the conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An unused key of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnusedKey {
    /// The key, without the `module.` of data parallel training.
    pub key: String,
    /// Why it is unused.
    pub reason: String,
}

/// What came of one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Which encoder it holds.
    pub architecture: Architecture,
    /// Which of this network's encoders was initialized.
    pub modality: Modality,
    /// The prefix of the encoder's keys in the file.
    pub prefix: String,
    /// Every key of this network's encoder.
    pub initialized: Vec<InitializedKey>,
    /// Every unused key of the file.
    pub unused: Vec<UnusedKey>,
    /// How the encoder still differs from the source.
    pub notes: Vec<String>,
}
