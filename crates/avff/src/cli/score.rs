//! `avff score`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
};

use avff::{
    data::{clip::Clip, face::NoFace, prefetch::Prefetch},
    eval::{ClipFailure, NO_FACE, Run, load},
    scorer::Logits,
    table::Text,
};
use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    code_for_coverage, fraction,
    network::{Network, NetworkArgs},
};

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
    let bar = ProgressBar::new(args.clips.len() as u64);
    let clips = score_all(&network, args.clips.clone(), &bar);
    bar.finish_and_clear();
    let scored = clips.iter().filter(|clip| clip.y_pred.is_some()).count();
    let skips = network.spec.face.is_some_and(|face| face.no_face == NoFace::Skip);
    let left_out =
        |clip: &&Scored| clip.error.as_ref().is_some_and(|e| skips && e.stage == NO_FACE);
    let due = clips.len() - clips.iter().filter(left_out).count();
    let coverage = scored as f64 / due.max(1) as f64;
    let report = Report { run: network.run, clips };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print_table(&mut out, &report)?;
    }
    Ok(code_for_coverage(coverage, args.min_coverage))
}

/// Decodes ahead of the network; holds a batch and what is decoded ahead, however many clips there are.
fn score_all(network: &Network, paths: Vec<PathBuf>, bar: &ProgressBar) -> Vec<Scored> {
    let (scorer, spec) = (&*network.scorer, network.spec.clone());
    let workers = available_parallelism().map_or(1, NonZeroUsize::get);
    let ahead = scorer.batch_size().max(workers);
    let clips = Prefetch::new(paths.into_iter(), workers, ahead, move |path| load(path, &spec));
    let mut scored: Vec<Scored> = Vec::new();
    let (mut batch, mut places) = (Vec::new(), Vec::new());
    let flush = |scored: &mut Vec<Scored>, batch: &mut Vec<Clip>, places: &mut Vec<usize>| {
        for (place, logits) in places.drain(..).zip(scorer.score(batch)) {
            scored[place].set(logits);
        }
        batch.clear();
        bar.set_position(scored.len() as u64);
    };
    for (path, clip) in clips {
        let path = path.display().to_string();
        let mut entry = Scored { path, y_pred: None, logits: None, error: None };
        match clip {
            Ok(clip) => {
                places.push(scored.len());
                batch.push(clip);
            }
            Err(failure) => entry.error = Some(failure),
        }
        scored.push(entry);
        if batch.len() == scorer.batch_size() {
            flush(&mut scored, &mut batch, &mut places);
        }
    }
    if !batch.is_empty() {
        flush(&mut scored, &mut batch, &mut places);
    }
    scored
}

impl Scored {
    fn set(&mut self, logits: Logits) {
        if logits.is_finite() {
            self.y_pred = Some(logits.probability_of_fake());
            self.logits = Some(logits);
        } else {
            self.error = Some(ClipFailure::not_finite());
        }
    }
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
