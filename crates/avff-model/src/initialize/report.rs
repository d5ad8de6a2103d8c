//! The report on an initialization: the origin of every value, and the unused values.

use std::path::PathBuf;

use serde::Serialize;
use strum::{Display, IntoStaticStr};

use super::architecture::{Architecture, Modality};

/// A conversion of a file's values into a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Display, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Conversion {
    /// Unchanged.
    Copied,
    /// Axes exchanged.
    Transposed,
    /// Rows reordered to this network's token order.
    Reordered,
    /// Position table interpolated to another grid (cubic).
    Interpolated,
    /// Kernel interpolated to another size (cubic).
    Resized,
    /// Converted from the source's input normalization to this network's.
    #[serde(rename = "renormalised")]
    #[strum(serialize = "renormalised")]
    Renormalized,
    /// Biases that this network lacks, folded into parameters with an equal effect.
    Folded,
    /// Set to 0, because the source adds nothing here.
    Zeroed,
    /// Not in the file: initialized from the random seed.
    #[strum(serialize = "not in the file")]
    Random,
}

/// A parameter of this network's encoder and its origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InitializedKey {
    /// Key of the parameter.
    pub key: String,
    /// Keys of the file that its values come from.
    pub sources: Vec<String>,
    /// Conversions of the values, in order.
    pub conversions: Vec<Conversion>,
    /// Details of the conversion, such as sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// An unused key of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnusedKey {
    /// The key, without the `module.` of data parallel training.
    pub key: String,
    /// Reason why it is unused.
    pub reason: String,
}

/// The result of initializing one encoder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Path of the file.
    pub path: PathBuf,
    /// Architecture of the encoder in the file.
    pub architecture: Architecture,
    /// Modality of the initialized encoder.
    pub modality: Modality,
    /// Prefix of the encoder's keys in the file.
    pub prefix: String,
    /// All keys of this network's encoder.
    pub initialized: Vec<InitializedKey>,
    /// All unused keys of the file.
    pub unused: Vec<UnusedKey>,
    /// Remaining differences between the encoder and the source.
    pub notes: Vec<String>,
}
