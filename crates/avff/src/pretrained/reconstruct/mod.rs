//! Reconstructs a clip with the pre-training model: losses, and a sheet with images.
//!
//! Half of the audio slices are masked and reconstructed from the frames. The frames are masked in the other slices
//! and reconstructed from the audio. The sheet shows input, masked input, reconstruction and error of both.

mod arrays;
#[cfg(feature = "sheets")]
mod sheet;

use std::path::Path;

use avff_data::{
    ClipError, ClipSpec, batcher, load_samples, pipeline::Sample, spec::Sampling, windows::Span,
};
use avff_media::DamagePolicy;
use avff_model::{AvffConfig, Mask, Reconstructions};
use burn::tensor::Tensor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::Pretrained;
use crate::{
    device::with_backend,
    error::Error,
    failure::{ClipFailure, guarded},
};
pub use arrays::array_paths;
#[cfg(feature = "sheets")]
pub use sheet::{SheetOptions, VisibleParts};

/// How the mask is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskChoice {
    /// Half of the slices, chosen at random from a seed as in training.
    Seed(u64),
    /// These slices are masked in the audio; the other slices are masked in the frames.
    HiddenFromAudio(Vec<usize>),
}

impl Default for MaskChoice {
    fn default() -> Self {
        Self::Seed(0)
    }
}

/// Options of a reconstruction.
#[derive(Debug, Clone, Default)]
pub struct ReconstructOptions {
    /// The mask.
    pub mask: MaskChoice,
    /// The window of the clip, from 0. A clip that is read whole has one window.
    pub window: usize,
}

/// The losses of one clip. There is no contrastive loss, because it compares the clips of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Losses {
    /// The loss of both reconstructions, weighted as in training.
    pub total: f32,
    /// The reconstruction loss of the fbank, unweighted.
    pub audio: f32,
    /// The reconstruction loss of the frames, unweighted.
    pub video: f32,
    /// The value of `audio` for a prediction of 0 everywhere.
    pub audio_zero_baseline: f32,
    /// The value of `video` for a prediction of 0 everywhere.
    pub video_zero_baseline: f32,
}

/// A clip, its mask and its reconstruction.
///
/// Tensors are row-major and in the scale of the network's inputs: fbanks `[frames, mels]`, frames
/// `[3, frames, height, width]`.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    /// The clip spec: how the clip was prepared.
    pub spec: ClipSpec,
    /// The config of the network.
    pub config: AvffConfig,
    /// The losses.
    pub losses: Losses,
    /// The slices masked in the audio. The other slices are masked in the frames.
    pub hidden_from_audio: Vec<usize>,
    /// The span of the frames, in seconds.
    pub span: Span,
    /// The span of the fbank, in seconds.
    pub audio_span: Span,
    /// The display time of each frame, in seconds.
    pub frame_times: Vec<f64>,
    /// The sample rate of the audio that the fbank was computed from, in Hz. It determines the fbank's frequencies.
    pub sample_rate: u32,
    /// The input fbank.
    pub audio: Vec<f32>,
    /// The input frames.
    pub video: Vec<f32>,
    /// The reconstructed fbank, with the normalization of its target undone.
    pub reconstructed_audio: Vec<f32>,
    /// The reconstructed frames, with the normalization of their target undone.
    pub reconstructed_video: Vec<f32>,
    /// Which values of the fbank were masked.
    pub audio_hidden: Vec<bool>,
    /// Which values of the frames were masked.
    pub video_hidden: Vec<bool>,
}

impl Pretrained {
    /// Masks half of a clip and reconstructs it with the network.
    ///
    /// # Errors
    /// Returns [`Error::Mask`] for slices that the network does not have and [`Error::NoWindow`] for a window that
    /// the clip does not have. Returns [`Error::Failed`] for a clip that cannot be read. Also fails if the checkpoint
    /// cannot be loaded.
    pub fn reconstruct(
        &self,
        clip: impl AsRef<Path>,
        options: &ReconstructOptions,
    ) -> Result<Reconstruction, Error> {
        reconstruct(self, clip.as_ref(), options)
    }
}

fn reconstruct(
    pretrained: &Pretrained,
    clip: &Path,
    options: &ReconstructOptions,
) -> Result<Reconstruction, Error> {
    let Pretrained { checkpoint, config, spec, device: chosen } = pretrained;
    let mask = mask(config, &options.mask)?;
    chosen.check()?;
    let ClipInput { sample, frame_times, audio_span, sample_rate } =
        read(clip, spec, options.window)?;
    let reconstructed = with_backend!(*chosen, |B, device| {
        chosen.expect_exact::<B>(&device)?;
        let model = checkpoint.pretrain::<B>(config, &device)?;
        let batch = batcher::batch::<B>(std::slice::from_ref(&sample.clip), spec, &device);
        let output = model.forward(batch.audio.clone(), batch.video.clone(), &mask)?;
        let reconstructions =
            Reconstructions::new(&output, batch.audio, batch.video, &mask, config);
        let (audio, video) = (number(output.audio_loss), number(output.video_loss));
        let losses = Losses {
            total: (audio + video) * config.loss.reconstruction as f32,
            audio,
            video,
            audio_zero_baseline: number(reconstructions.audio_loss_of_zeros),
            video_zero_baseline: number(reconstructions.video_loss_of_zeros),
        };
        let flags = |values: Vec<f32>| values.into_iter().map(|value| value > 0.5).collect();
        Ok::<_, Error>((
            losses,
            numbers(reconstructions.audio),
            numbers(reconstructions.video),
            flags(numbers(reconstructions.audio_hidden)),
            flags(numbers(reconstructions.video_hidden)),
        ))
    })?;
    let (losses, reconstructed_audio, reconstructed_video, audio_hidden, video_hidden) =
        reconstructed;
    let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
    if !(finite(&reconstructed_audio) && finite(&reconstructed_video)) {
        return Err(Error::failed(clip, ClipFailure::not_finite()));
    }
    Ok(Reconstruction {
        spec: spec.clone(),
        config: config.clone(),
        losses,
        hidden_from_audio: mask.hidden_from_audio().first().cloned().unwrap_or_default(),
        span: sample.span,
        audio_span,
        frame_times,
        sample_rate,
        audio: sample.clip.audio,
        video: sample.clip.video,
        reconstructed_audio,
        reconstructed_video,
        audio_hidden,
        video_hidden,
    })
}

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
fn numbers<B: burn::tensor::backend::Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
fn number<B: burn::tensor::backend::Backend>(tensor: Tensor<B, 1>) -> f32 {
    numbers(tensor).first().copied().unwrap_or(f32::NAN)
}

fn mask(config: &AvffConfig, choice: &MaskChoice) -> Result<Mask, Error> {
    match choice {
        MaskChoice::Seed(seed) => {
            Ok(Mask::random(config, 1, &mut ChaCha8Rng::seed_from_u64(*seed)))
        }
        MaskChoice::HiddenFromAudio(hidden) => {
            let mask = Mask::shared(config.slices, hidden, 1);
            mask.ok_or(Error::Mask { given: hidden.clone(), slices: config.slices })
        }
    }
}

/// The input of a reconstruction.
struct ClipInput {
    sample: Sample,
    /// The display time of each frame, in seconds.
    frame_times: Vec<f64>,
    /// The span of the fbank, in seconds.
    audio_span: Span,
    /// The sample rate of the audio, in Hz.
    sample_rate: u32,
}

/// Reads one window of a clip.
fn read(clip: &Path, spec: &ClipSpec, window: usize) -> Result<ClipInput, Error> {
    let failed = |failure| Error::failed(clip, failure);
    // Damage may be found after the window.
    let spec = &ClipSpec { damage: DamagePolicy::Refuse, ..spec.clone() };
    let (selected, windows, times, info) = guarded(|| {
        let (mut selected, mut windows) = (None, 0);
        load_samples(clip, spec, &mut |sample| {
            windows += 1;
            if windows <= window {
                return std::ops::ControlFlow::Continue(());
            }
            selected = Some(sample);
            std::ops::ControlFlow::Break(())
        })?;
        let source = avff_media::open_with(clip, spec.open_options())
            .map_err(|source| ClipError::new(clip, source))?;
        Ok((selected, windows, source.frame_times().to_vec(), source.info().clone()))
    })
    .map_err(failed)?;
    let Some(sample) = selected else {
        return Err(Error::NoWindow { path: clip.into(), window, windows });
    };
    let whole = spec.sampling == Sampling::Whole && spec.trim_silence.is_none();
    let all_audio = Span { start: info.audio_start, end: info.audio_end };
    let audio_span = if whole { all_audio } else { sample.span };
    let frame_times = sample.frames.iter().filter_map(|&frame| times.get(frame)).copied().collect();
    let sample_rate = spec.audio.rate.unwrap_or(info.sample_rate);
    Ok(ClipInput { sample, frame_times, audio_span, sample_rate })
}
