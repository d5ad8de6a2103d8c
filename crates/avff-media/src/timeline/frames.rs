//! The frames that are shown, and from when to when.

use super::edit::EditList;
use crate::error::MediaError;

/// The limit on presented frames, as on the samples of a track.
const MAX_FRAMES: usize = 1 << 21;

/// The part of a frame in seconds that the rounding of an edit list may cut off.
const ROUNDING: f64 = 0.002;

/// A coded frame and when it is shown, in ticks of the track's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameTime {
    /// The composition time.
    pub(crate) time: i64,
    /// How long the container says that the frame lasts; 0 where it does not say.
    pub(crate) duration: i64,
    /// The index of the frame in decode order.
    pub(crate) index: usize,
}

/// The presented frames of a track, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PresentedFrames {
    /// The index of each frame in decode order. An edit list may present a frame several times, or
    /// go back.
    pub(crate) indices: Vec<usize>,
    /// When each frame is shown, in seconds on the clip's clock; never decreasing.
    pub(crate) times: Vec<f64>,
    /// When the last frame ends, in seconds.
    pub(crate) end: f64,
    /// The first frame of each segment of the edit list that has any.
    segments: Vec<usize>,
}

impl PresentedFrames {
    /// Applies an edit list to the frames of a track, which are sorted by time. `tick` is in seconds.
    ///
    /// # Errors
    ///
    /// `Malformed` where no frame is presented, `TooLarge` where segments repeat too many.
    pub(crate) fn new(
        frames: &[FrameTime],
        edits: &EditList,
        tick: f64,
    ) -> Result<Self, MediaError> {
        let mut presented =
            Self { indices: Vec::new(), times: Vec::new(), end: 0.0, segments: Vec::new() };
        let media_end = end(frames);
        for segment in edits.segments() {
            let from =
                segment.start.map_or(0, |start| frames.partition_point(|frame| frame.time < start));
            let to = segment
                .end
                .map_or(frames.len(), |end| frames.partition_point(|frame| frame.time < end));
            let shown = match segment.hold {
                None => frames.get(from..to).unwrap_or_default(),
                // The frame on the screen at that time, or the first one.
                Some(_) => {
                    let start = segment.start.unwrap_or(0);
                    let at = frames.partition_point(|frame| frame.time <= start).saturating_sub(1);
                    frames.get(at..=at).unwrap_or_default()
                }
            };
            let Some(last) = shown.last() else { continue };
            let count = presented.indices.len() + shown.len();
            if count > MAX_FRAMES {
                return Err(MediaError::TooLarge {
                    what: "number of presented frames",
                    value: count as u64,
                    limit: MAX_FRAMES as u64,
                });
            }
            let clock = |time: i64| match segment.hold {
                None => segment.clock_of(time) as f64 * tick,
                Some(_) => segment.clock as f64 * tick,
            };
            presented.segments.push(presented.indices.len());
            presented.indices.extend(shown.iter().map(|frame| frame.index));
            presented.times.extend(shown.iter().map(|frame| clock(frame.time)));
            presented.end = match segment.hold {
                Some(hold) => segment.clock.saturating_add(hold) as f64 * tick,
                None => {
                    let next = frames.get(to).map_or(media_end, |frame| frame.time);
                    let whole = clock(next.max(last.time));
                    // An edit list counts in coarse ticks, so its end may cut off a rounding error.
                    match segment.end.map(clock) {
                        Some(end) if end + ROUNDING < whole => end,
                        _ => whole,
                    }
                }
            };
        }
        if presented.indices.is_empty() {
            return Err(MediaError::Malformed {
                container: "MP4",
                what: "the edit list hides every frame".to_owned(),
            });
        }
        Ok(presented)
    }

    /// Returns which segment of the edit list presents frame `index`.
    pub(crate) fn segment(&self, index: usize) -> usize {
        self.segments.partition_point(|&first| first <= index)
    }

    /// Moves the start of the clock to `origin`, in seconds.
    pub(crate) fn started_at(&mut self, origin: f64) {
        self.times.iter_mut().for_each(|time| *time -= origin);
        self.end -= origin;
    }
}

/// When the last frame ends, in ticks. A container that does not say how long it lasts gives it the
/// average.
fn end(frames: &[FrameTime]) -> i64 {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return 0 };
    if last.duration > 0 {
        return last.time.saturating_add(last.duration);
    }
    let steps = i64::try_from(frames.len().saturating_sub(1)).unwrap_or(i64::MAX).max(1);
    last.time.saturating_add(last.time.saturating_sub(first.time) / steps)
}

/// Returns how many frames decord counts beyond the `shown` ones. `pictures` has the time and duration
/// of each picture and whether decoding may start there, in decode order.
///
/// Decord counts the packets that FFmpeg keeps for an edit list, also those whose frames are hidden. It
/// repeats the last frame in their place.
pub(crate) fn hidden_frames(
    pictures: &[(i64, i64, bool)],
    edits: &EditList,
    shown: usize,
) -> usize {
    let mut decode_time = 0_i64;
    let mut index = PictureIndex { pictures, keys: Vec::new(), reordered: false, steps: 0 };
    for (number, &(time, duration, key)) in pictures.iter().enumerate() {
        index.reordered |= time != decode_time;
        if key {
            index.keys.push((number, decode_time));
        }
        decode_time = decode_time.saturating_add(duration);
    }
    let mut kept = 0_usize;
    for segment in edits.segments() {
        // A segment without an end is that of an unknown duration.
        let (Some(start), Some(end)) = (segment.start, segment.end) else { return 0 };
        let Some(packets) = index.kept(start, end) else { return 0 };
        kept = kept.saturating_add(packets);
    }
    kept.saturating_sub(shown)
}

/// The pictures of a track by their key pictures.
struct PictureIndex<'a> {
    pictures: &'a [(i64, i64, bool)],
    /// The number and the decode time of each key picture.
    keys: Vec<(usize, i64)>,
    reordered: bool,
    steps: usize,
}

/// The limit on steps of a search. Only hostile files need more.
const MAX_STEPS: usize = 1 << 24;

impl PictureIndex<'_> {
    /// Returns how many packets FFmpeg keeps for a segment of an edit list; `None` for a hostile list.
    ///
    /// It keeps the packets from the key picture before the segment to the key picture at the end of
    /// the segment or after it. Where pictures are reordered, it keeps those to the next key picture
    /// (libavformat/mov.c, `mov_fix_index`).
    fn kept(&mut self, start: i64, end: i64) -> Option<usize> {
        let mut first = self.keys.partition_point(|&(_, decode_time)| decode_time <= start);
        while first > 0 && self.reordered && self.key(first - 1)?.0 > start {
            first -= 1;
        }
        let from = first.checked_sub(1).and_then(|rank| self.keys.get(rank));
        let from = from.map_or(0, |(number, _)| *number);
        let mut to_pass = usize::from(self.reordered);
        for rank in first.saturating_sub(1)..self.keys.len() {
            let (time, duration) = self.key(rank)?;
            let (number, _) = *self.keys.get(rank)?;
            let is_last = number + 1 == self.pictures.len();
            let duration = if is_last { end.saturating_sub(start) } else { duration };
            if time.saturating_add(duration) >= end {
                if to_pass == 0 {
                    return Some(number + 1 - from);
                }
                to_pass -= 1;
            }
        }
        Some(self.pictures.len() - from)
    }

    /// Returns time and duration of a key picture; `None` after too many steps.
    fn key(&mut self, rank: usize) -> Option<(i64, i64)> {
        self.steps += 1;
        let (number, _) = self.keys.get(rank).filter(|_| self.steps < MAX_STEPS)?;
        self.pictures.get(*number).map(|&(time, duration, _)| (time, duration))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{
        super::edit::tests::{HOLD, PLAY, edits},
        *,
    };

    /// Frames of 4 ticks, at 100 ticks per second.
    fn frames(count: i64) -> Vec<FrameTime> {
        let frame = |i: i64| FrameTime { time: 4 * i, duration: 4, index: i as usize };
        (0..count).map(frame).collect()
    }

    fn present(frames: &[FrameTime], list: &[(i64, i64, u32)]) -> PresentedFrames {
        PresentedFrames::new(frames, &edits(list), 0.01).unwrap()
    }

    #[test]
    fn cuts_keep_the_clock_running() {
        let cut = present(&frames(10), &[(8, 0, PLAY), (12, 24, PLAY)]);
        assert_eq!(cut.indices, [0, 1, 6, 7, 8]);
        assert_eq!(cut.times, [0.0, 0.04, 0.08, 0.12, 0.16]);
        assert!((cut.end - 0.2).abs() < 1e-12);
        let back = present(&frames(4), &[(10, -1, PLAY), (8, 8, PLAY), (8, 0, PLAY)]);
        assert_eq!((back.indices, back.times), (vec![2, 3, 0, 1], vec![0.1, 0.14, 0.18, 0.22]));
    }

    #[test]
    fn frames_last_until_the_next_and_the_last_as_long_as_it_says() {
        let mut held = frames(3);
        held[2].duration = 60;
        assert_eq!(present(&held, &[]).end, 0.68);
        held[2].duration = 0;
        assert!((present(&held, &[]).end - 0.12).abs() < 1e-12, "the average");
        let cut = present(&frames(3), &[(9, 0, PLAY)]);
        assert_eq!((cut.indices.len(), cut.end), (3, 0.09), "cut within the last frame");
    }

    #[test]
    fn packets_around_segments_are_counted() {
        // Pictures of 4 ticks with key pictures every 5, like those whose counts decord gives.
        let pictures = |count: i64, delays: [i64; 5]| -> Vec<(i64, i64, bool)> {
            let picture = |index: i64| {
                let delay = delays.iter().copied().cycle().nth(index as usize).unwrap();
                (4 * (index + delay), 4, index % 5 == 0)
            };
            (0..count).map(picture).collect()
        };
        let flat = pictures(20, [0; 5]);
        let count = |list: &[(i64, i64, u32)], shown| hidden_frames(&flat, &edits(list), shown);
        assert_eq!(count(&[(80, 0, PLAY)], 20), 0);
        assert_eq!(count(&[(48, 0, PLAY)], 12), 4, "to the key picture 15");
        assert_eq!(count(&[(60, 0, PLAY)], 15), 1, "the key picture 15 begins at the end");
        assert_eq!(count(&[(64, 0, PLAY)], 16), 0, "the key picture 15 lasts to the end");
        assert_eq!(count(&[(20, 28, PLAY)], 5), 2 + 4, "from the key picture 5 to 15");
        assert_eq!(count(&[(8, 0, PLAY), (8, 40, PLAY)], 4), 4 + 4, "two segments");
        assert_eq!(count(&[(8, -1, PLAY), (48, 0, PLAY)], 12), 4, "a pause keeps nothing");
        assert_eq!(count(&[(0, 8, PLAY)], 18), 0, "an unknown duration");
        assert_eq!(hidden_frames(&flat, &EditList::all(), 20), 0);
        assert_eq!(hidden_frames(&[], &edits(&[(48, 0, PLAY)]), 0), 0);
        let reordered = pictures(20, [1, 2, 0, 0, 2]);
        let count =
            |list: &[(i64, i64, u32)], shown| hidden_frames(&reordered, &edits(list), shown);
        assert_eq!(count(&[(32, 4, PLAY)], 8), 8, "to the key picture 15, not 10");
        assert_eq!(count(&[(16, 20, PLAY)], 4), 12, "the key picture 5 is shown after the start");
    }

    #[test]
    fn a_dwell_holds_the_frame_on_the_screen() {
        let held = present(&frames(3), &[(4, 0, PLAY), (50, 6, HOLD), (4, 8, PLAY)]);
        assert_eq!((held.indices, held.times), (vec![0, 1, 2], vec![0.0, 0.04, 0.54]));
        assert!((held.end - 0.58).abs() < 1e-12);
    }

    #[test]
    fn hidden_and_repeated_frames_are_bounded() {
        let list = edits(&[(4, 400, PLAY)]);
        assert!(PresentedFrames::new(&frames(3), &list, 0.01).is_err());
        let many = vec![(4000, 0, PLAY); 9000];
        let list = edits(&many);
        let error = PresentedFrames::new(&frames(1000), &list, 0.01).unwrap_err();
        assert!(matches!(error, MediaError::TooLarge { .. }), "{error}");
    }
}
