//! Shards in a folder.

use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Open files at a time; training reads clips of all shards in random order.
const MAX_OPEN: usize = 256;

/// A folder with files that stay open.
#[derive(Debug)]
pub(in crate::shards) struct Folder {
    folder: PathBuf,
    open: Mutex<HashMap<String, Arc<File>>>,
}

impl Folder {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), open: Mutex::default() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the names of all indexes, in order.
    pub(super) fn indexes(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with("clips-") && name.ends_with(".jsonl") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    pub(super) fn size(&self, name: &str) -> io::Result<Option<u64>> {
        match self.path(name).metadata() {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn read(&self, name: &str, at: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let mut read = vec![0; usize::try_from(bytes).map_err(|_| io::ErrorKind::InvalidData)?];
        let file = self.file(name)?;
        read_at(&file, at, &mut read)?;
        Ok(read)
    }

    fn file(&self, name: &str) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(name) {
            return Ok(Arc::clone(file));
        }
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        let file = Arc::new(File::open(self.path(name))?);
        open.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

/// Fills `bytes` from a place of a file that other threads read too.
#[cfg(unix)]
fn read_at(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

/// Fills `bytes` from a place of a file, one thread at a time.
#[cfg(not(unix))]
fn read_at(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    static TURN: Mutex<()> = Mutex::new(());
    // Reading moves the place that the next read starts at.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut file = file;
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}
