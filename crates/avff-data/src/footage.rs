//! A part of a clip between decoding and tensors: fitted pictures, and sound as a wave or a filterbank.
//!
//! Training varies pictures as 8-bit RGB and sound as a wave, and keeps both on disk, so it needs what
//! [`clip`](crate::clip) passes on at once. The numbers are the same: footage that nothing was done
//! to becomes the very tensors of [`load_clip`](crate::clip::load_clip).

use crate::{
    clip::video_tensor,
    error::DataError,
    face::FaceStream,
    fbank::stretched_parts,
    fit::fit,
    frames::frame_indices,
    media::{MediaSource, PictureStream, SoundStream, missing},
    parts::Part,
    picture::Picture,
    sound::Sound,
    spec::{AudioSpec, ClipSpec, VideoSpec},
};

/// Picks one of so many parts.
pub type Choose<'a> = &'a mut dyn FnMut(usize) -> usize;

/// What is read of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Whether its pictures are.
    pub pictures: bool,
    /// In which form its sound is.
    pub sound: Option<SoundForm>,
}

/// How sound is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoundForm {
    /// As a wave, to be changed before its filterbank is computed.
    Wave,
    /// As a filterbank, which may have been computed long ago.
    Fbank,
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Footage {
    /// Pictures of the spec's size and number; none where none were wanted.
    pub pictures: Vec<Picture>,
    /// The sound; none where it was not wanted.
    pub sound: Option<Heard>,
}

/// Sound in one of its forms.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// Waves that follow each other, each at a rate of its own.
    Waves(Vec<Sound>),
    /// Log-mel energies stretched to the spec's frames, `[frames, mels]`, not normalised.
    Fbank(Vec<f32>),
}

impl Heard {
    /// The filterbank, computed where it is not there yet.
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

/// The pictures at these places, which never decrease, cut to the face where the spec says so and
/// brought to its size. A place that comes several times is decoded once.
///
/// # Errors
/// What the source reports, and [`DataError::NoFace`].
pub fn pictures(
    source: &mut dyn MediaSource,
    places: &[usize],
    spec: &ClipSpec,
) -> Result<Vec<Picture>, DataError> {
    let times = source.frame_times().to_vec();
    let stream = source.streams().0;
    match spec.face {
        None => fitted(stream, places, &spec.video),
        Some(crop) => fitted(&mut FaceStream::new(stream, &times, crop), places, &spec.video),
    }
}

fn fitted(
    stream: &mut dyn PictureStream,
    places: &[usize],
    spec: &VideoSpec,
) -> Result<Vec<Picture>, DataError> {
    let mut distinct = places.to_vec();
    distinct.dedup();
    // Full-size pictures are the most memory a clip takes: one at a time is held.
    let mut fitted = Vec::with_capacity(distinct.len());
    stream.pictures(&distinct, &mut |_, picture| {
        fitted.push(fit(&picture, spec.fit, spec.width, spec.height)?);
        Ok(())
    })?;
    let at = |place: &usize| fitted.get(distinct.binary_search(place).ok()?).cloned();
    let pictures: Option<Vec<Picture>> = places.iter().map(at).collect();
    pictures
        .filter(|_| fitted.len() == distinct.len())
        .ok_or_else(|| missing(distinct.len(), fitted.len()))
}

/// The sound of a part.
///
/// # Errors
/// What the stream reports, and [`DataError::ShorterThanWindow`] where the sound ends before its
/// window does.
pub fn sound(
    stream: &mut dyn SoundStream,
    part: &Part,
    spec: &ClipSpec,
) -> Result<Sound, DataError> {
    heard(stream, part, spec)?
}

/// The sound of a part, or within the result the error that it ends before its window does.
pub(crate) fn heard(
    stream: &mut dyn SoundStream,
    part: &Part,
    spec: &ClipSpec,
) -> Result<Result<Sound, DataError>, DataError> {
    let Some(span) = part.span else { return stream.whole().map(Ok) };
    let sound = stream.between(span.start, span.end)?;
    // Less than half an interval may be missing: the last packet of a sound is seldom full.
    let slack = 0.5 * span.seconds() / spec.video.frames.max(1) as f64;
    if spec.sampling.is_whole() || sound.seconds() + slack >= span.seconds() {
        return Ok(Ok(sound));
    }
    Ok(Err(DataError::ShorterThanWindow { seconds: sound.seconds(), window: span.seconds() }))
}

/// Two whole clips one after the other, as Open-AVFF joins them: pictures are spread over the frames
/// of both, filterbanks are computed apart, each at its own rate, and stretched as one.
///
/// # Errors
/// What either source reports; `true` with it where it was the second one.
pub fn joined(
    first: &mut dyn MediaSource,
    second: &mut dyn MediaSource,
    spec: &ClipSpec,
) -> Result<Footage, (bool, DataError)> {
    let (ours, theirs) = (|error| (false, error), |error| (true, error));
    let count = first.frame_count();
    let all = count.saturating_add(second.frame_count());
    let places = frame_indices(all, spec.video.frames).map_err(ours)?;
    let (before, after) = places.split_at(places.partition_point(|&place| place < count));
    let after: Vec<usize> = after.iter().map(|place| place - count).collect();
    let mut fitted = pictures(first, before, spec).map_err(ours)?;
    fitted.extend(pictures(second, &after, spec).map_err(theirs)?);
    let wave = first.streams().1.whole().map_err(ours)?;
    let waves = vec![wave, second.streams().1.whole().map_err(theirs)?];
    Ok(Footage { pictures: fitted, sound: Some(Heard::Waves(waves)) })
}

/// Normalises a filterbank.
pub fn normalize(rows: &mut [f32], spec: &AudioSpec) {
    for value in rows {
        *value = (*value - spec.mean) / spec.std;
    }
}

/// The video tensor of pictures, `[3, frames, height, width]`.
#[must_use]
pub fn video(pictures: &[Picture], spec: &VideoSpec) -> Vec<f32> {
    video_tensor(pictures.iter(), spec)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        clip::audio_tensor,
        fbank::Fbank,
        media::fake::Fake,
        parts::{Span, parts},
    };

    fn small() -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (6, 2, 3);
        (spec.audio.frames, spec.audio.mels) = (7, 8);
        spec
    }

    #[test]
    fn pictures_are_the_references_and_repeat() {
        let spec = small();
        for count in [1, 3, 40] {
            let mut source = Fake::new(count);
            let part = parts(&mut source, &spec).unwrap().remove(0);
            let shown = pictures(&mut source, &part.places, &spec).unwrap();
            assert!(source.pictures.asked[0].is_sorted_by(|a, b| a < b), "each is decoded once");
            // floor(linspace(0, count - 1, 6)).
            let want: Vec<usize> = (0..6).map(|i| i * (count - 1) / 5).collect();
            let levels: Vec<usize> = shown.iter().map(|shown| shown.rgb[0].into()).collect();
            assert_eq!(levels, want);
            assert_eq!(sound(source.streams().1, &part, &spec).unwrap(), source.wave.0);
        }
    }

    #[test]
    fn sound_becomes_the_audio_tensor() {
        let (spec, sound) = (small().audio, Fake::new(1).wave.0);
        let mut rows = Heard::Waves(vec![sound.clone()]).fbank(&spec).unwrap();
        normalize(&mut rows, &spec);
        assert_eq!(rows, audio_tensor(&sound, &spec).unwrap());
    }

    #[test]
    fn missing_pictures_are_an_error() {
        let mut source = Fake::new(9);
        source.pictures.short_by = 1;
        assert!(pictures(&mut source, &[0, 4, 8], &small()).is_err());
        // What comes is taken for what was asked only as far as it is complete.
        assert!(pictures(&mut source, &[8], &small()).is_err());
    }

    #[test]
    fn a_span_is_that_part_of_the_sound() {
        let mut source = Fake::new(25);
        let part = Part { places: vec![0], span: Some(Span { start: 0.25, end: 0.5 }) };
        let got = sound(source.streams().1, &part, &small()).unwrap();
        assert_eq!(got, source.wave.0.part(2_000, 4_000));
    }

    #[test]
    fn joining_spreads_pictures_over_both_and_never_mixes_waves() {
        let spec = small();
        let (mut first, mut second) = (Fake::new(4), Fake::lasting(8, 4_000));
        second.wave.0.rate = 16_000;
        let footage = joined(&mut first, &mut second, &spec).unwrap();
        // floor(linspace(0, 11, 6)) = 0 2 4 6 8 11; the second clip starts at 4.
        let levels: Vec<u8> = footage.pictures.iter().map(|picture| picture.rgb[0]).collect();
        assert_eq!(levels, [0, 2, 0, 2, 4, 7]);
        let rows = footage.sound.unwrap().fbank(&spec.audio).unwrap();
        // All rows of the first at 8 kHz, then all of the second at 16 kHz, stretched as one.
        let part = |rate, sound| Fbank::new(rate, 8).unwrap().compute(sound).unwrap();
        let all = [part(8_000, &first.wave.0), part(16_000, &second.wave.0)].concat();
        assert_eq!(all.len() / 8, 98 + 23);
        let row = |index: usize| &all[8 * index..8 * (index + 1)];
        for (index, got) in rows.chunks_exact(8).enumerate() {
            let at = 121.0 / 7.0 * (index as f64 + 0.5) - 0.5;
            let (before, share) = (at as usize, at.fract());
            for (mel, &got) in got.iter().enumerate() {
                let (a, b) = (f64::from(row(before)[mel]), f64::from(row(before + 1)[mel]));
                let want = a + share * (b - a);
                // f32 positions, as torch computes them, are off by a few parts in a million.
                assert!((f64::from(got) - want).abs() < 1e-4, "{got} for {want}");
            }
        }
    }

    #[test]
    fn an_error_of_the_other_clip_is_told_apart() {
        let spec = small();
        let faulty = || {
            let mut fake = Fake::new(5);
            fake.pictures.short_by = 1;
            fake
        };
        assert!(!joined(&mut faulty(), &mut Fake::new(5), &spec).unwrap_err().0);
        assert!(joined(&mut Fake::new(5), &mut faulty(), &spec).unwrap_err().0);
    }
}
