//! Every part of a clip into a cache, ahead of the runs that draw from it.

use std::{path::Path, sync::Arc};

use super::reader::{ClipReader, Open};
use crate::{
    cache::{Cache, Held},
    error::{ClipError, DataError},
    footage::SoundForm,
    parts::parts,
    spec::ClipSpec,
};

/// Fills a cache with whole clips: what a [`ClipReader`] under the same spec then finds there.
pub struct Filler {
    reader: ClipReader,
    cache: Arc<Cache>,
    sound: Vec<SoundForm>,
}

impl Filler {
    /// Fills `cache` with clips under `spec`: their pictures, and their sound in every form of `sound`.
    ///
    /// # Errors
    /// [`DataError::Spec`].
    pub fn new(
        spec: ClipSpec,
        cache: Arc<Cache>,
        sound: Vec<SoundForm>,
    ) -> Result<Self, DataError> {
        let reader = ClipReader::new(spec)?.cached(Arc::clone(&cache));
        Ok(Self { reader, cache, sound })
    }

    /// Decodes what is not in the cache of the clip at `path`: all of it, or each of its windows. Tells
    /// what the cache holds of it then, if nothing kept it from being written ([`Cache::size`]).
    ///
    /// # Errors
    /// Why the clip cannot be read, with its path.
    pub fn fill(&self, path: &Path) -> Result<Held, ClipError> {
        self.fill_parts(path).map_err(|source| ClipError::new(path, source))
    }

    fn fill_parts(&self, path: &Path) -> Result<Held, DataError> {
        let spec = &self.reader.spec;
        let mut clip = Open { reader: &self.reader, path, source: None, part: None };
        let mut held = Held::default();
        let whole = match self.cache.known(path, spec) {
            Some(known) => known,
            // Opening the clip says best what is wrong with it.
            None => {
                self.reader.open(path)?;
                return Err(DataError::NotFound);
            }
        };
        if spec.sampling.is_whole() && spec.trim_silence.is_none() {
            let kept = Some((&*self.cache, &whole));
            clip.pictures(kept)?;
            held.add_pictures(&whole);
            for &form in &self.sound {
                clip.sound(form, kept)?;
                held.add_sound(&whole, form);
            }
            return Ok(held);
        }
        let mut source = self.reader.open(path)?;
        let all = parts(&mut *source, spec)?;
        clip.source = Some(source);
        for part in all {
            let known = whole.clone().part(part.span);
            clip.part = Some(part);
            let kept = Some((&*self.cache, &known));
            clip.pictures(kept)?;
            held.add_pictures(&known);
            for &form in &self.sound {
                clip.sound(form, kept)?;
                held.add_sound(&known, form);
            }
        }
        Ok(held)
    }
}
