//! The kind of model in a checkpoint.

use serde::{Deserialize, Serialize};
use strum::Display;

/// One of the two models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The pre-training model of stages 1 and 2.
    #[strum(to_string = "pre-training model")]
    Pretrain,
    /// The classifier of stage 3.
    #[strum(to_string = "classifier")]
    Classifier,
}

impl Kind {
    /// Returns the training stages that end in this model.
    #[must_use]
    pub fn stages(self) -> &'static str {
        match self {
            Self::Pretrain => "stage 1 or 2",
            Self::Classifier => "stage 3",
        }
    }
}
