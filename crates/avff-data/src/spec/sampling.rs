//! The parts of a clip that become samples: the complete clip, or windows of equal length.

use serde::{Deserialize, Serialize};

use crate::spec::SpecError;

/// Minimum and maximum window length, in seconds.
const SECONDS: (f64, f64) = (0.1, 600.0);
/// Minimum and maximum frame rate of a window, in frames per second.
const RATE: (f64, f64) = (0.1, 240.0);

/// The parts of a clip that become samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sampling {
    /// One sample per clip, as in Open-AVFF: frames are spread over the complete clip, and the
    /// filterbank is stretched to fit, whatever the length.
    #[default]
    Whole,
    /// One sample per window of fixed duration, on the clip's time axis: frames at a fixed rate,
    /// and the audio of the same time span.
    Window {
        /// Window length, in seconds.
        seconds: f64,
        /// Frames per second; `seconds * fps` is the network's number of frames.
        fps: f64,
        /// Distance between the starts of consecutive windows, in seconds.
        stride: f64,
    },
}

impl Sampling {
    /// Returns whether this is [`Sampling::Whole`].
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// Checks that windows have bounded length and the network's number of frames.
    ///
    /// # Errors
    /// The first field out of range.
    pub(crate) fn validate(&self, frames: usize) -> Result<(), SpecError> {
        let Self::Window { seconds, fps, stride } = *self else { return Ok(()) };
        for (field, value, (low, high)) in [
            ("sampling.window.seconds", seconds, SECONDS),
            ("sampling.window.fps", fps, RATE),
            ("sampling.window.stride", stride, SECONDS),
        ] {
            if !(low..=high).contains(&value) {
                let rule = format!("from {low} to {high}");
                return Err(SpecError { field, value: value.to_string(), rule });
            }
        }
        if (seconds * fps).round() as usize == frames {
            return Ok(());
        }
        Err(SpecError {
            field: "sampling.window",
            value: format!("{seconds} s at {fps} frames per second"),
            rule: format!("{frames} frames long, the network's number of frames"),
        })
    }
}

/// Trims silence at both ends of a clip, from frames and audio alike.
///
/// Published fakes start with 25 to 30 ms of silence that alone reveals them (AVH-Align, arXiv
/// 2412.00175). A detector that uses this silence has learned an artifact of the generation tool.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrimSilence {
    /// Silence threshold, in dB relative to full scale.
    pub below_db: f32,
    /// Maximum trimming at each end, in seconds.
    pub at_most: f64,
}

impl Default for TrimSilence {
    /// Below -60 dB, up to half a second at each end.
    fn default() -> Self {
        Self { below_db: -60.0, at_most: 0.5 }
    }
}

impl TrimSilence {
    pub(crate) fn validate(&self) -> Result<(), SpecError> {
        let invalid = |field, value: String, rule: &str| {
            Err(SpecError { field, value, rule: rule.to_owned() })
        };
        if !(-200.0..=0.0).contains(&self.below_db) {
            let rule = "from -200 to 0 dB";
            return invalid("trim_silence.below_db", self.below_db.to_string(), rule);
        }
        if !(0.0..=60.0).contains(&self.at_most) {
            return invalid("trim_silence.at_most", self.at_most.to_string(), "from 0 to 60 s");
        }
        Ok(())
    }
}
