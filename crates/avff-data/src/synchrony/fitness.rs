//! What is seen of a clip, and whether lips and voice can be compared in it.

use std::fmt;

use avff_face::Faces;
use avff_media::Audio;
use serde::Serialize;

use super::Synchrony;

/// Pieces of audio a second that are silent or not.
const PIECES: usize = 50;
/// The root mean square of a silent piece: -50 dB of full scale.
const SILENCE: f32 = 0.003_16;

/// Findings below these numbers.
const SMALL_FACE: f64 = 60.0;
const SELDOM_FACE: f64 = 0.9;
const MUCH_SILENCE: f64 = 0.75;
/// Offsets of the voice in milliseconds that are usual in files.
const USUAL_OFFSET: std::ops::RangeInclusive<f64> = -80.0..=160.0;

/// The main face of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FaceSeen {
    /// The share of examined frames in which it was detected.
    pub share: f64,
    /// The median of its side, from the brows to the chin, in pixels; `None` where it was not detected.
    pub side: Option<f64>,
}

impl FaceSeen {
    pub(super) fn of(faces: &Faces) -> Self {
        let mut sides: Vec<f64> = faces.detections.iter().map(|(_, face)| face.side).collect();
        sides.sort_by(f64::total_cmp);
        Self { share: faces.coverage(), side: sides.get(sides.len() / 2).copied() }
    }
}

/// Returns the share of the time in which the first channel is silent: below -50 dB of full scale.
///
/// Whether the rest is a voice, music or noise is not known: a small detector of voices that was tried took tones and
/// white noise for one.
pub(super) fn silence(audio: &Audio) -> f64 {
    let samples = audio.channels.first().map_or(&[][..], Vec::as_slice);
    let length = (audio.rate as usize / PIECES).max(1);
    let is_silent = |piece: &&[f32]| {
        let power = piece.iter().map(|sample| sample * sample).sum::<f32>();
        (power / piece.len() as f32).sqrt() < SILENCE
    };
    let silent = samples.chunks(length).filter(is_silent).count();
    silent as f64 / samples.len().div_ceil(length).max(1) as f64
}

/// What makes a comparison of lips and voice doubtful, or impossible.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Finding {
    /// Lips and voice cannot be compared.
    NotApplicable {
        /// Why.
        reason: super::CannotTell,
    },
    /// The face is missing in some frames.
    FaceSeldom {
        /// The share of frames with a face.
        share: f64,
    },
    /// The face is so small that lips are hard to see.
    FaceSmall {
        /// Its side in pixels.
        side: f64,
    },
    /// Most of the audio is silent.
    Silence {
        /// The share of the time that is silent.
        share: f64,
    },
    /// The voice is early or late throughout.
    Offset {
        /// Milliseconds, above 0 where the voice is late.
        milliseconds: f64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| share * 100.0;
        match *self {
            Self::NotApplicable { reason } => {
                write!(f, "lips and voice cannot be compared: {reason}")
            }
            Self::FaceSeldom { share } => {
                write!(f, "the main face is seen in {:.0} % of the frames", percent(share))
            }
            Self::FaceSmall { side } => write!(
                f,
                "the face is {side:.0} pixels high: lips are hard to see below {SMALL_FACE:.0}"
            ),
            Self::Silence { share } => {
                write!(f, "{:.0} % of the audio is silent", percent(share))
            }
            Self::Offset { milliseconds } => {
                let side = if milliseconds > 0.0 { "late" } else { "early" };
                write!(
                    f,
                    "the voice seems to be {:.0} ms {side} throughout: a constant offset is common in \
                     edited files, and no sign of a fake by itself",
                    milliseconds.abs()
                )
            }
        }
    }
}

impl Synchrony {
    /// What makes a comparison of lips and voice doubtful; empty for a clip that is fit for it.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(reason) = self.cannot_tell {
            findings.push(Finding::NotApplicable { reason });
        }
        if let Some(FaceSeen { share, side: Some(side) }) = self.face {
            if share < SELDOM_FACE {
                findings.push(Finding::FaceSeldom { share });
            }
            if side < SMALL_FACE {
                findings.push(Finding::FaceSmall { side });
            }
        }
        if let Some(share) = self.silence.filter(|share| *share > MUCH_SILENCE) {
            findings.push(Finding::Silence { share });
        }
        if let Some(milliseconds) = self.offset_ms.filter(|ms| !USUAL_OFFSET.contains(ms)) {
            findings.push(Finding::Offset { milliseconds });
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audio(sample: impl Fn(f32) -> f32) -> Audio {
        let samples = (0..32_000).map(|at| sample(at as f32 / 16_000.0)).collect();
        Audio { rate: 16_000, channels: vec![samples] }
    }

    #[test]
    fn silence_is_measured() {
        let half = |t: f32| if t < 1.0 { 0.0 } else { 0.3 * (t * 2765.0).sin() };
        assert_eq!(silence(&audio(|_| 0.0)), 1.0);
        assert_eq!(silence(&audio(half)), 0.5);
    }

    #[test]
    fn findings_name_what_is_doubtful() {
        let mut synchrony = Synchrony::unknown(super::super::CannotTell::Still, 3.0);
        synchrony.face = Some(FaceSeen { share: 0.5, side: Some(30.0) });
        synchrony.silence = Some(0.9);
        synchrony.offset_ms = Some(240.0);
        let texts: Vec<String> = synchrony.findings().iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 5);
        assert_eq!(texts[0], "lips and voice cannot be compared: the face hardly moves");
        assert_eq!(texts[1], "the main face is seen in 50 % of the frames");
        assert!(texts[4].starts_with("the voice seems to be 240 ms late"), "{texts:?}");
        let fit = Synchrony {
            cannot_tell: None,
            face: Some(FaceSeen { share: 1.0, side: Some(100.0) }),
            silence: Some(0.1),
            offset_ms: Some(40.0),
            ..synchrony
        };
        assert_eq!(fit.findings(), []);
    }
}
