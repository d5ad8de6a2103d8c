//! The phones of an utterance and their times.

use std::path::Path;

use super::{error::VoicesError, phone::Phone};

/// The limit on the time of a phone, in seconds. No utterance is as long.
const LONGEST: f64 = 600.0;
/// The limit on the size of a phone track, in bytes: a thousand phones a minute for ten minutes.
const MAX_BYTES: u64 = 1 << 20;
/// How much phones may overlap, in seconds: times are rounded to milliseconds.
const TOLERANCE: f64 = 0.0015;

/// A phone and its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// The start, in seconds.
    pub start: f64,
    /// The end, in seconds.
    pub end: f64,
    /// The phone.
    pub phone: Phone,
}

/// What is wrong with a line of a phone track.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneFault {
    /// The line does not have three parts.
    #[error("expected `start end phone`, but found {0} parts")]
    Parts(usize),
    /// A time is not a number of seconds.
    #[error("`{0}` is not a time from 0 to 600 seconds")]
    Time(String),
    /// The name is not one of a phone.
    #[error("`{0}` is not a phone of ARPAbet without stress, nor `sil`")]
    Phone(String),
    /// The phone ends before it starts.
    #[error("the phone ends before it starts")]
    Backward,
    /// The phone starts before the previous one ends.
    #[error("the phone starts before the previous one ends")]
    Overlap,
}

/// The phones of an utterance, in the order of time and without overlap.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PhoneTrack {
    segments: Vec<Segment>,
}

impl PhoneTrack {
    /// Reads a phone track: a line `start end phone` for every phone, with times in seconds.
    ///
    /// # Errors
    /// [`VoicesError::Io`], [`VoicesError::TooLarge`], and [`VoicesError::Phones`] with the first
    /// line that is not valid.
    pub fn read(path: &Path) -> Result<Self, VoicesError> {
        let text = read_text(path, MAX_BYTES)?;
        Self::parse(&text).map_err(|(line, fault)| {
            let path = path.to_owned();
            VoicesError::Phones { path, line, fault }
        })
    }

    /// Parses the text of a phone track.
    ///
    /// # Errors
    /// Returns the first line that is not valid, from 1, and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, (usize, PhoneFault)> {
        let mut segments = Vec::new();
        let mut last = 0.0;
        for (line, number) in text.lines().zip(1..) {
            let segment = parse_line(line).map_err(|fault| (number, fault))?;
            if segment.start < last - TOLERANCE {
                return Err((number, PhoneFault::Overlap));
            }
            let segment = Segment { start: segment.start.max(last), ..segment };
            last = segment.end;
            // Rounding may leave nothing of a short phone.
            if segment.end > segment.start {
                segments.push(segment);
            }
        }
        Ok(Self { segments })
    }

    /// Returns the phones.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the phone at a time. There is silence wherever no phone is.
    #[must_use]
    pub fn at(&self, seconds: f64) -> Phone {
        let at = self.segments.partition_point(|segment| segment.end <= seconds);
        self.segments
            .get(at)
            .filter(|segment| segment.start <= seconds)
            .map_or(Phone::Silence, |segment| segment.phone)
    }

    /// Returns the end of the last phone, in seconds.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.segments.last().map_or(0.0, |segment| segment.end)
    }

    /// Returns the track of speech that is `tempo` times as fast.
    #[must_use]
    pub fn faster(&self, tempo: f64) -> Self {
        let warp = |segment: &Segment| Segment {
            start: segment.start / tempo,
            end: segment.end / tempo,
            ..*segment
        };
        Self { segments: self.segments.iter().map(warp).collect() }
    }

    /// Returns the track `delay` seconds later. What would be before time 0 is cut off.
    #[must_use]
    pub fn delayed(&self, delay: f64) -> Self {
        let moved = self.segments.iter().map(|segment| Segment {
            start: (segment.start + delay).max(0.0),
            end: segment.end + delay,
            ..*segment
        });
        Self { segments: moved.filter(|segment| segment.end > segment.start).collect() }
    }

    /// Returns the phones before a time, in seconds.
    #[must_use]
    pub fn before(&self, end: f64) -> Self {
        let cut = |segment: &Segment| Segment { end: segment.end.min(end), ..*segment };
        let segments = self.segments.iter().map(cut);
        Self { segments: segments.filter(|segment| segment.end > segment.start).collect() }
    }

    /// Returns the fraction of the time from `from` to `to`, in seconds, in which there is speech.
    #[must_use]
    pub fn speech_share(&self, from: f64, to: f64) -> f64 {
        let spoken = self.segments.iter().filter(|segment| segment.phone != Phone::Silence);
        let seconds: f64 =
            spoken.map(|segment| (segment.end.min(to) - segment.start.max(from)).max(0.0)).sum();
        seconds / (to - from).max(f64::MIN_POSITIVE)
    }
}

fn parse_line(line: &str) -> Result<Segment, PhoneFault> {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let &[start, end, phone] = parts.as_slice() else {
        return Err(PhoneFault::Parts(parts.len()));
    };
    let time = |text: &str| {
        let seconds = text.parse::<f64>().ok().filter(|time| (0.0..=LONGEST).contains(time));
        seconds.ok_or_else(|| PhoneFault::Time(text.to_owned()))
    };
    let (start, end) = (time(start)?, time(end)?);
    if end < start {
        return Err(PhoneFault::Backward);
    }
    let phone = phone.parse().map_err(|_| PhoneFault::Phone(phone.to_owned()))?;
    Ok(Segment { start, end, phone })
}

/// Reads a text file of at most `limit` bytes.
pub(super) fn read_text(path: &Path, limit: u64) -> Result<String, VoicesError> {
    let io = |source| VoicesError::Io { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(io)?.len();
    if size > limit {
        return Err(VoicesError::TooLarge { path: path.to_owned(), size, limit });
    }
    std::fs::read_to_string(path).map_err(io)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_phones() {
        let track = PhoneTrack::parse("0.000 0.100 sil\n0.100 0.180 P\n0.180 0.300 AA\n").unwrap();
        let at = [0.05, 0.1, 0.17, 0.2, 0.3, 9.0].map(|seconds| track.at(seconds));
        use Phone::{Aa, P, Silence};
        assert_eq!(at, [Silence, P, P, Aa, Silence, Silence]);
        assert_eq!(track.end(), 0.3);
        assert!((track.speech_share(0.0, 0.3) - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(PhoneTrack::parse("").unwrap(), PhoneTrack::default());
    }

    #[test]
    fn faults_name_the_line() {
        let time = |text: &str| PhoneFault::Time(text.to_owned());
        for (text, line, fault) in [
            ("0 1 AA\n0.5 2 P", 2, PhoneFault::Overlap),
            ("0 1", 1, PhoneFault::Parts(2)),
            ("0 1 AA\n\n", 2, PhoneFault::Parts(0)),
            ("0 1 AA 3", 1, PhoneFault::Parts(4)),
            ("x 1 AA", 1, time("x")),
            ("-1 1 AA", 1, time("-1")),
            ("0 NaN AA", 1, time("NaN")),
            ("0 inf AA", 1, time("inf")),
            ("0 1e9 AA", 1, time("1e9")),
            ("0 1 AA1", 1, PhoneFault::Phone("AA1".to_owned())),
            ("1 0.5 AA", 1, PhoneFault::Backward),
        ] {
            assert_eq!(PhoneTrack::parse(text), Err((line, fault)), "{text}");
        }
    }

    #[test]
    fn faster_speech_is_shorter_and_delays_move_it() {
        let track = PhoneTrack::parse("0 0.1 sil\n0.1 0.3 M\n0.3 0.5 AA").unwrap();
        assert_eq!(track.faster(2.0).end(), 0.25);
        assert_eq!(track.faster(2.0).at(0.1), Phone::M);
        assert_eq!(track.delayed(0.2).at(0.45), Phone::M);
        assert_eq!(track.delayed(-0.2).at(0.05), Phone::M);
        assert_eq!(track.delayed(-0.2).segments().first().map(|first| first.start), Some(0.0));
        assert_eq!((track.before(0.35).end(), track.before(0.35).at(0.32)), (0.35, Phone::Aa));
        assert_eq!(track.before(0.3).segments().len(), 2);
    }
}
