//! The files of a set of shards: a folder, or a web server.

mod folder;
#[cfg(feature = "http")]
mod http;

use std::{
    io,
    path::{Path, PathBuf},
};

use self::folder::Folder;
use super::ShardError;

/// The largest index.
const MAX_INDEX: u64 = 1 << 30;

/// How many names are asked for to find the first index on a server.
#[cfg(feature = "http")]
const SERVED: usize = 16;

/// Where shards are.
#[derive(Debug)]
pub(super) enum Store {
    Folder(Folder),
    #[cfg(feature = "http")]
    Http(http::Server),
}

impl Store {
    /// Opens a folder, or an address that starts with `http://` or `https://`.
    pub(super) fn new(location: &Path) -> Result<Self, ShardError> {
        if !is_address(location) {
            return Ok(Self::Folder(Folder::new(location)));
        }
        #[cfg(feature = "http")]
        return Ok(Self::Http(http::Server::new(location)));
        #[cfg(not(feature = "http"))]
        Err(ShardError::NoHttp { path: location.into() })
    }

    /// Returns the path or the address of a file.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path(name),
            #[cfg(feature = "http")]
            Self::Http(server) => server.address(name).into(),
        }
    }

    /// Returns the size of a file; `None` if there is no such file.
    pub(super) fn size(&self, name: &str) -> Result<Option<u64>, ShardError> {
        let size = match self {
            Self::Folder(folder) => folder.size(name),
            #[cfg(feature = "http")]
            Self::Http(server) => server.size(name),
        };
        size.map_err(ShardError::io(self.path(name)))
    }

    /// Returns names of indexes, the first ones first: all in a folder; of a server, which cannot be
    /// listed, the first that is there among some.
    pub(super) fn first_indexes(&self) -> Result<Vec<String>, ShardError> {
        match self {
            Self::Folder(folder) => folder.indexes().map_err(ShardError::io(folder.path(""))),
            #[cfg(feature = "http")]
            Self::Http(_) => {
                for number in 0..SERVED {
                    let name = super::index::index_name(0, number);
                    if self.size(&name)?.is_some() {
                        return Ok(vec![name]);
                    }
                }
                Ok(Vec::new())
            }
        }
    }

    /// Reads a text file.
    pub(super) fn text(&self, name: &str) -> Result<String, ShardError> {
        let text = match self {
            Self::Folder(folder) => avff_files::read_text(&folder.path(name), MAX_INDEX),
            #[cfg(feature = "http")]
            Self::Http(server) => server.text(name, MAX_INDEX),
        };
        text.map_err(ShardError::io(self.path(name)))
    }

    /// Reads bytes of a file.
    pub(super) fn read(&self, name: &str, at: u64, bytes: u64) -> io::Result<Vec<u8>> {
        match self {
            Self::Folder(folder) => folder.read(name, at, bytes),
            #[cfg(feature = "http")]
            Self::Http(server) => server.read(name, at, bytes),
        }
    }
}

/// Returns whether shards are read from a web server.
pub(super) fn is_address(location: &Path) -> bool {
    location
        .to_str()
        .is_some_and(|text| text.starts_with("http://") || text.starts_with("https://"))
}
