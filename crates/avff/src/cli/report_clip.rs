//! `avff report`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use avff::{
    input::clips::Clips,
    output::OutputError,
    report::{Custody, Outcome, Report},
};
use serde_json::json;

use super::{COVERAGE, network::NetworkArgs, progress::bar};

/// Write a page on a clip to hand on
///
/// Writes NAME.report.html and NAME.report.json: the file and its hash, what was seen, the method and its errors on
/// named data, a timeline, two propositions with a likelihood ratio, limits, and how to reproduce it. The page is one
/// file, prints well, and needs no network and no script. Equal inputs give equal bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff report clip.mp4
  avff report clips/*.mp4 --output reports --case 2026-117 --examiner 'A. Baker' --date 2026-12-01")]
pub(super) struct Args {
    /// Media files, folders, or patterns
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,

    /// Folder of the reports [default: the current folder]
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,

    /// Replace reports of the same names
    #[arg(long)]
    overwrite: bool,

    /// Number or name of the case, for the page
    #[arg(long, value_name = "TEXT", help_heading = "Custody")]
    case: Option<String>,

    /// Who examines the clip
    #[arg(long, value_name = "TEXT", help_heading = "Custody")]
    examiner: Option<String>,

    /// When. Without it, the page has no date, so that equal inputs give equal pages
    #[arg(long, value_name = "TEXT", help_heading = "Custody")]
    date: Option<String>,

    /// Where the clip comes from
    #[arg(long, value_name = "TEXT", help_heading = "Custody")]
    source: Option<String>,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let clips = Clips::find(&args.clips, &mut std::io::stdin().lock())?;
    let folder = args.output.clone().unwrap_or_default();
    let outputs = outputs(&clips.paths, &folder, args.overwrite)?;
    let network = args.network.read(clips.paths.len() == 1, false, false)?;
    let run = network.describe();
    network.load()?;
    let run = run.wait()?;
    std::fs::create_dir_all(&folder).map_err(|source| OutputError::Io { path: folder, source })?;
    let bar = bar("reports");
    bar.set_length(clips.paths.len() as u64);
    let mut failed = 0_usize;
    for (clip, [page, data]) in clips.paths.iter().zip(&outputs) {
        let custody = Custody {
            case: args.case.clone(),
            examiner: args.examiner.clone(),
            date: args.date.clone(),
            source: args.source.clone(),
            command: Some(command()),
        };
        let line = match network.report(clip, run.clone(), custody) {
            Ok(report) => {
                let io = |path: &Path| {
                    let path = path.to_owned();
                    move |source| OutputError::Io { path, source }
                };
                avff_files::write(page, report.html()).map_err(io(page))?;
                let json = serde_json::to_string_pretty(&json!(report))?;
                avff_files::write(data, json + "\n").map_err(io(data))?;
                failed += usize::from(matches!(report.result, Outcome::NotScored(_)));
                format!("{}: {}", page.display(), found(&report))
            }
            Err(error) if outputs.len() > 1 => {
                failed += 1;
                format!("no report: {error}")
            }
            Err(error) => return Err(error.into()),
        };
        bar.suspend(|| writeln!(std::io::stdout(), "{line}"))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(COVERAGE) })
}

/// The result in a few words.
fn found(report: &Report) -> String {
    match &report.result {
        Outcome::NotScored(failure) => format!("no score ({}: {})", failure.stage, failure.error),
        Outcome::Scored(scored) => match &scored.answer {
            Some(answer) => format!("{}, P(fake) {:.3}", answer.decision, answer.probability),
            None => format!("score {:.3}, uncalibrated", scored.y_pred),
        },
    }
}

/// The page and the JSON of each clip. Two clips of one name, and existing files, are errors before the work.
fn outputs(clips: &[PathBuf], folder: &Path, overwrite: bool) -> anyhow::Result<Vec<[PathBuf; 2]>> {
    let mut outputs: Vec<[PathBuf; 2]> = Vec::new();
    for clip in clips {
        let name = clip.file_name().unwrap_or(clip.as_os_str()).to_string_lossy();
        let pair = ["html", "json"].map(|end| folder.join(format!("{name}.report.{end}")));
        anyhow::ensure!(
            !outputs.contains(&pair),
            "two clips are named {name}: report them into two folders"
        );
        for path in &pair {
            if !overwrite && path.exists() {
                return Err(OutputError::Results { path: path.clone() }.into());
            }
        }
        outputs.push(pair);
    }
    Ok(outputs)
}

/// The command line, quoted for a shell.
fn command() -> String {
    let words = std::env::args_os().skip(1).map(|word| {
        let word = word.to_string_lossy().into_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    std::iter::once("avff".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
