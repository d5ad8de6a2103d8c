//! The facts of one clip.

use std::path::Path;

use avff_media::{MediaError, MediaInfo, MediaSource, Stream};

use super::moments::Moments;
use crate::{
    decode::{AudioForm, DecodedAudio, Want, decode_window},
    error::{ClipError, DataError},
    fbank::stretched_parts,
    spec::{ClipSpec, Sampling},
    windows::{Silence, windows},
};

/// Samples up to this level of full scale, in dB, count as silence at the start of a clip.
const SILENCE_DB: f32 = -60.0;

/// How much of a clip is decoded to learn about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The audio.
    Audio,
    /// The audio, and the frames that a clip spec asks for.
    Frames,
}

/// What a clip turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipFacts {
    /// What its container says; rate and channels are those of the decoded sound.
    pub info: MediaInfo,
    /// Frames shown.
    pub frames: usize,
    /// Pictures a second, over the time between the first and the last; none for a single one.
    pub frame_rate: Option<f64>,
    /// From the first picture or sound to the end of the last, in seconds.
    pub seconds: f64,
    /// Seconds at the start in which no channel is louder than -60 dB of full scale; all of the
    /// sound where it is never louder.
    pub leading_silence: f64,
    /// Whether the sound is never louder than that.
    pub silent: bool,
    /// Of the filterbank, stretched as the spec says and not normalised.
    pub fbank: Moments,
}

/// Reads what there is to know of the clip at `path`.
///
/// # Errors
/// Whatever keeps either stream from being read, with the path.
pub fn examine(path: &Path, spec: &ClipSpec, depth: Depth) -> Result<ClipFacts, ClipError> {
    let examine = || {
        spec.validate()?;
        facts(&mut *avff_media::open_with(path, spec.decoder)?, spec, depth)
    };
    examine().map_err(|source| ClipError::new(path, source))
}

fn facts(
    source: &mut dyn MediaSource,
    spec: &ClipSpec,
    depth: Depth,
) -> Result<ClipFacts, DataError> {
    let mut info = source.info().clone();
    let pictures = source.frame_count();
    let (first, last) = ends(source.frame_times());
    let frame_rate = (pictures > 1 && last > first).then(|| (pictures - 1) as f64 / (last - first));
    let shown_until = last + frame_rate.map_or(0.0, f64::recip);
    // Facts are of the whole clip, however a network sees it.
    let (sampling, face, trim_silence) = (Sampling::Whole, None, None);
    let whole = ClipSpec { sampling, face, trim_silence, ..spec.clone() };
    let window = windows(source, &whole)?.swap_remove(0);
    let want = Want { frames: depth >= Depth::Frames, audio: Some(AudioForm::Wave) };
    let decoded = decode_window(source, &window, &whole, want)?.audio;
    let Some(DecodedAudio::Waves(waves)) = decoded else {
        return Err(MediaError::MissingStream { stream: Stream::Audio }.into());
    };
    let rows = stretched_parts(&waves, &spec.audio)?;
    let Some(audio) = waves.first() else {
        return Err(MediaError::MissingStream { stream: Stream::Audio }.into());
    };
    let silence = Silence::of(audio, SILENCE_DB);
    (info.sample_rate, info.channels) = (audio.rate, audio.channels.len());
    Ok(ClipFacts {
        frames: pictures,
        frame_rate,
        seconds: shown_until.max(info.audio_end) - first.min(info.audio_start),
        leading_silence: silence.leading_seconds(audio.rate),
        silent: silence.leading == audio.len(),
        fbank: Moments::of(&rows),
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
    use avff_media::testing::Fake;

    #[test]
    fn facts_of_a_clip() {
        let spec = ClipSpec::open_avff();
        let mut source = Fake::new(50);
        source.wave.0.channels[0][..800].fill(0.0);
        let found = facts(&mut source, &spec, Depth::Frames).unwrap();
        assert_eq!((found.frames, found.silent), (50, false));
        // 50 pictures at 25 a second outlast the second of sound; a tenth of it is silent.
        assert!((found.frame_rate.unwrap() - 25.0).abs() < 1e-9);
        assert!((found.seconds - 2.0).abs() < 1e-9, "{}", found.seconds);
        // The tone passes zero at its start: sin(0.3 * 800) is loud at once.
        assert_eq!(found.leading_silence, 0.1);
        assert_eq!(source.pictures.asked.len(), 1);
        let rows = Fbank::new(8_000, 128).unwrap().stretched(&source.wave.0, 1024).unwrap();
        assert_eq!(found.fbank, Moments::of(&rows));
    }

    #[test]
    fn pictures_are_decoded_only_when_asked_for() {
        let spec = ClipSpec::open_avff();
        let mut source = Fake::new(50);
        source.pictures.short_by = 1;
        assert!(facts(&mut source, &spec, Depth::Audio).is_ok());
        assert!(source.pictures.asked.is_empty());
        let error = facts(&mut source, &spec, Depth::Frames).unwrap_err();
        assert_eq!(error.stage(), crate::error::Stage::Video);
    }

    #[test]
    fn a_single_picture_has_no_rate() {
        let found = facts(&mut Fake::new(1), &ClipSpec::open_avff(), Depth::Audio).unwrap();
        assert_eq!((found.frame_rate, found.seconds), (None, 1.0));
    }
}
