//! Every window of a clip into a cache, ahead of the runs that draw from it.

use std::{path::Path, sync::Arc};

use avff_media::MediaError;

use super::reader::{ClipReader, LazyClip};
use crate::{
    cache::{Cache, Held, Known},
    decode::AudioForm,
    error::{ClipError, DataError},
    spec::ClipSpec,
    windows::windows,
};

/// Fills a cache with whole clips: what a [`ClipReader`] under the same spec then finds there.
pub struct Filler {
    reader: ClipReader,
    cache: Arc<Cache>,
    audio: Vec<AudioForm>,
}

impl Filler {
    /// Fills `cache` with clips under `spec`: their frames, and their audio in every form of `audio`.
    ///
    /// # Errors
    /// [`DataError::Spec`].
    pub fn new(
        spec: ClipSpec,
        cache: Arc<Cache>,
        audio: Vec<AudioForm>,
    ) -> Result<Self, DataError> {
        let reader = ClipReader::new(spec)?.cached(Arc::clone(&cache));
        Ok(Self { reader, cache, audio })
    }

    /// Decodes what is not in the cache of the clip at `path`: all of it, or each of its windows. Tells
    /// what the cache holds of it then, if nothing kept it from being written ([`Cache::size`]).
    ///
    /// # Errors
    /// Why the clip cannot be read, with its path.
    pub fn fill(&self, path: &Path) -> Result<Held, ClipError> {
        self.fill_windows(path).map_err(|source| ClipError::new(path, source))
    }

    fn fill_windows(&self, path: &Path) -> Result<Held, DataError> {
        let spec = &self.reader.spec;
        let mut held = Held::default();
        let Some(whole) = self.cache.known(path, spec) else {
            // Opening the clip says best what is wrong with it.
            self.reader.open(path)?;
            return Err(MediaError::NotFound.into());
        };
        let mut clip = LazyClip { reader: &self.reader, path, source: None, window: None };
        if spec.sampling.is_whole() && spec.trim_silence.is_none() {
            self.fill_window(&mut clip, &whole, &mut held)?;
            return Ok(held);
        }
        let mut source = self.reader.open(path)?;
        let all = windows(&mut *source, spec)?;
        clip.source = Some(source);
        for window in all {
            let known = whole.clone().window(window.span);
            clip.window = Some(window);
            self.fill_window(&mut clip, &known, &mut held)?;
        }
        Ok(held)
    }

    fn fill_window(
        &self,
        clip: &mut LazyClip<'_>,
        known: &Known,
        held: &mut Held,
    ) -> Result<(), DataError> {
        let cached = Some((&*self.cache, known));
        clip.frames(cached)?;
        held.add_frames(known);
        for &form in &self.audio {
            clip.audio(form, cached)?;
            held.add_audio(known, form);
        }
        Ok(())
    }
}
