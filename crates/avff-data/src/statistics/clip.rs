//! Properties of one clip.

use std::path::Path;

use avff_media::{MediaError, MediaInfo, MediaSource, Stream};

use super::moments::Moments;
use crate::{
    decode::{AudioForm, DecodeRequest, DecodedAudio, decode_window},
    error::{ClipError, DataError},
    fbank::concatenated_fbank,
    spec::{ClipSpec, Sampling},
    windows::{Silence, windows},
};

/// Silence threshold at the start of a clip, in dB relative to full scale.
const SILENCE_DB: f32 = -60.0;

/// How much of a clip is decoded to examine it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The audio.
    Audio,
    /// The audio, and the frames that a clip spec asks for.
    Frames,
}

/// Properties of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipFacts {
    /// The container's information; sample rate and channels are those of the decoded audio.
    pub info: MediaInfo,
    /// Number of frames.
    pub frames: usize,
    /// Frames per second, over the time between the first and the last frame; `None` for a single
    /// frame.
    pub frame_rate: Option<f64>,
    /// Duration from the start of the first frame or audio to the end of the last, in seconds.
    pub seconds: f64,
    /// Time from the start of the clip to the first sample that exceeds -60 dB of full scale in any
    /// channel, in seconds on the clip's clock; to the end of the audio if it is silent.
    pub leading_silence: f64,
    /// Whether the audio never exceeds that threshold.
    pub silent: bool,
    /// Moments of the filterbank, stretched according to the spec and not normalized.
    pub fbank: Moments,
}

/// Examines the clip at `path`.
///
/// # Errors
/// Any error that prevents reading a stream, with the path.
pub fn examine(path: &Path, spec: &ClipSpec, depth: Depth) -> Result<ClipFacts, ClipError> {
    let examine = || {
        spec.validate()?;
        facts(&mut *avff_media::open_with(path, spec.open_options())?, spec, depth)
    };
    examine().map_err(|source| ClipError::new(path, source))
}

fn facts(
    source: &mut dyn MediaSource,
    spec: &ClipSpec,
    depth: Depth,
) -> Result<ClipFacts, DataError> {
    let mut info = source.info().clone();
    let frames = source.frame_count();
    let (first, last) = ends(source.frame_times());
    let frame_rate = (frames > 1 && last > first).then(|| (frames - 1) as f64 / (last - first));
    // Properties concern the complete clip, independent of the network's input.
    let (sampling, face, trim_silence) = (Sampling::Whole, None, None);
    let complete = ClipSpec { sampling, face, trim_silence, ..spec.clone() };
    let window = windows(source, &complete)?.swap_remove(0);
    let request = DecodeRequest { frames: depth >= Depth::Frames, audio: Some(AudioForm::Wave) };
    let decoded = decode_window(source, &window, &complete, request)?.audio;
    let Some(DecodedAudio::Waves(waves)) = decoded else {
        return Err(MediaError::MissingStream { stream: Stream::Audio }.into());
    };
    let rows = concatenated_fbank(&waves, &spec.audio)?;
    let Some(audio) = waves.first() else {
        return Err(MediaError::MissingStream { stream: Stream::Audio }.into());
    };
    // The complete audio lies on the clock as it is, unless packets have gaps or overlap.
    let placed = match info.audio_drift > 0.0 {
        true => Some(source.streams().1.between(info.audio_start, info.audio_end)),
        false => None,
    };
    let placed = placed.transpose().map_err(DataError::from);
    let placed = placed.map_err(DataError::while_reading(Stream::Audio))?;
    let silence = Silence::measure(placed.as_ref().unwrap_or(audio), SILENCE_DB);
    let start = first.min(info.audio_start);
    (info.sample_rate, info.channels) = (audio.rate, audio.channels.len());
    Ok(ClipFacts {
        frames,
        frame_rate,
        seconds: info.video_end.max(info.audio_end) - start,
        leading_silence: info.audio_start - start + silence.leading_seconds(audio.rate),
        silent: silence.leading == placed.as_ref().unwrap_or(audio).len(),
        fbank: Moments::from_values(&rows),
        info,
    })
}

fn ends(times: &[f64]) -> (f64, f64) {
    let first = times.first().copied().unwrap_or_default();
    (first, times.last().copied().unwrap_or(first))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fbank::Fbank;
    use avff_media::testing::TestClip;

    #[test]
    fn clip_properties() {
        let spec = ClipSpec::open_avff();
        let mut source = TestClip::new(50);
        source.audio.0.channels[0][..800].fill(0.0);
        let actual = facts(&mut source, &spec, Depth::Frames).unwrap();
        assert_eq!((actual.frames, actual.silent), (50, false));
        // 50 frames at 25 fps are longer than the second of audio; a tenth of the audio is silent.
        assert!((actual.frame_rate.unwrap() - 25.0).abs() < 1e-9);
        assert!((actual.seconds - 2.0).abs() < 1e-9, "{}", actual.seconds);
        // The tone is zero only at its start: sin(0.3 * 800) exceeds the threshold at once.
        assert_eq!(actual.leading_silence, 0.1);
        assert_eq!(source.frames.requests.len(), 1);
        let rows = Fbank::new(8_000, 128).unwrap().stretched(&source.audio.0, 1024).unwrap();
        assert_eq!(actual.fbank, Moments::from_values(&rows));
    }

    #[test]
    fn silence_is_measured_on_the_clock() {
        let spec = ClipSpec::open_avff();
        let mut source = TestClip::new(50);
        source.audio.0.channels[0][..800].fill(0.0);
        // Without drift, the audio is read once, and begins where the container says.
        source.info.audio_start = 0.25;
        let actual = facts(&mut source, &spec, Depth::Audio).unwrap();
        assert!((actual.leading_silence - 0.35).abs() < 1e-9, "{}", actual.leading_silence);
        // With drift, each packet is in its place.
        source.info.audio_drift = 0.1;
        source.audio.0.channels[0][..2400].fill(0.0);
        let actual = facts(&mut source, &spec, Depth::Audio).unwrap();
        assert!((actual.leading_silence - 0.3).abs() < 1e-9, "{}", actual.leading_silence);
    }

    #[test]
    fn frames_are_decoded_only_on_request() {
        let spec = ClipSpec::open_avff();
        let mut source = TestClip::new(50);
        source.frames.missing = 1;
        assert!(facts(&mut source, &spec, Depth::Audio).is_ok());
        assert!(source.frames.requests.is_empty());
        let error = facts(&mut source, &spec, Depth::Frames).unwrap_err();
        assert_eq!(error.stage(), crate::error::Stage::Damaged);
        assert_eq!(error.stream(), Some(Stream::Video));
    }

    #[test]
    fn single_frame_has_no_rate() {
        let actual = facts(&mut TestClip::new(1), &ClipSpec::open_avff(), Depth::Audio).unwrap();
        assert_eq!((actual.frame_rate, actual.seconds), (None, 1.0));
    }
}
