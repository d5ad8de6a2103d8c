//! Which parts of a clip become samples: the whole of it as one, or windows of equal length.

use serde::{Deserialize, Serialize};

use crate::spec::SpecError;

/// The shortest window and the longest, in seconds.
const SECONDS: (f64, f64) = (0.1, 600.0);
/// The lowest picture rate of a window and the highest, a second.
const RATE: (f64, f64) = (0.1, 240.0);

/// Which parts of a clip become samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sampling {
    /// One sample a clip, as Open-AVFF reads it: pictures spread over the whole length, the
    /// filterbank stretched to fit, however long the clip is.
    #[default]
    Whole,
    /// A sample for every window of a fixed length, in true time on both axes: pictures at a fixed
    /// rate, and the sound of that very span.
    Window {
        /// Length of a window.
        seconds: f64,
        /// Pictures a second; `seconds * fps` are the frames of the network.
        fps: f64,
        /// From the start of a window to the start of the next, in seconds.
        stride: f64,
    },
}

impl Sampling {
    /// Whether this is [`Sampling::Whole`].
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// Checks that windows are of bounded length and hold the network's number of pictures.
    ///
    /// # Errors
    /// The first field that is out of its range.
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
            value: format!("{seconds} s at {fps} pictures a second"),
            rule: format!("{frames} pictures long, as the network is"),
        })
    }
}

/// Leaves out silence at both ends of a clip, of pictures and sound alike.
///
/// Published fakes carry 25 to 30 ms of silence at the start that alone gives them away (AVH-Align,
/// arXiv 2412.00175): a detector that reads it has learned the tool that wrote the file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrimSilence {
    /// Samples up to this level of full scale, in dB, are silence.
    pub below_db: f32,
    /// The most that is left out at each end, in seconds.
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
        let fault = |field, value: String, rule: &str| {
            Err(SpecError { field, value, rule: rule.to_owned() })
        };
        if !(-200.0..=0.0).contains(&self.below_db) {
            let rule = "from -200 to 0 dB";
            return fault("trim_silence.below_db", self.below_db.to_string(), rule);
        }
        if !(0.0..=60.0).contains(&self.at_most) {
            return fault("trim_silence.at_most", self.at_most.to_string(), "from 0 to 60 s");
        }
        Ok(())
    }
}
