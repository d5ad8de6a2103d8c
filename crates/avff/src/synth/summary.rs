//! What a set was made from and what is in it, as JSON and as a table.

use std::collections::BTreeMap;

use avff_datasets::layout::Split;
use avff_synth::{Method, SynthConfig};
use serde::{Deserialize, Serialize};

use crate::{
    output::{OutputError, difference},
    table::Text,
};

/// What is written above everything else in a set's summary.
const ABOUT: &str = "made clips with known truth, to test whether a network learns that a voice and a \
    face belong together; a score on them says nothing about deepfakes in the wild";

/// Everything that the clips depend on. Holds no times, so that equal runs give equal files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SynthRun {
    /// Version of this library.
    pub version: String,
    /// What the clips are made from.
    pub config: SynthConfig,
}

impl SynthRun {
    pub(super) fn new(config: &SynthConfig) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").into(), config: config.clone() }
    }

    pub(super) fn expect_same(&self, now: &Self) -> Result<(), OutputError> {
        let config = |run: &Self| serde_json::to_string(&run.config).unwrap_or_default();
        let found = difference([
            ("the version", self.version.clone(), now.version.clone()),
            ("the set", config(self), config(now)),
        ]);
        found.map_or(Ok(()), |other| Err(OutputError::OtherRun(other)))
    }
}

/// What is in a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SynthSummary {
    /// What such a set is for.
    pub about: String,
    /// What the clips depend on.
    pub run: SynthRun,
    /// Clips by split and method.
    pub clips: BTreeMap<String, BTreeMap<Method, u64>>,
}

impl SynthSummary {
    pub(super) fn new(run: SynthRun) -> Self {
        Self { about: ABOUT.into(), run, clips: BTreeMap::new() }
    }

    pub(super) fn count(&mut self, split: Split, method: Method) {
        let methods = self.clips.entry(split.to_string()).or_default();
        *methods.entry(method).or_default() += 1;
    }

    /// Clips by split, category and method.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = Text::with_header(["split", "category", "method", "clips"]);
        for (split, methods) in &self.clips {
            for (method, clips) in methods {
                text.row([split, method.category(), method.name(), &clips.to_string()]);
            }
        }
        text.to_string()
    }
}
