//! From a path to footage, through the cache where there is one.

use std::{path::Path, sync::Arc};

use crate::{
    cache::{Cache, Known},
    error::{ClipError, DataError},
    fbank::stretched_parts,
    footage::{self, Choose, Footage, Heard, SoundForm, Want},
    media::{self, MediaSource},
    parts::{Part, parts},
    picture::Picture,
    spec::ClipSpec,
};

/// Reads what samples are made of.
pub trait ReadFootage: Send + Sync {
    /// What clips are made into.
    fn spec(&self) -> &ClipSpec;

    /// One part of the clip at `path`; `choose` is asked which one where there are several.
    ///
    /// # Errors
    /// Why it cannot be read, with its path.
    fn read(&self, path: &Path, want: Want, choose: Choose<'_>) -> Result<Footage, ClipError>;

    /// Two whole clips joined in time, their sound as waves.
    ///
    /// # Errors
    /// Why one of them cannot be read, with its path.
    fn join(&self, first: &Path, second: &Path) -> Result<Footage, ClipError>;
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
        media::open_with(path, self.spec.decoder)
    }

    fn read_part(&self, path: &Path, want: Want, choose: Choose<'_>) -> Result<Footage, DataError> {
        let known = self.cache.as_ref().and_then(|cache| cache.known(path, &self.spec));
        let mut clip = Open { reader: self, path, source: None, part: None };
        // The whole clip needs no look at the file to be found in the cache.
        let whole = self.spec.sampling.is_whole() && self.spec.trim_silence.is_none();
        let known = if whole {
            known
        } else {
            let part = clip.open(choose)?.1;
            known.map(|known| known.part(part.span))
        };
        let kept = self.cache.as_deref().zip(known);
        let kept = kept.as_ref().map(|(cache, known)| (*cache, known));
        let pictures = if want.pictures { clip.pictures(kept)? } else { Vec::new() };
        let sound = want.sound.map(|form| clip.sound(form, kept)).transpose()?;
        Ok(Footage { pictures, sound })
    }
}

/// Where a part is kept.
pub(super) type Kept<'a> = Option<(&'a Cache, &'a Known)>;

/// A clip that is opened once something of it is not in the cache.
pub(super) struct Open<'a> {
    pub(super) reader: &'a ClipReader,
    pub(super) path: &'a Path,
    pub(super) source: Option<Box<dyn MediaSource>>,
    pub(super) part: Option<Part>,
}

impl Open<'_> {
    /// The open clip and the part that `choose` picks, once and for all.
    fn open(&mut self, choose: Choose<'_>) -> Result<(&mut dyn MediaSource, &Part), DataError> {
        let mut source = match self.source.take() {
            Some(source) => source,
            None => self.reader.open(self.path)?,
        };
        let part = match self.part.take() {
            Some(part) => part,
            None => {
                let mut all = parts(&mut *source, &self.reader.spec)?;
                let index = choose(all.len()).min(all.len().saturating_sub(1));
                all.swap_remove(index)
            }
        };
        Ok((&mut **self.source.insert(source), self.part.insert(part)))
    }

    /// The open clip and its part; where none was chosen there is but one.
    fn source(&mut self) -> Result<(&mut dyn MediaSource, &Part), DataError> {
        self.open(&mut |_| 0)
    }

    pub(super) fn pictures(&mut self, kept: Kept<'_>) -> Result<Vec<Picture>, DataError> {
        let spec = &self.reader.spec.video;
        if let Some(pictures) = kept.and_then(|(cache, known)| cache.pictures(known, spec)) {
            return Ok(pictures);
        }
        let reader = self.reader;
        let (source, part) = self.source()?;
        let pictures = footage::pictures(source, &part.places, &reader.spec)?;
        if let Some((cache, known)) = kept {
            cache.keep_pictures(known, &pictures);
        }
        Ok(pictures)
    }

    pub(super) fn sound(&mut self, form: SoundForm, kept: Kept<'_>) -> Result<Heard, DataError> {
        let spec = &self.reader.spec.audio;
        let found = kept.and_then(|(cache, known)| match form {
            SoundForm::Fbank => cache.fbank(known, spec).map(Heard::Fbank),
            SoundForm::Wave => cache.wave(known).map(|wave| Heard::Waves(vec![wave])),
        });
        if let Some(heard) = found {
            return Ok(heard);
        }
        let reader = self.reader;
        let (source, part) = self.source()?;
        let sound = footage::sound(source.streams().1, part, &reader.spec)?;
        if form == SoundForm::Wave {
            if let Some((cache, known)) = kept {
                cache.keep_wave(known, &sound);
            }
            return Ok(Heard::Waves(vec![sound]));
        }
        let rows = stretched_parts(&[sound], spec)?;
        if let Some((cache, known)) = kept {
            cache.keep_fbank(known, &rows);
        }
        Ok(Heard::Fbank(rows))
    }
}

impl ReadFootage for ClipReader {
    fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    fn read(&self, path: &Path, want: Want, choose: Choose<'_>) -> Result<Footage, ClipError> {
        self.read_part(path, want, choose).map_err(|source| ClipError::new(path, source))
    }

    fn join(&self, first: &Path, second: &Path) -> Result<Footage, ClipError> {
        let open = |path| self.open(path).map_err(|source| ClipError::new(path, source));
        let (mut ours, mut theirs) = (open(first)?, open(second)?);
        footage::joined(&mut *ours, &mut *theirs, &self.spec)
            .map_err(|(theirs, source)| ClipError::new(if theirs { second } else { first }, source))
    }
}
