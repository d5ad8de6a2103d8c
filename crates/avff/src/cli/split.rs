//! `avff split`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::split::{Protocol, SplitOptions, split};
use avff_datasets::protocol::{IDENTITY_COLUMN, Parts, SOURCE_COLUMN};
use clap::Subcommand;

/// Make training and test sets of a CSV, reproducibly
///
/// A row's place depends on the seed and the CSV's contents, not on the order of its rows. Rows of one
/// path stay together. Relative names are rewritten so that they are found from the new CSVs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    protocol: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// By chance: people may be in several parts
    Random {
        #[command(flatten)]
        common: Common,
        /// Names and shares, such as train=65,val=5,test=30
        #[arg(long, default_value = "train=70,test=30")]
        parts: Parts,
        /// Spread the values of these columns evenly
        #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
        stratify: Vec<String>,
    },
    /// Subject-independent: no identity and no source in two parts
    Subjects {
        #[command(flatten)]
        common: Common,
        /// Names and shares, such as train=65,val=5,test=30
        #[arg(long, default_value = "train=70,test=30")]
        parts: Parts,
        #[command(flatten)]
        people: People,
    },
    /// Subject-independent folds, each the test of one split
    Kfold {
        #[command(flatten)]
        common: Common,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 5)]
        folds: usize,
        #[command(flatten)]
        people: People,
    },
    /// Test on a category that is not trained on, and as many reals
    LeaveOneOut {
        #[command(flatten)]
        common: Common,
        /// The columns that say what a category is
        #[arg(long, value_name = "COLUMN", value_delimiter = ',', default_value = "category")]
        by: Vec<String>,
        /// The category; values of several columns are joined by `/`
        #[arg(long, value_name = "VALUE", required_unless_present = "all", conflicts_with = "all")]
        leave_out: Option<String>,
        /// A split for every category that has fakes
        #[arg(long)]
        all: bool,
        /// The most of all reals that go into the test
        #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
        max_real_share: f64,
    },
    /// Equal counts of real and fake, or of other values, by leaving rows out
    Balance {
        #[command(flatten)]
        common: Common,
        /// The columns whose values get equal counts [default: target]
        #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
        by: Vec<String>,
        /// Weights of values, such as 0=1,1=4 for four fakes to a real; other values are left out
        #[arg(long, value_name = "VALUE=WEIGHT", value_delimiter = ',', value_parser = weight)]
        ratio: Vec<(String, f64)>,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    /// A CSV with a column `video_name`
    csv: PathBuf,

    /// NAME.csv for one file with the column `split` filled in; else a folder for a CSV a part
    #[arg(long, value_name = "PATH")]
    output: PathBuf,

    /// What chance depends on
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Where relative paths start [default: the CSV's folder]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Leave `video_name` as it is; the written CSVs then need --root
    #[arg(long)]
    keep_names: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct People {
    /// The columns whose values must not be in two parts; a cell may hold several, joined by `;`
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', default_values = [IDENTITY_COLUMN, SOURCE_COLUMN])]
    together: Vec<String>,

    /// Spread the values of these columns as evenly as whole groups allow [default: target]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    stratify: Vec<String>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (common, protocol) = match args.protocol {
        Command::Random { common, parts, stratify } => {
            (common, Protocol::Random { parts, stratify })
        }
        Command::Subjects { common, parts, people: People { together, stratify } } => {
            (common, Protocol::Subjects { parts, together, stratify })
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
    let Common { csv, output, seed, root, keep_names, json } = common;
    let summary = split(&SplitOptions { csv, root, output, keep_names, seed, protocol })?;
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
