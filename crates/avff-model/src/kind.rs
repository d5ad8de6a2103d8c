//! Which of the two models a checkpoint holds.

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
