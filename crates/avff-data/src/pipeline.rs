//! From a media file to the tensors a network takes: windows, decode, fit, augment, normalize.
//!
//! Scoring, training, the cache and the checks of a data set all go this way:
//! [`windows`](crate::windows) choose the parts of a clip, [`decode`](mod@crate::decode) reads and
//! fits them, [`tensors`](mod@crate::tensors) makes numbers of them.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use avff_media::{MediaSource, source::missing};

use crate::{
    decode::{AudioForm, Want, decode},
    error::{ClipError, DataError},
    spec::ClipSpec,
    tensors::{Clip, tensors},
    windows::{Span, Window, extent, windows},
};

/// A window of a clip as tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The part of the clip that it shows.
    pub span: Span,
    /// The indices of its frames in display order, from 0.
    pub frames: Vec<usize>,
    /// The tensors.
    pub clip: Clip,
    /// Whether the clip's frames are whole because no face was found in them, under
    /// [`NoFace::Full`](avff_face::NoFace::Full).
    pub without_face: bool,
}

/// Gets each sample, and may break off.
pub type EachSample<'a> = &'a mut dyn FnMut(Sample) -> ControlFlow<()>;

/// Reads the clip at `path` as one sample: the whole of it, or under
/// [`Sampling::Window`](crate::spec::Sampling::Window) its first window.
///
/// # Errors
/// Whatever keeps the file from being read whole, with its path; there are no stand-in values for
/// a stream that cannot be decoded.
pub fn load_clip(path: &Path, spec: &ClipSpec) -> Result<Clip, ClipError> {
    let mut first = None;
    load_samples(path, spec, &mut |sample| {
        first = Some(sample.clip);
        ControlFlow::Break(())
    })?;
    first.ok_or_else(|| ClipError::new(path, missing(spec.video.frames, 0)))
}

/// Reads every sample of the clip at `path` and hands them to `each`, in order, until it breaks.
/// Memory does not grow with the clip.
///
/// # Errors
/// As [`load_clip`]; samples handed over before are as good as any, but the clip as a whole was not
/// read.
pub fn load_samples(path: &Path, spec: &ClipSpec, each: EachSample<'_>) -> Result<(), ClipError> {
    let mut read = || {
        // The spec before the file: a bad one is bad for every file.
        spec.validate()?;
        read_samples(&mut *avff_media::open_with(path, spec.decoder)?, spec, each)
    };
    read().map_err(|source| ClipError::new(path, source))
}

/// [`load_samples`] for a file that is in memory.
///
/// # Errors
/// As [`load_samples`], without a path.
pub fn load_samples_from_bytes(
    bytes: impl Into<Arc<[u8]>>,
    spec: &ClipSpec,
    each: EachSample<'_>,
) -> Result<(), DataError> {
    spec.validate()?;
    read_samples(&mut *avff_media::open_bytes(bytes)?, spec, each)
}

/// Reads every sample of an open source, as [`load_samples`] does.
///
/// # Errors
/// As [`decode`], and [`DataError::Spec`].
pub fn read_samples(
    source: &mut dyn MediaSource,
    spec: &ClipSpec,
    each: EachSample<'_>,
) -> Result<(), DataError> {
    let windows = windows(source, spec)?;
    let all = extent(source)?;
    let want = Want { frames: true, audio: Some(AudioForm::Fbank) };
    decode(source, &windows, spec, want, &mut |index, decoded| {
        let without_face = decoded.without_face;
        let clip = tensors(decoded, spec, None)?;
        let Window { frames, span } = windows[index].clone();
        Ok(each(Sample { span: span.unwrap_or(all), frames, clip, without_face }))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{error::Stage, spec::FrameFit};
    use avff_media::testing::Fake;

    fn small() -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (6, 4, 5);
        (spec.video.mean, spec.video.std) = ([0.0; 3], [1.0 / 255.0; 3]);
        (spec.audio.frames, spec.audio.mels) = (7, 8);
        spec
    }

    fn read(source: &mut Fake, spec: &ClipSpec) -> Result<Clip, DataError> {
        let mut clips = Vec::new();
        read_samples(source, spec, &mut |sample| {
            clips.push(sample.clip);
            ControlFlow::Continue(())
        })?;
        assert_eq!(clips.len(), 1);
        Ok(clips.remove(0))
    }

    #[test]
    fn short_clips_repeat_pictures_in_order() {
        let mut source = Fake::new(3);
        let clip = read(&mut source, &small()).unwrap();
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
    fn every_fit_fills_the_tensor() {
        for &fit in <FrameFit as strum::VariantArray>::VARIANTS {
            let mut spec = small();
            spec.video.fit = fit;
            let clip = read(&mut Fake::new(40), &spec).unwrap();
            assert_eq!(clip.video.len(), spec.video.values());
        }
    }

    #[test]
    fn what_is_missing_is_an_error() {
        let stage = |source: &mut Fake| read(source, &small()).unwrap_err().stage();
        assert_eq!(stage(&mut Fake::new(0)), Stage::Video);
        let mut gaps = Fake::new(9);
        gaps.pictures.short_by = 1;
        assert_eq!(stage(&mut gaps), Stage::Video);
        let error = read(&mut Fake::lasting(9, 199), &small()).unwrap_err();
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
