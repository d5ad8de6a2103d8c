//! Splits a manifest into training and test sets by one of the protocols of [`avff_datasets::protocol`].

mod output;
mod summary;

use std::{
    io,
    path::{Path, PathBuf},
};

use avff_datasets::{
    manifest::{ManifestOptions, TARGET_COLUMN},
    protocol::{
        Groups, Split, SplitError, Strata, Subsets, Table,
        balance::balance,
        composition::Composition,
        leave_out::leave_out,
        random::random,
        subjects::{expect_identities, subjects},
    },
};

pub(crate) use summary::composition;
pub use summary::{SplitReport, Summary};

use crate::{input::InputError, output::OutputError};
use output::Plan;

/// Why a manifest cannot be split.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitCommandError {
    /// The CSV cannot be split as requested.
    #[error("{}: {source}", path.display())]
    Split {
        /// The CSV.
        path: PathBuf,
        /// The reason.
        source: SplitError,
    },
    /// The manifest cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The splits cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The folder of relative names cannot be found.
    #[error("{}: {source}", path.display())]
    Root {
        /// The folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Several splits cannot be written to one file.
    #[error("{}: a split for every category needs a folder as output", path.display())]
    NeedsFolder {
        /// The output.
        path: PathBuf,
    },
    /// The protocol writes one file.
    #[error("{}: balancing writes one file, so its name must end in .csv", path.display())]
    NeedsFile {
        /// The output.
        path: PathBuf,
    },
}

/// Options of [`split`].
#[derive(Debug, Clone)]
pub struct SplitOptions {
    /// A CSV with a column `video_name`.
    pub csv: PathBuf,
    /// How the CSV is read: the folder of relative names, and the names of its columns.
    pub manifest: ManifestOptions,
    /// A path that ends in `.csv` for one file with the column `split`, or a folder for one CSV per subset.
    pub output: PathBuf,
    /// Whether to keep `video_name` unchanged. The written CSVs then need the same root.
    pub keep_names: bool,
    /// The random seed.
    pub seed: u64,
    /// How to split.
    pub protocol: Protocol,
}

/// How to split. An empty list of columns means the column `target`, if there is one.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// Random clips.
    Random {
        /// The subsets and their fractions.
        subsets: Subsets,
        /// Columns to stratify by; empty for no stratification.
        stratify: Vec<String>,
    },
    /// Subsets without shared subjects.
    Subjects {
        /// The subsets and their fractions.
        subsets: Subsets,
        /// Columns whose values each stay in one subset.
        together: Vec<String>,
        /// Columns to stratify by, as far as the groups allow it.
        stratify: Vec<String>,
    },
    /// Folds without shared subjects.
    Folds {
        /// The number of folds.
        folds: usize,
        /// Columns whose values each stay in one fold.
        together: Vec<String>,
        /// Columns to stratify by, as far as the groups allow it.
        stratify: Vec<String>,
    },
    /// Leave-one-out: a category that is tested but not trained on.
    LeaveOut {
        /// The columns that define a category.
        columns: Vec<String>,
        /// The values of the category, joined by `/`; `None` for one split per category with fakes.
        value: Option<String>,
        /// The maximum share of all reals in the test.
        real_share: f64,
    },
    /// Equal counts by removing rows.
    Balance {
        /// The columns whose values are balanced.
        columns: Vec<String>,
        /// Values, joined by `/`, with their weights; empty for equal weights of all values.
        ratio: Vec<(String, f64)>,
    },
}

/// Splits a manifest and writes the result.
///
/// # Errors
/// Returns [`SplitCommandError::Input`] if the CSV cannot be read and [`SplitCommandError::Split`] if it cannot be
/// split as requested. Returns [`SplitCommandError::NeedsFolder`] or [`SplitCommandError::NeedsFile`] if the output
/// does not suit the protocol, and [`SplitCommandError::Output`] if it cannot be written.
pub fn split(options: &SplitOptions) -> Result<Summary, SplitCommandError> {
    let one_file = options.output.extension().is_some_and(|extension| extension == "csv");
    let path = options.output.clone();
    match &options.protocol {
        Protocol::LeaveOut { value: None, .. } if one_file => {
            return Err(SplitCommandError::NeedsFolder { path });
        }
        Protocol::Balance { .. } if !one_file => {
            return Err(SplitCommandError::NeedsFile { path });
        }
        _ => {}
    }
    let root = root(options)?;
    let manifest = ManifestOptions { root: Some(root.clone()), ..options.manifest.clone() };
    let table = Table::read(&[&options.csv], &manifest).map_err(InputError::from)?;
    if table.is_empty() {
        return Err(InputError::NoRows { path: options.csv.clone() }.into());
    }
    let splits = splits(&table, &options.protocol, options.seed)
        .map_err(|source| SplitCommandError::Split { path: options.csv.clone(), source })?;
    let plan = match &options.protocol {
        Protocol::Folds { .. } if one_file => Plan::file(&options.output, &splits, true),
        _ if one_file => Plan::file(&options.output, &splits, false),
        Protocol::Folds { .. } => Plan::folds(&options.output, &splits),
        _ => Plan::folder(&options.output, &splits),
    };
    plan.check(&options.csv)?;
    let marked = !matches!(options.protocol, Protocol::Balance { .. });
    let elsewhere = plan.write(&table, &root, options.keep_names, marked)?;
    let report = |(value, split): (Option<String>, Split)| SplitReport {
        value,
        composition: Composition::new(&table, &split.names, &split.assignment),
        notes: split.notes,
    };
    Ok(Summary {
        seed: options.seed,
        rows: table.len(),
        files: plan.paths(),
        root: (options.keep_names && elsewhere).then(|| root.display().to_string()),
        splits: splits.into_iter().map(report).collect(),
    })
}

/// The canonical folder of relative names, from which paths to other folders can be computed.
fn root(options: &SplitOptions) -> Result<PathBuf, SplitCommandError> {
    let folder = match &options.manifest.root {
        Some(root) => root.as_path(),
        None => options.csv.parent().unwrap_or(Path::new("")),
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match folder.canonicalize() {
        Ok(folder) => Ok(folder),
        // The CSV is missing as well, and reading it reports the error.
        Err(_) if options.manifest.root.is_none() => Ok(folder.to_owned()),
        Err(source) => Err(SplitCommandError::Root { path: folder.into(), source }),
    }
}

/// Computes the splits of a protocol. Several splits are identified by the category that each leaves out.
fn splits(
    table: &Table,
    protocol: &Protocol,
    seed: u64,
) -> Result<Vec<(Option<String>, Split)>, SplitError> {
    let rows = table.len();
    let by_path = || Groups::by_path(table, seed);
    let stratify_by = |columns: &[String]| match columns {
        [] if table.column(TARGET_COLUMN).is_some() => Strata::new(table, &[TARGET_COLUMN]),
        columns => Strata::new(table, columns),
    };
    let split = match protocol {
        Protocol::Random { subsets, stratify } => {
            random(&by_path(), &Strata::new(table, stratify)?, subsets, rows)?
        }
        Protocol::Subjects { subsets, together, stratify } => {
            let groups = Groups::connected(table, together, seed)?;
            expect_identities(table, together)?;
            subjects(&groups, &stratify_by(stratify)?, subsets, rows)?
        }
        Protocol::Folds { folds, together, stratify } => {
            let subsets = Subsets::folds(*folds)?;
            let groups = Groups::connected(table, together, seed)?;
            expect_identities(table, together)?;
            subjects(&groups, &stratify_by(stratify)?, &subsets, rows)?
        }
        Protocol::LeaveOut { columns, value, real_share } => {
            let strata = Strata::new(table, columns)?;
            let Some(value) = value else {
                return every_left_out(table, &by_path(), &strata, *real_share);
            };
            let stratum = strata.find(&columns.join("/"), value)?;
            leave_out(table, &by_path(), &strata, stratum, *real_share)?
        }
        Protocol::Balance { columns, ratio } => {
            let strata = stratify_by(columns)?;
            let name = if columns.is_empty() { TARGET_COLUMN.into() } else { columns.join("/") };
            let weight =
                |(value, weight): &(String, f64)| Ok((strata.find(&name, value)?, *weight));
            let ratio = ratio.iter().map(weight).collect::<Result<Vec<_>, SplitError>>()?;
            balance(&by_path(), &strata, (!ratio.is_empty()).then_some(&ratio[..]), rows)?
        }
    };
    Ok(vec![(None, split)])
}

/// Computes one split for every category that has fakes.
fn every_left_out(
    table: &Table,
    groups: &Groups,
    strata: &Strata,
    real_share: f64,
) -> Result<Vec<(Option<String>, Split)>, SplitError> {
    let mut fakes = vec![false; strata.names().len()];
    for row in (0..table.len()).filter(|&row| table.target(row) == Some(1)) {
        fakes[strata.stratum_of(row)] = true;
    }
    let mut splits = Vec::new();
    // Fakes without a category do not form a category, unless no fake has one; that case is refused.
    let named = |stratum: usize| !strata.is_blank(stratum);
    let any_named = fakes.iter().enumerate().any(|(stratum, fakes)| *fakes && named(stratum));
    let selected = |(stratum, fakes): &(usize, &bool)| **fakes && (named(*stratum) || !any_named);
    for (stratum, _) in fakes.iter().enumerate().filter(selected) {
        let split = leave_out(table, groups, strata, stratum, real_share)?;
        splits.push((strata.names().get(stratum).cloned(), split));
    }
    if splits.is_empty() {
        return Err(SplitError::OneClass { what: "no category has a fake".into() });
    }
    Ok(splits)
}
