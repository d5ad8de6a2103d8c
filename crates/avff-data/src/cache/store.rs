//! Named blobs in a folder, for processes to share.
//!
//! A blob is written to a temporary file and moved to its name, so no one ever sees a part of it; its
//! header repeats the name and carries a checksum, so damage is found. Readers take no lock. Writers
//! do, for a moment, to keep account of the size of all blobs in the file that they lock; where it is
//! not to be had, the blob is not kept, and no one ever waits for a process that hangs. What a killed
//! process leaves is a temporary file, which goes when it is old.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, SystemTime},
};

use super::key::Key;

/// The first bytes of every blob; the digit is the format's version.
const MAGIC: &[u8; 8] = b"AVFFBLB1";
/// Magic, name, length of the payload (8), CRC-32 of name and payload (4).
const HEADER: usize = 8 + 32 + 8 + 4;
/// The longest payload: the pictures of the largest spec.
const MAX_PAYLOAD: u64 = (1 << 28) + 1024;
/// The file that is locked and that holds the size of all blobs, in decimal digits.
const LEDGER: &str = "size";
/// The folder of files that are being written.
const UNFINISHED: &str = "unfinished";
/// The age of an unfinished file that no one can be writing any more.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How often a lock is tried, and how long is waited in between: a tenth of a second in all.
const TRIES: u32 = 50;
const WAIT: Duration = Duration::from_millis(2);

/// A folder of blobs.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    max_bytes: u64,
    ledger: Mutex<File>,
}

/// What is under a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Damaged,
    Payload(Vec<u8>),
}

/// A blob was kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Put {
    /// How many others were dropped for it.
    pub(super) evicted: u64,
}

impl Store {
    /// Opens a folder, or makes it. Also tells how many blobs were dropped to keep to the size.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn open(folder: &Path, max_bytes: u64) -> io::Result<(Self, u64)> {
        fs::create_dir_all(folder.join(UNFINISHED))?;
        let path = folder.join(LEDGER);
        let ledger =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let folder = folder.to_owned();
        let store = Self { folder, max_bytes, ledger: Mutex::new(ledger) };
        let mut evicted = 0;
        // Another process at work keeps the account itself.
        if let Some(mut ledger) = store.lock()? {
            store.drop_abandoned();
            let (used, count) = store.evict(max_bytes)?;
            evicted = count;
            ledger.write(used)?;
        }
        Ok((store, evicted))
    }

    /// The blob's payload. It counts as used now.
    pub(super) fn get(&self, key: &Key) -> Found {
        let Ok(file) = File::open(self.path(key)) else { return Found::Nothing };
        let Ok(metadata) = file.metadata() else { return Found::Nothing };
        if !(HEADER as u64..=HEADER as u64 + MAX_PAYLOAD).contains(&metadata.len()) {
            return Found::Damaged;
        }
        let mut header = [0; HEADER];
        let mut payload = Vec::with_capacity(metadata.len() as usize - HEADER);
        let read = (&file)
            .read_exact(&mut header)
            .and_then(|()| (&file).take(MAX_PAYLOAD).read_to_end(&mut payload));
        if read.is_err() || header != self::header(key, &payload) {
            return Found::Damaged;
        }
        // Where the system does not let a reader do this, the oldest go first, used or not.
        let _ = file.set_modified(SystemTime::now());
        Found::Payload(payload)
    }

    /// Bytes of a blob on disk, none where there is none.
    pub(super) fn size(&self, key: &Key) -> Option<u64> {
        fs::metadata(self.path(key)).ok().map(|metadata| metadata.len())
    }

    /// Removes a blob.
    pub(super) fn remove(&self, key: &Key) {
        // Its bytes stay in the account until the next count: too high is safe.
        let _ = fs::remove_file(self.path(key));
    }

    /// Keeps a blob, dropping those that were not used for longest where there is no room.
    ///
    /// # Errors
    /// What the system reports, and a blob that is larger than all room there is.
    pub(super) fn put(&self, key: &Key, payload: &[u8]) -> io::Result<Put> {
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
        // One that another process has written meanwhile is replaced.
        let replaced = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if used.saturating_add(size) > self.max_bytes {
            // A tenth more than needed, so that the folder is not counted for every blob.
            let room = (self.max_bytes - size).saturating_sub(self.max_bytes / 10);
            (used, evicted) = self.evict(room)?;
            used = used.saturating_add(if path.exists() { 0 } else { replaced });
        }
        // The account first: if this process ends here, it is too high, which is safe.
        ledger.write(used.saturating_add(size))?;
        file.persist(&path).map_err(|error| error.error)?;
        ledger.write(used.saturating_sub(replaced).saturating_add(size))?;
        Ok(Put { evicted })
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = key.name();
        self.folder.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Drops the longest unused blobs until those left take at most `room` bytes. Tells what they take
    /// and how many were dropped.
    fn evict(&self, room: u64) -> io::Result<(u64, u64)> {
        let mut blobs = Vec::new();
        for shard in fs::read_dir(&self.folder)? {
            let shard = shard?;
            if shard.file_name().len() != 2 {
                continue;
            }
            // What is no folder is not ours; a blob that is gone meanwhile takes no room.
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
            if used <= room {
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

    fn drop_abandoned(&self) {
        let entries = fs::read_dir(self.folder.join(UNFINISHED)).into_iter().flatten().flatten();
        for entry in entries {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.ok().and_then(|modified| modified.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED) {
                // What cannot be removed is looked at again next time.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// The lock of all writers, or none where another process does not give it up.
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

/// The account of the size of all blobs, locked.
struct Ledger<'a>(MutexGuard<'a, File>);

impl Ledger<'_> {
    /// None for what is no number, as after a crash of the machine.
    fn read(&mut self) -> io::Result<Option<u64>> {
        let mut text = String::new();
        self.0.seek(SeekFrom::Start(0))?;
        // 20 digits are the most of a u64, and one more is no u64.
        let read = (&mut *self.0).take(21).read_to_string(&mut text);
        let used = read.ok().and_then(|_| text.trim_end().parse().ok());
        if used.is_none() {
            self.0.set_len(0)?;
        }
        Ok(used)
    }

    fn write(&mut self, used: u64) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        // Always of one length: cut short it would read as another number.
        self.0.write_all(format!("{used:020}").as_bytes())
    }
}

impl Drop for Ledger<'_> {
    fn drop(&mut self) {
        // Closing the file would do it too, so a failure has no consequence that lasts.
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

/// Temporary files that other users may read once they have their name, as far as the system's mask
/// lets them.
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

    /// Bytes of all blobs, as the folder tells.
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
    fn blobs_come_back_and_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path(), 10_000);
        assert_eq!(first.get(&key(1)), Found::Nothing);
        first.put(&key(1), b"one").unwrap();
        first.put(&key(1), b"one again").unwrap();
        first.put(&key(2), b"").unwrap();
        let second = store(folder.path(), 10_000);
        for store in [&first, &second] {
            assert_eq!(store.get(&key(1)), Found::Payload(b"one again".to_vec()));
            assert_eq!(store.get(&key(2)), Found::Payload(Vec::new()));
        }
        assert_eq!(ledger(folder.path()), size(folder.path()));
        assert_eq!(fs::read_dir(folder.path().join(UNFINISHED)).unwrap().count(), 0);
    }

    #[test]
    fn any_damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 10_000);
        store.put(&key(1), b"payload").unwrap();
        let path = store.path(&key(1));
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 4;
            fs::write(&path, &bad).unwrap();
            assert_eq!(store.get(&key(1)), Found::Damaged, "byte {at}");
            fs::write(&path, &good[..at]).unwrap();
            assert_eq!(store.get(&key(1)), Found::Damaged, "cut to {at}");
        }
        fs::write(&path, [&good[..], b"!"].concat()).unwrap();
        assert_eq!(store.get(&key(1)), Found::Damaged, "longer");
        // A whole blob under another's name is that other's damage.
        fs::write(&path, &good).unwrap();
        fs::create_dir_all(store.path(&key(2)).parent().unwrap()).unwrap();
        fs::rename(&path, store.path(&key(2))).unwrap();
        assert_eq!(store.get(&key(2)), Found::Damaged);
        store.remove(&key(2));
        assert_eq!(store.get(&key(2)), Found::Nothing);
    }

    #[test]
    fn the_longest_unused_go_first_and_the_bound_holds() {
        let folder = tempfile::tempdir().unwrap();
        let each = HEADER as u64 + 100;
        let store = store(folder.path(), 10 * each);
        let age = |number: u8, seconds: u64| {
            let file = File::options().write(true).open(store.path(&key(number))).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
        };
        for number in 0..10 {
            assert_eq!(store.put(&key(number), &[number; 100]).unwrap(), Put { evicted: 0 });
            age(number, 1_000 - 10 * u64::from(number));
        }
        // The two oldest but for 0, which is used again.
        assert!(matches!(store.get(&key(0)), Found::Payload(_)));
        assert_eq!(store.put(&key(10), &[10; 100]).unwrap(), Put { evicted: 2 });
        let left: Vec<u8> =
            (0..=10).filter(|&number| store.get(&key(number)) != Found::Nothing).collect();
        assert_eq!(left, [0, 3, 4, 5, 6, 7, 8, 9, 10]);
        for number in 11..200 {
            store.put(&key(number), &vec![1; usize::from(number)]).unwrap();
            assert!(size(folder.path()) <= 10 * each);
            assert_eq!(ledger(folder.path()), size(folder.path()));
        }
        assert!(store.put(&key(1), &[0; 2_000]).is_err(), "larger than all room");
        // Under a smaller bound the same folder shrinks at once.
        let (_, evicted) = Store::open(folder.path(), 3 * each).unwrap();
        assert!(evicted > 0 && size(folder.path()) <= 3 * each);
    }

    #[test]
    fn what_a_killed_process_left_is_ignored_and_goes_in_time() {
        let folder = tempfile::tempdir().unwrap();
        drop(store(folder.path(), 10_000));
        let whole = header(&key(1), b"payload");
        let half = folder.path().join(UNFINISHED).join(".tmpabc");
        fs::write(&half, &whole[..20]).unwrap();
        fs::write(folder.path().join(LEDGER), "17 sheep").unwrap();
        let store = store(folder.path(), 10_000);
        assert_eq!(store.get(&key(1)), Found::Nothing);
        store.put(&key(1), b"payload").unwrap();
        assert_eq!(ledger(folder.path()), size(folder.path()));
        assert!(half.exists(), "it may be someone's who is at it");
        let old = SystemTime::now() - 2 * ABANDONED;
        File::options().write(true).open(&half).unwrap().set_modified(old).unwrap();
        drop(Store::open(folder.path(), 10_000).unwrap());
        assert!(!half.exists());
    }

    #[test]
    fn no_one_waits_for_a_lock_that_is_never_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 10_000);
        let other = File::options().write(true).open(folder.path().join(LEDGER)).unwrap();
        other.lock().unwrap();
        let error = store.put(&key(1), b"payload").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(store.get(&key(1)), Found::Nothing);
        assert!(Store::open(folder.path(), 10_000).is_ok());
        other.unlock().unwrap();
        store.put(&key(1), b"payload").unwrap();
        assert_eq!(store.get(&key(1)), Found::Payload(b"payload".to_vec()));
    }
}
