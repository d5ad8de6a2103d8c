//! Reads a window of a clip, through the cache if there is one.

use std::{path::Path, sync::Arc};

use avff_media::{Frame, MediaSource};

use crate::{
    cache::{Cache, CachedClip},
    decode::{AudioForm, DecodeRequest, DecodedAudio, DecodedClip, decode_window},
    error::{ClipError, DataError},
    spec::ClipSpec,
    windows::{Window, concat_windows, windows},
};

/// Selects one of `n` windows.
pub type Choose<'a> = &'a mut dyn FnMut(usize) -> usize;

/// Reads the clips of samples.
pub trait ReadClip: Send + Sync {
    /// Returns the clip spec.
    fn spec(&self) -> &ClipSpec;

    /// Reads one window of the clip at `path`; `choose` selects it if there are several.
    ///
    /// # Errors
    /// The error of an unreadable clip, with its path.
    fn read(
        &self,
        path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, ClipError>;

    /// Reads two complete clips concatenated in time, with audio as waveforms.
    ///
    /// # Errors
    /// The error of an unreadable clip, with its path.
    fn concat(&self, first: &Path, second: &Path) -> Result<DecodedClip, ClipError>;
}

/// Reads media files.
pub struct ClipReader {
    pub(super) spec: ClipSpec,
    cache: Option<Arc<Cache>>,
}

impl ClipReader {
    /// Creates a reader of clips under a spec.
    ///
    /// # Errors
    /// [`DataError::Spec`].
    pub fn new(spec: ClipSpec) -> Result<Self, DataError> {
        spec.validate()?;
        Ok(Self { spec, cache: None })
    }

    /// Stores decoded clips in `cache`.
    #[must_use]
    pub fn cached(mut self, cache: Arc<Cache>) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Checks that the file of a clip exists, without opening it.
    ///
    /// # Errors
    /// The system's error, with the path.
    pub fn locate(&self, path: &Path) -> Result<(), ClipError> {
        avff_media::locate(path).map_err(|source| ClipError::new(path, source))
    }

    /// Checks that a clip can be opened, and that it has a window. Nothing is decoded, so the check
    /// does not find all damage.
    ///
    /// # Errors
    /// The error of an unreadable clip, with its path.
    pub fn probe(&self, path: &Path) -> Result<(), ClipError> {
        // Trimming would decode the audio.
        let spec = ClipSpec { trim_silence: None, ..self.spec.clone() };
        self.open(path)
            .and_then(|mut source| windows(&mut *source, &spec))
            .map(drop)
            .map_err(|source| ClipError::new(path, source))
    }

    pub(super) fn open(&self, path: &Path) -> Result<Box<dyn MediaSource>, DataError> {
        Ok(avff_media::open_with(path, self.spec.open_options())?)
    }

    fn read_window(
        &self,
        path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, DataError> {
        let cached = self.cache.as_ref().and_then(|cache| cache.clip(path, &self.spec));
        let mut clip = LazyClip { reader: self, path, source: None, window: None };
        // A complete clip is located in the cache without opening the file.
        let is_complete = self.spec.sampling.is_whole() && self.spec.trim_silence.is_none();
        let cached = if is_complete {
            cached
        } else {
            let window = clip.open(choose)?.1;
            cached.map(|cached| cached.window(window.span))
        };
        let location = self.cache.as_deref().zip(cached);
        let location = location.as_ref().map(|(cache, cached)| (*cache, cached));
        let frames = if request.frames { clip.frames(location)? } else { Vec::new() };
        let audio = request.audio.map(|form| clip.audio(form, location)).transpose()?;
        Ok(DecodedClip { frames, audio, without_face: false })
    }
}

/// The cache location of a window.
pub(super) type CacheLocation<'a> = Option<(&'a Cache, &'a CachedClip)>;

/// A clip that is opened when part of it is missing from the cache.
pub(super) struct LazyClip<'a> {
    pub(super) reader: &'a ClipReader,
    pub(super) path: &'a Path,
    pub(super) source: Option<Box<dyn MediaSource>>,
    pub(super) window: Option<Window>,
}

impl LazyClip<'_> {
    /// Returns the open clip and its window, which `choose` selects once.
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

    /// Decodes frames or audio of the window. Without a selection there is only one window.
    fn decode(&mut self, request: DecodeRequest) -> Result<DecodedClip, DataError> {
        let spec = &self.reader.spec;
        let (source, window) = self.open(&mut |_| 0)?;
        decode_window(source, window, spec, request)
    }

    pub(super) fn frames(&mut self, location: CacheLocation<'_>) -> Result<Vec<Frame>, DataError> {
        let spec = &self.reader.spec.video;
        if let Some(frames) = location.and_then(|(cache, cached)| cache.frames(cached, spec)) {
            return Ok(frames);
        }
        let frames = self.decode(DecodeRequest { frames: true, audio: None })?.frames;
        if let Some((cache, cached)) = location {
            cache.put_frames(cached, &frames);
        }
        Ok(frames)
    }

    pub(super) fn audio(
        &mut self,
        form: AudioForm,
        location: CacheLocation<'_>,
    ) -> Result<DecodedAudio, DataError> {
        let spec = &self.reader.spec.audio;
        let audio = location.and_then(|(cache, cached)| match form {
            AudioForm::Fbank => cache.fbank(cached, spec).map(DecodedAudio::Fbank),
            AudioForm::Wave => cache.wave(cached).map(|wave| DecodedAudio::Waves(vec![wave])),
        });
        if let Some(audio) = audio {
            return Ok(audio);
        }
        let decoded = self.decode(DecodeRequest { frames: false, audio: Some(form) })?;
        let audio = decoded.audio.unwrap_or(DecodedAudio::Waves(Vec::new()));
        if let Some((cache, cached)) = location {
            match &audio {
                DecodedAudio::Waves(waves) => {
                    waves.iter().for_each(|wave| cache.put_wave(cached, wave));
                }
                DecodedAudio::Fbank(rows) => cache.put_fbank(cached, rows),
            }
        }
        Ok(audio)
    }
}

impl ReadClip for ClipReader {
    fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    fn read(
        &self,
        path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, ClipError> {
        self.read_window(path, request, choose).map_err(|source| ClipError::new(path, source))
    }

    fn concat(&self, first: &Path, second: &Path) -> Result<DecodedClip, ClipError> {
        let open = |path| self.open(path).map_err(|source| ClipError::new(path, source));
        let (mut own, mut other) = (open(first)?, open(second)?);
        let windows = concat_windows(own.frame_count(), other.frame_count(), &self.spec);
        let windows = windows.map_err(|source| ClipError::new(first, source))?;
        let request = DecodeRequest { frames: true, audio: Some(AudioForm::Wave) };
        let decode = |path, source: &mut dyn MediaSource, window| {
            decode_window(source, window, &self.spec, request)
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
    fn concatenated_clips_spread_frames_and_keep_waves_separate() {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.audio.frames, spec.audio.mels) = (6, 7, 8);
        // floor(linspace(0, 11, 6)) = 0 2 4 6 8 11; the second clip starts at 4.
        let (own, other) = concat_windows(4, 8, &spec).unwrap();
        assert_eq!((own.frames, other.frames), (vec![0, 2], vec![0, 2, 4, 7]));
        let wave = |rate, samples: usize| Audio {
            rate,
            channels: vec![(0..samples).map(|i| (i as f32 * 0.3).sin()).collect()],
        };
        let (first, second) = (wave(8_000, 8_000), wave(16_000, 4_000));
        let waves = DecodedAudio::Waves(vec![first.clone(), second.clone()]);
        let rows = waves.fbank(&spec.audio).unwrap();
        // All rows of the first clip at 8 kHz, then all of the second at 16 kHz, stretched as one.
        let fbank = |rate, wave| Fbank::new(rate, 8).unwrap().compute(wave).unwrap();
        let all = [fbank(8_000, &first), fbank(16_000, &second)].concat();
        assert_eq!(all.len() / 8, 98 + 23);
        let row = |index: usize| &all[8 * index..8 * (index + 1)];
        for (index, actual) in rows.chunks_exact(8).enumerate() {
            let at = 121.0 / 7.0 * (index as f64 + 0.5) - 0.5;
            let (before, weight) = (at as usize, at.fract());
            for (mel, &actual) in actual.iter().enumerate() {
                let (a, b) = (f64::from(row(before)[mel]), f64::from(row(before + 1)[mel]));
                let expected = a + weight * (b - a);
                // f32 positions, as torch computes them, deviate by a few parts in a million.
                assert!(
                    (f64::from(actual) - expected).abs() < 1e-4,
                    "{actual}, expected {expected}"
                );
            }
        }
    }
}
