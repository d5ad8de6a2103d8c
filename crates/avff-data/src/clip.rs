//! From a media file to the numbers a model takes.

use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    ops::ControlFlow,
    path::Path,
};

use crate::{
    error::{ClipError, DataError},
    face::FaceStream,
    fbank::stretched_parts,
    fit::fit,
    footage::heard,
    media::{self, MediaSource, missing},
    normalize::Normalizer,
    parts::{Span, extent, parts},
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

/// A sample and the part of the clip it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The part.
    pub span: Span,
    /// The places of its pictures in display order, from 0.
    pub frames: Vec<usize>,
    /// The tensors.
    pub clip: Clip,
    /// Whether the clip's pictures are whole because no face was found in them, under
    /// [`NoFace::Full`](crate::face::NoFace::Full).
    pub without_face: bool,
}

/// Reads the clip at `path` as one sample: the whole of it, or under
/// [`Sampling::Window`](crate::sampling::Sampling::Window) its first window.
///
/// # Errors
/// Whatever keeps the file from being read whole, with its path; there are no stand-in values for
/// a stream that cannot be decoded.
pub fn load_clip(path: &Path, spec: &ClipSpec) -> Result<Clip, ClipError> {
    let mut first = None;
    let read = on_path(path, spec, |source| {
        read_samples(source, spec, &mut |sample| {
            first = Some(sample.clip);
            ControlFlow::Break(())
        })
    });
    read.and_then(|()| first.ok_or_else(|| ClipError::new(path, missing(spec.video.frames, 0))))
}

/// Reads every sample of the clip at `path` and hands them to `each`, in order, until it breaks.
/// Memory does not grow with the clip.
///
/// # Errors
/// As [`load_clip`]; samples handed over before are as good as any, but the clip as a whole was not
/// read.
pub fn load_samples(
    path: &Path,
    spec: &ClipSpec,
    each: &mut dyn FnMut(Sample) -> ControlFlow<()>,
) -> Result<(), ClipError> {
    on_path(path, spec, |source| read_samples(source, spec, each))
}

fn on_path<T>(
    path: &Path,
    spec: &ClipSpec,
    read: impl FnOnce(&mut dyn MediaSource) -> Result<T, DataError>,
) -> Result<T, ClipError> {
    // The spec before the file: a bad one is bad for every file.
    let open = || {
        spec.validate()?;
        read(&mut *media::open_with(path, spec.decoder)?)
    };
    open().map_err(|source| ClipError::new(path, source))
}

/// Reads every sample of an open source, as [`load_samples`] does.
///
/// Pictures are decoded in one pass and let go with the last sample that shows them, and so is the
/// sound. A window whose sound ends before it does is the end of the clip, whatever its container
/// says.
///
/// # Errors
/// What the source reports, [`DataError::ShorterThanWindow`] where the very first window has not its
/// sound, and [`DataError::Spec`].
pub fn read_samples(
    source: &mut dyn MediaSource,
    spec: &ClipSpec,
    each: &mut dyn FnMut(Sample) -> ControlFlow<()>,
) -> Result<(), DataError> {
    let mut due = VecDeque::from(parts(source, spec)?);
    let all = extent(source)?;
    let mut places: Vec<usize> = due.iter().flat_map(|part| part.places.iter().copied()).collect();
    places.sort_unstable();
    places.dedup();
    let times = source.frame_times().to_vec();
    let (mut pictures, sound) = source.streams();
    let without_face = Cell::new(false);
    let mut faces;
    if let Some(crop) = spec.face {
        faces = FaceStream::new(pictures, &times, crop).telling(&without_face);
        pictures = &mut faces;
    }
    // Full-size pictures are the most memory a clip takes: one at a time is held.
    let mut fitted: BTreeMap<usize, Picture> = BTreeMap::new();
    let mut first = true;
    let outcome = pictures.pictures(&places, &mut |place, picture| {
        fitted.insert(place, fit(&picture, spec.video.fit, spec.video.width, spec.video.height)?);
        drop(picture);
        while due.front().is_some_and(|part| part.places.last() <= Some(&place)) {
            let Some(part) = due.pop_front() else { break };
            let heard = match heard(sound, &part, spec)? {
                Ok(heard) => heard,
                Err(short) if first => return Err(short),
                Err(_) => return Err(DataError::Stopped),
            };
            first = false;
            let frames: Vec<&Picture> =
                part.places.iter().filter_map(|place| fitted.get(place)).collect();
            if frames.len() != part.places.len() {
                return Err(missing(part.places.len(), frames.len()));
            }
            let video = video_tensor(frames.into_iter(), &spec.video);
            let clip = Clip { audio: audio_tensor(&heard, &spec.audio)?, video };
            let span = part.span.unwrap_or(all);
            let (frames, without_face) = (part.places, without_face.get());
            if each(Sample { span, frames, clip, without_face }).is_break() {
                return Err(DataError::Stopped);
            }
            let needed = due.front().and_then(|part| part.places.first()).copied();
            fitted = fitted.split_off(&needed.unwrap_or(usize::MAX));
        }
        Ok(())
    });
    match outcome {
        Err(DataError::Stopped) => Ok(()),
        Ok(()) if !due.is_empty() => Err(missing(places.len(), 0)),
        other => other,
    }
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
/// As [`stretched_parts`].
pub fn audio_tensor(sound: &Sound, spec: &AudioSpec) -> Result<Vec<f32>, DataError> {
    let mut rows = stretched_parts(std::slice::from_ref(sound), spec)?;
    for value in &mut rows {
        *value = (*value - spec.mean) / spec.std;
    }
    Ok(rows)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{fbank::Fbank, media::fake::Fake, spec::FrameFit};

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
    fn audio_is_normalised() {
        let sound = Fake::new(1).streams().1.whole().unwrap();
        let spec = small().audio;
        let plain = Fbank::new(8_000, 8).unwrap().stretched(&sound, 7).unwrap();
        let want: Vec<f32> = plain.iter().map(|value| (value + 5.081) / 4.4849).collect();
        assert_eq!(audio_tensor(&sound, &spec).unwrap(), want);
    }

    #[test]
    fn every_fit_fills_the_tensor() {
        for fit in FrameFit::ALL {
            let mut spec = small();
            spec.video.fit = fit;
            let clip = read(&mut Fake::new(40), &spec).unwrap();
            assert_eq!(clip.video.len(), spec.video.values());
        }
    }

    #[test]
    fn what_is_missing_is_an_error() {
        let stage = |source: &mut Fake| read(source, &small()).unwrap_err().stage();
        assert_eq!(stage(&mut Fake::new(0)), "video");
        let mut gaps = Fake::new(9);
        gaps.pictures.short_by = 1;
        assert_eq!(stage(&mut gaps), "video");
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
