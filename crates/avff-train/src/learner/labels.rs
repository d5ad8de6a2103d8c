//! Labels as the loss sees them, and mixup.

use avff_data::clip::Clip;
use burn::{prelude::*, tensor::TensorData};
use rand::{Rng, seq::SliceRandom};
use rand_distr::{Beta, Distribution};

/// `[target, 1 - target]` of every clip, smoothed: a share of `smoothing` is spread over both.
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

/// Every clip and its label blended with another one's of the batch (Zhang et al. 2018): one share a
/// batch, from Beta(alpha, alpha).
pub(super) fn mix(
    clips: &[Clip],
    targets: &[f32],
    alpha: f64,
    rng: &mut impl Rng,
) -> Option<(Vec<Clip>, Vec<f32>)> {
    // A recipe's alpha is above 0.
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
