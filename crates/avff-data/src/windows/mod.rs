//! The windows of a clip: the parts that become samples.
//!
//! Frames and audio share one clock, so a window is a time span. Its frames are those shown in the
//! middle of each `1 / fps` seconds, and its audio covers the time span. Windows lie where the clip
//! has both frames and audio; the last one ends at the end of the clip.

mod indices;
mod left_out;
mod silence;

use avff_media::{
    Audio, AudioStream, DamagedPart, MAX_DAMAGED_PARTS, MediaError, MediaSource, Stream,
    missing_spans, source::missing,
};
use serde::Serialize;

pub use self::{
    indices::frame_indices,
    left_out::{Coverage, LeftOut},
    silence::Silence,
};
use crate::{
    error::DataError,
    spec::{ClipSpec, Sampling, TrimSilence},
};

/// Tolerance for rounded times, in seconds: less than a sample at 384 kHz.
const TOLERANCE: f64 = 1e-6;
/// Maximum number of windows of a clip: days of windows.
const MAX_WINDOWS: usize = 1 << 16;
/// Maximum number of frames of all windows together. The times of a hostile clip can request more
/// frames than it has.
const MAX_FRAMES: usize = 1 << 22;

/// A time span of a clip, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Span {
    /// Start.
    pub start: f64,
    /// End.
    pub end: f64,
}

impl Span {
    /// Returns the duration, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.end - self.start
    }

    fn intersection(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }
}

/// The part of a clip that a sample covers.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Indices of the frames in display order: the network's number of frames, non-decreasing.
    pub frames: Vec<usize>,
    /// Time span of the audio; `None` for all audio.
    pub span: Option<Span>,
}

impl Window {
    /// Returns whether `audio`, read for this window, covers its duration.
    pub(crate) fn is_covered_by(&self, audio: &Audio, spec: &ClipSpec) -> bool {
        let Some(span) = self.span.filter(|_| !spec.sampling.is_whole()) else { return true };
        // Up to half a frame interval may be missing, because the last audio packet is seldom full.
        let tolerance = 0.5 * span.seconds() / spec.video.frames.max(1) as f64;
        audio.seconds() + tolerance >= span.seconds()
    }

    /// Returns the error for `audio` that is shorter than the window.
    pub(crate) fn too_short(&self, audio: &Audio) -> DataError {
        let window = self.span.map_or(0.0, |span| span.seconds());
        DataError::ShorterThanWindow { seconds: audio.seconds(), window }
    }
}

/// Returns the time span with both frames and audio, according to the container.
///
/// # Errors
/// [`MediaError::Damaged`] for a clip without frames.
pub fn extent(source: &dyn MediaSource) -> Result<Span, DataError> {
    let info = source.info();
    let start = *source.frame_times().first().ok_or_else(|| DataError::from(missing(1, 0)))?;
    let frames = Span { start, end: info.video_end };
    Ok(frames.intersection(Span { start: info.audio_start, end: info.audio_end }))
}

/// Trims silence at both ends of a time span. Damage that is found elsewhere is added to `damage`.
///
/// # Errors
/// An error of reading the audio, and damage in the audio at the ends.
fn trim(
    stream: &mut dyn AudioStream,
    span: Span,
    options: TrimSilence,
    damage: &mut Vec<DamagedPart>,
) -> Result<Span, DataError> {
    let max = options.at_most.min(span.seconds());
    if max <= 0.0 {
        return Ok(span);
    }
    let mut between = |start, end| {
        loop {
            match stream.between(start, end) {
                Err(MediaError::DamagedPart(part))
                    if !part.touches(start, end) && damage.len() < MAX_DAMAGED_PARTS =>
                {
                    damage.push(part);
                }
                Err(error) => return Err(DataError::while_reading(Stream::Audio)(error.into())),
                Ok(audio) => return Ok(audio),
            }
        }
    };
    let head = between(span.start, span.start + max)?;
    let tail = between(span.end - max, span.end)?;
    Ok(Span {
        start: span.start + Silence::measure(&head, options.below_db).leading_seconds(head.rate),
        end: span.end - Silence::measure(&tail, options.below_db).trailing_seconds(tail.rate),
    })
}

/// Returns the windows of a clip, ordered by start; at least one. Windows are left out where the clip
/// cannot be trusted, as [`MediaInfo::damage`](avff_media::MediaInfo::damage) says.
///
/// # Errors
/// [`DataError::ShorterThanWindow`] if not one window fits, [`MediaError::TooLarge`] for too many
/// windows, [`DataError::Spec`], [`MediaError::Damaged`] for a clip without frames or one that lost the
/// media of every window, and errors of reading the audio for [`TrimSilence`].
pub fn windows(source: &mut dyn MediaSource, spec: &ClipSpec) -> Result<Vec<Window>, DataError> {
    Ok(plan_windows(source, spec)?.windows)
}

/// The windows of a clip, with those that are left out.
pub(crate) struct Plan {
    /// The windows.
    pub(crate) windows: Vec<Window>,
    /// The time spans of all windows, also of those that are left out; none for a clip that is sampled as
    /// a whole.
    pub(crate) spans: Vec<Span>,
    /// The known damage.
    pub(crate) damage: Vec<DamagedPart>,
}

/// Returns the windows like [`windows`], and those that are left out.
///
/// # Errors
/// See [`windows`].
pub(crate) fn plan_windows(
    source: &mut dyn MediaSource,
    spec: &ClipSpec,
) -> Result<Plan, DataError> {
    spec.validate()?;
    let mut damage = source.info().damage.clone();
    let frames = spec.video.frames;
    if let Sampling::Window { seconds, fps, stride } = spec.sampling {
        let mut span = extent(source)?;
        if let Some(options) = spec.trim_silence {
            span = trim(source.streams().1, span, options, &mut damage)?;
        }
        let all = plan(span, seconds, 1.0 / fps, stride)?;
        let touched =
            |window: &Span| damage.iter().any(|part| part.touches(window.start, window.end));
        let mut windows = all.clone();
        windows.retain(|window| !touched(window));
        if windows.is_empty() {
            return Err(match damage.first().filter(|_| !spec.damage.is_refuse()) {
                Some(part) => DataError::no_intact_window(all.len(), part.clone()),
                None => lost(&missing_spans(&damage)),
            });
        }
        let value = windows.len().saturating_mul(frames);
        if value > MAX_FRAMES {
            let (value, limit) = (value as u64, MAX_FRAMES as u64);
            return Err(MediaError::TooLarge {
                what: "number of frames of all windows",
                value,
                limit,
            }
            .into());
        }
        let times = source.frame_times();
        let to_window =
            |window| Window { frames: shown_frames(times, window, frames), span: Some(window) };
        let windows = windows.into_iter().map(to_window).collect();
        return Ok(Plan { windows, spans: all, damage });
    }
    if !damage.is_empty() {
        return Err(lost(&missing_spans(&damage)));
    }
    let whole = |window| Plan { windows: vec![window], spans: Vec::new(), damage: Vec::new() };
    let Some(options) = spec.trim_silence else {
        // Decord counts frames that an edit list hides, and repeats the last frame for them.
        let (shown, hidden) = (source.frame_count(), source.info().hidden_frames);
        let mut indices = frame_indices(shown.saturating_add(hidden), frames)?;
        indices.iter_mut().for_each(|index| *index = (*index).min(shown.saturating_sub(1)));
        return Ok(whole(Window { frames: indices, span: None }));
    };
    let audio = Span { start: source.info().audio_start, end: source.info().audio_end };
    let span = trim(source.streams().1, audio, options, &mut damage)?;
    let times = source.frame_times();
    // From the frame shown when the audio starts to the last frame before it ends.
    let first = times.partition_point(|&time| time <= span.start + TOLERANCE).saturating_sub(1);
    let end = times.partition_point(|&time| time < span.end - TOLERANCE).max(first + 1);
    let mut indices = frame_indices(end.min(times.len()).saturating_sub(first), frames)?;
    indices.iter_mut().for_each(|index| *index += first);
    Ok(whole(Window { frames: indices, span: Some(span) }))
}

/// Returns the error for a clip whose parts were lost.
fn lost(holes: &[(f64, f64)]) -> DataError {
    let parts: Vec<String> =
        holes.iter().take(3).map(|(start, end)| format!("{start:.2} to {end:.2} s")).collect();
    let more = if holes.len() > 3 { " and later" } else { "" };
    let what = format!("its media from {}{more} is missing", parts.join(", "));
    MediaError::Damaged { stream: Stream::Video, what }.into()
}

/// Returns the windows of two complete clips concatenated in time, as in Open-AVFF. The frames of a
/// sample are spread over the frames of both clips, and their audio is concatenated.
///
/// # Errors
/// [`MediaError::Damaged`] for clips without frames.
pub fn concat_windows(
    first: usize,
    second: usize,
    spec: &ClipSpec,
) -> Result<(Window, Window), DataError> {
    let indices = frame_indices(first.saturating_add(second), spec.video.frames)?;
    let (own, other) = indices.split_at(indices.partition_point(|&index| index < first));
    let other = other.iter().map(|index| index - first).collect();
    Ok((Window { frames: own.to_vec(), span: None }, Window { frames: other, span: None }))
}

/// Plans windows from the start of `span`, `stride` apart. A final window ends with the span if
/// more than `interval` would remain.
fn plan(span: Span, seconds: f64, interval: f64, stride: f64) -> Result<Vec<Span>, DataError> {
    let rest = span.seconds() - seconds;
    if rest < -TOLERANCE {
        return Err(DataError::ShorterThanWindow {
            seconds: span.seconds().max(0.0),
            window: seconds,
        });
    }
    let last = ((rest + TOLERANCE) / stride).floor();
    if last >= MAX_WINDOWS as f64 {
        let (value, limit) = (last as u64, MAX_WINDOWS as u64);
        return Err(MediaError::TooLarge { what: "number of windows", value, limit }.into());
    }
    let window = |start: f64| Span { start, end: start + seconds };
    let mut windows: Vec<Span> =
        (0..=last as usize).map(|index| window(span.start + index as f64 * stride)).collect();
    if rest - last * stride > interval + TOLERANCE {
        windows.push(window(span.end - seconds));
    }
    Ok(windows)
}

/// Returns the frame indices of a window: the frames shown in the middle of each interval.
fn shown_frames(times: &[f64], window: Span, frames: usize) -> Vec<usize> {
    let step = window.seconds() / frames.max(1) as f64;
    let at = |frame: usize| window.start + (frame as f64 + 0.5) * step + TOLERANCE;
    (0..frames)
        .map(|frame| times.partition_point(|&time| time <= at(frame)).saturating_sub(1))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

    use proptest::prelude::*;

    use std::ops::ControlFlow;

    use super::*;
    use crate::{
        pipeline::{Sample, read_samples},
        tensors::audio_tensor,
    };
    use avff_media::testing::TestClip;

    fn spec(stride: f64) -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (4, 2, 3);
        (spec.video.mean, spec.video.std) = ([0.0; 3], [1.0 / 255.0; 3]);
        (spec.audio.frames, spec.audio.mels) = (7, 8);
        spec.sampling = Sampling::Window { seconds: 0.8, fps: 5.0, stride };
        spec
    }

    fn all(source: &mut TestClip, spec: &ClipSpec) -> Result<Vec<Sample>, DataError> {
        let mut samples = Vec::new();
        read_samples(source, spec, &mut |sample| {
            samples.push(sample);
            ControlFlow::Continue(())
        })?;
        Ok(samples)
    }

    /// Returns the level of each frame of a sample.
    fn levels(sample: &Sample) -> Vec<usize> {
        sample.clip.video.chunks(6).take(4).map(|frame| frame[0].round() as usize).collect()
    }

    #[test]
    fn window_has_mid_interval_frames_and_its_own_audio() {
        // 2.4 s at 25 fps: three windows with every fifth frame, from 100 ms on.
        let mut source = TestClip::with_samples(60, 19_200);
        let samples = all(&mut source, &spec(0.8)).unwrap();
        let starts: Vec<f64> = samples.iter().map(|sample| sample.span.start).collect();
        assert_eq!(starts, [0.0, 0.8, 1.6]);
        assert_eq!(levels(&samples[0]), [2, 7, 12, 17]);
        assert_eq!(levels(&samples[2]), [42, 47, 52, 57]);
        assert_eq!(source.frames.requests.len(), 1, "one pass over the frames");
        let wave = source.audio.0.part(6_400, 12_800);
        let expected = audio_tensor(&wave, &spec(0.8).audio).unwrap();
        assert_eq!(samples[1].clip.audio, expected);
        assert_ne!(samples[0].clip.audio, expected);
    }

    #[test]
    fn windows_may_overlap_and_the_tail_is_covered() {
        // 2.0 s: windows at 0.0, 0.5 and 1.0 fit; the remaining 0.2 s do not exceed an interval.
        let at = |samples: &[Sample]| samples.iter().map(|s| s.span.start).collect::<Vec<_>>();
        let samples = all(&mut TestClip::with_samples(50, 16_000), &spec(0.5)).unwrap();
        assert_eq!(at(&samples), [0.0, 0.5, 1.0]);
        assert_eq!(levels(&samples[1]), [15, 20, 25, 30]);
        // 2.24 s: 0.44 s remain.
        let samples = all(&mut TestClip::with_samples(56, 17_920), &spec(0.5)).unwrap();
        assert_eq!(at(&samples)[..3], [0.0, 0.5, 1.0]);
        assert!((samples[3].span.end - 2.24).abs() < 1e-9, "{samples:?}");
    }

    #[test]
    fn clip_shorter_than_a_window_is_an_error() {
        let error = all(&mut TestClip::with_samples(19, 16_000), &spec(0.8)).unwrap_err();
        assert!(matches!(error, DataError::ShorterThanWindow { .. }), "{error}");
        assert_eq!(all(&mut TestClip::with_samples(20, 6_400), &spec(0.8)).unwrap().len(), 1);
        // The container declares more audio than it contains.
        let mut short = TestClip::with_samples(60, 19_200);
        short.audio.0 = short.audio.0.part(0, 8_000);
        assert_eq!(all(&mut short, &spec(0.8)).unwrap().len(), 1, "windows end with the audio");
        short.audio.0 = short.audio.0.part(0, 4_000);
        let error = all(&mut short, &spec(0.8)).unwrap_err();
        assert!(matches!(error, DataError::ShorterThanWindow { .. }), "{error}");
    }

    #[test]
    fn windows_of_extreme_times_are_bounded() {
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
        let mut source = TestClip::with_samples(600, 192_000);
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
    fn silence_is_trimmed_from_both_streams() {
        let mut source = TestClip::with_samples(60, 19_200);
        for sample in &mut source.audio.0.channels[0][..1_600] {
            *sample = 0.0;
        }
        let mut spec = spec(0.8);
        spec.trim_silence = Some(TrimSilence::default());
        let samples = all(&mut source, &spec).unwrap();
        // Sample 1,600 of the tone is not 0, so the clip starts at 200 ms for frames too.
        assert!((samples[0].span.start - 0.2).abs() < 2e-3, "{:?}", samples[0].span);
        assert_eq!(levels(&samples[0]), [7, 12, 17, 22]);
        // A complete clip also starts with the frame shown when the audio begins.
        spec.sampling = Sampling::Whole;
        let samples = all(&mut source, &spec).unwrap();
        assert_eq!(levels(&samples[0]), [5, 23, 41, 59]);
        assert!((samples[0].span.start - 0.2).abs() < 2e-3, "{:?}", samples[0].span);
    }

    proptest! {
        #[test]
        fn windows_lie_inside_and_cover_the_span(
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
