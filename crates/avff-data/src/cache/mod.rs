//! An on-disk cache of decoded clips: fitted frames, filterbanks and waveforms.
//!
//! Decoding gives equal results in every epoch. The cache therefore stores a decoded part of a clip
//! in up to three entries:
//!
//! - its fitted frames as 8-bit RGB, before any augmentation (2.4 MB at the released sizes);
//! - its stretched filterbank in f32, before normalization (0.5 MB), if no augmentation changes the
//!   waveform;
//! - its waveform, every channel in f32, if an augmentation changes it. Gain and noise cannot be
//!   applied to a filterbank, and a waveform is only worth its size if it is needed.
//!
//! The entries are separate because they are used separately: a sample with replaced audio reads
//! one clip's frames and another clip's filterbank. Values are stored exactly, so a cached sample
//! is bit-identical to a decoded one.
//!
//! Entries are not compressed. Deflate reduces the frames of the tests to a third, but
//! decompression takes 7 ms, whereas reading a complete cached sample takes 2.5 ms (`cargo bench -p
//! avff --bench cached_epoch`). Clips concatenated in time are not stored, because a pair seldom
//! occurs again.
//!
//! The key of an entry is a hash of everything that determines its content (`key`), so a lookup
//! never returns a wrong entry, and a changed file gets a new key. Processes can share a folder and
//! be killed at any time (`store`). The cache never causes a clip to fail. A clip that it cannot
//! read is decoded, an entry that it cannot write is dropped, and both are counted.

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
    store::{Lookup, Store, Stored},
};
use crate::{
    decode::AudioForm,
    error::ClipError,
    spec::{AudioSpec, ClipSpec, VideoSpec},
    windows::Span,
};
use avff_media::{Audio, Frame, MediaError};

/// The location and the size limit of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// The folder, created if missing. Processes may share it.
    pub folder: PathBuf,
    /// Maximum total size of all entries, in bytes. Beyond it, the least recently used entries are
    /// evicted.
    pub max_bytes: u64,
    /// How files are identified.
    #[serde(default)]
    pub identity: Identity,
}

/// An open cache.
#[derive(Debug)]
pub struct Cache {
    store: Store,
    identity: Identity,
    counts: Counters,
    /// The last error of writing an entry.
    last_error: Mutex<Option<String>>,
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

/// Counts since this process opened the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CacheCounts {
    /// Entries that were present.
    pub hits: u64,
    /// Entries that were missing, including corrupt ones.
    pub misses: u64,
    /// Entries that were written.
    pub stored: u64,
    /// Entries that could not be written: too large, no disk space, or locked by another process.
    pub not_stored: u64,
    /// Corrupt entries that were removed.
    pub corrupt: u64,
    /// Entries that were evicted.
    pub evicted: u64,
}

/// The cache entries of a clip.
#[derive(Debug, Clone, Default)]
pub struct CacheEntries(Vec<Key>);

impl CacheEntries {
    pub(crate) fn add_frames(&mut self, clip: &CachedClip) {
        self.0.push(clip.source.key(Kind::Frames, clip.span));
    }

    pub(crate) fn add_audio(&mut self, clip: &CachedClip, form: AudioForm) {
        let kind = match form {
            AudioForm::Fbank => Kind::Fbank,
            AudioForm::Wave => Kind::Wave,
        };
        self.0.push(clip.source.key(kind, clip.span));
    }
}

/// The identity of a clip in the cache.
#[derive(Debug, Clone)]
pub(crate) struct CachedClip {
    source: Source,
    /// The span of the window; `None` for the complete clip.
    span: Option<Span>,
}

impl CachedClip {
    /// Returns the identity of another window of the clip.
    pub(crate) fn window(mut self, span: Option<Span>) -> Self {
        self.span = span;
        self
    }
}

impl Cache {
    /// Opens the cache, or creates it.
    ///
    /// # Errors
    /// [`MediaError::Io`] with the folder's path if it cannot be created or locked.
    pub fn open(config: &CacheConfig) -> Result<Self, ClipError> {
        let (store, evicted) = Store::open(&config.folder, config.max_bytes)
            .map_err(|error| ClipError::new(&config.folder, MediaError::Io(error)))?;
        let counts = Counters { evicted: evicted.into(), ..Counters::default() };
        Ok(Self { store, identity: config.identity, counts, last_error: Mutex::default() })
    }

    /// Returns the counts so far.
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

    /// Returns the size of a clip's entries on disk, in bytes. Returns `None` if an entry is
    /// missing, because it could not be written or was evicted. The entries are not read.
    #[must_use]
    pub fn size(&self, clip: &CacheEntries) -> Option<u64> {
        clip.0.iter().try_fold(0_u64, |sum, key| Some(sum.saturating_add(self.store.size(key)?)))
    }

    /// Returns the last error of writing an entry in this process.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the identity of the complete clip at `path` under `spec`. Returns `None` if the file
    /// cannot be accessed; opening it gives a better error.
    pub(crate) fn clip(&self, path: &Path, spec: &ClipSpec) -> Option<CachedClip> {
        Some(CachedClip { source: Source::new(path, self.identity, spec).ok()?, span: None })
    }

    pub(crate) fn frames(&self, clip: &CachedClip, spec: &VideoSpec) -> Option<Vec<Frame>> {
        self.get(clip, Kind::Frames, |bytes| entry::decode_frames(bytes, spec))
    }

    pub(crate) fn put_frames(&self, clip: &CachedClip, frames: &[Frame]) {
        self.put(clip, Kind::Frames, &entry::encode_frames(frames));
    }

    pub(crate) fn fbank(&self, clip: &CachedClip, spec: &AudioSpec) -> Option<Vec<f32>> {
        self.get(clip, Kind::Fbank, |bytes| entry::decode_fbank(bytes, spec))
    }

    pub(crate) fn put_fbank(&self, clip: &CachedClip, rows: &[f32]) {
        self.put(clip, Kind::Fbank, &entry::encode_fbank(rows));
    }

    pub(crate) fn wave(&self, clip: &CachedClip) -> Option<Audio> {
        self.get(clip, Kind::Wave, entry::decode_wave)
    }

    pub(crate) fn put_wave(&self, clip: &CachedClip, audio: &Audio) {
        self.put(clip, Kind::Wave, &entry::encode_wave(audio));
    }

    fn get<T>(
        &self,
        clip: &CachedClip,
        kind: Kind,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let key = clip.source.key(kind, clip.span);
        let decoded = match self.store.get(&key) {
            Lookup::Missing => None,
            Lookup::Damaged => Some(None),
            Lookup::Payload(bytes) => Some(read(&bytes)),
        };
        if let Some(None) = decoded {
            self.store.remove(&key);
            count(&self.counts.corrupt);
        }
        let value = decoded.flatten();
        count(if value.is_some() { &self.counts.hits } else { &self.counts.misses });
        value
    }

    fn put(&self, clip: &CachedClip, kind: Kind, payload: &[u8]) {
        match self.store.put(&clip.source.key(kind, clip.span), payload) {
            Ok(Stored { evicted }) => {
                count(&self.counts.stored);
                self.counts.evicted.fetch_add(evicted, Ordering::Relaxed);
            }
            Err(error) => {
                count(&self.counts.not_stored);
                let mut last_error = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
                *last_error = Some(error.to_string());
            }
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
