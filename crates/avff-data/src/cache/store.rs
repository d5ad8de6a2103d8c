//! A folder of named blobs that processes share.
//!
//! A blob is written to a temporary file and renamed, so no process sees a partial blob. The header
//! repeats the name and contains a checksum, so damage is detected. Readers take no lock.
//!
//! Writers briefly lock a file that stores the total size of all blobs. If the lock is unavailable,
//! the blob is not stored, so no process waits for a hanging one. A killed process leaves a
//! temporary file, which is deleted when it is old.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, SystemTime},
};

use super::key::Key;

/// Magic bytes of every blob; the digit is the format version.
const MAGIC: &[u8; 8] = b"AVFFBLB1";
/// Header size: magic, name, payload length (8), CRC-32 of name and payload (4).
const HEADER: usize = 8 + 32 + 8 + 4;
/// Maximum payload size: the frames of the largest spec.
const MAX_PAYLOAD: u64 = (1 << 28) + 1024;
/// The lock file, which contains the total size of all blobs in decimal digits.
const LEDGER: &str = "size";
/// The folder of files being written.
const UNFINISHED: &str = "unfinished";
/// The age from which an unfinished file is considered abandoned.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Number of lock attempts and the wait between them: a tenth of a second in total.
const TRIES: u32 = 50;
const WAIT: Duration = Duration::from_millis(2);

/// A folder of blobs.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    max_bytes: u64,
    ledger: Mutex<File>,
}

/// The result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Missing,
    Damaged,
    Payload(Vec<u8>),
}

/// A blob was stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Number of blobs evicted to make space.
    pub(super) evicted: u64,
}

impl Store {
    /// Opens a folder, or creates it. Also returns the number of blobs evicted to respect the size
    /// limit.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> io::Result<(Self, u64)> {
        fs::create_dir_all(folder.join(UNFINISHED))?;
        let path = folder.join(LEDGER);
        let ledger =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let folder = folder.to_owned();
        let store = Self { folder, max_bytes, ledger: Mutex::new(ledger) };
        let mut evicted = 0;
        // If another process holds the lock, it maintains the size itself.
        if let Some(mut ledger) = store.lock()? {
            store.remove_abandoned();
            let (used, count) = store.evict(max_bytes)?;
            evicted = count;
            ledger.write(used)?;
        }
        Ok((store, evicted))
    }

    /// Returns the payload of a blob and marks it as recently used.
    pub(super) fn get(&self, key: &Key) -> Lookup {
        let Ok(file) = File::open(self.path(key)) else { return Lookup::Missing };
        let Ok(metadata) = file.metadata() else { return Lookup::Missing };
        if !(HEADER as u64..=HEADER as u64 + MAX_PAYLOAD).contains(&metadata.len()) {
            return Lookup::Damaged;
        }
        let mut header = [0; HEADER];
        let mut payload = Vec::new();
        // Without the memory, the clip is decoded, which takes less.
        if payload.try_reserve_exact(metadata.len() as usize - HEADER).is_err() {
            return Lookup::Missing;
        }
        let read = (&file)
            .read_exact(&mut header)
            .and_then(|()| (&file).take(MAX_PAYLOAD).read_to_end(&mut payload));
        if read.is_err() || header != self::header(key, &payload) {
            return Lookup::Damaged;
        }
        // If the system does not permit this, eviction follows the time of writing.
        let _ = file.set_modified(SystemTime::now());
        Lookup::Payload(payload)
    }

    /// Returns the size of a blob on disk; `None` if it does not exist.
    pub(super) fn size(&self, key: &Key) -> Option<u64> {
        fs::metadata(self.path(key)).ok().map(|metadata| metadata.len())
    }

    /// Removes a blob.
    pub(super) fn remove(&self, key: &Key) {
        // Its size stays in the total until the next recount. An overestimate is safe.
        let _ = fs::remove_file(self.path(key));
    }

    /// Stores a blob. Evicts the least recently used blobs if space is insufficient.
    ///
    /// # Errors
    /// The system's error, or a blob larger than the size limit.
    pub(super) fn put(&self, key: &Key, payload: &[u8]) -> io::Result<Stored> {
        let size = (HEADER + payload.len()) as u64;
        if payload.len() as u64 > MAX_PAYLOAD || size > self.max_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let path = self.path(key);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = unfinished().tempfile_in(self.folder.join(UNFINISHED))?;
        file.write_all(&header(key, payload))?;
        file.write_all(payload)?;

        let Some(mut ledger) = self.lock()? else { return Err(io::ErrorKind::WouldBlock.into()) };
        let mut evicted = 0;
        let mut used = match ledger.read()? {
            Some(used) => used,
            None => self.evict(self.max_bytes)?.0,
        };
        // A blob that another process has written meanwhile is replaced.
        let replaced = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if used.saturating_add(size) > self.max_bytes {
            // A tenth more than needed is freed, so that the folder is not scanned for every blob.
            let limit = (self.max_bytes - size).saturating_sub(self.max_bytes / 10);
            (used, evicted) = self.evict(limit)?;
            used = used.saturating_add(if path.exists() { 0 } else { replaced });
        }
        // The total is written first: if this process is killed here, the total is an overestimate,
        // which is safe.
        ledger.write(used.saturating_add(size))?;
        file.persist(&path).map_err(|error| error.error)?;
        ledger.write(used.saturating_sub(replaced).saturating_add(size))?;
        Ok(Stored { evicted })
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = key.name();
        self.folder.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Evicts the least recently used blobs until the rest takes at most `limit` bytes. Returns the
    /// remaining size and the number of evicted blobs.
    fn evict(&self, limit: u64) -> io::Result<(u64, u64)> {
        let mut blobs = Vec::new();
        for shard in fs::read_dir(&self.folder)? {
            let shard = shard?;
            if shard.file_name().len() != 2 {
                continue;
            }
            // Files other than folders are foreign; a blob deleted meanwhile takes no space.
            for blob in fs::read_dir(shard.path()).into_iter().flatten().flatten() {
                if let Ok(metadata) = blob.metadata() {
                    blobs.push((metadata.modified()?, metadata.len(), blob.path()));
                }
            }
        }
        let mut used = blobs.iter().fold(0_u64, |sum, (_, size, _)| sum.saturating_add(*size));
        let mut evicted = 0;
        blobs.sort_unstable();
        for (_, size, path) in blobs {
            if used <= limit {
                break;
            }
            match fs::remove_file(path) {
                Ok(()) => evicted += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            used -= size;
        }
        Ok((used, evicted))
    }

    fn remove_abandoned(&self) {
        let entries = fs::read_dir(self.folder.join(UNFINISHED)).into_iter().flatten().flatten();
        for entry in entries {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| modified.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED) {
                // A file that cannot be removed is tried again at the next opening.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Acquires the writers' lock; `None` if another process does not release it.
    fn lock(&self) -> io::Result<Option<Ledger<'_>>> {
        let file = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Ledger(file))),
                Err(TryLockError::WouldBlock) => sleep(WAIT),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// The locked file with the total size of all blobs.
struct Ledger<'a>(MutexGuard<'a, File>);

impl Ledger<'_> {
    /// Returns `None` if the content is not a number, as after a system crash.
    fn read(&mut self) -> io::Result<Option<u64>> {
        let mut text = String::new();
        self.0.seek(SeekFrom::Start(0))?;
        // A u64 has at most 20 digits.
        let read = (&mut *self.0).take(21).read_to_string(&mut text);
        let used = read.ok().and_then(|_| text.trim_end().parse().ok());
        if used.is_none() {
            self.0.set_len(0)?;
        }
        Ok(used)
    }

    fn write(&mut self, used: u64) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        // The width is fixed, because a truncated number would be a wrong number.
        self.0.write_all(format!("{used:020}").as_bytes())
    }
}

impl Drop for Ledger<'_> {
    fn drop(&mut self) {
        // Closing the file also releases the lock, so a failure has no lasting effect.
        let _ = self.0.unlock();
    }
}

fn header(key: &Key, payload: &[u8]) -> [u8; HEADER] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&key.0);
    hash.update(payload);
    let mut header = [0; HEADER];
    let parts: [&[u8]; 4] =
        [MAGIC, &key.0, &(payload.len() as u64).to_le_bytes(), &hash.finalize().to_le_bytes()];
    for (byte, part) in header.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *part;
    }
    header
}

/// Creates temporary files that other users may read after the rename, subject to the umask.
fn unfinished() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key([number; 32])
    }

    fn store(folder: &Path, max_bytes: u64) -> Store {
        Store::open(folder, max_bytes).unwrap().0
    }

    /// Returns the total size of all blobs according to the folder.
    fn size(folder: &Path) -> u64 {
        let shards = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let shards = shards.filter(|entry| entry.file_name().len() == 2);
        let blobs = shards.flat_map(|shard| fs::read_dir(shard.path()).unwrap());
        blobs.map(|blob| blob.unwrap().metadata().unwrap().len()).sum()
    }

    fn ledger(folder: &Path) -> u64 {
        fs::read_to_string(folder.join(LEDGER)).unwrap().parse().unwrap()
    }

    #[test]
    fn blobs_round_trip_across_stores() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path(), 10_000);
        assert_eq!(first.get(&key(1)), Lookup::Missing);
        first.put(&key(1), b"one").unwrap();
        first.put(&key(1), b"one again").unwrap();
        first.put(&key(2), b"").unwrap();
        let second = store(folder.path(), 10_000);
        for store in [&first, &second] {
            assert_eq!(store.get(&key(1)), Lookup::Payload(b"one again".to_vec()));
            assert_eq!(store.get(&key(2)), Lookup::Payload(Vec::new()));
        }
        assert_eq!(ledger(folder.path()), size(folder.path()));
        assert_eq!(fs::read_dir(folder.path().join(UNFINISHED)).unwrap().count(), 0);
    }

    #[test]
    fn any_damage_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 10_000);
        store.put(&key(1), b"payload").unwrap();
        let path = store.path(&key(1));
        let valid = fs::read(&path).unwrap();
        for at in 0..valid.len() {
            let mut damaged = valid.clone();
            damaged[at] ^= 4;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(store.get(&key(1)), Lookup::Damaged, "byte {at}");
            fs::write(&path, &valid[..at]).unwrap();
            assert_eq!(store.get(&key(1)), Lookup::Damaged, "cut to {at}");
        }
        fs::write(&path, [&valid[..], b"!"].concat()).unwrap();
        assert_eq!(store.get(&key(1)), Lookup::Damaged, "longer");
        // A complete blob under another key counts as damage of that key.
        fs::write(&path, &valid).unwrap();
        fs::create_dir_all(store.path(&key(2)).parent().unwrap()).unwrap();
        fs::rename(&path, store.path(&key(2))).unwrap();
        assert_eq!(store.get(&key(2)), Lookup::Damaged);
        store.remove(&key(2));
        assert_eq!(store.get(&key(2)), Lookup::Missing);
    }

    #[test]
    fn least_recently_used_are_evicted_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let each = HEADER as u64 + 100;
        let store = store(folder.path(), 10 * each);
        let age = |number: u8, seconds: u64| {
            let file = File::options().write(true).open(store.path(&key(number))).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
        };
        for number in 0..10 {
            assert_eq!(store.put(&key(number), &[number; 100]).unwrap(), Stored { evicted: 0 });
            age(number, 1_000 - 10 * u64::from(number));
        }
        // The two oldest except 0, which was used again.
        assert!(matches!(store.get(&key(0)), Lookup::Payload(_)));
        assert_eq!(store.put(&key(10), &[10; 100]).unwrap(), Stored { evicted: 2 });
        let remaining: Vec<u8> =
            (0..=10).filter(|&number| store.get(&key(number)) != Lookup::Missing).collect();
        assert_eq!(remaining, [0, 3, 4, 5, 6, 7, 8, 9, 10]);
        for number in 11..200 {
            store.put(&key(number), &vec![1; usize::from(number)]).unwrap();
            assert!(size(folder.path()) <= 10 * each);
            assert_eq!(ledger(folder.path()), size(folder.path()));
        }
        assert!(store.put(&key(1), &[0; 2_000]).is_err(), "larger than the size limit");
        // With a smaller limit, the folder shrinks at once.
        let (_, evicted) = Store::open(folder.path(), 3 * each).unwrap();
        assert!(evicted > 0 && size(folder.path()) <= 3 * each);
    }

    #[test]
    fn leftovers_of_killed_processes_are_ignored_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        drop(store(folder.path(), 10_000));
        let complete = header(&key(1), b"payload");
        let partial = folder.path().join(UNFINISHED).join(".tmpabc");
        fs::write(&partial, &complete[..20]).unwrap();
        fs::write(folder.path().join(LEDGER), "17 x").unwrap();
        let store = store(folder.path(), 10_000);
        assert_eq!(store.get(&key(1)), Lookup::Missing);
        store.put(&key(1), b"payload").unwrap();
        assert_eq!(ledger(folder.path()), size(folder.path()));
        assert!(partial.exists(), "another process may be writing it");
        let old = SystemTime::now() - 2 * ABANDONED;
        File::options().write(true).open(&partial).unwrap().set_modified(old).unwrap();
        drop(Store::open(folder.path(), 10_000).unwrap());
        assert!(!partial.exists());
    }

    #[test]
    fn writers_do_not_wait_for_a_held_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 10_000);
        let other = File::options().write(true).open(folder.path().join(LEDGER)).unwrap();
        other.lock().unwrap();
        let error = store.put(&key(1), b"payload").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(store.get(&key(1)), Lookup::Missing);
        assert!(Store::open(folder.path(), 10_000).is_ok());
        other.unlock().unwrap();
        store.put(&key(1), b"payload").unwrap();
        assert_eq!(store.get(&key(1)), Lookup::Payload(b"payload".to_vec()));
    }
}
