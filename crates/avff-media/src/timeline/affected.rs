//! When the frames are shown that depend on damaged pictures.

use super::{edit::EditList, frames::PresentedFrames};

impl PresentedFrames {
    /// Returns the time span in which `affected` frames are shown, given by their indices in decode
    /// order, in seconds; `None` where none of them is shown.
    pub(crate) fn span_of(&self, affected: impl Fn(usize) -> bool) -> Option<(f64, f64)> {
        let mut span: Option<(f64, f64)> = None;
        let ends = self.times.iter().skip(1).copied().chain([self.end]);
        for ((&index, &start), end) in self.indices.iter().zip(&self.times).zip(ends) {
            if affected(index) {
                let (first, last) = span.unwrap_or((start, end));
                span = Some((first.min(start), last.max(end)));
            }
        }
        span
    }

    /// Returns when each of `count` frames is shown, by their indices in decode order; `None` where one is
    /// not shown.
    pub(crate) fn spans(&self, count: usize) -> Vec<Option<(f64, f64)>> {
        let mut spans = vec![None::<(f64, f64)>; count];
        let ends = self.times.iter().skip(1).copied().chain([self.end]);
        for ((&index, &start), end) in self.indices.iter().zip(&self.times).zip(ends) {
            if let Some(span) = spans.get_mut(index) {
                let (first, last) = span.unwrap_or((start, end));
                *span = Some((first.min(start), last.max(end)));
            }
        }
        spans
    }
}

impl EditList {
    /// Returns the time span in which the media from `start` to `end` is presented, in ticks on the
    /// clip's clock; `None` where it is not presented.
    pub(crate) fn span_of(&self, start: i64, end: i64) -> Option<(i64, i64)> {
        let mut span: Option<(i64, i64)> = None;
        for segment in self.segments().iter().filter(|segment| segment.hold.is_none()) {
            let from = start.max(segment.start.unwrap_or(i64::MIN));
            // The last packet of a segment may be played to its end.
            let to = if segment.end.is_some_and(|stop| stop <= start) { from } else { end };
            if from < to {
                let (from, to) = (segment.clock_of(from), segment.clock_of(to));
                let (first, last) = span.unwrap_or((from, to));
                span = Some((first.min(from), last.max(to)));
            }
        }
        span
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::timeline::{
        FrameTime,
        edit::tests::{PLAY, edits},
    };

    #[test]
    fn reordered_frames_are_in_the_span() {
        // Shown in the order 0, 2, 3, 1, 4.
        let time = |(time, index): (i64, usize)| FrameTime { time, duration: 10, index };
        let frames: Vec<FrameTime> =
            [(0, 0), (10, 2), (20, 3), (30, 1), (40, 4)].map(time).to_vec();
        let shown = PresentedFrames::new(&frames, &EditList::all(), 0.1).unwrap();
        assert_eq!(shown.span_of(|index| (1..4).contains(&index)), Some((1.0, 4.0)));
        assert_eq!(shown.span_of(|index| index == 4), Some((4.0, 5.0)));
        assert_eq!(shown.span_of(|index| index == 9), None);
        assert_eq!(
            shown.spans(6)[1..],
            [Some((3.0, 4.0)), Some((1.0, 2.0)), Some((2.0, 3.0)), Some((4.0, 5.0)), None]
        );
    }

    #[test]
    fn packets_are_where_the_edit_list_plays_them() {
        let list = edits(&[(20, -1, PLAY), (40, 100, PLAY), (40, 0, PLAY)]);
        assert_eq!(list.span_of(110, 120), Some((30, 40)));
        assert_eq!(list.span_of(95, 120), Some((20, 40)));
        assert_eq!(list.span_of(10, 20), Some((70, 80)));
        assert_eq!(list.span_of(150, 160), None);
        assert_eq!(EditList::all().span_of(3, 5), Some((3, 5)));
    }
}
