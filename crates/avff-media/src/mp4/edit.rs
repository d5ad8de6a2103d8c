//! Reads edit lists (`elst`).

use super::{boxes::malformed, fields::Fields};
use crate::{
    error::MediaError,
    timeline::{EditList, Segment},
};

/// The limit on segments of an edit list. Editors write one for each cut.
const MAX_SEGMENTS: u32 = 10_000;
/// The limit on segments that go back to earlier media, which is then decoded again.
const MAX_GOING_BACK: u32 = 64;

/// Reads the body of an `elst` box. `timescale` counts the track's ticks per second,
/// `movie_timescale` the ticks of the durations.
///
/// # Errors
///
/// `Malformed` where the box ends early, `TooLarge` for too many segments,
/// `UnsupportedContainer` for a segment at another speed.
pub(super) fn read(
    body: &[u8],
    timescale: u32,
    movie_timescale: u32,
) -> Result<EditList, MediaError> {
    /// The `media_time` of an empty edit.
    const EMPTY: i64 = -1;
    let (mut fields, version, _) = Fields::full("elst", body)?;
    let count = fields.u32()?;
    if count > MAX_SEGMENTS {
        return Err(MediaError::TooLarge {
            what: "number of segments of an edit list",
            value: u64::from(count),
            limit: u64::from(MAX_SEGMENTS),
        });
    }
    let mut segments = Vec::new();
    let mut clock = 0_i64;
    let (mut after, mut going_back) = (0_i64, 0_u32);
    for index in 0..count {
        let (duration, start) = if version == 1 {
            (fields.u64()?, fields.u64()?.cast_signed())
        } else {
            (u64::from(fields.u32()?), i64::from(fields.i32()?))
        };
        let rate = fields.i32()?;
        let length = rescale(duration, timescale, movie_timescale);
        if start == EMPTY {
            clock = clock.saturating_add(length);
            continue;
        }
        if start < 0 {
            return Err(malformed(format!("box 'elst' starts at {start}")));
        }
        let hold = match rate {
            0x1_0000 => None,
            0 => Some(length),
            _ => {
                return Err(MediaError::UnsupportedContainer {
                    container: "MP4 with an edit list that changes the speed",
                });
            }
        };
        // Writers store 0 for an unknown duration, which only the last segment can have.
        if duration == 0 && index + 1 < count {
            continue;
        }
        going_back += u32::from(start < after);
        if going_back > MAX_GOING_BACK {
            return Err(MediaError::TooLarge {
                what: "number of segments of an edit list that go back",
                value: u64::from(going_back),
                limit: u64::from(MAX_GOING_BACK),
            });
        }
        after = start.saturating_add(if hold.is_some() { 0 } else { length });
        let end = (duration != 0).then(|| start.saturating_add(length));
        segments.push(Segment { start: Some(start), end, clock, hold });
        clock = clock.saturating_add(length);
    }
    Ok(EditList::new(segments))
}

/// Returns `value * to / from`, rounded to nearest as FFmpeg's `av_rescale`, saturating.
fn rescale(value: u64, to: u32, from: u32) -> i64 {
    let from = u128::from(from.max(1));
    let scaled = (u128::from(value) * u128::from(to) + from / 2) / from;
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// An `elst` body of durations, start times and rates.
    fn elst(edits: &[(u32, i32, u32)]) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend(u32::try_from(edits.len()).unwrap().to_be_bytes());
        for (duration, start, rate) in edits {
            body.extend(duration.to_be_bytes());
            body.extend(start.to_be_bytes());
            body.extend(rate.to_be_bytes());
        }
        body
    }

    fn read(edits: &[(u32, i32, u32)]) -> Result<EditList, MediaError> {
        super::read(&elst(edits), 48_000, 1000)
    }

    const PLAY: u32 = 0x1_0000;

    #[test]
    fn segments_follow_each_other_on_the_clock() {
        let list = read(&[(40, -1, PLAY), (1001, 1024, PLAY), (500, -1, PLAY), (10, 96_000, PLAY)]);
        let list = list.unwrap();
        let [first, second] = *list.segments() else { unreachable!() };
        let (start, end) = (Some(1024), Some(1024 + 48_048));
        assert_eq!(first, Segment { start, end, clock: 1920, hold: None });
        assert_eq!([1024, 2024].map(|time| first.clock_of(time)), [1920, 2920]);
        let clock = 1920 + 48_048 + 24_000;
        let (start, end) = (Some(96_000), Some(96_480));
        assert_eq!(second, Segment { start, end, clock, hold: None });
    }

    #[test]
    fn frames_are_held_and_other_speeds_are_refused() {
        let list = read(&[(2000, 0, 0)]).unwrap();
        assert_eq!(list.first().hold, Some(96_000));
        let error = read(&[(2000, 0, 0x2_0000)]).unwrap_err().to_string();
        assert!(error.contains("changes the speed"), "{error}");
    }

    #[test]
    fn open_ends_and_broken_lists() {
        let list = read(&[(0, 1024, PLAY)]).unwrap();
        assert_eq!(
            list.segments(),
            [Segment { start: Some(1024), end: None, clock: 0, hold: None }]
        );
        let list = read(&[(0, 7, PLAY), (1000, 48_000, PLAY)]).unwrap();
        assert_eq!((list.segments().len(), list.first().start), (1, Some(48_000)));
        assert_eq!(read(&[]).unwrap(), EditList::all());
        assert_eq!(read(&[(5, -1, PLAY)]).unwrap(), EditList::all());
        assert!(read(&[(10, -2, PLAY)]).is_err());
        assert!(super::read(&elst(&[(10, 0, PLAY)])[..12], 48_000, 1000).is_err());
        let mut many = elst(&[]);
        many.splice(4.., u32::MAX.to_be_bytes());
        assert!(matches!(super::read(&many, 1, 1), Err(MediaError::TooLarge { .. })));
    }

    #[test]
    fn rescaling_rounds_to_nearest_and_saturates() {
        assert_eq!(rescale(5005, 30_000, 1000), 150_150);
        assert_eq!(rescale(1, 44_100, 1000), 44);
        assert_eq!(rescale(u64::MAX, u32::MAX, 1), i64::MAX);
    }
}
