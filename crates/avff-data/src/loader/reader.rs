//! From a path to a decoded window, through the cache where there is one.

use std::{path::Path, sync::Arc};

use avff_media::{Frame, MediaSource};

use crate::{
    cache::{Cache, Known},
    decode::{AudioForm, DecodedAudio, DecodedClip, Want, decode_window},
    error::{ClipError, DataError},
    spec::ClipSpec,
    windows::{Window, joined, windows},
};

/// Picks one of so many windows.
pub type Choose<'a> = &'a mut dyn FnMut(usize) -> usize;

/// Reads what samples are made of.
pub trait ReadClip: Send + Sync {
    /// How clips are prepared.
    fn spec(&self) -> &ClipSpec;

    /// One window of the clip at `path`; `choose` is asked which one where there are several.
    ///
    /// # Errors
    /// Why it cannot be read, with its path.
    fn read(&self, path: &Path, want: Want, choose: Choose<'_>) -> Result<DecodedClip, ClipError>;

    /// Two whole clips joined in time, their audio as waves.
    ///
    /// # Errors
    /// Why one of them cannot be read, with its path.
    fn join(&self, first: &Path, second: &Path) -> Result<DecodedClip, ClipError>;
}

/// Reads media files.
pub struct ClipReader {
    pub(super) spec: ClipSpec,
    cache: Option<Arc<Cache>>,
}

impl ClipReader {
    /// A reader of clips under a spec.
    ///
    /// # Errors
    /// [`DataError::Spec`].
    pub fn new(spec: ClipSpec) -> Result<Self, DataError> {
        spec.validate()?;
        Ok(Self { spec, cache: None })
    }

    /// Keeps in `cache` what it decodes.
    #[must_use]
    pub fn cached(mut self, cache: Arc<Cache>) -> Self {
        self.cache = Some(cache);
        self
    }

    pub(super) fn open(&self, path: &Path) -> Result<Box<dyn MediaSource>, DataError> {
        Ok(avff_media::open_with(path, self.spec.decoder)?)
    }

    fn read_window(
        &self,
        path: &Path,
        want: Want,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, DataError> {
        let known = self.cache.as_ref().and_then(|cache| cache.known(path, &self.spec));
        let mut clip = LazyClip { reader: self, path, source: None, window: None };
        // The whole clip needs no look at the file to be found in the cache.
        let whole = self.spec.sampling.is_whole() && self.spec.trim_silence.is_none();
        let known = if whole {
            known
        } else {
            let window = clip.open(choose)?.1;
            known.map(|known| known.window(window.span))
        };
        let cached = self.cache.as_deref().zip(known);
        let cached = cached.as_ref().map(|(cache, known)| (*cache, known));
        let frames = if want.frames { clip.frames(cached)? } else { Vec::new() };
        let audio = want.audio.map(|form| clip.audio(form, cached)).transpose()?;
        Ok(DecodedClip { frames, audio, without_face: false })
    }
}

/// Where a window is cached.
pub(super) type Cached<'a> = Option<(&'a Cache, &'a Known)>;

/// A clip that is opened once something of it is not in the cache.
pub(super) struct LazyClip<'a> {
    pub(super) reader: &'a ClipReader,
    pub(super) path: &'a Path,
    pub(super) source: Option<Box<dyn MediaSource>>,
    pub(super) window: Option<Window>,
}

impl LazyClip<'_> {
    /// The open clip and the window that `choose` picks, once and for all.
    fn open(&mut self, choose: Choose<'_>) -> Result<(&mut dyn MediaSource, &Window), DataError> {
        let mut source = match self.source.take() {
            Some(source) => source,
            None => self.reader.open(self.path)?,
        };
        let window = match self.window.take() {
            Some(window) => window,
            None => {
                let mut all = windows(&mut *source, &self.reader.spec)?;
                let index = choose(all.len()).min(all.len().saturating_sub(1));
                all.swap_remove(index)
            }
        };
        Ok((&mut **self.source.insert(source), self.window.insert(window)))
    }

    /// Decodes a half of the window; where none was chosen there is but one.
    fn decode(&mut self, want: Want) -> Result<DecodedClip, DataError> {
        let spec = &self.reader.spec;
        let (source, window) = self.open(&mut |_| 0)?;
        decode_window(source, window, spec, want)
    }

    pub(super) fn frames(&mut self, cached: Cached<'_>) -> Result<Vec<Frame>, DataError> {
        let spec = &self.reader.spec.video;
        if let Some(frames) = cached.and_then(|(cache, known)| cache.frames(known, spec)) {
            return Ok(frames);
        }
        let frames = self.decode(Want { frames: true, audio: None })?.frames;
        if let Some((cache, known)) = cached {
            cache.put_frames(known, &frames);
        }
        Ok(frames)
    }

    pub(super) fn audio(
        &mut self,
        form: AudioForm,
        cached: Cached<'_>,
    ) -> Result<DecodedAudio, DataError> {
        let spec = &self.reader.spec.audio;
        let found = cached.and_then(|(cache, known)| match form {
            AudioForm::Fbank => cache.fbank(known, spec).map(DecodedAudio::Fbank),
            AudioForm::Wave => cache.wave(known).map(|wave| DecodedAudio::Waves(vec![wave])),
        });
        if let Some(audio) = found {
            return Ok(audio);
        }
        let decoded = self.decode(Want { frames: false, audio: Some(form) })?;
        let audio = decoded.audio.unwrap_or(DecodedAudio::Waves(Vec::new()));
        if let Some((cache, known)) = cached {
            match &audio {
                DecodedAudio::Waves(waves) => {
                    waves.iter().for_each(|wave| cache.put_wave(known, wave));
                }
                DecodedAudio::Fbank(rows) => cache.put_fbank(known, rows),
            }
        }
        Ok(audio)
    }
}

impl ReadClip for ClipReader {
    fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    fn read(&self, path: &Path, want: Want, choose: Choose<'_>) -> Result<DecodedClip, ClipError> {
        self.read_window(path, want, choose).map_err(|source| ClipError::new(path, source))
    }

    fn join(&self, first: &Path, second: &Path) -> Result<DecodedClip, ClipError> {
        let open = |path| self.open(path).map_err(|source| ClipError::new(path, source));
        let (mut own, mut other) = (open(first)?, open(second)?);
        let windows = joined(own.frame_count(), other.frame_count(), &self.spec);
        let windows = windows.map_err(|source| ClipError::new(first, source))?;
        let want = Want { frames: true, audio: Some(AudioForm::Wave) };
        let decode = |path, source: &mut dyn MediaSource, window| {
            decode_window(source, window, &self.spec, want)
                .map_err(|source| ClipError::new(path, source))
        };
        let mut clip = decode(first, &mut *own, &windows.0)?;
        let rest = decode(second, &mut *other, &windows.1)?;
        clip.frames.extend(rest.frames);
        if let (Some(DecodedAudio::Waves(waves)), Some(DecodedAudio::Waves(more))) =
            (&mut clip.audio, rest.audio)
        {
            waves.extend(more);
        }
        Ok(clip)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use avff_media::Audio;

    use super::*;
    use crate::fbank::Fbank;

    #[test]
    fn joined_clips_spread_frames_over_both_and_never_mix_waves() {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.audio.frames, spec.audio.mels) = (6, 7, 8);
        // floor(linspace(0, 11, 6)) = 0 2 4 6 8 11; the second clip starts at 4.
        let (own, other) = joined(4, 8, &spec).unwrap();
        assert_eq!((own.frames, other.frames), (vec![0, 2], vec![0, 2, 4, 7]));
        let wave = |rate, samples: usize| Audio {
            rate,
            channels: vec![(0..samples).map(|i| (i as f32 * 0.3).sin()).collect()],
        };
        let (first, second) = (wave(8_000, 8_000), wave(16_000, 4_000));
        let waves = DecodedAudio::Waves(vec![first.clone(), second.clone()]);
        let rows = waves.fbank(&spec.audio).unwrap();
        // All rows of the first at 8 kHz, then all of the second at 16 kHz, stretched as one.
        let part = |rate, wave| Fbank::new(rate, 8).unwrap().compute(wave).unwrap();
        let all = [part(8_000, &first), part(16_000, &second)].concat();
        assert_eq!(all.len() / 8, 98 + 23);
        let row = |index: usize| &all[8 * index..8 * (index + 1)];
        for (index, actual) in rows.chunks_exact(8).enumerate() {
            let at = 121.0 / 7.0 * (index as f64 + 0.5) - 0.5;
            let (before, share) = (at as usize, at.fract());
            for (mel, &actual) in actual.iter().enumerate() {
                let (a, b) = (f64::from(row(before)[mel]), f64::from(row(before + 1)[mel]));
                let expected = a + share * (b - a);
                // f32 positions, as torch computes them, are off by a few parts in a million.
                assert!((f64::from(actual) - expected).abs() < 1e-4, "{actual} for {expected}");
            }
        }
    }
}
