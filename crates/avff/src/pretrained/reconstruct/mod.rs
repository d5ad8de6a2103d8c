//! What the pre-training model makes of a clip: losses, and a sheet of pictures to look at.
//!
//! Half of the sound is hidden and made from pictures, the other half of the pictures is hidden and made from
//! sound. The sheet shows input, masked input, reconstruction and error of both.

#[cfg(feature = "sheets")]
mod sheet;

use std::path::Path;

use avff_data::{
    ClipError, ClipSpec, batcher, load_samples, pipeline::Sample, spec::Sampling, windows::Span,
};
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
#[cfg(feature = "sheets")]
pub use sheet::{SheetOptions, Shown};

/// What is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskChoice {
    /// Half of the slices, drawn from a seed as training draws them.
    Seed(u64),
    /// These slices are hidden from sound; the others from pictures.
    HiddenFromAudio(Vec<usize>),
}

impl Default for MaskChoice {
    fn default() -> Self {
        Self::Seed(0)
    }
}

/// What to reconstruct.
#[derive(Debug, Clone, Default)]
pub struct ReconstructOptions {
    /// What is hidden.
    pub mask: MaskChoice,
    /// Which window of the clip, from 0; clips read whole have one.
    pub window: usize,
}

/// Losses of one clip. There is no contrastive one: it compares clips of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Losses {
    /// Of both reconstructions, weighted as in training.
    pub total: f32,
    /// Of the fbank, unweighted.
    pub audio: f32,
    /// Of the frames, unweighted.
    pub video: f32,
    /// What `audio` would be had the network said 0 everywhere.
    pub audio_of_zeros: f32,
    /// What `video` would be had the network said 0 everywhere.
    pub video_of_zeros: f32,
}

/// A clip, what was hidden of it and what was made of it. Tensors are row-major and in the scale of the
/// network's inputs: fbanks `[frames, mels]`, frames `[3, frames, height, width]`.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    /// How the clip was prepared.
    pub spec: ClipSpec,
    /// The network's sizes and choices.
    pub config: AvffConfig,
    /// Its losses.
    pub losses: Losses,
    /// The slices hidden from sound; the others are hidden from pictures.
    pub hidden_from_audio: Vec<usize>,
    /// Seconds that the pictures show.
    pub span: Span,
    /// Seconds that the fbank spans.
    pub heard: Span,
    /// When each picture is shown, in seconds.
    pub times: Vec<f64>,
    /// Audio samples a second that the fbank was made of: its frequencies follow from them.
    pub sample_rate: u32,
    /// The input fbank.
    pub audio: Vec<f32>,
    /// The input frames.
    pub video: Vec<f32>,
    /// The reconstructed fbank, its target's normalisation undone.
    pub made_audio: Vec<f32>,
    /// The reconstructed frames, their target's normalisation undone.
    pub made_video: Vec<f32>,
    /// Where the fbank was hidden.
    pub audio_hidden: Vec<bool>,
    /// Where the frames were hidden.
    pub video_hidden: Vec<bool>,
}

impl Pretrained {
    /// Hides half of a clip and lets the network reconstruct it.
    ///
    /// # Errors
    /// [`Error::Mask`] and [`Error::NoWindow`] for what the network or the clip has none of,
    /// [`Error::Failed`] for a clip that cannot be read, and what loading the checkpoint reports.
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
    let mask = draw(config, &options.mask)?;
    chosen.check()?;
    let (sample, times, heard, sample_rate) = read(clip, spec, options.window)?;
    let made = with_backend!(*chosen, |B, device| {
        chosen.expect_exact::<B>(&device)?;
        let model = checkpoint.pretrain::<B>(config, &device)?;
        let batch = batcher::batch::<B>(std::slice::from_ref(&sample.clip), spec, &device);
        let output = model.forward(batch.audio.clone(), batch.video.clone(), &mask)?;
        let pictures = Reconstructions::new(&output, batch.audio, batch.video, &mask, config);
        let (audio, video) = (number(output.audio_loss), number(output.video_loss));
        let losses = Losses {
            total: (audio + video) * config.loss.reconstruction as f32,
            audio,
            video,
            audio_of_zeros: number(pictures.audio_loss_of_zeros),
            video_of_zeros: number(pictures.video_loss_of_zeros),
        };
        let flags = |values: Vec<f32>| values.into_iter().map(|value| value > 0.5).collect();
        Ok::<_, Error>((
            losses,
            numbers(pictures.audio),
            numbers(pictures.video),
            flags(numbers(pictures.audio_hidden)),
            flags(numbers(pictures.video_hidden)),
        ))
    })?;
    let (losses, made_audio, made_video, audio_hidden, video_hidden) = made;
    let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
    if !(finite(&made_audio) && finite(&made_video)) {
        return Err(Error::failed(clip, ClipFailure::not_finite()));
    }
    Ok(Reconstruction {
        spec: spec.clone(),
        config: config.clone(),
        losses,
        hidden_from_audio: mask.hidden_from_audio().first().cloned().unwrap_or_default(),
        span: sample.span,
        heard,
        times,
        sample_rate,
        audio: sample.clip.audio,
        video: sample.clip.video,
        made_audio,
        made_video,
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

fn draw(config: &AvffConfig, choice: &MaskChoice) -> Result<Mask, Error> {
    match choice {
        MaskChoice::Seed(seed) => Ok(Mask::draw(config, 1, &mut ChaCha8Rng::seed_from_u64(*seed))),
        MaskChoice::HiddenFromAudio(hidden) => {
            let mask = Mask::shared(config.slices, hidden, 1);
            mask.ok_or(Error::Mask { given: hidden.clone(), slices: config.slices })
        }
    }
}

/// A sample of the clip, when its pictures are shown, what its fbank spans, and the sound's rate.
fn read(clip: &Path, spec: &ClipSpec, part: usize) -> Result<(Sample, Vec<f64>, Span, u32), Error> {
    let failed = |failure| Error::failed(clip, failure);
    let (found, parts, times, info) = guarded(|| {
        let (mut found, mut parts) = (None, 0);
        load_samples(clip, spec, &mut |sample| {
            parts += 1;
            if parts <= part {
                return std::ops::ControlFlow::Continue(());
            }
            found = Some(sample);
            std::ops::ControlFlow::Break(())
        })?;
        let source = avff_media::open_with(clip, spec.decoder)
            .map_err(|source| ClipError::new(clip, source))?;
        Ok((found, parts, source.frame_times().to_vec(), source.info().clone()))
    })
    .map_err(failed)?;
    let Some(sample) = found else {
        return Err(Error::NoWindow { path: clip.into(), window: part, windows: parts });
    };
    let whole = spec.sampling == Sampling::Whole && spec.trim_silence.is_none();
    let sound = Span { start: info.audio_start, end: info.audio_end };
    let heard = if whole { sound } else { sample.span };
    let times = sample.frames.iter().filter_map(|&place| times.get(place)).copied().collect();
    let sample_rate = spec.audio.rate.unwrap_or(info.sample_rate);
    Ok((sample, times, heard, sample_rate))
}
