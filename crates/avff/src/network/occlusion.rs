//! The importance of each time segment and modality of a window, by occlusion.

use avff_data::{batcher::Batch, windows::Span};
use avff_model::{
    Classifier, FusionScope,
    explain::{Occluded, Segments},
};
use burn::tensor::{Tensor, backend::Backend};
use serde::Serialize;

use crate::score::Logits;

/// The importance of a time segment of a window: the drop of the logit margin when the segment is occluded.
///
/// The logit margin is the output for fake minus the output for real. A positive drop is evidence for fake, a
/// negative drop for real.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimeSegment {
    /// The time segment, in seconds.
    pub span: Span,
    /// The drop with only the audio occluded.
    pub audio: f32,
    /// The drop with only the frames occluded.
    pub frames: f32,
    /// The drop with both occluded. It is not the sum of the other two: if audio and frames do not match, occluding
    /// either is enough.
    pub both: f32,
}

/// How alike lips and voice are if the audio is shifted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LagSimilarity {
    /// The lag of the audio, in seconds: above 0 where the audio is late.
    pub lag: f64,
    /// The mean cosine similarity of audio and frames at this lag, from -1 to 1.
    pub similarity: f32,
    /// Whether such a lag counts as in time.
    pub in_time: bool,
}

/// A window with its score and the importance of its time segments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// The window, in seconds.
    pub span: Span,
    /// The network's outputs.
    pub logits: Logits,
    /// Time segments of equal length, in order.
    pub segments: Vec<TimeSegment>,
    /// The similarity of lips and voice at each lag, from early to late audio. Empty unless the network's
    /// head compares them (`head.input = "agreement"`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lags: Vec<LagSimilarity>,
}

impl Window {
    /// The logit margin: the output for fake minus the output for real.
    #[must_use]
    pub fn margin(&self) -> f32 {
        self.logits.fake - self.logits.real
    }

    /// The lag at which lips and voice are most alike. `None` if the network does not compare them.
    #[must_use]
    pub fn best_lag(&self) -> Option<LagSimilarity> {
        self.lags.iter().copied().max_by(|a, b| a.similarity.total_cmp(&b.similarity))
    }
}

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
pub(super) fn window<B: Backend>(
    model: &Classifier<B>,
    segments: &Segments,
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
    let similarities = model.similarity_by_lag(&embeddings).map(numbers).unwrap_or_default();
    let lags = model.lags().zip(similarities);
    let lags = lags.map(|(lag, similarity)| LagSimilarity {
        lag: lag.share * span.seconds(),
        similarity,
        in_time: lag.in_time,
    });
    let lags = lags.collect();
    let drops = |hidden| -> Vec<f32> {
        let margins = numbers(model.occluded_margins(&embeddings, segments, hidden));
        margins.into_iter().map(|occluded| margin - occluded).collect()
    };
    let (audio, frames, both) =
        (drops(Occluded::Audio), drops(Occluded::Video), drops(Occluded::Both));
    let step = span.seconds() / segments.count().max(1) as f64;
    let segments = audio.into_iter().zip(frames).zip(both).enumerate();
    let segments = segments.map(|(index, ((audio, frames), both))| {
        let start = span.start + index as f64 * step;
        TimeSegment { span: Span { start, end: start + step }, audio, frames, both }
    });
    Window { span, logits, segments: segments.collect(), lags }
}

#[cfg_attr(
    not(any(feature = "cpu", feature = "ndarray", feature = "wgpu", feature = "cuda")),
    expect(dead_code)
)]
fn numbers<B: Backend>(tensor: Tensor<B, 2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
