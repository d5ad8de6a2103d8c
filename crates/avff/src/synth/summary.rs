//! The config and the contents of a synthetic data set, as JSON and as a table.

use std::collections::BTreeMap;

use avff_datasets::layout::Split;
use avff_synth::{Method, SynthConfig};
use serde::{Deserialize, Serialize};

use crate::{
    output::{OutputError, changed_keys, difference},
    table::Text,
};

/// The description at the top of a summary.
const ABOUT: &str = "synthetic clips with known labels, to test whether a network learns that a voice and a \
    face belong together; scores on them say nothing about deepfakes in the wild";

/// Everything that the clips depend on. It contains no timestamps, so that equal runs write equal files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SynthRun {
    /// Version of this library.
    pub version: String,
    /// The config of the clips.
    pub config: SynthConfig,
}

impl SynthRun {
    pub(super) fn new(config: &SynthConfig) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").into(), config: config.clone() }
    }

    pub(super) fn expect_same(&self, now: &Self) -> Result<(), OutputError> {
        let (was, config) = changed_keys(&self.config, &now.config);
        let difference = difference([
            ("the version", self.version.clone(), now.version.clone()),
            ("the config", was, config),
        ]);
        difference.map_or(Ok(()), |difference| Err(OutputError::OtherRun(difference)))
    }
}

/// The summary of a synthetic data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SynthSummary {
    /// The purpose of synthetic data sets.
    pub about: String,
    /// Everything that the clips depend on.
    pub run: SynthRun,
    /// Counts of clips by split and method.
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

    /// Formats the counts of clips by split, category and method.
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
