//! Fills a cache with every window of clips before training.

use std::{path::Path, sync::Arc};

use avff_media::MediaError;

use super::reader::{ClipReader, LazyClip};
use crate::{
    cache::{Cache, CacheEntries, CachedClip},
    decode::AudioForm,
    error::{ClipError, DataError},
    spec::ClipSpec,
    windows::windows,
};

/// Fills a cache with complete clips, for a [`ClipReader`] with the same spec.
pub struct CacheFiller {
    reader: ClipReader,
    cache: Arc<Cache>,
    audio: Vec<AudioForm>,
}

impl CacheFiller {
    /// Creates a filler of `cache` for clips under `spec`. It stores frames, and audio in every
    /// form of `audio`.
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

    /// Decodes the missing cache entries of the clip at `path`: the complete clip, or each of its
    /// windows. Returns the entries, which exist unless writing failed ([`Cache::size`]).
    ///
    /// # Errors
    /// The error of an unreadable clip, with its path.
    pub fn fill(&self, path: &Path) -> Result<CacheEntries, ClipError> {
        self.fill_windows(path).map_err(|source| ClipError::new(path, source))
    }

    fn fill_windows(&self, path: &Path) -> Result<CacheEntries, DataError> {
        let spec = &self.reader.spec;
        let mut entries = CacheEntries::default();
        let Some(complete) = self.cache.clip(path, spec) else {
            // Opening the clip gives the best error.
            self.reader.open(path)?;
            return Err(MediaError::NotFound.into());
        };
        let mut clip = LazyClip { reader: &self.reader, path, source: None, window: None };
        if spec.sampling.is_whole() && spec.trim_silence.is_none() {
            self.fill_window(&mut clip, &complete, &mut entries)?;
            return Ok(entries);
        }
        let mut source = self.reader.open(path)?;
        let all = windows(&mut *source, spec)?;
        clip.source = Some(source);
        for window in all {
            let cached = complete.clone().window(window.span);
            clip.window = Some(window);
            self.fill_window(&mut clip, &cached, &mut entries)?;
        }
        Ok(entries)
    }

    fn fill_window(
        &self,
        clip: &mut LazyClip<'_>,
        cached: &CachedClip,
        entries: &mut CacheEntries,
    ) -> Result<(), DataError> {
        let location = Some((&*self.cache, cached));
        clip.frames(location)?;
        entries.add_frames(cached);
        for &form in &self.audio {
            clip.audio(form, location)?;
            entries.add_audio(cached, form);
        }
        Ok(())
    }
}
