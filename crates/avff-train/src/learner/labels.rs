//! Label smoothing and mixup.

use avff_data::Clip;
use burn::{prelude::*, tensor::TensorData};
use rand::{Rng, seq::SliceRandom};
use rand_distr::{Beta, Distribution};

/// Returns `[target, 1 - target]` of every clip, with label smoothing.
///
/// # Shapes
/// - output: `[batch, 2]`
pub(super) fn rows<B: Backend>(
    targets: &[f32],
    smoothing: f64,
    device: &B::Device,
) -> Tensor<B, 2> {
    let smooth = |target: f32| (f64::from(target) * (1.0 - smoothing) + smoothing / 2.0) as f32;
    let values: Vec<f32> =
        targets.iter().flat_map(|&target| [smooth(target), smooth(1.0 - target)]).collect();
    Tensor::from_data(TensorData::new(values, [targets.len(), 2]), device)
}

/// Blends every clip and its label with another one of the batch (mixup, Zhang et al. 2018). All
/// pairs of a batch use one share from Beta(alpha, alpha).
pub(super) fn mix(
    clips: &[Clip],
    targets: &[f32],
    alpha: f64,
    rng: &mut impl Rng,
) -> Option<(Vec<Clip>, Vec<f32>)> {
    // The recipe check ensures that alpha is greater than 0.
    let share = Beta::new(alpha, alpha).ok()?.sample(rng) as f32;
    let mut partners: Vec<usize> = (0..clips.len()).collect();
    partners.shuffle(rng);
    let blend = |a: &[f32], b: &[f32]| -> Vec<f32> {
        a.iter().zip(b).map(|(a, b)| a * share + b * (1.0 - share)).collect()
    };
    let mixed = clips.iter().zip(&partners).map(|(clip, &partner)| Clip {
        audio: blend(&clip.audio, &clips[partner].audio),
        video: blend(&clip.video, &clips[partner].video),
    });
    let labels = targets.iter().zip(&partners);
    let labels = labels.map(|(target, &partner)| target * share + targets[partner] * (1.0 - share));
    Some((mixed.collect(), labels.collect()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn_flex::Flex;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn label_smoothing_spreads_over_both_outputs() {
        let rows = rows::<Flex>(&[1.0, 0.0, 0.25], 0.1, &Default::default());
        let actual: Vec<f32> = rows.into_data().iter().collect();
        for (actual, expected) in actual.into_iter().zip([0.95, 0.05, 0.05, 0.95, 0.275, 0.725]) {
            assert!((actual - expected).abs() < 1e-6, "{actual} for {expected}");
        }
    }

    #[test]
    fn mixup_uses_one_share_for_clips_and_labels() {
        let clip = |value: f32| Clip { audio: vec![value; 3], video: vec![10.0 * value; 5] };
        let clips: Vec<Clip> = [0.0, 1.0, 2.0, 3.0].into_iter().map(clip).collect();
        // A label that identifies its clip.
        let targets = [0.0, 0.1, 0.2, 0.3];
        for seed in 0..20 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (mixed, labels) = mix(&clips, &targets, 0.4, &mut rng).unwrap();
            assert_eq!((mixed.len(), labels.len()), (4, 4));
            for (clip, label) in mixed.iter().zip(&labels) {
                let value = 10.0 * label;
                assert!(clip.audio.iter().all(|x| (x - value).abs() < 1e-5), "{clip:?} {label}");
                assert!(clip.video.iter().all(|x| (x - 10.0 * value).abs() < 1e-4));
                assert!((0.0..=0.3).contains(label));
            }
            // Every clip is a partner once, so the sum of labels is preserved.
            assert!((labels.iter().sum::<f32>() - 0.6).abs() < 1e-5, "{labels:?}");
        }
    }
}
