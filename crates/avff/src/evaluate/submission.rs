//! Predictions in the layout of the reference's `eval.py`, which challenges ask for: base names and scores alone.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use avff_datasets::{ManifestOptions, ManifestReader, manifest::NAME_COLUMN};

use super::{EvaluateError, Paths};
use crate::input::SCORE;
use crate::{
    input::InputError,
    output::{OutputError, expect_csv, expect_not_input, table::Table},
};

/// A table `video_name,y_pred` with base names. It is written once the predictions are complete.
#[derive(Debug)]
pub struct Submission {
    path: PathBuf,
}

impl Submission {
    /// Checks before a run that the table can be written to `path`: that no other output has this path, and that
    /// no two rows of the manifest have the same base name.
    ///
    /// # Errors
    /// [`EvaluateError::RepeatedBaseName`], [`OutputError::Results`] for an existing file unless `overwrite`, and the
    /// errors of the manifest.
    pub fn plan(
        path: &Path,
        csv: &Path,
        manifest: &ManifestOptions,
        outputs: &Paths,
        overwrite: bool,
    ) -> Result<Self, EvaluateError> {
        expect_csv(path)?;
        expect_not_input(path, csv)?;
        if !overwrite && path.exists() {
            return Err(OutputError::Results { path: path.into() }.into());
        }
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.into());
        if outputs.tables().iter().any(|(_, other)| absolute(other) == absolute(path)) {
            return Err(OutputError::ReplacesInput { path: path.into() }.into());
        }
        let mut lines: HashMap<String, u64> = HashMap::new();
        for row in ManifestReader::open(csv, manifest).map_err(InputError::from)? {
            let row = row.map_err(InputError::from)?;
            let name = base_name(&row.name).to_owned();
            if let Some(first) = lines.insert(name.clone(), row.line) {
                let (csv, lines) = (csv.to_owned(), [first, row.line]);
                return Err(EvaluateError::RepeatedBaseName { csv, name, lines });
            }
        }
        Ok(Self { path: path.into() })
    }

    /// Writes the table from finished predictions. Clips without a score have no row.
    ///
    /// # Errors
    /// [`OutputError::Io`], or [`OutputError::Damaged`] if the predictions cannot be read.
    pub fn write(&self, predictions: &Path) -> Result<(), OutputError> {
        let damaged = |reason: String| OutputError::Damaged { path: predictions.into(), reason };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_path(predictions)
            .map_err(|error| damaged(error.to_string()))?;
        let mut table = Table::create(&self.path)?;
        table.write([NAME_COLUMN, SCORE])?;
        for record in reader.records() {
            let record = record.map_err(|error| damaged(error.to_string()))?;
            let (Some(name), Some(score)) = (record.get(0), record.get(1)) else {
                return Err(damaged("it has a row of fewer than two cells".into()));
            };
            table.write([base_name(name), score])?;
        }
        table.finish()
    }
}

/// The part of a clip's name after the last separator.
fn base_name(name: &str) -> &str {
    let name = name.trim_end_matches(['/', '\\']);
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::base_name;

    #[test]
    fn base_names_have_no_folder() {
        for (name, base) in
            [("a.mp4", "a.mp4"), ("x/y/a.mp4", "a.mp4"), ("x\\a.mp4", "a.mp4"), ("x/f/", "f")]
        {
            assert_eq!(base_name(name), base);
        }
    }
}
