//! What was decoded once, kept on disk: fitted pictures, filterbanks and waves of clips.
//!
//! An epoch costs decoding; what it decodes is the same in every epoch. So a part of a clip is kept
//! after it was decoded, in up to three entries:
//!
//! - its fitted pictures as 8-bit RGB, before any augmentation (2.4 MB at the released sizes);
//! - its stretched filterbank in f32, before it is normalised (0.5 MB), where nothing changes the wave;
//! - its wave, every channel in f32, where an augmentation does: a filterbank cannot be made louder or
//!   noisier after the fact, and a wave is only worth its size where one is.
//!
//! They are apart because they are used apart: a sample that replaces its sound reads one clip's
//! pictures and another's filterbank. Numbers are kept exactly, so a cached sample equals a decoded
//! one bit for bit. They are not compressed: deflate makes the pictures of the tests a third as large,
//! and to undo it takes 7 ms, where all of a cached sample takes 2.5 ms (`cargo bench -p avff --bench
//! cached_epoch`). Clips joined in time are not kept, since the same two seldom meet again.
//!
//! An entry's name is a hash of all that decides its contents (`key`), so nothing is ever looked up by
//! a name that could mean something else, and a changed file is simply another. Processes can share a
//! folder and be killed at any time (`store`). A cache never fails a clip: what it cannot read is
//! decoded, what it cannot write is not kept, and both are counted.

mod entry;
mod key;
mod store;

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

pub use self::key::Identity;
use self::{
    key::{Key, Kind, Source},
    store::{Found, Put, Store},
};
use crate::{
    decode::AudioForm,
    error::ClipError,
    spec::{AudioSpec, ClipSpec, VideoSpec},
    windows::Span,
};
use avff_media::{Audio, Frame, MediaError};

/// Where a cache lies and how large it may grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// The folder; made where it is not there. Processes may share it.
    pub folder: PathBuf,
    /// The most bytes of all entries together. Beyond it those go that were not used for longest.
    pub max_bytes: u64,
    /// What makes two files the same.
    #[serde(default)]
    pub identity: Identity,
}

/// An open cache.
#[derive(Debug)]
pub struct Cache {
    store: Store,
    identity: Identity,
    counts: Counters,
    /// Why an entry could not be written, last time.
    trouble: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    stored: AtomicU64,
    not_stored: AtomicU64,
    corrupt: AtomicU64,
    evicted: AtomicU64,
}

/// What a cache did since it was opened by this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CacheCounts {
    /// Entries that were there.
    pub hits: u64,
    /// Entries that were not, corrupt ones included.
    pub misses: u64,
    /// Entries that were written.
    pub stored: u64,
    /// Entries that could not be written: too large, no room on the disk, or another process in the
    /// way.
    pub not_stored: u64,
    /// Entries that were damaged and were dropped.
    pub corrupt: u64,
    /// Entries that made room for others.
    pub evicted: u64,
}

/// The entries of a clip.
#[derive(Debug, Clone, Default)]
pub struct Held(Vec<Key>);

impl Held {
    pub(crate) fn add_frames(&mut self, clip: &Known) {
        self.0.push(clip.source.key(Kind::Pictures, clip.span));
    }

    pub(crate) fn add_audio(&mut self, clip: &Known, form: AudioForm) {
        let kind = match form {
            AudioForm::Fbank => Kind::Fbank,
            AudioForm::Wave => Kind::Wave,
        };
        self.0.push(clip.source.key(kind, clip.span));
    }
}

/// A clip as the cache knows it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    source: Source,
    /// The span of the window, none for the whole.
    span: Option<Span>,
}

impl Known {
    /// The same clip, another window of it.
    pub(crate) fn window(mut self, span: Option<Span>) -> Self {
        self.span = span;
        self
    }
}

impl Cache {
    /// Opens the cache, or makes it.
    ///
    /// # Errors
    /// [`MediaError::Io`] with the folder's path where it cannot be made or locked.
    pub fn open(config: &CacheConfig) -> Result<Self, ClipError> {
        let (store, evicted) = Store::open(&config.folder, config.max_bytes)
            .map_err(|error| ClipError::new(&config.folder, MediaError::Io(error)))?;
        let counts = Counters { evicted: evicted.into(), ..Counters::default() };
        Ok(Self { store, identity: config.identity, counts, trouble: Mutex::default() })
    }

    /// What it did so far.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        let Counters { hits, misses, stored, not_stored, corrupt, evicted } = &self.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CacheCounts {
            hits: read(hits),
            misses: read(misses),
            stored: read(stored),
            not_stored: read(not_stored),
            corrupt: read(corrupt),
            evicted: read(evicted),
        }
    }

    /// Bytes of a clip's entries on disk; none where one of them is not there, as it could not be
    /// written or made room for others. Does not look into them.
    #[must_use]
    pub fn size(&self, clip: &Held) -> Option<u64> {
        clip.0.iter().try_fold(0_u64, |sum, key| Some(sum.saturating_add(self.store.size(key)?)))
    }

    /// Why an entry could not be written, the last time that happened in this process.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The whole clip at `path` under `spec`; none where the file cannot be looked at, which opening
    /// it will tell better.
    pub(crate) fn known(&self, path: &Path, spec: &ClipSpec) -> Option<Known> {
        Some(Known { source: Source::of(path, self.identity, spec).ok()?, span: None })
    }

    pub(crate) fn frames(&self, clip: &Known, spec: &VideoSpec) -> Option<Vec<Frame>> {
        self.get(clip, Kind::Pictures, |bytes| entry::pictures(bytes, spec))
    }

    pub(crate) fn put_frames(&self, clip: &Known, frames: &[Frame]) {
        self.put(clip, Kind::Pictures, &entry::of_pictures(frames));
    }

    pub(crate) fn fbank(&self, clip: &Known, spec: &AudioSpec) -> Option<Vec<f32>> {
        self.get(clip, Kind::Fbank, |bytes| entry::fbank(bytes, spec))
    }

    pub(crate) fn put_fbank(&self, clip: &Known, rows: &[f32]) {
        self.put(clip, Kind::Fbank, &entry::of_fbank(rows));
    }

    pub(crate) fn wave(&self, clip: &Known) -> Option<Audio> {
        self.get(clip, Kind::Wave, entry::wave)
    }

    pub(crate) fn put_wave(&self, clip: &Known, sound: &Audio) {
        self.put(clip, Kind::Wave, &entry::of_wave(sound));
    }

    fn get<T>(&self, clip: &Known, kind: Kind, read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let key = clip.source.key(kind, clip.span);
        let found = match self.store.get(&key) {
            Found::Nothing => None,
            Found::Damaged => Some(None),
            Found::Payload(bytes) => Some(read(&bytes)),
        };
        if let Some(None) = found {
            self.store.remove(&key);
            count(&self.counts.corrupt);
        }
        let value = found.flatten();
        count(if value.is_some() { &self.counts.hits } else { &self.counts.misses });
        value
    }

    fn put(&self, clip: &Known, kind: Kind, payload: &[u8]) {
        match self.store.put(&clip.source.key(kind, clip.span), payload) {
            Ok(Put { evicted }) => {
                count(&self.counts.stored);
                self.counts.evicted.fetch_add(evicted, Ordering::Relaxed);
            }
            Err(error) => {
                count(&self.counts.not_stored);
                let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                *trouble = Some(error.to_string());
            }
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
