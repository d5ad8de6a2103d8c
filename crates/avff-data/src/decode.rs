//! From an open file to fitted frames and audio: the windows of a clip, decoded in one pass.
//!
//! Scoring turns what this gives into tensors at once. Training first varies frames as 8-bit RGB and
//! audio as a wave, and keeps both on disk.

use std::{cell::Cell, collections::BTreeMap, ops::ControlFlow};

use avff_face::FaceStream;
use avff_media::{Audio, AudioStream, Frame, FrameStream, MediaSource, Stream, source::missing};

use crate::{
    error::DataError,
    fbank::stretched_parts,
    fit::fit,
    spec::{AudioSpec, ClipSpec},
    windows::Window,
};

/// What is decoded of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Whether its frames are.
    pub frames: bool,
    /// In which form its audio is.
    pub audio: Option<AudioForm>,
}

/// How audio is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioForm {
    /// As a wave, to be changed before its filterbank is computed.
    Wave,
    /// As a filterbank.
    Fbank,
}

/// A window of a clip between decoding and tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedClip {
    /// Frames of the spec's size and number; none where none were wanted.
    pub frames: Vec<Frame>,
    /// The audio; none where it was not wanted.
    pub audio: Option<DecodedAudio>,
    /// Whether its frames are whole because no face was found in them, under
    /// [`NoFace::Full`](avff_face::NoFace::Full).
    pub without_face: bool,
}

/// Audio in one of its forms.
#[derive(Debug, Clone, PartialEq)]
pub enum DecodedAudio {
    /// Waves that follow each other, each at a rate of its own.
    Waves(Vec<Audio>),
    /// Log-mel energies stretched to the spec's frames, `[frames, mels]`, not normalised.
    Fbank(Vec<f32>),
}

impl DecodedAudio {
    /// The filterbank, computed where it is not there yet: `[frames, mels]`, not normalised.
    ///
    /// # Errors
    /// As [`stretched_parts`].
    pub fn fbank(self, spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
        match self {
            Self::Fbank(rows) => Ok(rows),
            Self::Waves(waves) => stretched_parts(&waves, spec),
        }
    }
}

/// Gets each window's index and what was decoded of it, and may break off.
pub type Each<'a> = &'a mut dyn FnMut(usize, DecodedClip) -> Result<ControlFlow<()>, DataError>;

/// Decodes `windows`, which are in order, and hands them to `each` until it breaks.
///
/// Frames are cut to the face where the spec says so, and brought to its size. They are decoded in one
/// pass and let go with the last window that shows them, and so is the audio. A window whose audio
/// ends before it does is the end of the clip, whatever its container says.
///
/// # Errors
/// What the source reports, [`DataError::NoFace`], [`DataError::ShorterThanWindow`] where the audio of
/// the very first window is too short, and the error of `each`.
pub fn decode(
    source: &mut dyn MediaSource,
    windows: &[Window],
    spec: &ClipSpec,
    want: Want,
    each: Each<'_>,
) -> Result<(), DataError> {
    let times = source.frame_times().to_vec();
    let (frames, audio) = source.streams();
    let mut hand = |index: usize, frames: Vec<Frame>, without_face: bool| {
        let mut decoded = DecodedClip { frames, audio: None, without_face };
        if let (Some(form), Some(window)) = (want.audio, windows.get(index)) {
            let wave = window_audio(audio, window)?;
            if !window.is_covered_by(&wave, spec) {
                return if index == 0 {
                    Err(window.too_short(&wave))
                } else {
                    Ok(ControlFlow::Break(()))
                };
            }
            decoded.audio = Some(match form {
                AudioForm::Wave => DecodedAudio::Waves(vec![wave]),
                AudioForm::Fbank => DecodedAudio::Fbank(
                    stretched_parts(&[wave], &spec.audio)
                        .map_err(DataError::while_reading(Stream::Audio))?,
                ),
            });
        }
        each(index, decoded)
    };
    if want.frames && windows.iter().any(|window| !window.frames.is_empty()) {
        return fitted_frames(frames, &times, windows, spec, &mut hand);
    }
    for index in 0..windows.len() {
        if hand(index, Vec::new(), false)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// [`decode`] for one window.
///
/// # Errors
/// As [`decode`].
pub fn decode_window(
    source: &mut dyn MediaSource,
    window: &Window,
    spec: &ClipSpec,
    want: Want,
) -> Result<DecodedClip, DataError> {
    let mut decoded = None;
    decode(source, std::slice::from_ref(window), spec, want, &mut |_, clip| {
        decoded = Some(clip);
        Ok(ControlFlow::Continue(()))
    })?;
    decoded.ok_or_else(|| missing(window.frames.len(), 0).into())
}

/// Gets a window's index, its frames, and whether they are whole for want of a face.
type EachFrames<'a> =
    &'a mut dyn FnMut(usize, Vec<Frame>, bool) -> Result<ControlFlow<()>, DataError>;

fn fitted_frames(
    stream: &mut dyn FrameStream,
    times: &[f64],
    windows: &[Window],
    spec: &ClipSpec,
    each: EachFrames<'_>,
) -> Result<(), DataError> {
    let mut indices: Vec<usize> =
        windows.iter().flat_map(|window| window.frames.iter().copied()).collect();
    indices.sort_unstable();
    indices.dedup();
    let without_face = Cell::new(false);
    // Full-size frames are the most memory a clip takes: one at a time is held.
    let mut fitted: BTreeMap<usize, Frame> = BTreeMap::new();
    let mut next = 0;
    let mut stopped = false;
    let sink = |index: usize, frame: Frame| {
        fitted.insert(index, fit(&frame, spec.video.fit, spec.video.width, spec.video.height)?);
        drop(frame);
        while let Some(window) = windows.get(next)
            && window.frames.last() <= Some(&index)
        {
            let frames: Vec<Frame> =
                window.frames.iter().filter_map(|at| fitted.get(at)).cloned().collect();
            if frames.len() != window.frames.len() {
                return Err(missing(window.frames.len(), frames.len()).into());
            }
            if each(next, frames, without_face.get())?.is_break() {
                stopped = true;
                return Ok(ControlFlow::Break(()));
            }
            next += 1;
            let needed = windows.get(next).and_then(|window| window.frames.first()).copied();
            fitted = fitted.split_off(&needed.unwrap_or(usize::MAX));
        }
        Ok::<_, DataError>(ControlFlow::Continue(()))
    };
    let read = match spec.face {
        None => stream.try_frames(&indices, sink),
        Some(crop) => {
            FaceStream::new(stream, times, crop).report(&without_face).try_frames(&indices, sink)
        }
    };
    read.map_err(DataError::while_reading(Stream::Video))?;
    if stopped || next == windows.len() {
        return Ok(());
    }
    Err(missing(indices.len(), fitted.len()).into())
}

fn window_audio(stream: &mut dyn AudioStream, window: &Window) -> Result<Audio, DataError> {
    let audio = match window.span {
        None => stream.whole(),
        Some(span) => stream.between(span.start, span.end),
    };
    audio.map_err(|error| DataError::while_reading(Stream::Audio)(error.into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use avff_media::testing::Fake;

    use super::*;
    use crate::windows::{Span, windows};

    const FRAMES: Want = Want { frames: true, audio: None };
    const WAVE: Want = Want { frames: false, audio: Some(AudioForm::Wave) };

    fn small() -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (6, 4, 5);
        (spec.audio.frames, spec.audio.mels) = (7, 8);
        spec
    }

    #[test]
    fn frames_are_the_references_and_repeat() {
        let spec = small();
        for count in [1, 3, 40] {
            let mut source = Fake::new(count);
            let window = windows(&mut source, &spec).unwrap().remove(0);
            let decoded = decode_window(&mut source, &window, &spec, FRAMES).unwrap();
            assert!(source.pictures.asked[0].is_sorted_by(|a, b| a < b), "each is decoded once");
            // floor(linspace(0, count - 1, 6)).
            let expected: Vec<usize> = (0..6).map(|i| i * (count - 1) / 5).collect();
            let levels: Vec<usize> =
                decoded.frames.iter().map(|frame| frame.rgb[0].into()).collect();
            assert_eq!(levels, expected);
            let decoded = decode_window(&mut source, &window, &spec, WAVE).unwrap();
            assert_eq!(decoded.audio, Some(DecodedAudio::Waves(vec![source.wave.0.clone()])));
        }
    }

    #[test]
    fn missing_frames_are_an_error() {
        let mut source = Fake::new(9);
        source.pictures.short_by = 1;
        for frames in [vec![0, 4, 8], vec![8]] {
            let window = Window { frames, span: None };
            let error = decode_window(&mut source, &window, &small(), FRAMES).unwrap_err();
            assert_eq!(error.stage(), crate::error::Stage::Video);
        }
    }

    #[test]
    fn a_span_is_that_part_of_the_audio() {
        let mut source = Fake::new(25);
        let window = Window { frames: vec![0], span: Some(Span { start: 0.25, end: 0.5 }) };
        let decoded = decode_window(&mut source, &window, &small(), WAVE).unwrap();
        let expected = source.wave.0.part(2_000, 4_000);
        assert_eq!(decoded.audio, Some(DecodedAudio::Waves(vec![expected])));
    }
}
