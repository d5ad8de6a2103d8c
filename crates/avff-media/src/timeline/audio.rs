//! Places decoded audio on the clip's clock.
//!
//! A decoder returns one packet after the other. Their time stamps say where each belongs: after a
//! lost packet there is silence, and a packet that begins before the end of the one before replaces
//! the rest of it. Time stamps are rounded, so small differences mean nothing.

use std::{collections::VecDeque, ops::Range};

use super::edit::EditList;
use crate::{
    audio::{Audio, check_count, extend, resize, sample_range},
    error::{MediaError, Stream},
};

/// How far a packet may be from the end of the one before and still continue it, in seconds: half of
/// the hop of a filterbank frame. Rounded time stamps and recorders whose packets jitter stay below.
/// Differences do not add up, because time stamps are compared and not durations.
const JITTER: f64 = 0.005;

/// Decodes the packets of a track one by one, from an input `R`.
pub(crate) trait AudioPackets<R> {
    /// Decodes the next packet; returns `false` after the last.
    fn next(&mut self, input: &mut R) -> Result<bool, MediaError>;

    /// Goes back to the first packet.
    fn restart(&mut self, input: &mut R) -> Result<(), MediaError>;

    /// Returns the time stamp of the last decoded packet in seconds after the first packet's; `None`
    /// where it has none.
    fn time(&self) -> Option<f64>;

    /// Returns the audio of the last decoded packet, one vector for each channel.
    fn planes(&self) -> &[Vec<f32>];

    /// Returns the samples per second of the last decoded packet.
    fn rate(&self) -> u32;

    /// Returns how many samples at the start of the first packet are the encoder's delay.
    fn delay(&self) -> usize;

    /// Returns whether the audio is uncompressed, so that an edit list ends within a packet.
    fn uncompressed(&self) -> bool {
        false
    }
}

/// A part of the presentation, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    /// When it starts, after the start of the audio.
    at: i64,
    /// The first sample of the track.
    from: i64,
    /// How many samples it has; `None` for the rest of the track.
    len: Option<i64>,
}

/// The audio of a track on the clip's clock, decoded as far as it is needed.
pub(crate) struct PlacedAudio<P> {
    packets: P,
    rate: u32,
    parts: Vec<Part>,
    /// Runs of samples without gaps, in order.
    runs: VecDeque<Run>,
    channels: usize,
    /// Samples before this one are no longer held.
    released: i64,
    /// Whether everything stays in memory, because a later part goes back. Decoding again for each
    /// part would take time without a bound.
    keeps_all: bool,
    /// Where the last packet starts: later packets may replace what follows.
    settled: i64,
    ended: bool,
}

/// Consecutive samples of a track.
struct Run {
    at: i64,
    channels: Vec<Vec<f32>>,
}

impl Run {
    fn end(&self) -> i64 {
        self.at.saturating_add(length(&self.channels))
    }
}

fn length(channels: &[Vec<f32>]) -> i64 {
    channels.first().map_or(0, |channel| i64::try_from(channel.len()).unwrap_or(i64::MAX))
}

impl<P> PlacedAudio<P> {
    /// Decodes the first packet. `first` is its time, and `tick` the duration of a tick in seconds.
    ///
    /// # Errors
    ///
    /// The errors of the packets, and `MissingStream` without any.
    pub(crate) fn new<R>(
        mut packets: P,
        input: &mut R,
        edits: &EditList,
        first: i64,
        tick: f64,
    ) -> Result<Self, MediaError>
    where
        P: AudioPackets<R>,
    {
        if !packets.next(input)? {
            return Err(MediaError::MissingStream { stream: Stream::Audio });
        }
        let rate = packets.rate();
        let cuts = edits.segments().len() > 1 || packets.uncompressed();
        let parts = parts(edits, first, tick * f64::from(rate), packets.delay(), cuts);
        let goes_back = parts.windows(2).any(|two| {
            matches!(two, [a, b] if b.from < a.from.saturating_add(a.len.unwrap_or(i64::MAX)))
        });
        let mut placed = Self {
            rate,
            keeps_all: goes_back,
            parts,
            runs: VecDeque::new(),
            channels: packets.planes().len(),
            released: 0,
            settled: 0,
            ended: false,
            packets,
        };
        placed.place::<R>()?;
        Ok(placed)
    }

    /// Returns the packets.
    pub(crate) fn packets_mut(&mut self) -> &mut P {
        &mut self.packets
    }

    /// Returns the audio from `start` to `end`, in seconds after the start of the audio; less where
    /// the audio ends earlier.
    ///
    /// # Errors
    ///
    /// The errors of the packets.
    pub(crate) fn between<R>(
        &mut self,
        input: &mut R,
        start: f64,
        end: f64,
    ) -> Result<Audio, MediaError>
    where
        P: AudioPackets<R>,
    {
        let range = sample_range(start, end, self.rate);
        let size = range.len().saturating_mul(self.channels) as u64;
        // Time spans reach over the end of the audio by little, so a huge one is no time span.
        check_count(size)?;
        let [from, to] = [range.start, range.end].map(|at| i64::try_from(at).unwrap_or(i64::MAX));
        let mut audio = Audio { rate: self.rate, channels: vec![Vec::new(); self.channels] };
        // The last part that starts before the span, and those that start within it.
        let first = self.parts.partition_point(|part| part.at <= from).saturating_sub(1);
        for index in first..self.parts.len() {
            let Some(&part) = self.parts.get(index).filter(|part| part.at < to) else { break };
            let part_end = part.len.map_or(i64::MAX, |len| part.at.saturating_add(len));
            let (from, to) = (from.max(part.at), to.min(part_end));
            if from >= to {
                continue;
            }
            let media = |at: i64| at.saturating_sub(part.at).saturating_add(part.from);
            if media(from) < self.released {
                self.restart(input)?;
            }
            let end = self.decode(input, media(from)..media(to))?;
            // Silence between two parts.
            let before = usize::try_from(from).unwrap_or(usize::MAX).saturating_sub(range.start);
            if end > media(from) {
                audio.channels.iter_mut().try_for_each(|channel| resize(channel, before))?;
                self.copy(media(from)..media(to).min(end), &mut audio.channels)?;
            }
        }
        // A span may end within a pause before the last part.
        let pause = self.parts.last().map_or(0, |part| part.at).min(to);
        let silent = usize::try_from(pause).unwrap_or(0).saturating_sub(range.start);
        if silent > audio.len() {
            audio.channels.iter_mut().try_for_each(|channel| resize(channel, silent))?;
        }
        Ok(audio)
    }

    /// Decodes again from the first packet.
    fn restart<R>(&mut self, input: &mut R) -> Result<(), MediaError>
    where
        P: AudioPackets<R>,
    {
        self.packets.restart(input)?;
        self.runs.clear();
        (self.released, self.settled, self.ended) = (0, 0, false);
        Ok(())
    }

    /// Decodes until `range` is complete and returns where the track ends if that is earlier. What
    /// lies before the range is released.
    fn decode<R>(&mut self, input: &mut R, range: Range<i64>) -> Result<i64, MediaError>
    where
        P: AudioPackets<R>,
    {
        self.release_before(range.start);
        while self.settled < range.end && !self.ended {
            self.ended = !self.packets.next(input)?;
            if !self.ended {
                self.place::<R>()?;
                self.release_before(range.start);
                let held: u64 =
                    self.runs.iter().map(|run| length(&run.channels).unsigned_abs()).sum();
                check_count(held.saturating_mul(self.channels as u64))?;
            }
        }
        Ok(self.runs.back().map_or(self.released, Run::end))
    }

    /// Places the packet that was decoded last.
    fn place<R>(&mut self) -> Result<(), MediaError>
    where
        P: AudioPackets<R>,
    {
        let end = self.runs.back().map_or(self.settled.max(self.released), Run::end);
        let jitter = JITTER * f64::from(self.rate);
        let stamped = self.packets.time().map(|time| time * f64::from(self.rate));
        let at = match stamped {
            // `as` saturates.
            Some(at) if self.runs.is_empty() || (at - end as f64).abs() > jitter => {
                at.round() as i64
            }
            _ => end,
        };
        if at < end {
            self.cut(at);
        }
        self.settled = at;
        let planes = self.packets.planes();
        match self.runs.back_mut() {
            Some(run) if run.end() == at => {
                for (channel, plane) in run.channels.iter_mut().zip(planes) {
                    extend(channel, plane)?;
                }
            }
            _ => self.runs.push_back(Run { at, channels: planes.to_vec() }),
        }
        Ok(())
    }

    /// Removes all samples from `at` on.
    fn cut(&mut self, at: i64) {
        while let Some(run) = self.runs.back_mut() {
            if run.at < at {
                let keep = usize::try_from(at.saturating_sub(run.at)).unwrap_or(usize::MAX);
                run.channels.iter_mut().for_each(|channel| channel.truncate(keep));
                break;
            }
            self.runs.pop_back();
        }
    }

    fn release_before(&mut self, at: i64) {
        if self.keeps_all || at <= self.released {
            return;
        }
        self.released = at;
        while let Some(run) = self.runs.front_mut() {
            // The last run stays, because the next packet may continue it.
            let rest = at.saturating_sub(run.at);
            if rest < length(&run.channels) || self.runs.len() == 1 {
                break;
            }
            self.runs.pop_front();
        }
        if let Some(run) = self.runs.front_mut() {
            let drop = at.saturating_sub(run.at).clamp(0, length(&run.channels));
            let samples = usize::try_from(drop).unwrap_or(0);
            run.channels.iter_mut().for_each(|channel| drop_front(channel, samples));
            run.at = run.at.saturating_add(drop);
        }
    }

    /// Appends samples of the track; silence in gaps.
    fn copy(&self, range: Range<i64>, out: &mut [Vec<f32>]) -> Result<(), MediaError> {
        let index = |value: i64| usize::try_from(value).unwrap_or(0);
        for (channel, out) in out.iter_mut().enumerate() {
            let start = out.len();
            resize(out, start.saturating_add(index(range.end.saturating_sub(range.start))))?;
            for run in &self.runs {
                let (from, to) = (range.start.max(run.at), range.end.min(run.end()));
                let samples = run.channels.get(channel);
                if from < to
                    && let Some(samples) =
                        samples.and_then(|all| all.get(index(from - run.at)..index(to - run.at)))
                    && let Some(space) = out.get_mut(start + index(from - range.start)..)
                    && let Some(space) = space.get_mut(..samples.len())
                {
                    space.copy_from_slice(samples);
                }
            }
        }
        Ok(())
    }
}

fn drop_front(samples: &mut Vec<f32>, count: usize) {
    samples.drain(..count.min(samples.len()));
}

/// Converts an edit list to samples. `scale` is in samples for each tick. `cuts` says whether the end
/// of a segment cuts a packet.
fn parts(edits: &EditList, first: i64, scale: f64, delay: usize, cuts: bool) -> Vec<Part> {
    let origin = edits.first();
    let origin = origin.clock_of(first.max(origin.start.unwrap_or(i64::MIN)));
    let samples = |ticks: i64| ticks as f64 * scale;
    let mut parts = Vec::new();
    for segment in edits.segments() {
        if segment.hold.is_some() {
            continue;
        }
        let start = first.max(segment.start.unwrap_or(i64::MIN));
        // FFmpeg drops whole samples before the edit.
        let from = samples(start.saturating_sub(first)).floor() as i64;
        let encoder = if from == 0 { i64::try_from(delay).unwrap_or(0) } else { 0 };
        // A single segment ends with a whole coded packet, as in FFmpeg; several are cut where they
        // end.
        let len = segment
            .end
            .filter(|_| cuts)
            .map(|end| samples(end.saturating_sub(start)).round() as i64);
        let at = samples(segment.clock_of(start).saturating_sub(origin)).round() as i64;
        parts.push(Part { at, from: from.saturating_add(encoder), len });
    }
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{
        super::edit::tests::{PLAY, edits},
        *,
    };
    const RATE: u32 = 1000;

    /// Packets of ten samples with a level each, at given times in milliseconds.
    struct Packets {
        times: Vec<i64>,
        next: usize,
        planes: Vec<Vec<f32>>,
    }

    impl AudioPackets<()> for Packets {
        fn next(&mut self, _: &mut ()) -> Result<bool, MediaError> {
            if self.next == self.times.len() {
                return Ok(false);
            }
            self.next += 1;
            self.planes = vec![vec![self.next as f32; 10]];
            Ok(true)
        }

        fn restart(&mut self, _: &mut ()) -> Result<(), MediaError> {
            self.next = 0;
            Ok(())
        }

        fn time(&self) -> Option<f64> {
            Some((self.times[self.next - 1] - self.times[0]) as f64 / f64::from(RATE))
        }

        fn planes(&self) -> &[Vec<f32>] {
            &self.planes
        }

        fn rate(&self) -> u32 {
            RATE
        }

        fn delay(&self) -> usize {
            0
        }
    }

    fn placed(times: &[i64], list: &[(i64, i64, u32)]) -> PlacedAudio<Packets> {
        let packets = Packets { times: times.to_vec(), next: 0, planes: Vec::new() };
        let list = edits(list);
        PlacedAudio::new(packets, &mut (), &list, times[0], 1.0 / f64::from(RATE)).unwrap()
    }

    /// The levels of the samples between two times in milliseconds, as runs of equal ones.
    fn levels(placed: &mut PlacedAudio<Packets>, from: i64, to: i64) -> Vec<(f32, usize)> {
        let audio = placed.between(&mut (), from as f64 / 1000.0, to as f64 / 1000.0).unwrap();
        let mut runs: Vec<(f32, usize)> = Vec::new();
        for &level in &audio.channels[0] {
            match runs.last_mut() {
                Some((last, count)) if *last == level => *count += 1,
                _ => runs.push((level, 1)),
            }
        }
        runs
    }

    #[test]
    fn packets_follow_each_other_despite_jitter() {
        let mut audio = placed(&[0, 12, 19, 33], &[]);
        let expected = [(1.0, 10), (2.0, 10), (3.0, 10), (4.0, 10)];
        assert_eq!(levels(&mut audio, 0, 100), expected);
    }

    #[test]
    fn a_lost_packet_is_silence_in_its_place() {
        let mut audio = placed(&[5, 15, 45, 55], &[]);
        let expected = [(1.0, 10), (2.0, 10), (0.0, 20), (3.0, 10), (4.0, 10)];
        assert_eq!(levels(&mut audio, 0, 100), expected);
        let mut audio = placed(&[5, 15, 45, 55], &[]);
        assert_eq!(levels(&mut audio, 15, 25), [(2.0, 5), (0.0, 5)]);
        assert_eq!(levels(&mut audio, 22, 45), [(0.0, 18), (3.0, 5)]);
        assert_eq!(levels(&mut audio, 10, 20), [(2.0, 10)], "decoded again");
    }

    #[test]
    fn a_packet_replaces_what_it_overlaps() {
        // As joined files do: the last packet of the first file reaches into the second.
        let mut audio = placed(&[0, 10, 11, 21], &[]);
        assert_eq!(levels(&mut audio, 0, 100), [(1.0, 10), (2.0, 1), (3.0, 10), (4.0, 10)]);
        let mut audio = placed(&[0, 10, 20, 0, 10], &[]);
        assert_eq!(levels(&mut audio, 0, 100), [(4.0, 10), (5.0, 10)], "starts again");
    }

    #[test]
    fn rounding_does_not_add_up() {
        // Each packet lasts 9 of its 10 ms: after six packets the difference is corrected.
        let times: Vec<i64> = (0..20).map(|index| index * 9).collect();
        let mut audio = placed(&times, &[]);
        let total: usize = levels(&mut audio, 0, 500).iter().map(|run| run.1).sum();
        assert!((181..=186).contains(&total), "{total}");
    }

    #[test]
    fn edit_lists_select_parts() {
        let times: Vec<i64> = (0..10).map(|index| index * 10).collect();
        // 15 ms from 3 ms on, a pause of 10 ms, then the rest from 62 ms on.
        let edits = [(15, 3, PLAY), (10, -1, PLAY), (0, 62, PLAY)];
        let mut audio = placed(&times, &edits);
        let expected = [(1.0, 7), (2.0, 8), (0.0, 10), (7.0, 8), (8.0, 10), (9.0, 10), (10.0, 10)];
        assert_eq!(levels(&mut audio, 0, 500), expected);
        let mut audio = placed(&times, &edits);
        assert_eq!(levels(&mut audio, 12, 28), [(2.0, 3), (0.0, 10), (7.0, 3)]);
        let mut back = placed(&times, &[(20, 40, PLAY), (20, 0, PLAY)]);
        assert_eq!(levels(&mut back, 0, 20), [(5.0, 10), (6.0, 10)]);
        assert_eq!(levels(&mut back, 15, 25), [(6.0, 5), (1.0, 5)]);
    }

    #[test]
    fn a_span_within_a_pause_is_silent() {
        let edits = [(10, 0, PLAY), (50, -1, PLAY), (20, 40, PLAY)];
        let mut audio = placed(&[0, 10, 20, 30, 40, 50], &edits);
        assert_eq!(levels(&mut audio, 20, 40), [(0.0, 20)]);
        assert_eq!(levels(&mut audio, 5, 20), [(1.0, 5), (0.0, 10)]);
        assert_eq!(levels(&mut audio, 75, 200), [(6.0, 5)]);
    }

    #[test]
    fn far_time_stamps_take_no_memory() {
        let mut audio = placed(&[0, 10, i64::MAX / 2, i64::MAX], &[]);
        let expected = [(1.0, 10), (2.0, 10), (0.0, 80)];
        assert_eq!(levels(&mut audio, 0, 100), expected);
        assert!(audio.between(&mut (), 0.0, 1e9).is_err());
    }
}
