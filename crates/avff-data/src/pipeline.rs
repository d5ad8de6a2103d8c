//! Converts a media file to input tensors: windows, decode, fit, augment, normalize.
//!
//! Scoring, training, the cache and data set checks share this pipeline:
//! [`windows`](crate::windows) selects the parts of a clip, [`decode`](mod@crate::decode) reads and
//! fits them, and [`tensors`](mod@crate::tensors) converts them to tensors.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use avff_media::{DamagePolicy, MediaSource, source::missing};

use crate::{
    decode::{AudioForm, DecodeRequest, decode},
    error::{ClipError, DataError, Untouched},
    notes::{StreamChoices, notes},
    spec::ClipSpec,
    tensors::{Clip, tensors},
    windows::{Coverage, Plan, Span, Window, extent, plan_windows},
};

/// A window of a clip as tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The part of the clip.
    pub span: Span,
    /// The indices of its frames in display order, from 0.
    pub frames: Vec<usize>,
    /// The tensors.
    pub clip: Clip,
    /// Whether the clip's frames are uncropped because no face was detected, under
    /// [`NoFace::Full`](avff_face::NoFace::Full).
    pub without_face: bool,
    /// The streams that were read.
    pub streams: StreamChoices,
    /// What is worth knowing of the clip: choices, assumptions, and differences from its presentation.
    pub notes: Arc<[String]>,
}

/// Receives each sample, and may stop the reading.
pub type EachSample<'a> = &'a mut dyn FnMut(Sample) -> ControlFlow<()>;

/// Reads the clip at `path` as one sample: the complete clip, or its first window under
/// [`Sampling::Window`](crate::spec::Sampling::Window).
///
/// # Errors
/// Any error that prevents reading the complete file, with its path. A stream that cannot be
/// decoded is never replaced by placeholder values.
pub fn load_clip(path: &Path, spec: &ClipSpec) -> Result<Clip, ClipError> {
    let mut first = None;
    // Damage may be found after the first window.
    let spec = &ClipSpec { damage: DamagePolicy::Refuse, ..spec.clone() };
    load_samples(path, spec, &mut |sample| {
        first = Some(sample.clip);
        ControlFlow::Break(())
    })?;
    first.ok_or_else(|| ClipError::new(path, missing(spec.video.frames, 0)))
}

/// Reads all samples of the clip at `path` in order and passes them to `each` until it breaks.
/// Memory does not grow with the length of the clip.
///
/// Returns which windows were left out, by [`ClipSpec::damage`]. Samples of them may have been passed on
/// before the damage was found.
///
/// # Errors
/// See [`load_clip`]. Samples passed before an error are valid, but the clip was not read
/// completely.
pub fn load_samples(
    path: &Path,
    spec: &ClipSpec,
    each: EachSample<'_>,
) -> Result<Coverage, ClipError> {
    let mut read = || {
        // The spec is checked before the file, because an invalid spec fails for every file.
        spec.validate()?;
        read_samples(&mut *avff_media::open_with(path, spec.window_options())?, spec, each)
    };
    read().map_err(|source| ClipError::new(path, of_policy(source, spec)))
}

/// Reads all samples of a file in memory, like [`load_samples`].
///
/// # Errors
/// See [`load_samples`]; the error has no path.
pub fn load_samples_from_bytes(
    bytes: impl Into<Arc<[u8]>>,
    spec: &ClipSpec,
    each: EachSample<'_>,
) -> Result<Coverage, DataError> {
    spec.validate()?;
    let read = || {
        read_samples(&mut *avff_media::open_bytes_with(bytes, spec.window_options())?, spec, each)
    };
    read().map_err(|error| of_policy(error, spec))
}

/// Says of damage why the policy does not help.
fn of_policy(error: DataError, spec: &ClipSpec) -> DataError {
    match spec.damage {
        DamagePolicy::Refuse => error,
        DamagePolicy::Windows if spec.sampling.is_whole() => error.without_window(Untouched::Whole),
        DamagePolicy::Windows => error.without_window(Untouched::Unplaced),
    }
}

/// Reads all samples of an open source, like [`load_samples`].
///
/// # Errors
/// See [`decode`]; also [`DataError::Spec`].
pub fn read_samples(
    source: &mut dyn MediaSource,
    spec: &ClipSpec,
    each: EachSample<'_>,
) -> Result<Coverage, DataError> {
    let Plan { windows, spans, damage: known } = plan_windows(source, spec)?;
    let all = extent(source)?;
    let (streams, notes) = (StreamChoices::of(source), notes(source, spec));
    let notes: Arc<[String]> = notes.into();
    let request = DecodeRequest { frames: true, audio: Some(AudioForm::Fbank) };
    let decoded = decode(source, &windows, spec, request, &mut |index, decoded| {
        let without_face = decoded.without_face;
        let clip = tensors(decoded, spec, None)?;
        let Window { frames, span } = windows[index].clone();
        Ok(each(Sample {
            span: span.unwrap_or(all),
            frames,
            clip,
            without_face,
            streams,
            notes: Arc::clone(&notes),
        }))
    })?;
    // The clip may end before some of the windows.
    let end = windows.get(decoded.windows).and_then(|window| window.span);
    let spans = match end {
        Some(end) => spans.split(|span| *span == end).next().unwrap_or_default(),
        None => &spans,
    };
    let parts = [known, decoded.damage].concat();
    let coverage = Coverage::of(spans, &parts);
    match (coverage.left_out.len() == spans.len(), parts.into_iter().next()) {
        (true, Some(part)) => Err(DataError::no_intact_window(spans.len(), part)),
        _ => Ok(coverage),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{error::Stage, spec::FrameFit};
    use avff_media::testing::TestClip;

    fn small() -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (6, 4, 5);
        (spec.video.mean, spec.video.std) = ([0.0; 3], [1.0 / 255.0; 3]);
        (spec.audio.frames, spec.audio.mels) = (7, 8);
        spec
    }

    fn read(source: &mut TestClip, spec: &ClipSpec) -> Result<Clip, DataError> {
        let mut clips = Vec::new();
        read_samples(source, spec, &mut |sample| {
            clips.push(sample.clip);
            ControlFlow::Continue(())
        })?;
        assert_eq!(clips.len(), 1);
        Ok(clips.remove(0))
    }

    #[test]
    fn short_clip_repeats_frames_in_order() {
        let mut source = TestClip::new(3);
        let clip = read(&mut source, &small()).unwrap();
        assert_eq!(source.frames.requests, [[0, 1, 2]], "each frame is decoded once");
        // floor(linspace(0, 2, 6)) in every channel, 20 pixels each.
        let expected: Vec<f32> = [0.0, 0.0, 0.0, 1.0, 1.0, 2.0_f32]
            .iter()
            .flat_map(|&level| [level; 20])
            .collect::<Vec<_>>()
            .repeat(3);
        assert_eq!(clip.video.len(), expected.len());
        for (actual, expected) in clip.video.iter().zip(&expected) {
            assert!((actual - expected).abs() < 1e-5, "{actual}, expected {expected}");
        }
        assert_eq!(clip.audio.len(), 7 * 8);
    }

    #[test]
    fn every_fit_fills_the_tensor() {
        for &fit in <FrameFit as strum::VariantArray>::VARIANTS {
            let mut spec = small();
            spec.video.fit = fit;
            let clip = read(&mut TestClip::new(40), &spec).unwrap();
            assert_eq!(clip.video.len(), spec.video.values());
        }
    }

    #[test]
    fn missing_media_is_an_error() {
        let stage = |source: &mut TestClip| read(source, &small()).unwrap_err().stage();
        assert_eq!(stage(&mut TestClip::new(0)), Stage::Damaged);
        let mut gaps = TestClip::new(9);
        gaps.frames.missing = 1;
        assert_eq!(stage(&mut gaps), Stage::Damaged);
        let error = read(&mut TestClip::with_samples(9, 199), &small()).unwrap_err();
        assert!(matches!(error, DataError::TooShort { samples: 199, needed: 200 }), "{error}");
    }

    #[test]
    fn invalid_spec_is_an_error_before_opening_the_file() {
        let mut spec = small();
        spec.audio.std = 0.0;
        let error = load_clip(Path::new("nowhere.mp4"), &spec).unwrap_err();
        assert!(
            matches!(&error.source, DataError::Spec(spec) if spec.field == "audio.std"),
            "{error}"
        );
    }
}
