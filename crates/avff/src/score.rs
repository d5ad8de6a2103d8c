//! Scores of clips: the network's outputs for each window and their aggregate.

use avff_calibration::Answer;
use avff_data::{Coverage, LeftOut, StreamChoices, synchrony::Synchrony, windows::Span};
use avff_media::UnknownName;
use serde::{Deserialize, Serialize};

use crate::failure::ClipFailure;

/// The two outputs of the network for a clip or a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Logits {
    /// Output 0, for fake.
    pub fake: f32,
    /// Output 1, for real.
    pub real: f32,
}

impl Logits {
    /// Whether both outputs are finite.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.fake.is_finite() && self.real.is_finite()
    }

    /// The score: the sigmoid of the output for fake, as in the reference implementation.
    #[must_use]
    pub fn probability_fake(self) -> f32 {
        1.0 / (1.0 + (-self.fake).exp())
    }
}

/// The score of a clip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The network's outputs for the clip, aggregated over its windows.
    pub logits: Logits,
    /// The windows, in order. A clip that is read whole has one window.
    pub windows: Vec<WindowScore>,
    /// The windows that were left out because the clip is damaged there, in order.
    pub left_out: Vec<LeftOut>,
    /// Whether whole frames were used because no face was found. Such a clip is prepared differently from other
    /// clips.
    pub without_face: bool,
    /// The streams that were read.
    pub streams: StreamChoices,
    /// What is worth knowing of the clip: choices between tracks, assumptions, and differences from its
    /// presentation.
    pub notes: Vec<String>,
    /// Whether lips move with the voice, measured without the network; `None` unless
    /// [requested](crate::DetectorBuilder::synchrony).
    pub synchrony: Option<Synchrony>,
    /// What the score means: calibrated probability, likelihood ratio and decision; `None` if the detector is
    /// [uncalibrated](crate::Detector::judge).
    pub answer: Option<Answer>,
}

impl Score {
    /// Aggregates `windows` to a score, without those that damage touches.
    pub(crate) fn of(
        mut windows: Vec<WindowScore>,
        coverage: Coverage,
        without_face: bool,
        streams: StreamChoices,
        notes: &[String],
        aggregate: Aggregate,
    ) -> Result<Self, ClipFailure> {
        windows.retain(|window| !coverage.leaves_out(window.span));
        let logits = aggregate.of(&windows).ok_or_else(ClipFailure::not_finite)?;
        let notes = notes.iter().cloned().chain(coverage.note()).collect();
        let left_out = coverage.left_out;
        let (synchrony, answer) = (None, None);
        Ok(Self { logits, windows, left_out, without_face, streams, notes, synchrony, answer })
    }

    /// Adds the synchrony, if it was measured. A clip may have a score where it cannot be, such as one that is
    /// damaged between its windows; a note then says why.
    #[must_use]
    pub(crate) fn with_synchrony(
        mut self,
        measured: Option<Result<Synchrony, ClipFailure>>,
    ) -> Self {
        match measured {
            None => {}
            Some(Ok(synchrony)) => self.synchrony = Some(synchrony),
            Some(Err(failure)) => {
                self.notes.push(format!("lips and voice were not compared: {failure}"))
            }
        }
        self
    }

    /// Adds what the score means.
    #[must_use]
    pub(crate) fn answered(mut self, answer: Option<Answer>) -> Self {
        self.answer = answer;
        self
    }

    /// The network's probability that the clip is fake, from 0 to 1: the sigmoid of the output for fake. It is not
    /// calibrated.
    #[must_use]
    pub fn probability_fake(&self) -> f32 {
        self.logits.probability_fake()
    }
}

/// The score of a window of a clip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowScore {
    /// The span of the window in the clip, in seconds.
    pub span: Span,
    /// The indices of its frames in display order, from 0.
    pub frames: Vec<usize>,
    /// The network's outputs.
    pub logits: Logits,
}

/// How the windows of a clip are aggregated to its score.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Aggregate {
    /// The mean of each logit over the windows.
    #[default]
    Mean,
    /// The logits of the window with the highest output for fake. Longer clips have more windows and therefore
    /// tend to score higher.
    Max,
}

impl Aggregate {
    /// Aggregates the logits of all windows. Returns `None` without windows or if an output is not finite.
    #[must_use]
    pub fn of(self, windows: &[WindowScore]) -> Option<Logits> {
        let logits: Vec<Logits> = windows.iter().map(|window| window.logits).collect();
        self.of_logits(&logits)
    }

    /// Aggregates the outputs of windows. Returns `None` without a window or with an output that is
    /// not finite.
    #[must_use]
    pub fn of_logits(self, windows: &[Logits]) -> Option<Logits> {
        if !windows.iter().all(|logits| logits.is_finite()) {
            return None;
        }
        let mut logits = windows.iter().copied();
        match self {
            // The logits of a single window stay bit-identical.
            _ if windows.len() == 1 => logits.next(),
            Self::Max => logits.max_by(|a, b| a.fake.total_cmp(&b.fake)),
            Self::Mean if windows.is_empty() => None,
            Self::Mean => {
                let mean = |output: fn(Logits) -> f32| {
                    let sum: f64 = logits.clone().map(|logits| f64::from(output(logits))).sum();
                    (sum / windows.len() as f64) as f32
                };
                Some(Logits { fake: mean(|logits| logits.fake), real: mean(|logits| logits.real) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn window(fake: f32, real: f32) -> WindowScore {
        let span = Span { start: 0.0, end: 1.0 };
        WindowScore { span, frames: vec![0], logits: Logits { fake, real } }
    }

    #[test]
    fn mean_and_max_aggregate_windows() {
        let windows = [window(-1.0, 2.0), window(3.0, -2.0), window(1.0, 0.75)];
        let mean = Aggregate::Mean.of(&windows).unwrap();
        assert_eq!((mean.fake, mean.real), (1.0, 0.25));
        let max = Aggregate::Max.of(&windows).unwrap();
        assert_eq!((max.fake, max.real), (3.0, -2.0));
        let odd = 0.1 + f32::EPSILON;
        assert_eq!(Aggregate::Mean.of(&[window(odd, odd)]).unwrap().fake, odd);
    }

    #[test]
    fn missing_windows_and_non_finite_logits_give_no_score() {
        for name in <Aggregate as strum::VariantNames>::VARIANTS {
            let aggregate: Aggregate = name.parse().unwrap();
            assert_eq!(aggregate.to_string(), *name);
            assert_eq!(aggregate.of(&[]), None);
            assert_eq!(aggregate.of(&[window(1.0, 0.0), window(f32::NAN, 0.0)]), None);
            assert_eq!(aggregate.of(&[window(1.0, f32::INFINITY)]), None);
        }
    }
}
