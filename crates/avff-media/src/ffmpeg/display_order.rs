//! Determines the displayed frames and their times: from the packets where possible, else by
//! decoding.

use super::index::Packets;
use crate::{
    error::MediaError,
    timeline::{EditList, FrameTime, PresentedFrames},
};

/// The timestamps of a decoded frame: the one of its packet, and the decoder's best guess.
pub(super) type Timestamps = (Option<i64>, Option<i64>);

/// How far the time of a frame may be from its place in the order of the frames, in seconds. Writers
/// that mix up the times of reordered pictures stay below.
const MAX_MOVED: f64 = 0.25;

/// The displayed frames of a clip.
#[derive(Debug)]
pub(super) struct DisplayOrder {
    /// The frames. Their indices are those of packets, or those of decoded frames where frames can only
    /// be counted from the start.
    pub(super) presented: PresentedFrames,
    /// Whether the indices are those of packets.
    pub(super) by_packet: bool,
}

impl DisplayOrder {
    /// Determines the order from the packets alone, or returns `None` where that could be wrong.
    /// `first` is the first decoded frame. If it does not belong to the earliest packet, some
    /// packets are hidden.
    ///
    /// # Errors
    ///
    /// The errors of [`PresentedFrames::new`].
    pub(super) fn from_packets(
        packets: &Packets,
        first: Timestamps,
        edits: &EditList,
    ) -> Result<Option<Self>, MediaError> {
        let earliest = packets.by_time.first().map(|(time, _)| *time);
        if !packets.all_displayed || earliest != first.0 || packets.far_from_order() {
            return Ok(None);
        }
        let frame = |(_, index): &(i64, usize)| {
            packets.coded.get(*index).map(|coded| FrameTime {
                time: coded.shown,
                duration: coded.duration,
                index: *index,
            })
        };
        let mut frames: Vec<FrameTime> = packets.by_time.iter().filter_map(frame).collect();
        frames.sort_by_key(|frame| frame.time);
        let presented = PresentedFrames::new(&frames, edits, packets.tick.into())?;
        Ok(Some(Self { presented, by_packet: true }))
    }

    /// Determines the order from every decoded frame, in the decoder's order.
    ///
    /// # Errors
    ///
    /// The errors of [`PresentedFrames::new`].
    pub(super) fn from_decoded(
        packets: &Packets,
        decoded: &[Timestamps],
        edits: &EditList,
    ) -> Result<Self, MediaError> {
        let times = display_times(packets, decoded);
        let stated = packets.timed && decoded.iter().all(|(time, _)| time.is_some());
        let distinct = stated && times.is_sorted_by(|a, b| a < b);
        let listed = packets.listed.len() == decoded.len()
            && packets.listed.is_sorted_by_key(|(time, _)| *time);
        if !distinct && listed {
            // Pictures that are not reordered, of which several have one time.
            let frame = |(index, &(time, duration)): (usize, &(i64, i64))| FrameTime {
                time,
                duration,
                index,
            };
            let frames: Vec<FrameTime> = packets.listed.iter().enumerate().map(frame).collect();
            let presented = PresentedFrames::new(&frames, edits, packets.tick.into())?;
            return Ok(Self { presented, by_packet: false });
        }
        let times = in_order(times, packets)?;
        let numbers: Option<Vec<usize>> = times.iter().map(|&time| packets.at(time)).collect();
        let numbers = numbers.filter(|_| distinct);
        let by_packet = numbers.is_some();
        let numbers = numbers.unwrap_or_else(|| (0..times.len()).collect());
        let frame = |(&time, index): (&i64, usize)| {
            let coded = packets.coded.get(index).filter(|_| by_packet);
            let duration = coded.map_or_else(|| packets.duration(time), |coded| coded.duration);
            // A container without display times has a constant rate.
            let step = if packets.timed { 0 } else { packets.step().round() as i64 };
            let duration = if duration > 0 { duration } else { step };
            FrameTime { time: coded.map_or(time, |coded| coded.shown), duration, index }
        };
        let mut frames: Vec<FrameTime> = times.iter().zip(numbers).map(frame).collect();
        frames.sort_by_key(|frame| frame.time);
        let presented = PresentedFrames::new(&frames, edits, packets.tick.into())?;
        Ok(Self { presented, by_packet })
    }
}

/// Returns the time of each decoded frame, in ticks. The containers of some frames do not say it.
fn display_times(packets: &Packets, decoded: &[Timestamps]) -> Vec<i64> {
    let step = packets.step();
    let Some(known) = decoded.iter().position(|(time, _)| time.is_some()) else {
        // AVI only states when packets are decoded. Frames are shown at these times, in their own
        // order.
        if packets.decode_times.len() == decoded.len() {
            let mut times = packets.decode_times.clone();
            times.sort_unstable();
            return times;
        }
        let first = packets.decode_times.first().copied().unwrap_or(0);
        return (0..decoded.len()).map(|rank| after(first, rank, step)).collect();
    };
    // The last frame of a known time, and that time.
    let mut last = (known, 0);
    let time = |(rank, (time, _)): (usize, &Timestamps)| match *time {
        Some(time) => {
            last = (rank, time);
            time
        }
        None if rank < known => 0,
        None => after(last.1, rank - last.0, step),
    };
    let mut times: Vec<i64> = decoded.iter().enumerate().map(time).collect();
    let first = times.get(known).copied().unwrap_or(0);
    for (rank, time) in times.iter_mut().enumerate().take(known) {
        *time = after(first, known - rank, -step);
    }
    times
}

/// Returns the time of the frame `count` frames after `time`, in ticks.
fn after(time: i64, count: usize, step: f64) -> i64 {
    // `as` saturates.
    time.saturating_add((count as f64 * step).round() as i64)
}

/// Sorts the times of decoded frames. A decoder returns frames in their order, so times that do not
/// increase are wrong by a little: the frame that is first gets the earliest time.
///
/// # Errors
///
/// `Malformed` where times go back by much, as where a clock was set back. Frames and audio after it
/// cannot be placed.
fn in_order(times: Vec<i64>, packets: &Packets) -> Result<Vec<i64>, MediaError> {
    let mut sorted = times.clone();
    sorted.sort_unstable();
    let moved = sorted.iter().zip(&times).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    let moved = packets.seconds(i64::try_from(moved).unwrap_or(i64::MAX));
    if moved > MAX_MOVED {
        let what = format!(
            "the time stamps of the frames go back by about {moved:.1} s, so the frames cannot be \
             placed"
        );
        return Err(MediaError::Malformed { container: "container", what });
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use video_rs::ffmpeg::{Rational, codec::Id};

    use super::{super::index::CodedPicture, *};
    use crate::timeline::AudioExtent;

    fn packets(times: &[i64]) -> Packets {
        let mut by_time: Vec<_> = times.iter().copied().zip(0..).collect();
        by_time.sort_unstable();
        let coded = |&time: &i64| CodedPicture {
            time,
            shown: time,
            duration: 2,
            key: false,
            random_access: false,
        };
        Packets {
            by_time,
            codec: Id::H264,
            tick: Rational(1, 10),
            rate: 5.0,
            coded: times.iter().map(coded).collect(),
            timed: true,
            decode_times: Vec::new(),
            count: times.len(),
            all_displayed: true,
            slices: None,
            seekable: true,
            listed: Vec::new(),
            audio: AudioExtent::default(),
            audio_tick: 0.0,
            audio_padding: 0,
            video_bytes: Vec::new(),
            audio_bytes: Vec::new(),
            faults: Vec::new(),
        }
    }

    #[test]
    fn packets_are_sorted_in_display_order() {
        let packets = packets(&[0, 6, 2, 4]);
        let order = |first| DisplayOrder::from_packets(&packets, first, &EditList::all()).unwrap();
        let shown = order((Some(0), None)).unwrap().presented;
        assert_eq!(shown.indices, [0, 2, 3, 1]);
        for (time, expected) in shown.times.iter().zip([0.0, 0.2, 0.4, 0.6]) {
            assert!((time - expected).abs() < 1e-12, "{time}");
        }
        assert!((shown.end - 0.8).abs() < 1e-12);
        assert!(order((Some(2), None)).is_none(), "the first packet is hidden");
    }

    #[test]
    fn decoded_frames_are_matched_by_time_or_counted() {
        let packets = packets(&[0, 6, 2, 4]);
        let order = |decoded: &[Timestamps]| {
            let order = DisplayOrder::from_decoded(&packets, decoded, &EditList::all()).unwrap();
            (order.by_packet, order.presented.indices, order.presented.times)
        };
        let of = |times: &[Option<i64>]| -> Vec<Timestamps> {
            times.iter().map(|time| (*time, *time)).collect()
        };
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        let (by_packet, indices, times) = order(&of(&[Some(2), Some(6)]));
        assert!(by_packet && near(&times, &[0.2, 0.6]), "{times:?}");
        assert_eq!(indices, [2, 1]);
        let (by_packet, indices, times) = order(&of(&[Some(2), None, Some(6)]));
        assert!(!by_packet && near(&times, &[0.2, 0.4, 0.6]), "{times:?}");
        assert_eq!(indices, [0, 1, 2]);
        let (by_packet, _, times) = order(&of(&[Some(4), Some(4), Some(6)]));
        assert!(!by_packet && near(&times, &[0.4, 0.4, 0.6]), "{times:?}");
        let (_, _, times) = order(&of(&[Some(4), Some(2), Some(6)]));
        assert!(near(&times, &[0.2, 0.4, 0.6]), "{times:?}");
        let back = of(&[Some(4), Some(6), Some(0)]);
        let error = DisplayOrder::from_decoded(&packets, &back, &EditList::all()).unwrap_err();
        assert!(error.to_string().contains("go back by about 0.6 s"), "{error}");
        let (by_packet, _, times) = order(&[(None, Some(1)), (Some(9), Some(4))]);
        assert!(!by_packet && near(&times, &[0.7, 0.9]), "{times:?}");
    }

    #[test]
    fn frames_without_times_are_shown_when_packets_are_decoded() {
        let mut packets = packets(&[]);
        (packets.timed, packets.decode_times) = (false, vec![3, 5, 11]);
        let present = |count: usize| {
            let decoded = vec![(None, Some(1)); count];
            DisplayOrder::from_decoded(&packets, &decoded, &EditList::all()).unwrap().presented
        };
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        let shown = present(3);
        assert!(near(&shown.times, &[0.3, 0.5, 1.1]) && (shown.end - 1.3).abs() < 1e-12);
        // Of four frames in three packets, only the rate is known.
        let shown = present(4);
        assert!(near(&shown.times, &[0.3, 0.5, 0.7, 0.9]) && (shown.end - 1.1).abs() < 1e-12);
    }
}
