//! Checks that all processes of a run train the same thing.

use std::collections::BTreeMap;

use avff_train::{TrainError, distributed::Processes, trainer::Identity};
use sha2::{Digest, Sha256};

use super::TrainingError;

/// Compares recipe, data, version, device and step of all processes. If they differed, the weights would diverge
/// unnoticed.
///
/// # Errors
/// Returns [`TrainError::Launch`] in every process. It names the first process that differs from process 0.
pub(super) fn check(
    processes: &mut dyn Processes,
    identity: &Identity,
    hashes: &BTreeMap<String, String>,
    step: u64,
) -> Result<(), TrainingError> {
    if processes.world() == 1 {
        return Ok(());
    }
    let recipe = identity.recipe.to_toml().map_err(TrainError::Recipe)?;
    let text = format!("{recipe}\n{hashes:?}\n{}\n{}\n{step}", identity.version, identity.device);
    // Splits the hash into 16-bit numbers, which f32 represents exactly.
    let hash = Sha256::digest(text.as_bytes());
    let own: Vec<f32> =
        hash.as_chunks::<2>().0.iter().map(|&pair| f32::from(u16::from_le_bytes(pair))).collect();
    let all = processes.gather(&own)?;
    let mut others = all.chunks(own.len());
    let first = others.next();
    match others.position(|other| Some(other) != first) {
        None => Ok(()),
        Some(index) => Err(TrainError::Launch {
            reason: format!(
                "process {} differs from process 0: recipe, manifests, initial weights, version and kind of \
                 device must be the same in all processes, and all processes must see the same run folder",
                index + 1
            ),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use avff_train::Recipe;

    use super::*;

    /// Three processes, of which the last one contributes the given values.
    struct ThreeProcesses(Option<Vec<f32>>);

    impl Processes for ThreeProcesses {
        fn rank(&self) -> usize {
            0
        }

        fn world(&self) -> usize {
            3
        }

        fn sum(&mut self, _: &mut [f32]) -> Result<(), TrainError> {
            Ok(())
        }

        fn exchange(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
            Ok(values.to_vec())
        }

        fn gather(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
            let last = self.0.get_or_insert_with(|| values.to_vec());
            Ok([values, values, last].concat())
        }
    }

    #[test]
    fn differing_process_is_named() {
        let recipe = Recipe::read("../../data/recipes/avff-tiny-stage1.toml", &[]).unwrap();
        let identity = Identity {
            recipe,
            manifests: Vec::new(),
            version: "1".into(),
            device: "cpu".into(),
            world: 3,
        };
        let hashes = BTreeMap::from([("start".to_owned(), "abc".to_owned())]);
        let mut processes = ThreeProcesses(None);
        check(&mut processes, &identity, &hashes, 7).unwrap();
        check(&mut processes, &identity, &hashes, 7).unwrap();
        for (hashes, step) in [(&hashes, 8), (&BTreeMap::new(), 7)] {
            let error = check(&mut processes, &identity, hashes, step).unwrap_err().to_string();
            assert!(error.starts_with("process 2 differs from process 0"), "{error}");
        }
    }
}
