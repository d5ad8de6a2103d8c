//! `avff score`.

mod closing;
mod record;
mod rows;

use std::{
    io::{IsTerminal, Write, stdin},
    path::PathBuf,
    process::ExitCode,
};

use avff::{data::LeftOut, evaluate::NO_FACE, input::clips::Clips, table::Text};
use avff_face::NoFace;
use serde_json::json;

use super::{code_for_coverage, fraction, network::NetworkArgs, progress::bar};
use closing::Closing;
use record::Scored;
use rows::Columns;

/// Score files, folders, patterns, or a list
///
/// A clip is a media file, or a folder of PNG or JPEG frames with a WAV file. Other folders are searched, also below.
/// Rows appear clip by clip. With a calibration (`avff calibrate`), each clip gets a decision; without one, a score
/// alone. Either is evidence rather than proof.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff score clip.mp4
  avff score folder 'more/**/*.mp4'
  find . -name '*.mp4' | avff score --json - > scores.jsonl
  avff score --checkpoint stage-3.pth --window 3.2 long.mp4")]
pub(super) struct Args {
    /// Media files, folders, patterns such as 'clips/*.mp4', or - for a list on stdin, one a line
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,

    /// Print JSON Lines: a line `{"run": ...}`, then a line for each clip as soon as it is scored
    #[arg(long)]
    json: bool,

    /// Exit with code 3 if a smaller fraction of the clips could be read
    #[arg(long, value_name = "FRACTION", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,

    /// Also measure, without the network, whether lips move with the voice, and the offset of the two
    #[arg(long)]
    synchrony: bool,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Clips { paths, others } = Clips::find(&args.clips, &mut stdin().lock())?;
    anyhow::ensure!(!paths.is_empty(), "the list on standard input names no clip");
    if others > 0 {
        tracing::info!("{others} files in folders are no videos");
    }
    let several = paths.len() > 1;
    let network = args.network.read(!several, args.json, args.synchrony)?;
    // Only JSON names the checkpoint, and hashing it takes time.
    let run = args.json.then(|| network.describe());
    network.load()?;
    let face = network.spec().face;
    let skips = face.is_some_and(|face| face.no_face == NoFace::Skip);
    let bar = bar("clips");
    bar.set_length(paths.len() as u64);
    let mut out = std::io::stdout();
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let windows = !network.spec().sampling.is_whole();
    let columns =
        Columns::new(names.iter().map(String::as_str), network.judge().is_ok(), windows && several);
    drop(names);
    match run {
        Some(run) => writeln!(out, "{}", json!({ "run": run.wait()? }))?,
        None => {
            if let Some(warning) = network.warning() {
                writeln!(out, "warning: {warning}")?;
            }
            columns.header(&mut out)?;
        }
    }
    let mut closing = Closing::new(several);
    let (mut scored, mut expected) = (0_usize, paths.len());
    // A bar and rows on one terminal must not be drawn over each other.
    let shares_terminal = out.is_terminal();
    for (path, outcome) in network.score_many(paths)? {
        let clip = Scored::new(&path, outcome, face.is_some());
        scored += usize::from(clip.y_pred.is_some());
        let left_out = clip.error.as_ref().is_some_and(|e| skips && e.stage == NO_FACE);
        expected -= usize::from(left_out);
        let print = || -> anyhow::Result<()> {
            if args.json {
                writeln!(out, "{}", serde_json::to_string(&clip.hashed())?)?;
            } else {
                columns.row(&mut out, &clip)?;
                closing.add(clip);
            }
            Ok(out.flush()?)
        };
        if shares_terminal {
            bar.suspend(print)?
        } else {
            print()?
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if !args.json {
        closing.write(&mut out, &network)?;
    }
    Ok(code_for_coverage(scored as f64 / expected.max(1) as f64, args.min_coverage))
}

/// The windows that are left out of a clip's score.
pub(super) fn left_out_table(left_out: &[LeftOut]) -> Text {
    let mut table = Text::with_header(["from", "to", "stream", "fault", "why"]);
    for LeftOut { start, end, stream, code, message } in left_out {
        let (stream, code) = (stream.to_string(), code.to_string());
        table.row([time(*start), time(*end), stream, code, message.clone()]);
    }
    table
}

/// Minutes and seconds.
fn time(seconds: f64) -> String {
    format!("{:02}:{:04.1}", (seconds / 60.0) as u64, seconds % 60.0)
}
