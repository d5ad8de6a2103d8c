//! Which moments of a clip, and which modality at them, its score comes from: numbers, and a sheet to look at.
//!
//! By occlusion within the network ([`avff_model::explain`]). It tells what the score would be without a moment,
//! not what is wrong there. Beside it, which patches the encoders attend to.

mod attention;
mod sheet;

use std::{ops::ControlFlow, path::Path};

use avff_data::{
    ClipError, ClipSpec, batcher::Batch, load_samples, pipeline::Sample, windows::Span,
};
use avff_model::{
    Classifier, FusionScope,
    explain::{Hidden, Segments},
};
use burn::tensor::{Tensor, backend::Backend};
use serde::Serialize;

pub use self::attention::Attention;
use crate::{
    detector::Detector,
    error::Error,
    failure::{ClipFailure, guarded},
    score::Logits,
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
    /// What has to be said of these scores: [`Run::caution`](crate::evaluate::Run::caution).
    pub caution: Option<String>,
    /// Of the sound that the network is given, in Hz.
    pub sample_rate: u32,
    /// Pictures and sound of the drawn one.
    sample: Sample,
}

impl Detector {
    /// Scores every window of a clip and tells where each score comes from; `window` is the one to draw,
    /// from 0, `None` for the one that looks most fake.
    ///
    /// # Errors
    /// [`Error::NoPart`] for a window that there is not, [`Error::Failed`] for a clip that cannot be
    /// read, and what loading the weights reports.
    pub fn explain(
        &self,
        clip: impl AsRef<Path>,
        window: Option<usize>,
    ) -> Result<Explanation, Error> {
        let (clip, spec) = (clip.as_ref(), self.spec());
        let failed = |failure| Error::Failed { path: clip.into(), failure };
        let network = self.network()?;
        let (mut windows, mut kept): (Vec<Window>, Option<(usize, Sample)>) = (Vec::new(), None);
        let mut fault = None;
        let mut each = |sample: Sample| {
            let explained = match network.explain(&sample) {
                Ok(explained) => explained,
                Err(error) => {
                    fault = Some(error);
                    return ControlFlow::Break(());
                }
            };
            let most = kept.as_ref().and_then(|(at, _)| windows.get(*at)).map(Window::margin);
            let wanted = match window {
                Some(window) => window == windows.len(),
                None => most.is_none_or(|most| explained.margin() > most),
            };
            if wanted {
                kept = Some((windows.len(), sample));
            }
            windows.push(explained);
            ControlFlow::Continue(())
        };
        guarded(|| Ok::<_, ClipFailure>(load_samples(clip, spec, &mut each)?)).map_err(failed)?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let attention = match &kept {
            Some((_, sample)) => network.attention(sample)?,
            None => Attention::default(),
        };
        if windows.iter().any(|window| !window.logits.is_finite()) {
            return Err(failed(ClipFailure::not_finite()));
        }
        let Some((drawn, sample)) = kept else {
            let (part, parts) = (window.unwrap_or_default(), windows.len());
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
        let (spec, caution) = (spec.clone(), self.warning().map(Into::into));
        Ok(Explanation { spec, windows, drawn, attention, caution, sample_rate, sample })
    }
}

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
pub(crate) fn window<B: Backend>(
    model: &Classifier<B>,
    moments: &Segments,
    scope: FusionScope,
    batch: Batch<B>,
    span: Span,
) -> Window {
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
    let (sound, pictures, both) = (gone(Hidden::Audio), gone(Hidden::Video), gone(Hidden::Both));
    let step = span.seconds() / moments.count().max(1) as f64;
    let moments = sound.into_iter().zip(pictures).zip(both).enumerate();
    let moments = moments.map(|(index, ((sound, pictures), both))| {
        let start = span.start + index as f64 * step;
        Moment { span: Span { start, end: start + step }, sound, pictures, both }
    });
    Window { span, logits, moments: moments.collect() }
}

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
fn numbers<B: Backend>(tensor: Tensor<B, 2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
