//! Edit lists: the parts of a track that are presented, in order.

/// A part of a track, and when it is presented. Times are in ticks of the track's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first presented composition time; `None` for the start of the track.
    pub(crate) start: Option<i64>,
    /// The first composition time after the segment; `None` for the end of the track.
    pub(crate) end: Option<i64>,
    /// When the segment starts on the clip's clock. Without a start, the time of composition time 0.
    pub(crate) clock: i64,
    /// How long the frame at `start` is held; `None` for a segment that plays.
    pub(crate) hold: Option<i64>,
}

impl Segment {
    /// Presents a whole track. Composition time 0 is presented at `clock`.
    const fn all(clock: i64) -> Self {
        Self { start: None, end: None, clock, hold: None }
    }

    /// Converts a composition time to the clip's clock.
    pub(crate) fn clock_of(&self, time: i64) -> i64 {
        time.saturating_sub(self.start.unwrap_or(0)).saturating_add(self.clock)
    }
}

/// The presented parts of a track, in the order of the clip's clock; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EditList {
    segments: Vec<Segment>,
}

impl EditList {
    /// Presents the whole track, for a track without an edit list.
    pub(crate) fn all() -> Self {
        Self { segments: vec![Segment::all(0)] }
    }

    /// Presents these segments; the whole track where there are none.
    pub(crate) fn new(segments: Vec<Segment>) -> Self {
        if segments.is_empty() { Self::all() } else { Self { segments } }
    }

    /// Presents the whole track, moved as the first segment moves it.
    ///
    /// FFmpeg, and so decord and torchaudio, applies edit lists only to samples of the index. It
    /// presents all samples of fragments and only moves them to the start of the edit.
    pub(crate) fn moved_only(&self) -> Self {
        let clock = self.segments.first().map_or(0, |segment| segment.clock_of(0));
        Self { segments: vec![Segment::all(clock)] }
    }

    /// Returns the segments.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the first segment.
    pub(crate) fn first(&self) -> Segment {
        self.segments.first().copied().unwrap_or(Segment::all(0))
    }

    /// Returns the first composition time after the last segment; `None` for no end.
    pub(crate) fn end(&self) -> Option<i64> {
        self.segments.last().and_then(|segment| segment.end)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const PLAY: u32 = 1;
    pub(crate) const HOLD: u32 = 0;

    /// An edit list in ticks: durations (0 for an open end), starts (-1 for a pause), and whether
    /// segments play.
    pub(crate) fn edits(list: &[(i64, i64, u32)]) -> EditList {
        let mut clock = 0;
        let mut segments = Vec::new();
        for &(duration, start, rate) in list {
            if start >= 0 {
                let end = (duration != 0).then_some(start + duration);
                let hold = (rate == HOLD).then_some(duration);
                segments.push(Segment { start: Some(start), end, clock, hold });
            }
            clock += duration;
        }
        EditList::new(segments)
    }

    #[test]
    fn fragments_are_only_moved() {
        let list = edits(&[(40, -1, PLAY), (1001, 24, PLAY)]).moved_only();
        assert_eq!(list.segments, [Segment::all(16)]);
        assert_eq!(list.first().clock_of(-3), 13);
        assert_eq!(EditList::new(Vec::new()), EditList::all());
    }
}
