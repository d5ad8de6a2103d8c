//! From a media file to the numbers a model takes.

use std::path::Path;

use crate::{
    error::{ClipError, DataError, Stream},
    fbank::Fbank,
    fit::fit,
    frames::frame_indices,
    media::{self, MediaSource},
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
        read_clip(&mut *media::open(path)?, spec)
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
    // A clip shorter than the tensor repeats pictures; each is decoded and resized once.
    let mut distinct = indices.clone();
    distinct.dedup();
    let pictures = source.frames_at(&distinct)?;
    if pictures.len() != distinct.len() {
        return Err(DataError::Damaged {
            stream: Stream::Video,
            what: format!("{} pictures came where {} were due", pictures.len(), distinct.len()),
        });
    }
    let order: Vec<usize> =
        indices.iter().map(|index| distinct.partition_point(|known| known < index)).collect();
    let video = video_tensor(&pictures, &order, &spec.video)?;
    // Full-size pictures are the most memory a clip takes: gone before the sound comes.
    drop(pictures);
    let audio = audio_tensor(&source.sound()?, &spec.audio)?;
    Ok(Clip { audio, video })
}

/// The video tensor `[3, order.len(), height, width]`: frame `i` is `pictures[order[i]]`, fitted and
/// normalised. The pictures may differ in size.
///
/// # Errors
/// As [`fit`], and [`DataError::Damaged`] when `order` names a picture that is not there.
pub fn video_tensor(
    pictures: &[Picture],
    order: &[usize],
    spec: &VideoSpec,
) -> Result<Vec<f32>, DataError> {
    let fitted = pictures
        .iter()
        .map(|picture| fit(picture, spec.fit, spec.width, spec.height))
        .collect::<Result<Vec<_>, _>>()?;
    let frames = order
        .iter()
        .map(|&index| {
            fitted.get(index).ok_or_else(|| DataError::Damaged {
                stream: Stream::Video,
                what: format!("picture {index} of {} is missing", fitted.len()),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut tensor = Vec::with_capacity(spec.values());
    Normalizer::new(spec).append(frames.into_iter(), &mut tensor);
    Ok(tensor)
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
    use crate::spec::FrameFit;

    /// A clip whose picture `i` is all `i`, with a second of a tone.
    struct Fake {
        pictures: usize,
        /// Pictures it fails to give.
        short_by: usize,
        samples: usize,
        asked: Vec<usize>,
    }

    impl Fake {
        fn new(pictures: usize) -> Self {
            Self { pictures, short_by: 0, samples: 8_000, asked: Vec::new() }
        }
    }

    impl MediaSource for Fake {
        fn frame_count(&self) -> usize {
            self.pictures
        }

        fn frames_at(&mut self, indices: &[usize]) -> Result<Vec<Picture>, DataError> {
            self.asked = indices.to_vec();
            let picture = |&i: &usize| Picture { width: 3, height: 2, rgb: vec![i as u8; 18] };
            Ok(indices.iter().skip(self.short_by).map(picture).collect())
        }

        fn sound(&mut self) -> Result<Sound, DataError> {
            let wave = (0..self.samples).map(|i| (i as f32 * 0.3).sin()).collect();
            Ok(Sound { rate: 8_000, channels: vec![wave] })
        }
    }

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
        assert_eq!(source.asked, [0, 1, 2], "each picture is decoded once");
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
        let sound = Fake::new(1).sound().unwrap();
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
        assert_eq!(stage(&mut Fake { short_by: 1, ..Fake::new(9) }), "video");
        let mut short = Fake { samples: 199, ..Fake::new(9) };
        let error = read_clip(&mut short, &small()).unwrap_err();
        assert!(matches!(error, DataError::TooShort { samples: 199, needed: 200 }), "{error}");
        assert!(video_tensor(&[], &[0], &small().video).is_err());
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
