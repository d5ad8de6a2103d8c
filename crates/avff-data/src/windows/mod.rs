//! The parts of a clip that become samples: the whole of it, or windows.
//!
//! Pictures and sound lie on one clock, so a window is a span of time: its pictures are those shown
//! in the middle of each `1 / fps` seconds of it, its sound is that of the very span. Windows lie
//! where there are both pictures and sound; the last one ends where the clip does.

mod indices;
mod silence;

use avff_media::{Audio, AudioStream, MediaError, MediaSource, Stream, source::missing};
use serde::Serialize;

pub use self::{indices::frame_indices, silence::Silence};
use crate::{
    error::DataError,
    spec::{ClipSpec, Sampling, TrimSilence},
};

/// Slack for times that were rounded on their way, in seconds: under a sample at 384 kHz.
const SLACK: f64 = 1e-6;
/// The most windows of a clip: days of them.
const MAX_WINDOWS: usize = 1 << 16;
/// The most pictures of all windows together; times of a hostile clip can ask for more than it has.
const MAX_PLACES: usize = 1 << 22;

/// A part of a clip, in seconds on its clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Span {
    /// Where it starts.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

impl Span {
    /// Its length, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.end - self.start
    }

    fn cut(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }
}

/// The part of a clip that a sample shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The indices of its frames in display order: as many as the network takes, never decreasing.
    pub frames: Vec<usize>,
    /// Where its audio starts and ends; none for all of it.
    pub span: Option<Span>,
}

impl Window {
    /// Whether `audio`, which was read for it, lasts as long as it does.
    pub(crate) fn is_covered_by(&self, audio: &Audio, spec: &ClipSpec) -> bool {
        let Some(span) = self.span.filter(|_| !spec.sampling.is_whole()) else { return true };
        // Less than half an interval may be missing: the last packet of audio is seldom full.
        let slack = 0.5 * span.seconds() / spec.video.frames.max(1) as f64;
        audio.seconds() + slack >= span.seconds()
    }

    /// The error for `audio` that ends before it does.
    pub(crate) fn too_short(&self, audio: &Audio) -> DataError {
        let window = self.span.map_or(0.0, |span| span.seconds());
        DataError::ShorterThanWindow { seconds: audio.seconds(), window }
    }
}

/// When pictures are shown: from the first to one usual interval after the last.
pub(crate) fn shown(times: &[f64]) -> Option<Span> {
    let (&start, &last) = (times.first()?, times.last()?);
    let steps = times.len().saturating_sub(1).max(1) as f64;
    Some(Span { start, end: last + (last - start) / steps })
}

/// Where a clip has both pictures and sound, as its container says.
///
/// # Errors
/// [`MediaError::Damaged`] for a clip without pictures.
pub fn extent(source: &dyn MediaSource) -> Result<Span, DataError> {
    let pictures = shown(source.frame_times()).ok_or_else(|| DataError::from(missing(1, 0)))?;
    let info = source.info();
    Ok(pictures.cut(Span { start: info.audio_start, end: info.audio_end }))
}

/// Leaves silence at both ends out of a span.
///
/// # Errors
/// What reading the sound reports.
fn trim(sound: &mut dyn AudioStream, span: Span, how: TrimSilence) -> Result<Span, DataError> {
    let most = how.at_most.min(span.seconds());
    if most <= 0.0 {
        return Ok(span);
    }
    let mut between = |start, end| {
        let audio = sound.between(start, end).map_err(DataError::from);
        audio.map_err(DataError::while_reading(Stream::Audio))
    };
    let head = between(span.start, span.start + most)?;
    let tail = between(span.end - most, span.end)?;
    Ok(Span {
        start: span.start + Silence::of(&head, how.below_db).leading_seconds(head.rate),
        end: span.end - Silence::of(&tail, how.below_db).trailing_seconds(tail.rate),
    })
}

/// The parts of a clip that become samples, in the order of their starts; at least one.
///
/// # Errors
/// [`DataError::ShorterThanWindow`] where not one window fits, [`MediaError::TooLarge`] for too many,
/// [`DataError::Spec`], [`MediaError::Damaged`] for a clip without pictures, and what reading the sound
/// for [`TrimSilence`] reports.
pub fn windows(source: &mut dyn MediaSource, spec: &ClipSpec) -> Result<Vec<Window>, DataError> {
    spec.validate()?;
    let frames = spec.video.frames;
    if let Sampling::Window { seconds, fps, stride } = spec.sampling {
        let mut span = extent(source)?;
        if let Some(how) = spec.trim_silence {
            span = trim(source.streams().1, span, how)?;
        }
        let windows = plan(span, seconds, 1.0 / fps, stride)?;
        let value = windows.len().saturating_mul(frames);
        if value > MAX_PLACES {
            let (value, limit) = (value as u64, MAX_PLACES as u64);
            return Err(MediaError::TooLarge {
                what: "number of frames of all windows",
                value,
                limit,
            }
            .into());
        }
        let times = source.frame_times();
        let part = |window| Window { frames: places(times, window, frames), span: Some(window) };
        return Ok(windows.into_iter().map(part).collect());
    }
    let Some(how) = spec.trim_silence else {
        let places = frame_indices(source.frame_count(), frames)?;
        return Ok(vec![Window { frames: places, span: None }]);
    };
    let sound = Span { start: source.info().audio_start, end: source.info().audio_end };
    let span = trim(source.streams().1, sound, how)?;
    let times = source.frame_times();
    // The picture on the screen when the sound begins, to the last before it ends.
    let first = times.partition_point(|&time| time <= span.start + SLACK).saturating_sub(1);
    let end = times.partition_point(|&time| time < span.end - SLACK).max(first + 1);
    let mut places = frame_indices(end.min(times.len()).saturating_sub(first), frames)?;
    places.iter_mut().for_each(|place| *place += first);
    Ok(vec![Window { frames: places, span: Some(span) }])
}

/// How two whole clips are joined in time, as Open-AVFF does: the frames of a sample are spread over the
/// frames of both, and their audio follows each other. Gives a window of each.
///
/// # Errors
/// [`MediaError::Damaged`] for clips without frames.
pub fn joined(first: usize, second: usize, spec: &ClipSpec) -> Result<(Window, Window), DataError> {
    let indices = frame_indices(first.saturating_add(second), spec.video.frames)?;
    let (own, other) = indices.split_at(indices.partition_point(|&index| index < first));
    let other = other.iter().map(|index| index - first).collect();
    Ok((Window { frames: own.to_vec(), span: None }, Window { frames: other, span: None }))
}

/// Windows from the start of `span` on, `stride` apart, and one that ends with it where more than
/// `interval` would be left over.
fn plan(span: Span, seconds: f64, interval: f64, stride: f64) -> Result<Vec<Span>, DataError> {
    let rest = span.seconds() - seconds;
    if rest < -SLACK {
        return Err(DataError::ShorterThanWindow {
            seconds: span.seconds().max(0.0),
            window: seconds,
        });
    }
    let last = ((rest + SLACK) / stride).floor();
    if last >= MAX_WINDOWS as f64 {
        let (value, limit) = (last as u64, MAX_WINDOWS as u64);
        return Err(MediaError::TooLarge { what: "number of windows", value, limit }.into());
    }
    let window = |start: f64| Span { start, end: start + seconds };
    let mut windows: Vec<Span> =
        (0..=last as usize).map(|index| window(span.start + index as f64 * stride)).collect();
    if rest - last * stride > interval + SLACK {
        windows.push(window(span.end - seconds));
    }
    Ok(windows)
}

/// The places of the pictures of a window: those shown in the middle of each interval.
fn places(times: &[f64], window: Span, frames: usize) -> Vec<usize> {
    let step = window.seconds() / frames.max(1) as f64;
    let at = |frame: usize| window.start + (frame as f64 + 0.5) * step + SLACK;
    (0..frames)
        .map(|frame| times.partition_point(|&time| time <= at(frame)).saturating_sub(1))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use std::ops::ControlFlow;

    use super::*;
    use crate::{
        pipeline::{Sample, read_samples},
        tensors::audio_tensor,
    };
    use avff_media::testing::Fake;

    fn spec(stride: f64) -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (4, 2, 3);
        (spec.video.mean, spec.video.std) = ([0.0; 3], [1.0 / 255.0; 3]);
        (spec.audio.frames, spec.audio.mels) = (7, 8);
        spec.sampling = Sampling::Window { seconds: 0.8, fps: 5.0, stride };
        spec
    }

    fn all(source: &mut Fake, spec: &ClipSpec) -> Result<Vec<Sample>, DataError> {
        let mut samples = Vec::new();
        read_samples(source, spec, &mut |sample| {
            samples.push(sample);
            ControlFlow::Continue(())
        })?;
        Ok(samples)
    }

    /// The levels of a sample's pictures, one each.
    fn levels(sample: &Sample) -> Vec<usize> {
        sample.clip.video.chunks(6).take(4).map(|picture| picture[0].round() as usize).collect()
    }

    #[test]
    fn pictures_are_those_shown_mid_interval_and_sound_is_the_span() {
        // 2.4 s at 25 pictures a second: three windows, each a picture every 5, from 100 ms on.
        let mut source = Fake::lasting(60, 19_200);
        let samples = all(&mut source, &spec(0.8)).unwrap();
        let starts: Vec<f64> = samples.iter().map(|sample| sample.span.start).collect();
        assert_eq!(starts, [0.0, 0.8, 1.6]);
        assert_eq!(levels(&samples[0]), [2, 7, 12, 17]);
        assert_eq!(levels(&samples[2]), [42, 47, 52, 57]);
        assert_eq!(source.pictures.asked.len(), 1, "one pass over the pictures");
        let wave = source.wave.0.part(6_400, 12_800);
        let want = audio_tensor(&wave, &spec(0.8).audio).unwrap();
        assert_eq!(samples[1].clip.audio, want);
        assert_ne!(samples[0].clip.audio, want);
    }

    #[test]
    fn windows_may_overlap_and_the_tail_is_covered() {
        // 2.0 s: 0.0, 0.5 and 1.0 fit, 0.2 s are left over: not more than an interval.
        let at = |samples: &[Sample]| samples.iter().map(|s| s.span.start).collect::<Vec<_>>();
        let samples = all(&mut Fake::lasting(50, 16_000), &spec(0.5)).unwrap();
        assert_eq!(at(&samples), [0.0, 0.5, 1.0]);
        assert_eq!(levels(&samples[1]), [15, 20, 25, 30]);
        // 2.24 s: 0.44 s are left over.
        let samples = all(&mut Fake::lasting(56, 17_920), &spec(0.5)).unwrap();
        assert_eq!(at(&samples)[..3], [0.0, 0.5, 1.0]);
        assert!((samples[3].span.end - 2.24).abs() < 1e-9, "{samples:?}");
    }

    #[test]
    fn a_clip_that_is_too_short_for_one_window_has_none() {
        let error = all(&mut Fake::lasting(19, 16_000), &spec(0.8)).unwrap_err();
        assert!(matches!(error, DataError::ShorterThanWindow { .. }), "{error}");
        assert_eq!(all(&mut Fake::lasting(20, 6_400), &spec(0.8)).unwrap().len(), 1);
        // The container promised more sound than there is.
        let mut short = Fake::lasting(60, 19_200);
        short.wave.0 = short.wave.0.part(0, 8_000);
        assert_eq!(all(&mut short, &spec(0.8)).unwrap().len(), 1, "windows end with the sound");
        short.wave.0 = short.wave.0.part(0, 4_000);
        let error = all(&mut short, &spec(0.8)).unwrap_err();
        assert!(matches!(error, DataError::ShorterThanWindow { .. }), "{error}");
    }

    #[test]
    fn windows_of_absurd_times_are_bounded() {
        for end in [f64::MAX, f64::INFINITY] {
            let error = plan(Span { start: 0.0, end }, 0.8, 0.2, 0.1).unwrap_err();
            assert!(matches!(error.media(), Some(MediaError::TooLarge { .. })), "{error}");
        }
        for span in [Span { start: 3.0, end: -f64::MAX }, Span { start: 1.0, end: 1.0 }] {
            let error = plan(span, 0.8, 0.2, 0.1).unwrap_err();
            assert!(matches!(error, DataError::ShorterThanWindow { .. }), "{error}");
        }
    }

    #[test]
    fn breaking_stops_the_reader() {
        let mut source = Fake::lasting(600, 192_000);
        assert_eq!(windows(&mut source, &spec(0.8)).unwrap().len(), 30);
        let mut count = 0;
        read_samples(&mut source, &spec(0.8), &mut |_| {
            count += 1;
            if count == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert_eq!(count, 2);
    }

    #[test]
    fn silence_is_left_out_of_both_streams() {
        let mut source = Fake::lasting(60, 19_200);
        for sample in &mut source.wave.0.channels[0][..1_600] {
            *sample = 0.0;
        }
        let mut spec = spec(0.8);
        spec.trim_silence = Some(TrimSilence::default());
        let samples = all(&mut source, &spec).unwrap();
        // Sample 1,600 of the tone is not 0: the clip starts at 200 ms for pictures too.
        assert!((samples[0].span.start - 0.2).abs() < 2e-3, "{:?}", samples[0].span);
        assert_eq!(levels(&samples[0]), [7, 12, 17, 22]);
        // A whole clip too, from the picture that is shown when the sound begins.
        spec.sampling = Sampling::Whole;
        let samples = all(&mut source, &spec).unwrap();
        assert_eq!(levels(&samples[0]), [5, 23, 41, 59]);
        assert!((samples[0].span.start - 0.2).abs() < 2e-3, "{:?}", samples[0].span);
    }

    proptest! {
        #[test]
        fn windows_lie_inside_and_cover(
            start in -5.0..5.0_f64,
            seconds in 0.1..40.0_f64,
            window in 0.2..4.0_f64,
            stride in 0.1..4.0_f64,
        ) {
            let span = Span { start, end: start + seconds };
            let Ok(windows) = plan(span, window, 0.2, stride) else {
                prop_assert!(seconds < window);
                return Ok(());
            };
            let (first, last) = (windows[0], windows[windows.len() - 1]);
            prop_assert!((first.start - start).abs() < 1e-9);
            prop_assert!(last.end <= span.end + 1e-5 && last.end > span.end - 0.2 - 1e-5);
            for pair in windows.windows(2) {
                prop_assert!(pair[0].start < pair[1].start);
                prop_assert!(pair[1].start - pair[0].start <= stride + 1e-9);
            }
        }
    }
}
