//! From a media file to the numbers a model takes.

use std::path::Path;

use crate::{
    error::{ClipError, DataError, Stream},
    face::FaceStream,
    fbank::Fbank,
    fit::fit,
    frames::frame_indices,
    media::{self, MediaSource, missing},
    normalize::Normalizer,
    picture::Picture,
    sound::Sound,
    spec::{AudioSpec, ClipSpec, VideoSpec},
};

/// A clip as tensors, before it is batched.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Normalised log-mel filterbank, `[frames, mels]`.
    pub audio: Vec<f32>,
    /// Normalised pictures, `[3, frames, height, width]`.
    pub video: Vec<f32>,
}

/// Reads the clip at `path`.
///
/// # Errors
/// Whatever keeps the file from being read whole, with its path; there are no stand-in values for
/// a stream that cannot be decoded.
pub fn load_clip(path: &Path, spec: &ClipSpec) -> Result<Clip, ClipError> {
    let load = || {
        // Before the file: a bad spec is bad for every file.
        spec.validate()?;
        read_clip(&mut *media::open_with(path, spec.decoder)?, spec)
    };
    load().map_err(|source| ClipError::new(path, source))
}

/// Reads a clip from an open source.
///
/// # Errors
/// What the source reports, and [`DataError::Spec`].
pub fn read_clip(source: &mut dyn MediaSource, spec: &ClipSpec) -> Result<Clip, DataError> {
    spec.validate()?;
    let indices = frame_indices(source.frame_count(), spec.video.frames)?;
    // A clip shorter than the tensor repeats pictures; each is decoded and fitted once.
    let mut distinct = indices.clone();
    distinct.dedup();
    let times = source.frame_times().to_vec();
    let (mut pictures, sound) = source.streams();
    let mut faces;
    if let Some(crop) = spec.face {
        faces = FaceStream::new(pictures, &times, crop);
        pictures = &mut faces;
    }
    // Full-size pictures are the most memory a clip takes: one at a time is held.
    let mut fitted = Vec::with_capacity(distinct.len());
    pictures.pictures(&distinct, &mut |_, picture| {
        fitted.push(fit(&picture, spec.video.fit, spec.video.width, spec.video.height)?);
        Ok(())
    })?;
    if fitted.len() != distinct.len() {
        return Err(missing(distinct.len(), fitted.len()));
    }
    let frames = indices.iter().filter_map(|index| fitted.get(distinct.binary_search(index).ok()?));
    let video = video_tensor(frames, &spec.video);
    let audio = audio_tensor(&sound.whole()?, &spec.audio)?;
    Ok(Clip { audio, video })
}

/// The video tensor `[3, frames, height, width]` of pictures that fit the spec already.
pub fn video_tensor<'a>(
    pictures: impl Iterator<Item = &'a Picture> + Clone,
    spec: &VideoSpec,
) -> Vec<f32> {
    let mut tensor = Vec::with_capacity(spec.values());
    Normalizer::new(spec).append(pictures, &mut tensor);
    tensor
}

/// The audio tensor `[frames, mels]`: the sound's filterbank, stretched and normalised.
///
/// # Errors
/// As [`Fbank::shared`] and [`Fbank::stretched`].
pub fn audio_tensor(sound: &Sound, spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
    let mut rows = Fbank::shared(sound.rate, spec.mels)?.stretched(sound, spec.frames)?;
    for value in &mut rows {
        *value = (*value - spec.mean) / spec.std;
    }
    Ok(rows)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{media::fake::Fake, spec::FrameFit};

    fn small() -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (6, 4, 5);
        (spec.video.mean, spec.video.std) = ([0.0; 3], [1.0 / 255.0; 3]);
        (spec.audio.frames, spec.audio.mels) = (7, 8);
        spec
    }

    #[test]
    fn short_clips_repeat_pictures_in_order() {
        let mut source = Fake::new(3);
        let clip = read_clip(&mut source, &small()).unwrap();
        assert_eq!(source.pictures.asked, [[0, 1, 2]], "each picture is decoded once");
        // floor(linspace(0, 2, 6)) in every channel, 20 pixels each.
        let want: Vec<f32> = [0.0, 0.0, 0.0, 1.0, 1.0, 2.0_f32]
            .iter()
            .flat_map(|&level| [level; 20])
            .collect::<Vec<_>>()
            .repeat(3);
        assert_eq!(clip.video.len(), want.len());
        for (got, want) in clip.video.iter().zip(&want) {
            assert!((got - want).abs() < 1e-5, "{got} for {want}");
        }
        assert_eq!(clip.audio.len(), 7 * 8);
    }

    #[test]
    fn audio_is_normalised() {
        let sound = Fake::new(1).streams().1.whole().unwrap();
        let spec = small().audio;
        let plain = Fbank::shared(8_000, 8).unwrap().stretched(&sound, 7).unwrap();
        let want: Vec<f32> = plain.iter().map(|value| (value + 5.081) / 4.4849).collect();
        assert_eq!(audio_tensor(&sound, &spec).unwrap(), want);
    }

    #[test]
    fn every_fit_fills_the_tensor() {
        for fit in FrameFit::ALL {
            let mut spec = small();
            spec.video.fit = fit;
            let clip = read_clip(&mut Fake::new(40), &spec).unwrap();
            assert_eq!(clip.video.len(), spec.video.values());
        }
    }

    #[test]
    fn what_is_missing_is_an_error() {
        let stage = |source: &mut Fake| read_clip(source, &small()).unwrap_err().stage();
        assert_eq!(stage(&mut Fake::new(0)), "video");
        let mut gaps = Fake::new(9);
        gaps.pictures.short_by = 1;
        assert_eq!(stage(&mut gaps), "video");
        let error = read_clip(&mut Fake::lasting(9, 199), &small()).unwrap_err();
        assert!(matches!(error, DataError::TooShort { samples: 199, needed: 200 }), "{error}");
    }

    #[test]
    fn a_bad_spec_is_refused_before_the_file_is_touched() {
        let mut spec = small();
        spec.audio.std = 0.0;
        let error = load_clip(Path::new("nowhere.mp4"), &spec).unwrap_err();
        assert!(
            matches!(&error.source, DataError::Spec(spec) if spec.field == "audio.std"),
            "{error}"
        );
    }
}
