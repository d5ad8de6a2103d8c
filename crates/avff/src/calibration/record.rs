//! The calibration that a checkpoint stores.

use avff_calibration::Calibration;
use avff_data::ClipSpec;
use avff_metrics::Interval;
use avff_model::AvffConfig;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Outcomes;
use crate::score::Aggregate;

/// A calibration with everything that it depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What to say with every decision, in the author's words, such as what the clips are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the two classes mean; `None` for fakes and real clips like those of the fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propositions: Option<Propositions>,
    /// The fit.
    pub calibration: Calibration,
    /// The clips and the scores of the fit.
    pub fitted_on: FittedOn,
    /// Errors on other clips, which the fit has not seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tested_on: Vec<Tested>,
}

/// The two propositions that a likelihood ratio compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Propositions {
    /// What is true of a fake.
    pub fake: String,
    /// What is true of a real clip.
    pub real: String,
}

/// The clips and the scores that a calibration was fitted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedOn {
    /// A name of the clips.
    pub name: String,
    /// SHA-256 of the table of predictions.
    pub predictions_sha256: String,
    /// SHA-256 of the CSV that names the clips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv_sha256: Option<String>,
    /// SHA-256 of the checkpoint that gave the scores. The copy with this record has another one.
    pub checkpoint_sha256: String,
    /// How clips were prepared.
    pub clip: ClipSpec,
    /// How the windows of a clip were aggregated to its score; `None` if clips were scored whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// The network's config, which may differ from the checkpoint's.
    pub config: AvffConfig,
}

/// The decisions of a calibration on clips that its fit has not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tested {
    /// A name of the clips.
    pub name: String,
    /// SHA-256 of the table of predictions.
    pub predictions_sha256: String,
    /// The decisions.
    pub outcomes: Outcomes,
    /// The cost of the likelihood ratios, in bits.
    pub cllr: f64,
    /// The fakes of each kind against all real clips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<TestedKind>,
}

/// Fakes of one kind against all real clips of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestedKind {
    /// The kind.
    pub kind: String,
    /// The decisions.
    pub outcomes: Outcomes,
    /// The AUC.
    pub auc: f64,
    /// Its 95 % interval (DeLong); `None` for a single clip of a class.
    pub interval: Option<Interval>,
}

impl Record {
    /// SHA-256 of the record, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        // Serializing plain data with string keys cannot fail.
        let json = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
