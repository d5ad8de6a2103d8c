//! The files of a folder of shards.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::ShardError;

/// The largest index.
const MAX_INDEX: u64 = 1 << 30;
/// Open files at a time; training reads clips of all shards in random order.
const MAX_OPEN: usize = 256;

/// A folder of shards with files that stay open.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    open: Mutex<HashMap<String, Arc<Mutex<File>>>>,
}

impl Store {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), open: Mutex::default() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the size of a file; `None` if there is no such file.
    pub(super) fn size(&self, name: &str) -> Result<Option<u64>, ShardError> {
        let path = self.path(name);
        match path.metadata() {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ShardError::Io { path, source }),
        }
    }

    /// Reads a text file.
    pub(super) fn text(&self, name: &str) -> Result<String, ShardError> {
        let path = self.path(name);
        avff_files::read_text(&path, MAX_INDEX).map_err(ShardError::io(path))
    }

    /// Reads bytes of a file.
    pub(super) fn read(&self, name: &str, at: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let file = self.file(name)?;
        let mut read = vec![0; usize::try_from(bytes).map_err(|_| io::ErrorKind::InvalidData)?];
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut read)?;
        Ok(read)
    }

    fn file(&self, name: &str) -> io::Result<Arc<Mutex<File>>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(name) {
            return Ok(Arc::clone(file));
        }
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        let file = Arc::new(Mutex::new(File::open(self.path(name))?));
        open.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}
