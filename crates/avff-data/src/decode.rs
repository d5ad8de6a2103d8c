//! Decodes the windows of an open clip to fitted frames and audio, in one pass.
//!
//! Scoring converts the result to tensors at once. Training first augments frames as 8-bit RGB and
//! audio as a waveform, and caches both on disk.

mod damage;

use std::{cell::Cell, collections::BTreeMap, ops::ControlFlow};

use avff_face::FaceStream;
use avff_media::{
    Audio, AudioStream, DamagedPart, Frame, FrameStream, MediaInfo, MediaSource, Stream, memory,
    pixel_aspect::SQUARE, source::missing,
};

use self::damage::{Damage, frames_of};

use crate::{
    error::DataError,
    fbank::{concatenated_fbank, whole_fbank},
    fit::fit_displayed,
    spec::{AudioSpec, ClipSpec},
    windows::Window,
};

/// What to decode of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeRequest {
    /// Whether to decode the frames.
    pub frames: bool,
    /// The form of the audio; `None` to skip it.
    pub audio: Option<AudioForm>,
}

/// The form of decoded audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioForm {
    /// A waveform, to be augmented before its filterbank is computed.
    Wave,
    /// A filterbank.
    Fbank,
}

/// A decoded window of a clip, before conversion to tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedClip {
    /// Frames of the spec's size and count; empty if not requested.
    pub frames: Vec<Frame>,
    /// The audio; `None` if not requested.
    pub audio: Option<DecodedAudio>,
    /// Whether the frames are uncropped because no face was detected, under
    /// [`NoFace::Full`](avff_face::NoFace::Full).
    pub without_face: bool,
}

/// Decoded audio.
#[derive(Debug, Clone, PartialEq)]
pub enum DecodedAudio {
    /// Consecutive waveforms, each with its own sample rate.
    Waves(Vec<Audio>),
    /// Log-mel energies stretched to the spec's frames, `[frames, mels]`, not normalized.
    Fbank(Vec<f32>),
}

impl DecodedAudio {
    /// Returns the filterbank, computed if necessary: `[frames, mels]`, not normalized.
    ///
    /// # Errors
    /// See [`concatenated_fbank`].
    pub fn fbank(self, spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
        match self {
            Self::Fbank(rows) => Ok(rows),
            Self::Waves(waves) => concatenated_fbank(&waves, spec),
        }
    }
}

/// Receives the index and the content of each decoded window, and may stop the decoding.
pub type EachWindow<'a> =
    &'a mut dyn FnMut(usize, DecodedClip) -> Result<ControlFlow<()>, DataError>;

/// How far the windows of a clip were decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The number of windows before the end of the clip, or before `each` broke.
    pub windows: usize,
    /// The damaged parts that were found. Windows that they touch may have been passed on before.
    pub damage: Vec<DamagedPart>,
}

/// Decodes `windows`, which are in order, and passes them to `each` until it breaks.
///
/// Frames are cropped to the face if the spec requires it, and fitted to the spec's size. Frames
/// and audio are decoded in one pass and released after their last window. The clip ends at the
/// first window whose audio is too short, whatever the container states.
///
/// After a damaged part, the windows that it does not touch are decoded, if the source reads on after
/// damage. The streams then start with new decoders.
///
/// # Errors
/// The source's error, [`DataError::NoFace`], [`DataError::ShorterThanWindow`] if the audio of the
/// first window is too short, and the error of `each`.
pub fn decode(
    source: &mut dyn MediaSource,
    windows: &[Window],
    spec: &ClipSpec,
    request: DecodeRequest,
    each: EachWindow<'_>,
) -> Result<Decoded, DataError> {
    let _memory = match request.audio {
        Some(AudioForm::Wave) if windows.iter().any(|window| window.span.is_none()) => {
            Some(memory::reserve("the samples of the whole audio", wave_bytes(source.info()))?)
        }
        _ => None,
    };
    let (damage, end) = (Damage::default(), Cell::new(windows.len()));
    let times = source.frame_times().to_vec();
    let pixel_aspect = source.info().pixel_aspect;
    let (frames, audio) = source.streams();
    let mut emit = |index: usize, frames: Vec<Frame>, without_face: bool| {
        let mut decoded = DecodedClip { frames, audio: None, without_face };
        if let (Some(AudioForm::Fbank), Some(Window { span: None, .. })) =
            (request.audio, windows.get(index))
        {
            let rows = whole_fbank(audio, &spec.audio);
            let rows = rows.map_err(DataError::while_reading(Stream::Audio))?;
            decoded.audio = Some(DecodedAudio::Fbank(rows));
        } else if let (Some(form), Some(window)) = (request.audio, windows.get(index)) {
            let Some(wave) = intact_audio(audio, window, &damage)? else {
                return Ok(ControlFlow::Continue(()));
            };
            if !window.is_covered_by(&wave, spec) {
                end.set(index);
                return if index == 0 {
                    Err(window.too_short(&wave))
                } else {
                    Ok(ControlFlow::Break(()))
                };
            }
            decoded.audio = Some(match form {
                AudioForm::Wave => DecodedAudio::Waves(vec![wave]),
                AudioForm::Fbank => DecodedAudio::Fbank(
                    concatenated_fbank(&[wave], &spec.audio)
                        .map_err(DataError::while_reading(Stream::Audio))?,
                ),
            });
        }
        let flow = each(index, decoded)?;
        if flow.is_break() {
            end.set(index + 1);
        }
        Ok(flow)
    };
    if request.frames && windows.iter().any(|window| !window.frames.is_empty()) {
        let mut frames = Frames { stream: frames, times: &times, pixel_aspect };
        let mut rest: Vec<usize> = (0..windows.len()).collect();
        loop {
            let passed = Cell::new(0);
            let read = fitted_frames(&mut frames, windows, &rest, &passed, spec, &mut emit);
            let Err(error) = read else { break };
            damage.add(error)?;
            rest.drain(..passed.get());
            if spec.face.is_some() {
                // Faces are tracked over all windows, so all damage must be known before.
                let windows: Vec<&Window> =
                    rest.iter().filter_map(|&index| windows.get(index)).collect();
                damage.find(frames.stream, &windows)?;
            }
            rest.retain(|&index| windows.get(index).is_some_and(|one| !damage.touches(one)));
        }
    } else {
        for index in 0..windows.len() {
            if emit(index, Vec::new(), false)?.is_break() {
                break;
            }
        }
    }
    let windows = end.get();
    Ok(Decoded { windows, damage: damage.into_parts() })
}

/// Returns the bytes of a clip's audio, and of a copy while it is read.
fn wave_bytes(info: &MediaInfo) -> u64 {
    let samples = (info.audio_end - info.audio_start) * f64::from(info.sample_rate);
    // `as` saturates.
    (samples * info.channels as f64 * (2 * size_of::<f32>()) as f64) as u64
}

/// Decodes one window with [`decode`].
///
/// # Errors
/// See [`decode`].
pub fn decode_window(
    source: &mut dyn MediaSource,
    window: &Window,
    spec: &ClipSpec,
    request: DecodeRequest,
) -> Result<DecodedClip, DataError> {
    let mut decoded = None;
    decode(source, std::slice::from_ref(window), spec, request, &mut |_, clip| {
        decoded = Some(clip);
        Ok(ControlFlow::Continue(()))
    })?;
    decoded.ok_or_else(|| missing(window.frames.len(), 0).into())
}

/// Receives a window's index, its frames, and whether they are uncropped because no face was
/// detected.
type EachFrames<'a> =
    &'a mut dyn FnMut(usize, Vec<Frame>, bool) -> Result<ControlFlow<()>, DataError>;

/// The frames of a clip.
struct Frames<'a> {
    stream: &'a mut dyn FrameStream,
    /// The times of all frames, in seconds.
    times: &'a [f64],
    /// The width and height of a pixel.
    pixel_aspect: (u32, u32),
}

/// Decodes the windows with the indices `rest`. `passed` counts those that were passed on.
fn fitted_frames(
    frames: &mut Frames<'_>,
    windows: &[Window],
    rest: &[usize],
    passed: &Cell<usize>,
    spec: &ClipSpec,
    each: EachFrames<'_>,
) -> Result<(), DataError> {
    let Frames { stream, times, pixel_aspect } = frames;
    let (times, pixel_aspect) = (*times, *pixel_aspect);
    let windows: Vec<&Window> = rest.iter().filter_map(|&index| windows.get(index)).collect();
    // The face crop returns frames of square pixels.
    let fitted_aspect = if spec.face.is_some() { SQUARE } else { pixel_aspect };
    let indices = frames_of(&windows);
    let without_face = Cell::new(false);
    // Full-size frames dominate memory, so only one is held at a time.
    let mut fitted: BTreeMap<usize, Frame> = BTreeMap::new();
    let mut stopped = false;
    let sink = |index: usize, frame: Frame| {
        let video = &spec.video;
        let frame_fitted =
            fit_displayed(&frame, fitted_aspect, video.fit, video.width, video.height)?;
        fitted.insert(index, frame_fitted);
        drop(frame);
        while let (Some(window), Some(&number)) =
            (windows.get(passed.get()), rest.get(passed.get()))
            && window.frames.last() <= Some(&index)
        {
            let frames: Vec<Frame> =
                window.frames.iter().filter_map(|at| fitted.get(at)).cloned().collect();
            if frames.len() != window.frames.len() {
                return Err(missing(window.frames.len(), frames.len()).into());
            }
            if each(number, frames, without_face.get())?.is_break() {
                stopped = true;
                return Ok(ControlFlow::Break(()));
            }
            passed.set(passed.get() + 1);
            let needed =
                windows.get(passed.get()).and_then(|window| window.frames.first()).copied();
            fitted = fitted.split_off(&needed.unwrap_or(usize::MAX));
        }
        Ok::<_, DataError>(ControlFlow::Continue(()))
    };
    let result = match spec.face {
        None => stream.try_frames(&indices, sink),
        Some(crop) => {
            let mut faces = FaceStream::new(*stream, times, crop).pixel_aspect(pixel_aspect);
            faces = faces.report(&without_face);
            faces.try_frames(&indices, sink)
        }
    };
    result.map_err(DataError::while_reading(Stream::Video))?;
    if stopped || passed.get() == windows.len() {
        return Ok(());
    }
    Err(missing(indices.len(), fitted.len()).into())
}

/// Returns the audio of a window; `None` where damage touches the window.
fn intact_audio(
    stream: &mut dyn AudioStream,
    window: &Window,
    damage: &Damage,
) -> Result<Option<Audio>, DataError> {
    while !damage.touches(window) {
        match window_audio(stream, window) {
            Ok(audio) => return Ok(Some(audio)),
            // The damage may lie elsewhere.
            Err(error) => damage.add(error)?,
        }
    }
    Ok(None)
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
    use avff_media::testing::TestClip;

    use super::*;
    use crate::{
        spec::FrameFit,
        windows::{Span, windows},
    };

    const FRAMES: DecodeRequest = DecodeRequest { frames: true, audio: None };
    const WAVE: DecodeRequest = DecodeRequest { frames: false, audio: Some(AudioForm::Wave) };

    fn small() -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (6, 4, 5);
        (spec.audio.frames, spec.audio.mels) = (7, 8);
        spec
    }

    #[test]
    fn frames_match_reference_and_repeat() {
        let spec = small();
        for count in [1, 3, 40] {
            let mut source = TestClip::new(count);
            let window = windows(&mut source, &spec).unwrap().remove(0);
            let decoded = decode_window(&mut source, &window, &spec, FRAMES).unwrap();
            assert!(
                source.frames.requests[0].is_sorted_by(|a, b| a < b),
                "each frame is decoded once"
            );
            // The expected levels are floor(linspace(0, count - 1, 6)).
            let expected: Vec<usize> = (0..6).map(|i| i * (count - 1) / 5).collect();
            let levels: Vec<usize> =
                decoded.frames.iter().map(|frame| frame.rgb[0].into()).collect();
            assert_eq!(levels, expected);
            let decoded = decode_window(&mut source, &window, &spec, WAVE).unwrap();
            assert_eq!(decoded.audio, Some(DecodedAudio::Waves(vec![source.audio.0.clone()])));
        }
    }

    #[test]
    fn missing_frames_are_an_error() {
        let mut source = TestClip::new(9);
        source.frames.missing = 1;
        for frames in [vec![0, 4, 8], vec![8]] {
            let window = Window { frames, span: None };
            let error = decode_window(&mut source, &window, &small(), FRAMES).unwrap_err();
            assert_eq!(error.stage(), crate::error::Stage::Damaged);
            assert_eq!(error.stream(), Some(Stream::Video));
        }
    }

    #[test]
    fn frames_are_fitted_as_displayed() {
        let bars = |pixel_aspect, fit| {
            let mut source = TestClip::new(2);
            source.info.pixel_aspect = pixel_aspect;
            let mut spec = small();
            (spec.video.width, spec.video.height, spec.video.fit) = (12, 12, fit);
            let window = Window { frames: vec![1], span: None };
            let decoded = decode_window(&mut source, &window, &spec, FRAMES).unwrap();
            let rows = decoded.frames[0].rgb.chunks_exact(36);
            rows.filter(|row| row.iter().all(|&level| level == 0)).count()
        };
        // 3 x 2 pixels fill 8 of 12 rows; shown as 6 x 2, they fill 4.
        assert_eq!(bars((1, 1), FrameFit::Letterbox), 4);
        assert_eq!(bars((2, 1), FrameFit::Letterbox), 8);
        assert_eq!(bars((2, 1), FrameFit::Resize), 0);
    }

    #[test]
    fn span_selects_part_of_the_audio() {
        let mut source = TestClip::new(25);
        let window = Window { frames: vec![0], span: Some(Span { start: 0.25, end: 0.5 }) };
        let decoded = decode_window(&mut source, &window, &small(), WAVE).unwrap();
        let expected = source.audio.0.part(2_000, 4_000);
        assert_eq!(decoded.audio, Some(DecodedAudio::Waves(vec![expected])));
    }
}
