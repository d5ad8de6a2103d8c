//! When the packets of an audio track start and end.

use super::edit::EditList;

/// The longest that a packet is thought to last, in seconds. A longer duration is a gap after it.
const LONGEST_PACKET: f64 = 1.0;

/// The longest pause between packets of uncompressed audio that is no gap, in seconds. Time stamps are rounded
/// and jitter.
const LONGEST_PAUSE: f64 = 0.01;

/// The shortest gap in coded audio, in seconds: [`PlacedAudio`](super::PlacedAudio) puts no silence into shorter
/// ones.
const SHORTEST_GAP: f64 = 0.005;

/// The times of audio packets, in ticks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AudioExtent {
    /// The time of each packet, never decreasing.
    times: Vec<i64>,
    /// How long a packet usually lasts.
    packet: i64,
    /// How long each coded packet lasts, without a gap after it; empty where all last equally long.
    durations: Vec<i64>,
    /// How long each packet of uncompressed audio lasts; empty for coded audio.
    lengths: Vec<i64>,
    /// How far a packet's time is from the end of all packets before it, at most.
    drift: u64,
}

impl AudioExtent {
    /// Collects the times of uncompressed audio, and how long the samples of each packet last.
    pub(crate) fn uncompressed(packets: impl Iterator<Item = (i64, i64)>) -> Self {
        let (mut extent, lengths) = Self::collect(packets);
        extent.drift = drift(&extent.times, &lengths);
        extent.lengths = lengths;
        extent
    }

    /// Returns the times of packets, and their durations.
    fn collect(packets: impl Iterator<Item = (i64, i64)>) -> (Self, Vec<i64>) {
        let mut extent = Self::default();
        let mut durations = Vec::new();
        for (time, duration) in packets {
            let after = extent.times.last().map_or(time, |&before| time.max(before));
            extent.times.push(after);
            durations.push(duration);
        }
        fill_unknown(&mut durations, &extent.times);
        (extent, durations)
    }

    /// Collects the times and durations of coded packets. Containers shorten the last packet to the end
    /// of the audio, but decoders return it whole.
    pub(crate) fn new(packets: impl Iterator<Item = (i64, i64)>) -> Self {
        let (mut extent, durations) = Self::collect(packets);
        let (usual, equal) = most_frequent(&durations);
        let count = durations.len();
        extent.packet = if equal * 2 > count {
            usual
        } else {
            // Time stamps of packets of one length may jitter, and most durations differ.
            let sum = durations.iter().fold(0_i64, |sum, &one| sum.saturating_add(one));
            sum / i64::try_from(count).unwrap_or(i64::MAX).max(1)
        };
        extent.drift = drift(&extent.times, &durations);
        if equal * 10 < count * 9 {
            // Where the duration of a packet is the time to the next one, a gap is a part of it.
            let mut sorted = durations.clone();
            sorted.sort_unstable();
            let rare = (count / 10).max(1);
            let longest = count.checked_sub(1 + rare).and_then(|at| sorted.get(at)).copied();
            let longest = longest.unwrap_or(extent.packet);
            extent.durations = durations.iter().map(|&one| one.min(longest)).collect();
        }
        extent
    }

    /// Returns the time spans without packets between two packets, in seconds on the clip's clock. `tick` is in
    /// seconds.
    ///
    /// Coded audio is lost in whole packets, so what is shorter than half of one is jitter.
    pub(crate) fn gaps(&self, edits: &EditList, tick: f64) -> Vec<(f64, f64)> {
        let gap = |(index, two): (usize, &[i64])| {
            let [time, next] = *two else { return None };
            let length = self.durations.get(index).copied().unwrap_or(self.length(index));
            let end = time.saturating_add(length);
            let silent = next.saturating_sub(end) as f64;
            let is_gap = match self.lengths.is_empty() {
                true => silent * 2.0 > self.packet as f64 && silent * tick > SHORTEST_GAP,
                false => silent * tick > LONGEST_PAUSE,
            };
            if !is_gap {
                return None;
            }
            let (start, end) = edits.span_of(end, next)?;
            Some((start as f64 * tick, end as f64 * tick))
        };
        self.times.windows(2).enumerate().filter_map(gap).collect()
    }

    /// Returns how far a packet is from its place when packets are played one after the other, at
    /// most, in ticks.
    pub(crate) fn drift(&self) -> u64 {
        self.drift
    }

    /// Returns the time spans without packets that are longer than `longest`, in seconds. `tick` is in
    /// seconds.
    #[cfg(feature = "ffmpeg")]
    pub(crate) fn jumps(&self, longest: f64, tick: f64) -> Vec<(f64, f64)> {
        let jump = |(index, two): (usize, &[i64])| match *two {
            [time, next] => {
                let end = time.saturating_add(self.length(index)) as f64 * tick;
                let next = next as f64 * tick;
                (next - end > longest).then_some((end, next))
            }
            _ => None,
        };
        self.times.windows(2).enumerate().filter_map(jump).collect()
    }

    /// Returns the number of packets.
    #[cfg(feature = "ffmpeg")]
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// Returns how long all packets together last, in seconds, without the gaps between them. `tick` is
    /// in seconds.
    pub(crate) fn duration(&self, tick: f64) -> f64 {
        let ticks = match self.lengths.as_slice() {
            [] => self.packet as f64 * self.times.len() as f64,
            lengths => lengths.iter().map(|&length| length as f64).sum(),
        };
        ticks * tick
    }

    /// Returns the time of the first packet.
    pub(crate) fn first(&self) -> i64 {
        self.times.first().copied().unwrap_or(0)
    }

    /// Moves the first packet to the end of its duration where that is longer than a packet.
    ///
    /// FFmpeg's muxer starts each track of a fragmented file at 0. A track that starts later gets a
    /// longer first packet, whose audio belongs to the end of it. `tick` is in seconds.
    pub(crate) fn with_stretched_start(mut self, tick: f64) -> Self {
        if let [first, second, ..] = self.times.as_mut_slice() {
            let length = self.lengths.first().copied().unwrap_or(self.packet);
            let at = second.saturating_sub(length);
            if at > *first && at.saturating_sub(*first) as f64 * tick < LONGEST_PACKET {
                *first = at;
            }
        }
        self
    }

    fn length(&self, index: usize) -> i64 {
        self.lengths.get(index).copied().unwrap_or(self.packet)
    }

    /// Returns when the audio starts and ends on the clip's clock, in seconds. `tick` is in seconds.
    pub(crate) fn seconds(&self, edits: &EditList, tick: f64) -> (f64, f64) {
        let first = edits.first();
        let start = first.clock_of(self.first().max(first.start.unwrap_or(i64::MIN)));
        let mut end = start;
        let cuts = edits.segments().len() > 1 || !self.lengths.is_empty();
        for segment in edits.segments() {
            let before = segment.end.unwrap_or(i64::MAX);
            let packets = self.times.partition_point(|&time| time < before);
            let Some(index) = packets.checked_sub(1) else { continue };
            let Some(last) = self.times.get(index) else { continue };
            let after = last.saturating_add(self.length(index));
            // A single segment ends with a whole coded packet, as in FFmpeg; several are cut where they
            // end.
            let stop = if cuts { before.min(after) } else { after };
            if segment.hold.is_none() && segment.start.is_none_or(|start| start < stop) {
                end = segment.clock_of(stop).max(end);
            }
        }
        (start as f64 * tick, end as f64 * tick)
    }
}

/// Replaces durations that are not stated: a packet lasts until the next one, but a gap is not a part
/// of it.
fn fill_unknown(durations: &mut [i64], times: &[i64]) {
    let next = |index: usize| {
        let (time, next) = (times.get(index)?, times.get(index + 1)?);
        Some(next.saturating_sub(*time)).filter(|&step| step > 0)
    };
    let is_unknown = |(index, duration): (usize, &i64)| (*duration <= 0).then_some(index);
    let unknown: Vec<usize> = durations.iter().enumerate().filter_map(is_unknown).collect();
    // The last duration of MP4 is often zero. It needs no replacement where others are stated.
    if unknown.len() * 2 < durations.len() {
        return;
    }
    let mut steps: Vec<i64> = unknown.iter().filter_map(|&index| next(index)).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(0);
    let is_usual = |step: &i64| is_near(*step, usual);
    for index in unknown {
        if let Some(duration) = durations.get_mut(index) {
            *duration = next(index).filter(is_usual).unwrap_or(usual);
        }
    }
}

/// Returns whether a step of time stamps is that of packets that last `usual` ticks, up to rounding and
/// jitter.
fn is_near(step: i64, usual: i64) -> bool {
    step.abs_diff(usual).saturating_mul(8) <= usual.unsigned_abs().max(8)
}

/// Returns how far a packet is from the end of all packets before it, at most, in ticks.
///
/// Packets of one length are decoded to that length, whatever their durations say. The durations of
/// packets of many lengths are right.
fn drift(times: &[i64], durations: &[i64]) -> u64 {
    let (usual, equal) = most_frequent(durations);
    let constant = equal * 10 >= durations.len() * 9;
    // The duration may be rounded to coarse ticks. The average step of the time stamps is not.
    let steps = times.windows(2).filter_map(|two| match *two {
        [a, b] => Some(b.saturating_sub(a)).filter(|&step| is_near(step, usual)),
        _ => None,
    });
    let (count, sum) =
        steps.fold((0_usize, 0_i128), |(n, sum), step| (n + 1, sum + i128::from(step)));
    let average = if count * 2 > times.len() { sum as f64 / count as f64 } else { usual as f64 };
    let mut end = 0.0;
    let first = times.first().copied().unwrap_or(0);
    let mut drift = 0.0_f64;
    for (&time, &duration) in times.iter().zip(durations) {
        drift = drift.max((time.saturating_sub(first) as f64 - end).abs());
        end += if constant { average } else { duration as f64 };
    }
    // `as` saturates.
    drift.round() as u64
}

/// Returns the value of the majority, where there is one, and how often it occurs.
fn most_frequent(values: &[i64]) -> (i64, usize) {
    let (mut frequent, mut votes) = (0, 0_u64);
    for &value in values {
        if value == frequent {
            votes += 1;
        } else if votes == 0 {
            (frequent, votes) = (value, 1);
        } else {
            votes -= 1;
        }
    }
    (frequent, values.iter().filter(|&&value| value == frequent).count())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{
        super::edit::tests::{PLAY, edits},
        *,
    };

    fn seconds(packets: &[(i64, i64)], list: &[(i64, i64, u32)]) -> (f64, f64) {
        AudioExtent::new(packets.iter().copied()).seconds(&edits(list), 0.01)
    }

    #[test]
    fn the_last_packet_is_played_whole() {
        let packets = [(0, 10), (10, 10), (20, 3)];
        assert_eq!(seconds(&packets, &[]), (0.0, 0.3));
        assert_eq!(seconds(&packets, &[(12, 5, PLAY)]), (0.0, 0.15));
        assert_eq!(seconds(&packets, &[(7, -1, PLAY), (0, 5, PLAY)]), (0.07, 0.32));
        assert_eq!(seconds(&[(40, 10), (50, 10)], &[]), (0.4, 0.6));
        assert_eq!(seconds(&packets, &[(12, 5, PLAY), (5, 25, PLAY)]), (0.0, 0.17));
        assert_eq!(seconds(&[], &[]), (0.0, 0.0));
    }

    #[test]
    fn uncompressed_audio_is_cut_where_an_edit_ends() {
        let packets = [(0, 10), (10, 10), (40, 3)];
        let extent = AudioExtent::uncompressed(packets.into_iter());
        assert_eq!((extent.seconds(&edits(&[]), 0.01), extent.drift()), ((0.0, 0.43), 20));
        assert_eq!(extent.seconds(&edits(&[(12, 3, PLAY)]), 0.01), (0.0, 0.12));
        assert_eq!(extent.seconds(&edits(&[(30, 0, PLAY)]), 0.01), (0.0, 0.2), "ends in the gap");
    }

    #[test]
    fn packets_without_durations_last_until_the_next() {
        // Rounded time stamps of packets of 6.25 ticks, a gap of 20, and an overlap of 4.
        let times = [0, 6, 13, 19, 25, 51, 58, 64, 66, 73];
        let extent = AudioExtent::new(times.iter().map(|&time| (time, 0)));
        let (start, end) = extent.seconds(&EditList::all(), 0.01);
        assert!(start == 0.0 && (0.79..=0.80).contains(&end), "{end}");
        assert_eq!(extent.drift(), 20);
        let even: Vec<(i64, i64)> = (0..40).map(|index| (index * 25 / 4, 0)).collect();
        assert_eq!(AudioExtent::new(even.into_iter()).drift(), 0);
        assert_eq!(AudioExtent::new([(7, 0)].into_iter()).seconds(&EditList::all(), 1.0).1, 7.0);
    }

    #[test]
    fn a_gap_is_no_long_packet() {
        assert_eq!(seconds(&[(0, 10), (10, 10), (20, 60), (80, 10)], &[]), (0.0, 0.9));
    }

    #[test]
    fn gaps_and_overlaps_are_measured() {
        let drift = |packets: &[(i64, i64)]| AudioExtent::new(packets.iter().copied()).drift();
        let even = |at: i64| (at, 10);
        let plain: Vec<_> = (0..20).map(|index| even(index * 10)).collect();
        assert_eq!(drift(&plain), 0);
        let mut gap = plain.clone();
        gap[9].1 = 60;
        gap[10..].iter_mut().for_each(|packet| packet.0 += 50);
        assert_eq!(drift(&gap), 50);
        let mut overlap = plain;
        overlap[9].1 = 1;
        overlap[10..].iter_mut().for_each(|packet| packet.0 -= 9);
        assert_eq!(drift(&overlap), 9);
        assert_eq!(drift(&[(0, 3), (3, 10), (13, 3), (16, 10)]), 0, "packets of two lengths");
    }

    #[test]
    fn gaps_are_time_without_packets() {
        // A tick is 1 ms.
        let gaps = |packets: &[(i64, i64)], list: &[(i64, i64, u32)]| {
            let gaps = AudioExtent::new(packets.iter().copied()).gaps(&edits(list), 0.001);
            gaps.iter().map(|gap| [gap.0, gap.1].map(|time| (time * 1e3).round() as i64)).collect()
        };
        let spans = |packets: &[(i64, i64)]| -> Vec<[i64; 2]> { gaps(packets, &[]) };
        let plain: Vec<_> = (0..20).map(|index| (index * 20, 20)).collect();
        assert_eq!(spans(&plain), [[0; 2]; 0]);
        // As the index of MP4 has it: the packet before the gap lasts longer.
        let mut lost = plain.clone();
        lost.remove(10);
        assert_eq!(spans(&lost), [[200, 220]]);
        lost[9].1 = 40;
        assert_eq!(spans(&lost), [[200, 220]]);
        assert_eq!(gaps(&lost, &[(50, -1, PLAY), (0, 40, PLAY)]), [[210, 230]]);
        assert_eq!(gaps(&lost, &[(100, 300, PLAY)]), [[0; 2]; 0], "it is not played");
        assert_eq!(spans(&[(0, 20), (20, 40), (60, 20), (80, 5)]), [[40, 60]], "few packets");
        let overlap: Vec<_> =
            plain.iter().map(|&(time, length)| (time - time / 100 * 15, length)).collect();
        assert_eq!(spans(&overlap), [[0; 2]; 0]);
        let jitter =
            |index: i64| (index * 20 + index % 2 * 9, if index % 2 == 0 { 29 } else { 11 });
        let mut jitter: Vec<_> = (0..40).map(jitter).collect();
        assert_eq!(spans(&jitter), [[0; 2]; 0]);
        jitter.drain(10..12);
        jitter[9].1 = 51;
        assert_eq!(spans(&jitter), [[218, 240]]);
        // Packets of two lengths, one of which is lost.
        let mut mixed: Vec<_> =
            (0..20).flat_map(|index| [(index * 23, 3), (index * 23 + 3, 20)]).collect();
        assert_eq!(spans(&mixed), [[0; 2]; 0]);
        mixed.remove(21);
        assert_eq!(spans(&mixed), [[233, 253]]);
        let pcm = [(0, 10), (10, 10), (29, 10), (50, 10)];
        let extent = AudioExtent::uncompressed(pcm.into_iter());
        assert_eq!(extent.gaps(&EditList::all(), 0.001), [(0.039, 0.05)]);
    }

    #[test]
    fn rounded_durations_do_not_add_up() {
        // Packets of 46.44 ms in milliseconds, and one that is lost.
        let packet = |index: usize| ((index as f64 * 46.44).round() as i64, 46);
        let all: Vec<(i64, i64)> = (0..1000).map(packet).collect();
        let lost: Vec<(i64, i64)> = (0..1000).filter(|&index| index != 300).map(packet).collect();
        for extent in [AudioExtent::new, AudioExtent::uncompressed].map(|new| {
            (new(all.clone().into_iter()).drift(), new(lost.clone().into_iter()).drift())
        }) {
            assert!(extent.0 <= 1 && (45..=48).contains(&extent.1), "{extent:?}");
        }
    }

    #[test]
    fn a_stretched_first_packet_belongs_to_its_end() {
        let packets = [(0, 24), (24, 10), (34, 10), (44, 10)];
        let extent = AudioExtent::new(packets.into_iter()).with_stretched_start(0.01);
        assert_eq!(extent.first(), 14);
        let far = [(0, 900), (900, 10), (910, 10), (920, 10)];
        let extent = AudioExtent::new(far.into_iter()).with_stretched_start(0.01);
        assert_eq!(extent.first(), 0);
    }
}
