//! Which pictures are shown, and when: from the packets where they tell, else by decoding them all.

use super::index::Packets;

/// What the decoder said of a picture: the time it was given, and its best guess.
pub(super) type Seen = (Option<i64>, Option<i64>);

/// The pictures that are shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// The packet of each, in display order; `None` where only a walk from the start tells which
    /// picture is which.
    pub(super) packets: Option<Vec<usize>>,
    /// When each is shown, in seconds.
    pub(super) times: Vec<f64>,
}

impl Shown {
    /// From the packets alone; `None` where that could be wrong. `first` is the first picture that
    /// the decoder showed: where it is not the earliest packet's, some are hidden.
    pub(super) fn listed(packets: &Packets, first: Seen) -> Option<Self> {
        let earliest = packets.by_time.first().map(|(time, _)| *time);
        if !packets.all_shown || earliest != first.0 {
            return None;
        }
        let times = packets.by_time.iter().map(|(time, _)| packets.seconds(*time)).collect();
        let numbers = packets.by_time.iter().map(|(_, number)| *number).collect();
        Some(Self { packets: Some(numbers), times })
    }

    /// From every picture that the decoder showed, in its order.
    pub(super) fn walked(packets: &Packets, seen: &[Seen]) -> Self {
        let found: Option<Vec<usize>> = seen.iter().map(|(time, _)| packets.at((*time)?)).collect();
        let given: Option<Vec<i64>> = seen.iter().map(|(time, _)| *time).collect();
        let given = given.filter(|times| packets.timed && times.is_sorted_by(|a, b| a < b));
        let in_order = given.is_some();
        let times = match given {
            Some(ticks) => ticks.into_iter().map(|time| packets.seconds(time)).collect(),
            None => {
                let step = if packets.rate > 0.0 { 1.0 / packets.rate } else { 0.0 };
                // Without times, as in AVI, pictures come at one rate. FFmpeg's guesses are those
                // of decoding: good for the start, not for the order.
                let known = seen.iter().enumerate().find_map(|(rank, (_, time))| {
                    time.map(|time| packets.seconds(time) - rank as f64 * step)
                });
                let start = known.unwrap_or(0.0);
                (0..seen.len()).map(|rank| start + rank as f64 * step).collect()
            }
        };
        Self { packets: found.filter(|_| in_order), times }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use video_rs::ffmpeg::{Rational, codec::Id};

    use super::{super::index::Coded, *};

    fn packets(times: &[i64]) -> Packets {
        let mut by_time: Vec<_> = times.iter().copied().zip(0..).collect();
        by_time.sort_unstable();
        Packets {
            by_time,
            codec: Id::H264,
            tick: Rational(1, 10),
            rate: 5.0,
            coded: times.iter().map(|&time| Coded { time, clean: false }).collect(),
            timed: true,
            count: times.len(),
            all_shown: true,
            seekable: true,
            audio_end: 0.0,
        }
    }

    #[test]
    fn packets_are_put_in_display_order() {
        let packets = packets(&[0, 6, 2, 4]);
        let shown = Shown::listed(&packets, (Some(0), None)).unwrap();
        assert_eq!(shown.packets.unwrap(), [0, 2, 3, 1]);
        assert_eq!(shown.times, [0.0, 0.2, 0.4, 0.6]);
        assert!(Shown::listed(&packets, (Some(2), None)).is_none(), "the first is hidden");
    }

    #[test]
    fn what_came_is_matched_by_time_or_counted() {
        let packets = packets(&[0, 6, 2, 4]);
        let seen =
            |times: &[Option<i64>]| -> Vec<Seen> { times.iter().map(|t| (*t, *t)).collect() };
        let shown = Shown::walked(&packets, &seen(&[Some(2), Some(6)]));
        assert_eq!((shown.packets.unwrap(), shown.times), (vec![2, 1], vec![0.2, 0.6]));
        let shown = Shown::walked(&packets, &seen(&[Some(2), None, Some(6)]));
        assert_eq!((shown.packets, shown.times), (None, vec![0.2, 0.4, 0.2 + 0.4]));
        let shown = Shown::walked(&packets, &seen(&[Some(4), Some(2)]));
        assert_eq!((shown.packets, shown.times), (None, vec![0.4, 0.4 + 0.2]));
        let guessed = [(None, Some(1)), (Some(9), Some(4))];
        assert_eq!(Shown::walked(&packets, &guessed).times, [0.1, 0.1 + 0.2]);
    }
}
