//! Whether lips move with the voice: a measure without learning.
//!
//! People move their lips more where they speak more loudly. [`measure`] correlates the motion of the
//! lower face with the loudness of the audio, at several offsets between the two. The correlation of
//! streams that belong together is highest near an offset of 0; another person's voice, or the own
//! voice shifted, correlates less there.
//!
//! The measure knows neither phonemes nor lip shapes. It is a baseline: a network has to do better to
//! be worth its weights. On talking heads of 15 people it separated real clips from clips with
//! another person's voice with an AUC of 0.83; docs/src/explanation/synchrony.md has the numbers.

mod correlation;
mod fitness;
mod loudness;
mod motion;
mod series;

use std::{cell::Cell, ops::ControlFlow, path::Path};

use avff_face::{FaceCrop, FaceStream, NoFace};
use avff_media::{MediaSource, OpenOptions, Stream, source::missing};
use serde::Serialize;

pub use self::fitness::{FaceSeen, Finding};
use self::{correlation::Correlation, motion::Motion, series::Series};
use crate::error::{ClipError, DataError};

/// The rate at which motion and loudness are compared, in Hz.
pub const RATE: f64 = 25.0;
/// The longest part of a clip that is measured, in seconds from its start.
pub const LONGEST: f64 = 60.0;
/// The shortest common part of both streams that is measured, in seconds. Two seconds hold few
/// syllables.
pub const SHORTEST: f64 = 2.0;
/// The offsets of the audio that count as in time, in steps of 1 / [`RATE`]: -40 to 120 ms. Lips
/// begin to move before the sound, and a delay of the audio up to a few frames is usual in files.
const IN_TIME: std::ops::RangeInclusive<i32> = -1..=3;
/// The offsets that are searched, in steps of 1 / [`RATE`]: one second either way.
const SEARCHED: std::ops::RangeInclusive<i32> = -25..=25;
/// An offset is reported if its correlation is at least this number over the square root of the
/// seconds. Correlations of unrelated streams shrink so with length; over all searched offsets, one
/// in fifteen clips of another person's voice reaches it.
const SURE: f64 = 1.2;
/// The least standard deviation of the motion's logarithm. Below it, the face hardly moves.
const LEAST_MOTION: f64 = 0.15;
/// The least standard deviation of the loudness' logarithm. Below it, the audio is silent or even.
const LEAST_LOUDNESS: f64 = 0.2;

/// How well the motion of the lower face follows the loudness of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Synchrony {
    /// The highest correlation near an offset of 0 (-40 to 120 ms), from -1 to 1. `None` where
    /// nothing can be told.
    pub correlation: Option<f64>,
    /// The offset of the audio against the frames with the highest correlation, in milliseconds:
    /// above 0 where the audio is late. `None` where no offset within a second stands out.
    pub offset_ms: Option<f64>,
    /// The correlation at the best offset within a second, whether or not it stands out.
    pub best_correlation: Option<f64>,
    /// The correlation that an offset needs to stand out. It falls with the length of the clip.
    pub needed: f64,
    /// Why nothing can be told; `None` where the correlation was measured.
    pub cannot_tell: Option<CannotTell>,
    /// The measured seconds, from the start of the clip.
    pub seconds: f64,
    /// The main face in these seconds; `None` for a clip that is too short.
    pub face: Option<FaceSeen>,
    /// The share of these seconds that is silent; `None` for a clip that is too short.
    pub silence: Option<f64>,
}

/// Why lips and voice cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
pub enum CannotTell {
    /// The common part of frames and audio is shorter than two seconds.
    #[strum(to_string = "the clip is shorter than 2 s")]
    TooShort,
    /// A face was found in fewer than half of the frames.
    #[strum(to_string = "a face was found in fewer than half of the frames")]
    NoFace,
    /// The lower face hardly moves.
    #[strum(to_string = "the face hardly moves")]
    Still,
    /// The audio is silent, or equally loud throughout.
    #[strum(to_string = "the audio is silent or equally loud throughout")]
    EvenAudio,
}

impl Synchrony {
    fn unknown(reason: CannotTell, seconds: f64) -> Self {
        Self {
            correlation: None,
            offset_ms: None,
            best_correlation: None,
            needed: needed(seconds),
            cannot_tell: Some(reason),
            seconds,
            face: None,
            silence: None,
        }
    }
}

/// The correlation that an offset needs to stand out in a clip of this length, at most 1.
fn needed(seconds: f64) -> f64 {
    (SURE / seconds.max(SHORTEST).sqrt()).min(1.0)
}

/// Measures the clip at `path`.
///
/// # Errors
/// Any error that prevents reading both streams. A clip without a face is not an error.
pub fn measure(path: &Path, options: OpenOptions) -> Result<Synchrony, ClipError> {
    let read = || measure_source(&mut *avff_media::open_with(path, options)?);
    read().map_err(|source| ClipError::new(path, source))
}

/// Measures an open clip.
///
/// # Errors
/// See [`measure`].
pub fn measure_source(source: &mut dyn MediaSource) -> Result<Synchrony, DataError> {
    let info = source.info();
    let (from, to) = (info.audio_start.max(0.0), info.audio_end.min(info.video_end).min(LONGEST));
    let pixel_aspect = info.pixel_aspect;
    let all_times = source.frame_times().to_vec();
    let from = from.max(all_times.first().copied().unwrap_or(0.0));
    if to - from < SHORTEST {
        return Ok(Synchrony::unknown(CannotTell::TooShort, (to - from).max(0.0)));
    }
    let indices = series::frames(&all_times, from, to);
    let times: Vec<f64> = indices.iter().filter_map(|&at| all_times.get(at).copied()).collect();
    let (frames, audio) = source.streams();

    let crop = FaceCrop { no_face: NoFace::Full, ..FaceCrop::default() };
    let without_face = Cell::new(false);
    let mut motion = Motion::default();
    let mut faces =
        FaceStream::new(frames, &all_times, crop).pixel_aspect(pixel_aspect).report(&without_face);
    let read = faces.try_frames(&indices, |_, frame| {
        if without_face.get() {
            return Ok(ControlFlow::Break(()));
        }
        motion.add(&frame)?;
        Ok::<_, DataError>(ControlFlow::Continue(()))
    });
    read.map_err(DataError::while_reading(Stream::Video))?;
    let face = faces.faces().map(FaceSeen::of);
    let wave = audio
        .between(from, to)
        .map_err(|error| DataError::Media { stream: Some(Stream::Audio), source: error })?;
    let silence = Some(fitness::silence(&wave));
    let complete = |synchrony| Synchrony { face, silence, ..synchrony };
    if without_face.get() {
        return Ok(complete(Synchrony::unknown(CannotTell::NoFace, to - from)));
    }
    let changes = motion.into_changes();
    if changes.len() + 1 != times.len() {
        return Err(missing(times.len(), changes.len() + 1).into());
    }
    let loudness = loudness::levels(&wave, RATE);
    let steps = loudness.len().min(((to - from) * RATE) as usize);
    let motion = Series::from_intervals(&times, &changes, from, RATE, steps);
    let loudness = Series::new(loudness.into_iter().take(steps).collect());
    Ok(complete(compare(&motion, &loudness, steps as f64 / RATE)))
}

/// Compares two series of equal length.
fn compare(motion: &Series, loudness: &Series, seconds: f64) -> Synchrony {
    let reason = if seconds < SHORTEST {
        Some(CannotTell::TooShort)
    } else if motion.deviation() < LEAST_MOTION {
        Some(CannotTell::Still)
    } else if loudness.deviation() < LEAST_LOUDNESS {
        Some(CannotTell::EvenAudio)
    } else {
        None
    };
    if let Some(reason) = reason {
        return Synchrony::unknown(reason, seconds);
    }
    let (motion, loudness) = (motion.smoothed(), loudness.smoothed());
    let best = |offsets| Correlation::best(&motion, &loudness, offsets);
    let (in_time, searched) = (best(IN_TIME), best(SEARCHED));
    let needed = needed(seconds);
    let stands_out = searched.filter(|best| best.value >= needed);
    Synchrony {
        correlation: in_time.map(|best| best.value),
        offset_ms: stands_out.map(|best| f64::from(best.steps) * 1000.0 / RATE),
        best_correlation: searched.map(|best| best.value),
        needed,
        cannot_tell: None,
        seconds,
        face: None,
        silence: None,
    }
}
