//! `avff score`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    eval::{ClipFailure, Run, load},
    scorer::Logits,
    table::Text,
};
use serde::Serialize;

use super::{code_for_coverage, fraction, network::NetworkArgs};

/// Score clips named one by one
///
/// A clip is a media file, or a folder of PNG or JPEG frames with a WAV file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    network: NetworkArgs,

    /// Media files or frame folders
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Exit with 3 when a smaller share of the clips could be read
    #[arg(long, value_name = "SHARE", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,
}

#[derive(Serialize)]
struct Report {
    run: Run,
    clips: Vec<Scored>,
}

#[derive(Serialize)]
struct Scored {
    path: String,
    /// Probability of fake.
    y_pred: Option<f32>,
    logits: Option<Logits>,
    error: Option<ClipFailure>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let network = args.network.open()?;
    let loaded: Vec<_> = args.clips.iter().map(|path| load(path, &network.spec)).collect();
    let readable: Vec<_> = loaded.iter().filter_map(|clip| clip.as_ref().ok().cloned()).collect();
    let mut logits =
        readable.chunks(network.scorer.batch_size()).flat_map(|clips| network.scorer.score(clips));
    let clips: Vec<Scored> = args
        .clips
        .iter()
        .zip(loaded)
        .map(|(path, clip)| {
            let outcome = clip.and_then(|_| {
                let logits = logits.next().filter(|l| l.fake.is_finite() && l.real.is_finite());
                logits.ok_or_else(ClipFailure::not_finite)
            });
            let logits = outcome.as_ref().ok().copied();
            Scored {
                path: path.display().to_string(),
                y_pred: logits.map(Logits::probability_of_fake),
                logits,
                error: outcome.err(),
            }
        })
        .collect();
    let scored = clips.iter().filter(|clip| clip.y_pred.is_some()).count();
    let coverage = scored as f64 / clips.len().max(1) as f64;
    let report = Report { run: network.run, clips };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print_table(&mut out, &report)?;
    }
    Ok(code_for_coverage(coverage, args.min_coverage))
}

fn print_table(out: &mut impl Write, report: &Report) -> anyhow::Result<()> {
    if report.run.is_untrained() {
        writeln!(out, "{}", avff::UNTRAINED)?;
    }
    let mut table = Text::with_header(["clip", "P(fake)", "why not"]);
    for clip in &report.clips {
        let score = clip.y_pred.map_or_else(|| "-".into(), |score| format!("{score:.4}"));
        let why = clip.error.as_ref().map_or_else(String::new, |failure| {
            let hint = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}: {}{hint}", failure.stage, failure.error)
        });
        table.row([clip.path.clone(), score, why]);
    }
    writeln!(out, "{table}")?;
    Ok(())
}
