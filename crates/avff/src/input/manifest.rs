//! The manifest, read once in full before any work: what is wrong with it shows at the start.

use std::path::{Path, PathBuf};

use avff_data::ClipError;
use avff_datasets::{DatasetError, ManifestReader, Row};

use serde::{Deserialize, Serialize};

use super::InputError;
use crate::{
    hash,
    shard::{self, Shard},
};

/// A manifest, by its contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestId {
    /// As it was asked for.
    pub path: String,
    /// Of the file.
    pub sha256: String,
    /// Rows below the header.
    pub rows: u64,
    /// Where relative paths started, if not at the CSV.
    pub root: Option<String>,
}

/// A manifest whose every row is known to be well formed, or the part of it that is a shard's.
pub(crate) struct Manifest {
    path: PathBuf,
    root: Option<PathBuf>,
    shard: Option<Shard>,
    pub(crate) id: ManifestId,
    pub(crate) columns: Vec<String>,
}

pub(crate) fn scan(
    path: &Path,
    root: Option<&Path>,
    shard: Option<Shard>,
) -> Result<Manifest, InputError> {
    let mut reader = ManifestReader::open(path, root)?;
    let columns = reader.columns().to_vec();
    let rows = reader.try_fold(0, |rows: u64, row| row.map(|_| rows + 1))?;
    if rows == 0 {
        return Err(InputError::NoRows { path: path.into() });
    }
    let id = ManifestId {
        path: path.display().to_string(),
        sha256: hash::content(path).map_err(|source| ClipError::new(path, source))?,
        rows,
        root: root.map(|root| root.display().to_string()),
    };
    Ok(Manifest { path: path.into(), root: root.map(Into::into), shard, id, columns })
}

impl Manifest {
    fn open(&self) -> Result<ManifestReader, DatasetError> {
        ManifestReader::open(&self.path, self.root.as_deref())
    }

    /// How many rows are to be done.
    pub(crate) fn due(&self) -> u64 {
        shard::share(self.shard, self.id.rows)
    }

    /// The rows to be done but for the first `skip`.
    pub(crate) fn rows(
        &self,
        skip: u64,
    ) -> Result<impl Iterator<Item = Result<Row, InputError>> + Send + 'static, InputError> {
        let skip = usize::try_from(shard::row(self.shard, skip)).unwrap_or(usize::MAX);
        let step = self.shard.map_or(1, |shard| shard.count() as usize);
        Ok(self.open()?.skip(skip).step_by(step).map(|row| row.map_err(InputError::from)))
    }
}
