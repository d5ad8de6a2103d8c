//! The report on a file, made once its values are taken.

use std::collections::BTreeSet;

use super::{
    architecture::Architecture,
    plan::Plan,
    report::{Conversion, InitializedKey, Report, UnusedKey},
};

/// A smaller share of a bias of q than this may be lost without a note.
const NOTED: f64 = 1e-6;

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
                (None, Some(_)) => "no counterpart here".into(),
                (None, None) => format!("not under {}", self.prefix),
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
        let losing: Vec<&(usize, f64, f64)> =
            self.q_biases.iter().filter(|(_, norm, lost)| *lost > NOTED * norm).collect();
        if let Some((block, norm, lost)) =
            losing.iter().copied().max_by(|a, b| (a.2 / a.1).total_cmp(&(b.2 / b.1)))
        {
            notes.push(format!(
                "the bias of q could not be folded whole in {} of {} blocks; most is lost in block \
                 {block}: {lost:.2e} of a length of {norm:.2e}",
                losing.len(),
                self.q_biases.len()
            ));
        }
        if self.architecture == Architecture::AudioMae {
            if self.extra > 0 {
                notes.push("its class token took part in attention, here there is none".into());
            }
            notes.push("its LayerNorms add 1e-6 to the variance, these 1e-5".into());
        }
        let interpolated =
            |entry: &InitializedKey| entry.conversions.contains(&Conversion::Interpolated);
        if self.architecture == Architecture::AudioMae && self.initialized.iter().any(interpolated)
        {
            // `PatchEmbed_org.patch_hw` is (mel, time) where its convolution yields (time, mel).
            notes.push(
                "its analytic position table is laid out for 8 rows of 64 and used for 64 rows of 8: \
                 interpolating it blurs more than a step in time"
                    .into(),
            );
        }
        let encoder = &self.config.encoder;
        if encoder.dim != 64 * encoder.heads {
            notes.push(format!(
                "published encoders have 64 features a head, the config's encoder.heads gives {}",
                encoder.dim / encoder.heads.max(1)
            ));
        }
        notes
    }
}
