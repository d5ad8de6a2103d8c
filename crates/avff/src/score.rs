//! What a clip's score is made of: the network's outputs, window by window.

use avff_data::windows::Span;
use avff_media::UnknownName;
use serde::{Deserialize, Serialize};

use crate::failure::ClipFailure;

/// The two outputs for a clip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Logits {
    /// Output 0.
    pub fake: f32,
    /// Output 1.
    pub real: f32,
}

impl Logits {
    /// Whether both are numbers to make a score of.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.fake.is_finite() && self.real.is_finite()
    }

    /// The score: sigmoid of the output for fake, as the reference writes it.
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
    /// Its windows in order; one, the whole clip, where clips are read whole.
    pub windows: Vec<WindowScore>,
    /// Whether its frames were taken whole because no face was found: another preparation than that of
    /// the other clips.
    pub without_face: bool,
}

impl Score {
    /// The score that `windows` make.
    pub(crate) fn of(
        windows: Vec<WindowScore>,
        without_face: bool,
        aggregate: Aggregate,
    ) -> Result<Self, ClipFailure> {
        let logits = aggregate.of(&windows).ok_or_else(ClipFailure::not_finite)?;
        Ok(Self { logits, windows, without_face })
    }

    /// The probability that the clip is fake, from 0 to 1, as the network says it: sigmoid of the output
    /// for fake. It is not calibrated.
    #[must_use]
    pub fn probability_fake(&self) -> f32 {
        self.logits.probability_fake()
    }
}

/// The score of a window of a clip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowScore {
    /// The part of the clip, in seconds.
    pub span: Span,
    /// The indices of its frames in display order, from 0.
    pub frames: Vec<usize>,
    /// The network's outputs.
    pub logits: Logits,
}

/// How the windows of a clip make its score.
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
    /// The mean of each logit: how the clip looks as a whole.
    #[default]
    Mean,
    /// The logits of the window that looks most fake: whether any part does. Longer clips have more
    /// windows to be suspected for.
    Max,
}

impl Aggregate {
    /// One pair of logits for all windows; `None` without a window or with one that is not finite.
    #[must_use]
    pub fn of(self, windows: &[WindowScore]) -> Option<Logits> {
        if !windows.iter().all(|window| window.logits.is_finite()) {
            return None;
        }
        let mut logits = windows.iter().map(|window| window.logits);
        match self {
            // A lone window is itself, to the last bit.
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
    fn windows_make_a_score() {
        let windows = [window(-1.0, 2.0), window(3.0, -2.0), window(1.0, 0.75)];
        let mean = Aggregate::Mean.of(&windows).unwrap();
        assert_eq!((mean.fake, mean.real), (1.0, 0.25));
        let max = Aggregate::Max.of(&windows).unwrap();
        assert_eq!((max.fake, max.real), (3.0, -2.0));
        let odd = 0.1 + f32::EPSILON;
        assert_eq!(Aggregate::Mean.of(&[window(odd, odd)]).unwrap().fake, odd);
    }

    #[test]
    fn no_window_and_no_number_make_none() {
        for word in <Aggregate as strum::VariantNames>::VARIANTS {
            let way: Aggregate = word.parse().unwrap();
            assert_eq!(way.to_string(), *word);
            assert_eq!(way.of(&[]), None);
            assert_eq!(way.of(&[window(1.0, 0.0), window(f32::NAN, 0.0)]), None);
            assert_eq!(way.of(&[window(1.0, f32::INFINITY)]), None);
        }
    }
}
