//! What is wrong with training and test sets before anything is trained on them.
//!
//! Leaks between splits, labels that contradict each other, files that cannot be read, and ways to
//! tell fake from real that have nothing to do with faking: silence at the start, length, rates.

mod files;
mod findings;
mod media;
mod report;
mod splits;

use std::{num::NonZeroUsize, path::PathBuf, thread};

use avff_data::{ClipSpec, spec::SpecError};
use avff_datasets::protocol::{IDENTITY_COLUMN, SOURCE_COLUMN, Table, leakage};

pub use findings::{Example, ExampleClip, FindingKind, Findings};
pub use media::{ClassCounts, Fbank, Media, Numbers};
pub use report::Report;

use crate::{input::InputError, output::OutputError};
use files::Files;
use findings::Finding;

/// Why nothing is checked. What is wrong with clips is no such error: it is in the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A CSV cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The report cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The clip spec cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

/// What to check and how closely.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// One CSV whose column `split_column` says where each row is, or a CSV for each split.
    pub csvs: Vec<PathBuf>,
    /// Where relative names start; `None` for the folder of each CSV.
    pub root: Option<PathBuf>,
    /// The column of splits, where there is one CSV.
    pub split_column: String,
    /// How far to look into files.
    pub look: Look,
    /// How the filterbank is computed, and which pictures are decoded.
    pub spec: ClipSpec,
    /// Threads; `None` for one a core.
    pub workers: Option<NonZeroUsize>,
    /// A CSV with every row that a finding is about.
    pub report: Option<PathBuf>,
}

/// How far to look into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// Not at all: the CSVs alone.
    Csv,
    /// At their bytes: which are missing, which are the same.
    Bytes,
    /// Both streams are opened, the sound is decoded.
    Audio,
    /// The pictures that a network would see are decoded too.
    Pictures,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files looked at.
    pub done: usize,
    /// Files to look at; grows when some have to be compared.
    pub total: usize,
}

/// Checks one or several CSVs.
///
/// # Errors
/// A CSV that cannot be read or has no rows, a clip spec that cannot be used, a report that cannot be
/// written.
pub fn check(
    options: &CheckOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, CheckError> {
    options.spec.validate()?;
    if let Some(report) = &options.report {
        findings::expect_apart(report, &options.csvs)?;
    }
    let table = Table::read(&options.csvs, options.root.as_deref()).map_err(InputError::from)?;
    if table.is_empty() {
        let path = options.csvs.first().cloned().unwrap_or_default();
        return Err(InputError::NoRows { path }.into());
    }
    let (names, parts) = splits::splits(&table, &options.split_column);
    let first_of_path = table.first_of_path();
    let workers = options.workers.or_else(|| thread::available_parallelism().ok());
    let workers = workers.map_or(1, NonZeroUsize::get);
    let seen = (options.look > Look::Csv).then(|| {
        Files { table: &table, parts: &parts, names: &names, first_of_path: &first_of_path }
            .look(options, workers, progress)
    });

    let mut found = Vec::new();
    for (kind, column) in
        [(FindingKind::SharedIdentity, IDENTITY_COLUMN), (FindingKind::SharedSource, SOURCE_COLUMN)]
    {
        // A set need not know identities or sources.
        if let Ok(leaks) = leakage::by_column(&table, &parts, column) {
            found.extend(leaks.into_iter().map(|leak| Finding::new(kind, leak.key, leak.rows)));
        }
    }
    for leak in leakage::by_path(&table, &parts, &first_of_path) {
        found.push(Finding::new(FindingKind::SharedPath, leak.key, leak.rows));
    }
    let same_as = seen.as_ref().map_or(&first_of_path, |seen| &seen.same_as);
    let hashes = seen.as_ref().map(|seen| &seen.hashes);
    found.extend(findings::shared_content(&parts, &first_of_path, same_as, hashes));
    found.extend(findings::repeated(&table, &parts, &first_of_path));
    found.extend(findings::contradictions(&table, same_as));
    if let Some(seen) = &seen {
        found.extend(seen.failures(&first_of_path));
    }
    if let Some(path) = &options.report {
        findings::write(path, &table, &names, &parts, &found)?;
    }
    Ok(Report::new(&table, &names, &parts, &first_of_path, &found, seen, &options.spec))
}
