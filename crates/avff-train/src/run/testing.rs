//! Shared test data.

use avff_metrics::Better;

use super::info::{About, BestBy};

pub(super) fn about() -> About {
    About {
        name: "a run".into(),
        stage: "finetune".into(),
        code_version: "0.1.0".into(),
        device: Some("cpu".into()),
        seed: 7,
        epochs: 3,
        data: [("train".to_owned(), "sha256:00".to_owned())].into(),
        coverage: Default::default(),
        matched: None,
        best_by: BestBy { metric: "val/loss".into(), better: Better::Lower },
    }
}
