//! Damaged parts of a clip.

use serde::{Deserialize, Serialize};

use super::{MediaError, Stream};

/// The largest number of damaged parts of a clip. A clip with more is refused as a whole.
pub const MAX_DAMAGED_PARTS: usize = 256;

/// Why a part of a clip cannot be trusted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DamageCode {
    /// The media is not in the file, as the container says.
    Missing,
    /// Coded data is damaged.
    Damaged,
}

/// A part of a clip whose frames or audio cannot be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct DamagedPart {
    /// The start, in seconds on the clip's clock.
    pub start: f64,
    /// The end, in seconds.
    pub end: f64,
    /// The affected stream.
    pub stream: Stream,
    /// Why the part cannot be trusted.
    pub code: DamageCode,
    /// What is wrong, and at which sample.
    pub message: String,
}

impl DamagedPart {
    /// Creates a part whose media is not in the file.
    pub(crate) fn missing((start, end): (f64, f64), stream: Stream) -> Self {
        let message = "its media is missing".to_owned();
        Self { start, end, stream, code: DamageCode::Missing, message }
    }

    /// Returns whether the time span from `start` to `end` overlaps the part.
    #[must_use]
    pub fn touches(&self, start: f64, end: f64) -> bool {
        start < self.end && self.start < end
    }

    /// Moves the start of the clock to `origin`, in seconds.
    pub(crate) fn started_at(&mut self, origin: f64) {
        self.start -= origin;
        self.end -= origin;
    }
}

/// Returns the time spans whose media is missing, in order; spans that touch are joined.
#[must_use]
pub fn missing_spans(parts: &[DamagedPart]) -> Vec<(f64, f64)> {
    let missing = parts.iter().filter(|part| part.code == DamageCode::Missing);
    let mut spans: Vec<(f64, f64)> = missing.map(|part| (part.start, part.end)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (start, end) in spans {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// Returns the message of an error that says what is damaged in a stream, so that its place may be
/// known. Other errors concern the clip as a whole.
pub(crate) fn message_of(error: MediaError) -> Result<String, MediaError> {
    match error {
        MediaError::Damaged { what, .. } => Ok(what),
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_touch_are_joined() {
        let part = |start, end, stream| DamagedPart::missing((start, end), stream);
        let mut parts = vec![
            part(4.0, 5.0, Stream::Audio),
            part(1.0, 2.0, Stream::Video),
            part(1.5, 3.0, Stream::Audio),
            part(3.0, 3.5, Stream::Video),
        ];
        parts.push(DamagedPart { code: DamageCode::Damaged, ..part(5.0, 9.0, Stream::Video) });
        assert_eq!(missing_spans(&parts), [(1.0, 3.5), (4.0, 5.0)]);
    }

    #[test]
    fn a_span_that_only_meets_a_part_is_not_touched() {
        let part = DamagedPart::missing((1.0, 2.0), Stream::Video);
        assert!(!part.touches(0.0, 1.0) && !part.touches(2.0, 3.0));
        assert!(part.touches(0.0, 1.1) && part.touches(1.9, 3.0) && part.touches(1.2, 1.3));
    }
}
