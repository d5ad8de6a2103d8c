//! Which time segments of a window, and which modality at them, its score comes from.

use avff_data::{batcher::Batch, windows::Span};
use avff_model::{
    Classifier, FusionScope,
    explain::{Hidden, Segments},
};
use burn::tensor::{Tensor, backend::Backend};
use serde::Serialize;

use crate::score::Logits;

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

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
pub(super) fn window<B: Backend>(
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
