//! Reads and writes `clip.json` in a frame folder: the display times of its frames and the start of
//! its audio.
//!
//! The file holds either `{"fps": 25}` or `{"times": [0.0, 0.04, ...]}`, a time for every frame.
//! Both allow `"audio_start"` where the audio does not start with the clock, and `"end"` where the
//! last frame is shown longer than the others. All values are in seconds. They are written to the nanosecond: fifteen digits, which any JSON reader represents
//! exactly.

use std::{fs::File, io::Read, path::Path};

use serde::{Deserialize, Serialize};

use crate::error::MediaError;

/// The file name in the folder.
pub(crate) const NAME: &str = "clip.json";
/// The limit on the file size; a million times of seventeen digits take less.
const MAX_BYTES: u64 = 32 << 20;
/// The latest accepted time, in seconds: eleven days.
const MAX_TIME: f64 = 1e6;
/// The lowest and the highest accepted frame rate, in frames per second.
const RATE: (f64, f64) = (0.001, 1000.0);

/// The contents of the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sidecar {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fps: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<Vec<f64>>,
    /// When the last frame ends; by default after the average interval between frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<f64>,
    #[serde(default, alias = "sound_start", skip_serializing_if = "is_zero")]
    pub(crate) audio_start: f64,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// Rounds to the nanosecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e9).round() / 1e9
}

fn malformed(what: impl Into<String>) -> MediaError {
    MediaError::Malformed { container: "frame folder", what: format!("{NAME}: {}", what.into()) }
}

impl Sidecar {
    /// Creates the contents from the times of the frames, the end of the last one, and the start of
    /// the audio.
    pub(crate) fn new(times: &[f64], end: f64, audio_start: f64) -> Self {
        let times = times.iter().map(|&time| rounded(time)).collect();
        let end = Some(rounded(end));
        Self { fps: None, times: Some(times), end, audio_start: rounded(audio_start) }
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// `TooLarge`, `Io`, or `Malformed` for invalid contents.
    pub(crate) fn read(path: &Path) -> Result<Self, MediaError> {
        let mut text = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
        let value = text.len() as u64;
        if value > MAX_BYTES {
            return Err(MediaError::TooLarge {
                what: "size of clip.json in bytes",
                value,
                limit: MAX_BYTES,
            });
        }
        serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))
    }

    /// Returns the times of `count` frames, and the end of the last one.
    ///
    /// # Errors
    /// `Malformed` unless every frame has a time and the times are in order.
    pub(crate) fn times(self, count: usize) -> Result<(Vec<f64>, f64), MediaError> {
        let stated = self.end;
        let times = self.starts(count)?;
        let last = times.last().copied().unwrap_or_default();
        match stated {
            None => Ok((times.clone(), end_of(&times))),
            Some(end) if end >= last && end <= MAX_TIME => Ok((times, end)),
            Some(end) => Err(malformed(format!(
                "end of {end} s is before the last frame at {last} s, or above {MAX_TIME} s"
            ))),
        }
    }

    fn starts(self, count: usize) -> Result<Vec<f64>, MediaError> {
        if !(-MAX_TIME..=MAX_TIME).contains(&self.audio_start) {
            return Err(malformed(format!(
                "audio_start of {} s is out of range",
                self.audio_start
            )));
        }
        match (self.fps, self.times) {
            (Some(fps), None) if (RATE.0..=RATE.1).contains(&fps) => {
                Ok((0..count).map(|index| index as f64 / fps).collect())
            }
            (Some(fps), None) => {
                Err(malformed(format!("fps of {fps} is outside of {} to {}", RATE.0, RATE.1)))
            }
            (None, Some(times)) => {
                if times.len() != count {
                    let given = times.len();
                    return Err(malformed(format!("{given} times for {count} frames")));
                }
                let fits = times.iter().all(|time| (0.0..=MAX_TIME).contains(time));
                if fits && times.is_sorted() {
                    return Ok(times);
                }
                Err(malformed(format!("times decrease or are outside of 0 to {MAX_TIME} s")))
            }
            _ => Err(malformed("either \"fps\" or \"times\" is required, not both")),
        }
    }
}

/// Returns when the last frame ends, one average interval after its start.
pub(crate) fn end_of(times: &[f64]) -> f64 {
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return 0.0 };
    last + (last - first) / times.len().saturating_sub(1).max(1) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(json: &str, count: usize) -> Result<Vec<f64>, MediaError> {
        let clock = serde_json::from_str::<Sidecar>(json).map_err(|e| malformed(e.to_string()))?;
        Ok(clock.times(count)?.0)
    }

    #[test]
    fn rates_and_times_are_read() {
        assert_eq!(times(r#"{"fps": 25}"#, 3).unwrap(), [0.0, 0.04, 0.08]);
        assert_eq!(
            times(r#"{"times": [0, 0.5, 0.5], "audio_start": -1}"#, 3).unwrap(),
            [0.0, 0.5, 0.5]
        );
    }

    #[test]
    fn the_last_frame_ends_after_an_interval_or_as_stated() {
        let end = |json| serde_json::from_str::<Sidecar>(json).unwrap().times(3).unwrap().1;
        assert!((end(r#"{"fps": 25}"#) - 0.12).abs() < 1e-12);
        assert_eq!(end(r#"{"times": [0, 1, 2], "end": 7.5}"#), 7.5);
    }

    #[test]
    fn invalid_contents_are_refused() {
        for json in [
            "{}",
            "[]",
            "",
            r#"{"fps": 0}"#,
            r#"{"fps": 1e9}"#,
            r#"{"fps": "25"}"#,
            r#"{"fps": 25, "times": [0, 1]}"#,
            r#"{"times": [0]}"#,
            r#"{"times": [0, 1, 2]}"#,
            r#"{"times": [1, 0]}"#,
            r#"{"times": [-1, 0]}"#,
            r#"{"times": [0, 1e300]}"#,
            r#"{"times": [0, null]}"#,
            r#"{"fps": 25, "audio_start": 1e300}"#,
            r#"{"fps": 25, "rate": 25}"#,
            r#"{"fps": 25, "end": 0.03}"#,
            r#"{"fps": 25, "end": 1e300}"#,
        ] {
            let error = times(json, 2).unwrap_err();
            assert!(matches!(error, MediaError::Malformed { .. }), "{json}: {error}");
            assert!(error.to_string().contains("clip.json"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn times_read_back_to_the_nanosecond(mut written in prop::collection::vec(0.0..1e6, 1..50)) {
            written.sort_by(f64::total_cmp);
            let json = serde_json::to_string(&Sidecar::new(&written, 1e6, 0.0)).unwrap();
            let read = times(&json, written.len()).unwrap();
            for (read, written) in read.iter().zip(&written) {
                prop_assert!((read - written).abs() <= 0.5e-9 + 1e-10, "{read} for {written}");
            }
            // Writing the same contents again gives the same file.
            let again = serde_json::to_string(&Sidecar::new(&read, 1e6, 0.0)).unwrap();
            prop_assert_eq!(json, again);
        }
    }
}
