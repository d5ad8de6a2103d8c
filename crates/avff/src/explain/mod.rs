//! Which moments of a clip, and which modality at them, its score comes from: numbers, and a sheet to look at.
//!
//! By occlusion within the network ([`avff_model::explain`]). It tells what the score would be without a moment,
//! not what is wrong there. Beside it, which patches the encoders attend to.

mod attention;
mod sheet;

use std::{ops::ControlFlow, path::Path};

use avff_data::{ClipError, ClipSpec, batcher, load_samples, pipeline::Sample, windows::Span};
use avff_media;
use avff_model::{
    AvffConfig, Checkpoint, Classifier, FusionScope,
    checkpoint::Kind,
    explain::{Hidden, Moments},
};
use burn::tensor::{Tensor, backend::Backend};
use serde::Serialize;

pub use self::attention::Attention;
use crate::{
    convert::caution,
    device::{Device, with_backend},
    error::Error,
    failure::{ClipFailure, guarded},
    scorer::Logits,
};

/// A part of a window and what it does to the margin, the output for fake less that for real: how much of it is
/// gone when the part is hidden. Above 0 speaks for fake, below for real.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moment {
    /// In seconds.
    pub span: Span,
    /// Its sound alone.
    pub sound: f32,
    /// Its pictures alone.
    pub pictures: f32,
    /// Both. Not the sum of the two: where they do not fit each other, hiding either is enough.
    pub both: f32,
}

/// A window, its score, and where that comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// In seconds.
    pub span: Span,
    /// The network's outputs.
    pub logits: Logits,
    /// Equal parts of it, in order.
    pub moments: Vec<Moment>,
}

impl Window {
    /// The output for fake less that for real.
    #[must_use]
    pub fn margin(&self) -> f32 {
        self.logits.fake - self.logits.real
    }
}

/// A clip's windows, and what the network saw of one of them.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// How the clip was prepared.
    pub spec: ClipSpec,
    /// All windows, in order.
    pub windows: Vec<Window>,
    /// Which of them can be drawn: the one asked for, or the one that looks most fake.
    pub drawn: usize,
    /// Which patches of the drawn one the encoders attend to.
    pub attention: Attention,
    /// What has to be said of these scores: [`Run::caution`](crate::eval::Run::caution).
    pub caution: Option<String>,
    /// Of the sound that the network is given, in Hz.
    pub sample_rate: u32,
    /// Pictures and sound of the drawn one.
    sample: Sample,
}

/// Scores every window of a clip and tells where each score comes from; `part` is the window to draw, from 0,
/// `None` for the one that looks most fake.
///
/// # Errors
/// [`Error::NoPart`] for a window that there is not, [`Error::Failed`] for a clip that cannot be read, and what
/// loading the checkpoint reports.
pub fn explain(
    checkpoint: &Checkpoint,
    config: &AvffConfig,
    spec: &ClipSpec,
    clip: &Path,
    part: Option<usize>,
    device: Device,
) -> Result<Explanation, Error> {
    checkpoint.require(Kind::Classifier)?;
    device.check()?;
    let failed = |failure| Error::Failed { path: clip.into(), failure };
    let scope = FusionScope::evaluation(config.fusion_attention);
    let moments = Moments::new(config);
    let chosen = device;
    let (windows, kept, attention) = with_backend!(device, |B, device| {
        // As scores are made.
        chosen.expect_exact::<B>(&device)?;
        let model = checkpoint.classifier::<B>(config, &device)?.into_packed();
        let (mut windows, mut kept): (Vec<Window>, Option<(usize, Sample)>) = (Vec::new(), None);
        let mut each = |sample: Sample| {
            let window = look(&model, &moments, scope, spec, &sample, &device);
            let most = kept.as_ref().and_then(|(at, _)| windows.get(*at)).map(Window::margin);
            let wanted = match part {
                Some(part) => part == windows.len(),
                None => most.is_none_or(|most| window.margin() > most),
            };
            if wanted {
                kept = Some((windows.len(), sample));
            }
            windows.push(window);
            ControlFlow::Continue(())
        };
        guarded(|| Ok::<_, ClipFailure>(load_samples(clip, spec, &mut each)?)).map_err(failed)?;
        let attention = kept.as_ref().map_or_else(Attention::default, |(_, sample)| {
            let batch = batcher::batch::<B>(std::slice::from_ref(&sample.clip), spec, &device);
            model.patch_attention(config, batch.audio, batch.video).into()
        });
        Ok::<_, Error>((windows, kept, attention))
    })?;
    if windows.iter().any(|window| !window.logits.is_finite()) {
        return Err(failed(ClipFailure::not_finite()));
    }
    let Some((drawn, sample)) = kept else {
        let (part, parts) = (part.unwrap_or_default(), windows.len());
        return Err(Error::NoPart { path: clip.into(), part, parts });
    };
    let sample_rate = match spec.audio.rate {
        Some(rate) => rate,
        None => guarded(|| {
            let source = avff_media::open_with(clip, spec.decoder);
            Ok(source.map_err(|source| ClipError::new(clip, source))?.info().sample_rate)
        })
        .map_err(failed)?,
    };
    let (spec, caution) = (spec.clone(), caution(checkpoint).map(Into::into));
    Ok(Explanation { spec, windows, drawn, attention, caution, sample_rate, sample })
}

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
fn look<B: Backend>(
    model: &Classifier<B>,
    moments: &Moments,
    scope: FusionScope,
    spec: &ClipSpec,
    sample: &Sample,
    device: &B::Device,
) -> Window {
    let batch = batcher::batch::<B>(std::slice::from_ref(&sample.clip), spec, device);
    let embeddings = model.embed(batch.audio, batch.video, scope);
    let logits = numbers(model.classify(embeddings.clone()));
    let logits = Logits {
        fake: logits.first().copied().unwrap_or(f32::NAN),
        real: logits.get(1).copied().unwrap_or(f32::NAN),
    };
    let margin = logits.fake - logits.real;
    let gone = |hidden| -> Vec<f32> {
        let without = numbers(model.occluded(&embeddings, moments, hidden));
        without.into_iter().map(|without| margin - without).collect()
    };
    let (sound, pictures, both) = (gone(Hidden::Sound), gone(Hidden::Pictures), gone(Hidden::Both));
    let step = sample.span.seconds() / moments.count().max(1) as f64;
    let moments = sound.into_iter().zip(pictures).zip(both).enumerate();
    let moments = moments.map(|(index, ((sound, pictures), both))| {
        let start = sample.span.start + index as f64 * step;
        Moment { span: Span { start, end: start + step }, sound, pictures, both }
    });
    Window { span: sample.span, logits, moments: moments.collect() }
}

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
fn numbers<B: Backend>(tensor: Tensor<B, 2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
