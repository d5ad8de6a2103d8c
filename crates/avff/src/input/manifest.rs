//! Manifests. A manifest is read completely before any work, so that its errors appear at the start.

use std::path::{Path, PathBuf};

use avff_data::ClipError;
use avff_datasets::{ColumnNames, Condition, DatasetError, ManifestOptions, ManifestReader, Row};

use serde::{Deserialize, Serialize};

use super::InputError;
use crate::{
    hash,
    output::OutputError,
    shard::{self, Shard},
};

/// The identity of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestId {
    /// The path, as given.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// The number of rows below the header, or of the selected rows.
    pub rows: u64,
    /// The folder of relative paths; `None` for the CSV's folder.
    pub root: Option<String>,
    /// The names that the file gives to its columns, unless they are `video_name` and `target`.
    #[serde(default, skip_serializing_if = "ColumnNames::is_default")]
    pub columns: ColumnNames,
    /// The conditions that select the rows.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl ManifestId {
    /// The conditions that select the rows, as text.
    pub(crate) fn selection(&self) -> String {
        let conditions: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        if conditions.is_empty() { "all rows".into() } else { conditions.join(" and ") }
    }
}

impl ManifestId {
    /// Checks that a manifest is the one with which a run began.
    pub(crate) fn expect_same(&self, now: &Self) -> Result<(), OutputError> {
        if self.sha256 == now.sha256 {
            return Ok(());
        }
        Err(OutputError::ManifestChanged { path: now.path.clone(), was: self.rows, now: now.rows })
    }
}

/// A manifest, or a shard of it, whose rows are all known to be well-formed.
pub(crate) struct Manifest {
    path: PathBuf,
    options: ManifestOptions,
    shard: Option<Shard>,
    pub(crate) id: ManifestId,
    pub(crate) columns: Vec<String>,
}

/// Reads all rows of a manifest once and counts them.
pub(crate) fn scan(
    path: &Path,
    options: &ManifestOptions,
    shard: Option<Shard>,
) -> Result<Manifest, InputError> {
    let mut reader = ManifestReader::open(path, options)?;
    let columns = reader.columns().to_vec();
    let rows = reader.try_fold(0, |rows: u64, row| row.map(|_| rows + 1))?;
    if rows == 0 {
        return Err(InputError::NoRows { path: path.into() });
    }
    let id = ManifestId {
        path: path.display().to_string(),
        sha256: hash::content(path).map_err(|source| ClipError::new(path, source))?,
        rows,
        root: options.root.as_ref().map(|root| root.display().to_string()),
        columns: options.columns.clone(),
        conditions: options.conditions.clone(),
    };
    Ok(Manifest { path: path.into(), options: options.clone(), shard, id, columns })
}

impl Manifest {
    fn open(&self) -> Result<ManifestReader, DatasetError> {
        ManifestReader::open(&self.path, &self.options)
    }

    /// The number of rows of the manifest, or of the shard.
    pub(crate) fn row_count(&self) -> u64 {
        shard::row_count(self.shard, self.id.rows)
    }

    /// The rows of the manifest, or of the shard, without the first `skip` rows.
    pub(crate) fn rows(
        &self,
        skip: u64,
    ) -> Result<impl Iterator<Item = Result<Row, InputError>> + Send + 'static, InputError> {
        let skip = usize::try_from(shard::row(self.shard, skip)).unwrap_or(usize::MAX);
        let step = self.shard.map_or(1, |shard| shard.count() as usize);
        Ok(self.open()?.skip(skip).step_by(step).map(|row| row.map_err(InputError::from)))
    }
}
