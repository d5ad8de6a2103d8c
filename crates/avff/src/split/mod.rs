//! A manifest to training and test sets, by one of the protocols of [`avff_datasets::protocol`].

mod output;
mod summary;

use std::{
    io,
    path::{Path, PathBuf},
};

use avff_datasets::{
    manifest::TARGET_COLUMN,
    protocol::{
        Groups, Parts, Split, SplitError, Strata, Table, balance::balance,
        composition::Composition, leave_out::leave_out, random::random, subjects::subjects,
    },
};

pub(crate) use summary::composition;
pub use summary::{Made, Summary};

use crate::{input::InputError, output::OutputError};
use output::Plan;

/// Why a manifest is not split.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitCommandError {
    /// The CSV cannot be split as asked.
    #[error("{}: {source}", path.display())]
    Split {
        /// The CSV.
        path: PathBuf,
        /// Why not.
        source: SplitError,
    },
    /// The manifest cannot be used, or not be split as asked.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The splits cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The folder where names start cannot be found.
    #[error("{}: {source}", path.display())]
    Root {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Several splits do not go into one file.
    #[error("{}: a split for every category needs a folder to be written into", path.display())]
    NeedsFolder {
        /// The output.
        path: PathBuf,
    },
    /// A protocol that writes one file.
    #[error("{}: balance writes one file, so its name must end in .csv", path.display())]
    NeedsFile {
        /// The output.
        path: PathBuf,
    },
}

/// What to split, how, and where to put it.
#[derive(Debug, Clone)]
pub struct SplitOptions {
    /// A CSV with a column `video_name`.
    pub csv: PathBuf,
    /// Where its relative names start; `None` for its folder.
    pub root: Option<PathBuf>,
    /// A name that ends in `.csv` for one file with the column `split` filled in, any other for a
    /// folder with a CSV for each part.
    pub output: PathBuf,
    /// Leave `video_name` as it is, so that the written CSVs need the same root.
    pub keep_names: bool,
    /// What chance depends on.
    pub seed: u64,
    /// How to split.
    pub protocol: Protocol,
}

/// How to split. Columns that are empty mean: by `target`, where there is one.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// Clips by chance.
    Random {
        /// The parts and their shares.
        parts: Parts,
        /// Columns whose values are spread evenly; none for chance alone.
        stratify: Vec<String>,
    },
    /// Parts that share nobody.
    Subjects {
        /// The parts and their shares.
        parts: Parts,
        /// Columns whose values stay in one part each.
        together: Vec<String>,
        /// Columns whose values are spread as evenly as that allows.
        stratify: Vec<String>,
    },
    /// Folds that share nobody.
    Folds {
        /// How many.
        folds: usize,
        /// Columns whose values stay in one fold each.
        together: Vec<String>,
        /// Columns whose values are spread as evenly as that allows.
        stratify: Vec<String>,
    },
    /// A category for the test that is not trained on.
    LeaveOut {
        /// The columns that say what a category is.
        columns: Vec<String>,
        /// Its values joined by `/`; `None` for a split for every one that has fakes.
        value: Option<String>,
        /// The most of all reals that go into the test.
        real_share: f64,
    },
    /// Equal counts by leaving rows out.
    Balance {
        /// The columns whose values get equal counts.
        columns: Vec<String>,
        /// Values, joined by `/`, with their weights; none for equal ones of all values.
        ratio: Vec<(String, f64)>,
    },
}

/// Splits a manifest and writes the result.
///
/// # Errors
/// [`SplitCommandError::Input`] for a CSV that cannot be read, [`SplitCommandError::Split`] for one that cannot be
/// split as asked,
/// [`SplitCommandError::NeedsFolder`] and [`SplitCommandError::NeedsFile`] for an output that does not fit
/// the protocol, [`SplitCommandError::Output`] for what is to be written.
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
    let table = Table::read(&[&options.csv], Some(&root)).map_err(InputError::from)?;
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
    let made = |(value, split): (Option<String>, Split)| Made {
        value,
        composition: Composition::new(&table, &split.names, &split.of),
        notes: split.notes,
    };
    Ok(Summary {
        seed: options.seed,
        rows: table.len(),
        files: plan.paths(),
        root: (options.keep_names && elsewhere).then(|| root.display().to_string()),
        splits: splits.into_iter().map(made).collect(),
    })
}

/// The folder where names start, canonical, so that the way to it from another folder is known.
fn root(options: &SplitOptions) -> Result<PathBuf, SplitCommandError> {
    let folder = match &options.root {
        Some(root) => root.as_path(),
        None => options.csv.parent().unwrap_or(Path::new("")),
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match folder.canonicalize() {
        Ok(folder) => Ok(folder),
        // Then so is the CSV, and reading it will say so.
        Err(_) if options.root.is_none() => Ok(folder.to_owned()),
        Err(source) => Err(SplitCommandError::Root { path: folder.into(), source }),
    }
}

/// The splits of a protocol; several are told apart by the value that is left out.
fn splits(
    table: &Table,
    protocol: &Protocol,
    seed: u64,
) -> Result<Vec<(Option<String>, Split)>, SplitError> {
    let rows = table.len();
    let by_path = || Groups::by_path(table, seed);
    let spread = |columns: &[String]| match columns {
        [] if table.column(TARGET_COLUMN).is_some() => Strata::new(table, &[TARGET_COLUMN]),
        columns => Strata::new(table, columns),
    };
    let split = match protocol {
        Protocol::Random { parts, stratify } => {
            random(&by_path(), &Strata::new(table, stratify)?, parts, rows)?
        }
        Protocol::Subjects { parts, together, stratify } => {
            let groups = Groups::connected(table, together, seed)?;
            subjects(&groups, &spread(stratify)?, parts, rows)?
        }
        Protocol::Folds { folds, together, stratify } => {
            let parts = Parts::folds(*folds)?;
            let groups = Groups::connected(table, together, seed)?;
            subjects(&groups, &spread(stratify)?, &parts, rows)?
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
            let strata = spread(columns)?;
            let name = if columns.is_empty() { TARGET_COLUMN.into() } else { columns.join("/") };
            let weight =
                |(value, weight): &(String, f64)| Ok((strata.find(&name, value)?, *weight));
            let ratio = ratio.iter().map(weight).collect::<Result<Vec<_>, SplitError>>()?;
            balance(&by_path(), &strata, (!ratio.is_empty()).then_some(&ratio[..]), rows)?
        }
    };
    Ok(vec![(None, split)])
}

/// One split for every category that has fakes.
fn every_left_out(
    table: &Table,
    groups: &Groups,
    strata: &Strata,
    real_share: f64,
) -> Result<Vec<(Option<String>, Split)>, SplitError> {
    let mut fakes = vec![false; strata.names().len()];
    for row in (0..table.len()).filter(|&row| table.target(row) == Some(1)) {
        fakes[strata.of(row)] = true;
    }
    let mut splits = Vec::new();
    // Fakes that say no category are none of their own, unless there is no other: that is refused.
    let said = |stratum: usize| !strata.is_unsaid(stratum);
    let any_said = fakes.iter().enumerate().any(|(stratum, fakes)| *fakes && said(stratum));
    let wanted = |(stratum, fakes): &(usize, &bool)| **fakes && (said(*stratum) || !any_said);
    for (stratum, _) in fakes.iter().enumerate().filter(wanted) {
        let split = leave_out(table, groups, strata, stratum, real_share)?;
        splits.push((strata.names().get(stratum).cloned(), split));
    }
    if splits.is_empty() {
        return Err(SplitError::OneClass { what: "no category has a fake".into() });
    }
    Ok(splits)
}
