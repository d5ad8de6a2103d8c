//! Determines the displayed frames and their times: from the packets where possible, else by
//! decoding.

use super::index::Packets;

/// The timestamps of a decoded frame: the one of its packet, and the decoder's best guess.
pub(super) type Timestamps = (Option<i64>, Option<i64>);

/// The displayed frames of a clip.
#[derive(Debug)]
pub(super) struct DisplayOrder {
    /// The packet of each frame, in display order; `None` where frames can only be counted from the
    /// start.
    pub(super) packets: Option<Vec<usize>>,
    /// The display time of each frame, in seconds.
    pub(super) times: Vec<f64>,
}

impl DisplayOrder {
    /// Determines the order from the packets alone, or returns `None` where that could be wrong.
    /// `first` is the first decoded frame. If it does not belong to the earliest packet, some
    /// packets are hidden.
    pub(super) fn from_packets(packets: &Packets, first: Timestamps) -> Option<Self> {
        let earliest = packets.by_time.first().map(|(time, _)| *time);
        if !packets.all_displayed || earliest != first.0 {
            return None;
        }
        let times = packets.by_time.iter().map(|(time, _)| packets.seconds(*time)).collect();
        let numbers = packets.by_time.iter().map(|(_, number)| *number).collect();
        Some(Self { packets: Some(numbers), times })
    }

    /// Determines the order from every decoded frame, in the decoder's order.
    pub(super) fn from_decoded(packets: &Packets, decoded: &[Timestamps]) -> Self {
        let numbers: Option<Vec<usize>> =
            decoded.iter().map(|(time, _)| packets.at((*time)?)).collect();
        let timestamps: Option<Vec<i64>> = decoded.iter().map(|(time, _)| *time).collect();
        let timestamps =
            timestamps.filter(|times| packets.timed && times.is_sorted_by(|a, b| a < b));
        let in_order = timestamps.is_some();
        let times = match timestamps {
            Some(ticks) => ticks.into_iter().map(|time| packets.seconds(time)).collect(),
            None => {
                let step = if packets.rate > 0.0 { 1.0 / packets.rate } else { 0.0 };
                // Without timestamps, as in AVI, frames have a constant rate. FFmpeg's guesses
                // follow the decode order: they give the start time, but not the order.
                let known = decoded.iter().enumerate().find_map(|(rank, (_, time))| {
                    time.map(|time| packets.seconds(time) - rank as f64 * step)
                });
                let start = known.unwrap_or(0.0);
                (0..decoded.len()).map(|rank| start + rank as f64 * step).collect()
            }
        };
        Self { packets: numbers.filter(|_| in_order), times }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use video_rs::ffmpeg::{Rational, codec::Id};

    use super::{super::index::CodedPicture, *};

    fn packets(times: &[i64]) -> Packets {
        let mut by_time: Vec<_> = times.iter().copied().zip(0..).collect();
        by_time.sort_unstable();
        Packets {
            by_time,
            codec: Id::H264,
            tick: Rational(1, 10),
            rate: 5.0,
            coded: times.iter().map(|&time| CodedPicture { time, random_access: false }).collect(),
            timed: true,
            count: times.len(),
            all_displayed: true,
            seekable: true,
            audio_end: 0.0,
        }
    }

    #[test]
    fn packets_are_sorted_in_display_order() {
        let packets = packets(&[0, 6, 2, 4]);
        let order = DisplayOrder::from_packets(&packets, (Some(0), None)).unwrap();
        assert_eq!(order.packets.unwrap(), [0, 2, 3, 1]);
        assert_eq!(order.times, [0.0, 0.2, 0.4, 0.6]);
        assert!(
            DisplayOrder::from_packets(&packets, (Some(2), None)).is_none(),
            "the first packet is hidden"
        );
    }

    #[test]
    fn decoded_frames_are_matched_by_time_or_counted() {
        let packets = packets(&[0, 6, 2, 4]);
        let decoded =
            |times: &[Option<i64>]| -> Vec<Timestamps> { times.iter().map(|t| (*t, *t)).collect() };
        let order = DisplayOrder::from_decoded(&packets, &decoded(&[Some(2), Some(6)]));
        assert_eq!((order.packets.unwrap(), order.times), (vec![2, 1], vec![0.2, 0.6]));
        let order = DisplayOrder::from_decoded(&packets, &decoded(&[Some(2), None, Some(6)]));
        assert_eq!((order.packets, order.times), (None, vec![0.2, 0.4, 0.2 + 0.4]));
        let order = DisplayOrder::from_decoded(&packets, &decoded(&[Some(4), Some(2)]));
        assert_eq!((order.packets, order.times), (None, vec![0.4, 0.4 + 0.2]));
        let guessed = [(None, Some(1)), (Some(9), Some(4))];
        assert_eq!(DisplayOrder::from_decoded(&packets, &guessed).times, [0.1, 0.1 + 0.2]);
    }
}
