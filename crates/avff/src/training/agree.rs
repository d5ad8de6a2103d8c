//! Whether all processes of a run are about to do the same.

use std::collections::BTreeMap;

use avff_train::{TrainError, distributed::Processes, trainer::Identity};
use sha2::{Digest, Sha256};

use super::TrainingError;

/// Compares what each process trains, with what, and the step it stands at; weights would drift apart
/// otherwise, and nobody would see it.
///
/// # Errors
/// [`TrainError::Launch`], in every process, with the first that differs from process 0.
pub(super) fn agree(
    peers: &mut dyn Processes,
    identity: &Identity,
    hashes: &BTreeMap<String, String>,
    step: u64,
) -> Result<(), TrainingError> {
    if peers.world() == 1 {
        return Ok(());
    }
    let recipe = identity.recipe.to_toml().map_err(TrainError::Recipe)?;
    let text = format!("{recipe}\n{hashes:?}\n{}\n{}\n{step}", identity.version, identity.device);
    // Pieces of a hash that single precision holds exactly.
    let hash = Sha256::digest(text.as_bytes());
    let own: Vec<f32> =
        hash.as_chunks::<2>().0.iter().map(|&pair| f32::from(u16::from_le_bytes(pair))).collect();
    let all = peers.gather(&own)?;
    let mut others = all.chunks(own.len());
    let first = others.next();
    match others.position(|other| Some(other) != first) {
        None => Ok(()),
        Some(place) => Err(TrainError::Launch {
            reason: format!(
                "process {} would train something else than process 0: recipe, manifests, start weights, \
                 version and kind of device must be the same everywhere, and the run's folder must lie \
                 where all processes see it",
                place + 1
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

    /// Three processes, of which the last one gives what it is told to.
    struct Three(Option<Vec<f32>>);

    impl Processes for Three {
        fn rank(&self) -> usize {
            0
        }

        fn world(&self) -> usize {
            3
        }

        fn sum(&mut self, _: &mut [f32]) -> Result<(), TrainError> {
            Ok(())
        }

        fn gather(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
            let last = self.0.get_or_insert_with(|| values.to_vec());
            Ok([values, values, last].concat())
        }
    }

    #[test]
    fn one_that_stands_elsewhere_is_named() {
        let recipe = Recipe::read("../../data/recipes/avff-tiny-stage1.toml", &[]).unwrap();
        let identity = Identity {
            recipe,
            manifests: Vec::new(),
            version: "1".into(),
            device: "cpu".into(),
            world: 3,
        };
        let hashes = BTreeMap::from([("start".to_owned(), "abc".to_owned())]);
        let mut three = Three(None);
        agree(&mut three, &identity, &hashes, 7).unwrap();
        agree(&mut three, &identity, &hashes, 7).unwrap();
        for (hashes, step) in [(&hashes, 8), (&BTreeMap::new(), 7)] {
            let error = agree(&mut three, &identity, hashes, step).unwrap_err().to_string();
            assert!(error.starts_with("process 2 would train something else"), "{error}");
        }
    }
}
