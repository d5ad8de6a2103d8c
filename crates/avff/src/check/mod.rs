//! Checks training and test sets before training.
//!
//! Reports leaks between splits, contradictory labels and unreadable files. It also reports shortcuts:
//! properties unrelated to manipulation that separate fake from real, such as leading silence, duration
//! and frame rate.

mod files;
mod findings;
mod media;
mod report;
mod splits;

use std::{num::NonZeroUsize, path::PathBuf, thread};

use avff_data::{ClipSpec, spec::SpecError};
use avff_datasets::{
    ManifestOptions,
    protocol::{IDENTITY_COLUMN, SOURCE_COLUMN, Table, leakage},
};

pub use findings::{Example, ExampleClip, FindingKind, Findings};
pub use media::{ClassCounts, Distribution, Fbank, Media};
pub use report::Report;

use crate::{input::InputError, output::OutputError};
use files::Files;
use findings::Finding;

/// Why a check cannot run. Problems of the data set are not errors: they are in the report.
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

/// Options of [`check`].
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// One CSV with a column `split_column`, or one CSV for each split.
    pub csvs: Vec<PathBuf>,
    /// How the CSVs are read: the folder of relative names, and the names of their columns.
    pub manifest: ManifestOptions,
    /// The column that names the split of each row, if there is one CSV.
    pub split_column: String,
    /// How thoroughly files are checked.
    pub depth: CheckDepth,
    /// How the filterbank is computed, and which frames are decoded.
    pub spec: ClipSpec,
    /// Number of threads; `None` for one per core.
    pub workers: Option<NonZeroUsize>,
    /// The path of a CSV report with every row of every finding.
    pub report: Option<PathBuf>,
}

/// How thoroughly files are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckDepth {
    /// Reads only the CSVs.
    Csv,
    /// Also finds missing files and files with identical content.
    Bytes,
    /// Also opens both streams and decodes the audio.
    Audio,
    /// Also decodes the frames that a network would see.
    Frames,
}

/// The progress of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files processed.
    pub done: usize,
    /// Files to process. The total grows when files of equal size have to be hashed.
    pub total: usize,
}

/// Checks one or several CSVs.
///
/// # Errors
/// Fails if a CSV cannot be read or has no rows, if the clip spec is invalid, or if the report cannot be
/// written.
pub fn check(
    options: &CheckOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, CheckError> {
    options.spec.validate()?;
    if let Some(report) = &options.report {
        findings::expect_not_input(report, &options.csvs)?;
    }
    let table = Table::read(&options.csvs, &options.manifest).map_err(InputError::from)?;
    if table.is_empty() {
        let path = options.csvs.first().cloned().unwrap_or_default();
        return Err(InputError::NoRows { path }.into());
    }
    let (names, assignment) = splits::splits(&table, &options.split_column);
    let first_of_path = table.first_of_path();
    let workers = options.workers.or_else(|| thread::available_parallelism().ok());
    let workers = workers.map_or(1, NonZeroUsize::get);
    let scan = (options.depth > CheckDepth::Csv).then(|| {
        Files {
            table: &table,
            assignment: &assignment,
            names: &names,
            first_of_path: &first_of_path,
        }
        .scan(options, workers, progress)
    });

    let mut all_findings = Vec::new();
    for (kind, column) in
        [(FindingKind::SharedIdentity, IDENTITY_COLUMN), (FindingKind::SharedSource, SOURCE_COLUMN)]
    {
        // The columns of identities and sources are optional.
        if let Ok(leaks) = leakage::by_column(&table, &assignment, column) {
            all_findings
                .extend(leaks.into_iter().map(|leak| Finding::new(kind, leak.key, leak.rows)));
        }
    }
    for leak in leakage::by_path(&table, &assignment, &first_of_path) {
        all_findings.push(Finding::new(FindingKind::SharedPath, leak.key, leak.rows));
    }
    let same_as = scan.as_ref().map_or(&first_of_path, |scan| &scan.same_as);
    let hashes = scan.as_ref().map(|scan| &scan.hashes);
    all_findings.extend(findings::shared_content(&assignment, &first_of_path, same_as, hashes));
    all_findings.extend(findings::repeated(&table, &assignment, &first_of_path));
    all_findings.extend(findings::contradictions(&table, same_as));
    if let Some(scan) = &scan {
        all_findings.extend(scan.failures(&first_of_path));
    }
    if let Some(path) = &options.report {
        findings::write(path, &table, &names, &assignment, &all_findings)?;
    }
    Ok(Report::new(&table, &names, &assignment, &first_of_path, &all_findings, scan, &options.spec))
}
