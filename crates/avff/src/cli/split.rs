//! `avff split`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::split::{Protocol, SplitOptions, split};
use avff_datasets::protocol::{IDENTITY_COLUMN, SOURCE_COLUMN, Subsets};
use clap::Subcommand;

use super::csv::CsvArgs;

/// Split a CSV into training and test sets
///
/// A split depends on the seed and on the contents of the CSV, not on the order of its rows. Rows of one
/// path stay together. Relative paths are rewritten so that they are valid from the new CSVs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff split random all.csv --output sets
  avff split subjects all.csv --output sets --subsets train=70,val=10,test=20
  avff split kfold all.csv --output folds --folds 5")]
pub(super) struct Args {
    #[command(subcommand)]
    protocol: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// At random: a person may be in several subsets
    Random {
        #[command(flatten)]
        common: Common,
        /// Names and proportions, such as train=65,val=5,test=30
        #[arg(long, default_value = "train=70,test=30")]
        subsets: Subsets,
        /// Stratify by these columns
        #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
        stratify: Vec<String>,
    },
    /// Subject-independent: no identity and no source is in two subsets
    Subjects {
        #[command(flatten)]
        common: Common,
        /// Names and proportions, such as train=65,val=5,test=30
        #[arg(long, default_value = "train=70,test=30")]
        subsets: Subsets,
        #[command(flatten)]
        people: People,
    },
    /// Subject-independent folds for cross-validation
    Kfold {
        #[command(flatten)]
        common: Common,
        /// Number of folds
        #[arg(long, value_name = "N", default_value_t = 5)]
        folds: usize,
        #[command(flatten)]
        people: People,
    },
    /// Test on a category that is left out of training, and as many reals
    LeaveOneOut {
        #[command(flatten)]
        common: Common,
        /// The columns that define a category
        #[arg(long, value_name = "COLUMN", value_delimiter = ',', default_value = "category")]
        by: Vec<String>,
        /// The category to leave out; join values of several columns by `/`
        #[arg(long, value_name = "VALUE", required_unless_present = "all", conflicts_with = "all")]
        leave_out: Option<String>,
        /// Make a split for every category that has fakes
        #[arg(long)]
        all: bool,
        /// Largest fraction of all reals in the test set
        #[arg(long, value_name = "FRACTION", default_value_t = 0.3)]
        max_real_share: f64,
    },
    /// Balance classes by removing rows
    Balance {
        #[command(flatten)]
        common: Common,
        /// The columns to balance [default: target]
        #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
        by: Vec<String>,
        /// Proportions of values, such as 0=1,1=4 for four fakes per real; rows of other values are removed
        #[arg(long, value_name = "VALUE=WEIGHT", value_delimiter = ',', value_parser = weight)]
        ratio: Vec<(String, f64)>,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    /// A CSV with a column `video_name`
    csv: PathBuf,

    /// NAME.csv: one file with a column `split`. Any other name: a folder with a CSV per subset
    #[arg(long, value_name = "PATH")]
    output: PathBuf,

    /// Random seed
    #[arg(long, default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    manifest: CsvArgs,

    /// Keep `video_name` unchanged; the new CSVs then need --root
    #[arg(long)]
    keep_names: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct People {
    /// Columns whose values must not be in two subsets; a cell may hold several, joined by `;`
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', default_values = [IDENTITY_COLUMN, SOURCE_COLUMN])]
    together: Vec<String>,

    /// Stratify by these columns, as far as whole groups allow [default: target]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    stratify: Vec<String>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (common, protocol) = match args.protocol {
        Command::Random { common, subsets, stratify } => {
            (common, Protocol::Random { subsets, stratify })
        }
        Command::Subjects { common, subsets, people: People { together, stratify } } => {
            (common, Protocol::Subjects { subsets, together, stratify })
        }
        Command::Kfold { common, folds, people: People { together, stratify } } => {
            (common, Protocol::Folds { folds, together, stratify })
        }
        Command::LeaveOneOut { common, by, leave_out, all: _, max_real_share } => {
            let (columns, value) = (by, leave_out);
            (common, Protocol::LeaveOut { columns, value, real_share: max_real_share })
        }
        Command::Balance { common, by, ratio } => {
            (common, Protocol::Balance { columns: by, ratio })
        }
    };
    let Common { csv, output, seed, manifest, keep_names, json } = common;
    let manifest = manifest.options();
    let summary = split(&SplitOptions { csv, manifest, output, keep_names, seed, protocol })?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&summary)?)?;
    } else {
        write!(out, "{}", summary.table())?;
        if let Some(root) = &summary.root {
            writeln!(out, "hint: give --root {root} with these files")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A value and its weight.
fn weight(text: &str) -> Result<(String, f64), String> {
    let pair = text
        .rsplit_once('=')
        .and_then(|(value, weight)| Some((value.trim().to_owned(), weight.trim().parse().ok()?)));
    pair.ok_or_else(|| "write a value, `=` and a number, such as 0=1,1=4".into())
}
