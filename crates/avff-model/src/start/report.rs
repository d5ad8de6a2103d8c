//! What was taken from a file, and what was not.

use std::{fmt, path::PathBuf};

use serde::Serialize;

use super::style::{Modality, Style};

/// What was done to numbers on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// As they are.
    Taken,
    /// Axes exchanged.
    Transposed,
    /// Rows put in this network's token order.
    Reordered,
    /// A position table brought to another grid by cubic interpolation.
    Interpolated,
    /// A kernel brought to another size by cubic interpolation.
    Resized,
    /// Made to take this network's normalisation of inputs for the source's.
    Renormalised,
    /// Biases that this network has no place for, moved to where they compute the same.
    Folded,
    /// Set to 0: the source adds nothing here.
    Zeroed,
    /// Not in the file: from the seed.
    Fresh,
}

impl Step {
    /// Its word in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Transposed => "transposed",
            Self::Reordered => "reordered",
            Self::Interpolated => "interpolated",
            Self::Resized => "resized",
            Self::Renormalised => "renormalised",
            Self::Folded => "folded",
            Self::Zeroed => "zeroed",
            Self::Fresh => "not in the file",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A key of this network's encoder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Given {
    /// The key.
    pub key: String,
    /// The keys of the file that it was made from.
    pub from: Vec<String>,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// Sizes and amounts, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A key of the file that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The key, without the `module.` of data parallel training.
    pub key: String,
    /// Why.
    pub why: String,
}

/// What one file gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Which encoder it holds.
    pub style: Style,
    /// Which of this network's encoders was started.
    pub modality: Modality,
    /// What stands before the encoder's keys in the file.
    pub prefix: String,
    /// Every key of this network's encoder.
    pub given: Vec<Given>,
    /// Every key of the file that gave nothing.
    pub left_out: Vec<LeftOut>,
    /// In what the encoder still differs from the source.
    pub notes: Vec<String>,
}
