//! Creates the report on a file after its values are read.

use std::collections::BTreeSet;

use super::{
    architecture::Architecture,
    plan::Plan,
    report::{Conversion, InitializedKey, Report, UnusedKey},
};

/// The report mentions the loss of a larger share of q's bias than this.
const NOTED_LOSS: f64 = 1e-6;

impl Plan<'_> {
    pub(super) fn report(self) -> Report {
        let used: BTreeSet<&String> =
            self.initialized.iter().flat_map(|entry| &entry.sources).collect();
        let reason = |key: &String| {
            let name = key.strip_prefix(self.prefix);
            let known = self.architecture.unused_reason(name.unwrap_or(key));
            let known = known.or_else(|| self.architecture.unused_reason(key));
            match (known, name) {
                (Some(reason), _) => reason.to_owned(),
                (None, Some(_)) => "has no counterpart in this network".into(),
                (None, None) => format!("is not under {}", self.prefix),
            }
        };
        let tensors = self.file.tensors.keys().filter(|key| !used.contains(*key));
        let mut unused: Vec<UnusedKey> =
            tensors.map(|key| UnusedKey { key: key.clone(), reason: reason(key) }).collect();
        unused.extend(
            self.file
                .others
                .iter()
                .map(|(key, what)| UnusedKey { key: key.clone(), reason: format!("is {what}") }),
        );
        let notes = self.notes();
        Report {
            path: self.file.path.clone(),
            architecture: self.architecture,
            modality: self.architecture.modality(),
            prefix: self.prefix.to_owned(),
            initialized: self.initialized,
            unused,
            notes,
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let lossy: Vec<&(usize, f64, f64)> =
            self.q_biases.iter().filter(|(_, norm, lost)| *lost > NOTED_LOSS * norm).collect();
        if let Some((block, norm, lost)) =
            lossy.iter().copied().max_by(|a, b| (a.2 / a.1).total_cmp(&(b.2 / b.1)))
        {
            notes.push(format!(
                "the bias of q could not be folded completely in {} of {} blocks; block {block} loses \
                 most: {lost:.2e} of a length of {norm:.2e}",
                lossy.len(),
                self.q_biases.len()
            ));
        }
        if self.architecture == Architecture::AudioMae {
            if self.extra > 0 {
                notes.push("its class token took part in attention; this network has none".into());
            }
            notes.push("its LayerNorms add 1e-6 to the variance, these add 1e-5".into());
        }
        let interpolated =
            |entry: &InitializedKey| entry.conversions.contains(&Conversion::Interpolated);
        if self.architecture == Architecture::AudioMae && self.initialized.iter().any(interpolated)
        {
            // `PatchEmbed_org.patch_hw` is (mel, time) where its convolution yields (time, mel).
            notes.push(
                "its analytic position table is laid out for 8 rows of 64 but used for 64 rows of 8: \
                 interpolation blurs more than one time step"
                    .into(),
            );
        }
        let encoder = &self.config.encoder;
        if encoder.dim != 64 * encoder.heads {
            notes.push(format!(
                "published encoders have 64 features per head, but the config's encoder.heads gives {}",
                encoder.dim / encoder.heads.max(1)
            ));
        }
        notes
    }
}
