//! `avff manifest`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    manifest::{ManifestOptions, Written, write},
    table::Text,
};
use avff_datasets::layout::Layout;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::ProgressBar;

const AUTO: &str = "auto";

/// Make a CSV from a data set on disk
///
/// The columns are video_name, target (1 fake, 0 real, empty where it is hidden), split, category (RVRA,
/// RVFA, FVRA, FVFA), method, identity, source, language, and some of the data set's own. A clip that is
/// listed but missing has no row. Paths in --output are relative to its folder, or absolute if the data
/// set is elsewhere. Paths on stdout are relative to ROOT.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff manifest fakeavceleb FakeAVCeleb_v1.2 --output all.csv
  avff manifest auto DATASET --output all.csv --missing missing.csv")]
pub(super) struct Args {
    /// The layout of the data set, or `auto` to detect it
    #[arg(value_parser = layouts())]
    layout: String,

    /// The folder that the data set was unpacked into
    root: PathBuf,

    /// CSV to write; it must not exist yet [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write absolute paths
    #[arg(long)]
    absolute: bool,

    /// Write rows for clips that are listed but missing
    #[arg(long)]
    keep_missing: bool,

    /// CSV to write of all files that are missing, unlisted or refused
    #[arg(long, value_name = "FILE")]
    missing: Option<PathBuf>,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

fn layouts() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(Layout::ALL.map(Layout::name).into_iter().chain([AUTO]))
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = ManifestOptions {
        layout: if args.layout == AUTO { None } else { Some(args.layout.parse()?) },
        root: args.root.clone(),
        output: args.output.clone(),
        problems: args.missing.clone(),
        absolute: args.absolute,
        keep_missing: args.keep_missing,
    };
    let bar = ProgressBar::new_spinner();
    let written =
        write(&options, &mut std::io::stdout().lock(), &mut |rows| bar.set_position(rows));
    bar.finish_and_clear();
    let written = written?;
    if args.missing.is_none() && !written.summary.problems.is_empty() {
        tracing::warn!("--missing FILE lists every file with a problem");
    }
    let text = if args.json {
        serde_json::to_string_pretty(&written)?
    } else {
        summary(&written).to_string()
    };
    // On stdout only where the rows are not.
    if args.output.is_some() {
        writeln!(std::io::stdout().lock(), "{text}")?;
    } else {
        writeln!(std::io::stderr().lock(), "{text}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(written: &Written) -> Text {
    let found = &written.summary;
    let mut table = Text::with_header([written.title, "", "clips"]);
    table.row(["rows".to_owned(), String::new(), found.rows.to_string()]);
    for (group, counts) in [
        ("target", &found.targets),
        ("category", &found.categories),
        ("split", &found.splits),
        ("problem", &found.problems),
    ] {
        for (name, count) in counts {
            table.row([group.to_owned(), (*name).to_owned(), count.to_string()]);
        }
    }
    for (name, count) in [
        ("in a separate file, which eval does not join", found.separate_audio),
        ("no separate file; it may be inside the clip", found.missing_audio),
    ] {
        if let Some(count) = count {
            table.row(["audio".to_owned(), name.to_owned(), count.to_string()]);
        }
    }
    if let Some(root) = &written.paths_start_at {
        table.row([
            "paths".to_owned(),
            format!("start at {root}: give eval --root"),
            String::new(),
        ]);
    }
    table
}
