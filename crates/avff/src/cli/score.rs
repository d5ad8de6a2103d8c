//! `avff score`.

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use avff::{
    Logits, Score, WindowScore,
    evaluate::{NO_FACE, Run},
    failure::ClipFailure,
    hash,
    table::Text,
};
use avff_face::NoFace;
use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    code_for_coverage, fraction,
    hints::of_failure,
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
    /// Of the file, or of the names and contents of a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Probability of fake.
    y_pred: Option<f32>,
    logits: Option<Logits>,
    /// Whether the pictures are cut to a face, where they should be, or taken whole as none was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<bool>,
    /// What the score is made of.
    windows: Vec<Window>,
    error: Option<ClipFailure>,
}

/// A part of a clip, in seconds, and its score.
#[derive(Serialize)]
struct Window {
    start: f64,
    end: f64,
    /// Places of the pictures in display order, from 0.
    frames: Vec<usize>,
    y_pred: f32,
    logits: Logits,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let network = args.network.read(args.clips.len() == 1)?;
    // Tables name no checkpoint, so nobody waits for its hash.
    let run = args.json.then(|| network.describe());
    network.load()?;
    let face = network.spec().face;
    let faces = face.is_some();
    let bar = ProgressBar::new(args.clips.len() as u64);
    let paths = args.clips.clone().into_iter();
    let mut clips: Vec<Scored> = network
        .score_many(paths)?
        .inspect(|_| bar.inc(1))
        .map(|(path, outcome)| Scored::new(&path, outcome, faces))
        .collect();
    bar.finish_and_clear();
    let scored = clips.iter().filter(|clip| clip.y_pred.is_some()).count();
    let skips = face.is_some_and(|face| face.no_face == NoFace::Skip);
    let left_out =
        |clip: &&Scored| clip.error.as_ref().is_some_and(|e| skips && e.stage == NO_FACE);
    let due = clips.len() - clips.iter().filter(left_out).count();
    let coverage = scored as f64 / due.max(1) as f64;
    let mut out = std::io::stdout().lock();
    if let Some(run) = run {
        for clip in &mut clips {
            clip.sha256 = hash::content(Path::new(&clip.path)).ok();
        }
        let report = Report { run: run.wait()?, clips };
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print_tables(&mut out, &network, &clips)?;
    }
    Ok(code_for_coverage(coverage, args.min_coverage))
}

impl Scored {
    fn new(path: &Path, outcome: Result<Score, ClipFailure>, faces: bool) -> Self {
        let (score, error) = match outcome {
            Ok(score) => (Some(score), None),
            Err(failure) => (None, Some(failure)),
        };
        let logits = score.as_ref().map(|score| score.logits);
        let face = score.as_ref().filter(|_| faces).map(|score| !score.without_face);
        let windows = score.map(|score| score.windows).unwrap_or_default();
        Self {
            path: path.display().to_string(),
            sha256: None,
            y_pred: logits.map(Logits::probability_fake),
            logits,
            face,
            windows: windows.into_iter().map(Window::from).collect(),
            error,
        }
    }
}

impl From<WindowScore> for Window {
    fn from(WindowScore { span, frames, logits }: WindowScore) -> Self {
        let y_pred = logits.probability_fake();
        Self { start: span.start, end: span.end, frames, y_pred, logits }
    }
}

fn print_tables(out: &mut impl Write, network: &Network, clips: &[Scored]) -> anyhow::Result<()> {
    if let Some(warning) = network.warning() {
        writeln!(out, "{warning}")?;
    }
    let mut table = Text::with_header(["clip", "P(fake)", "why not"]);
    for clip in clips {
        let score = clip.y_pred.map_or_else(|| "-".into(), |score| format!("{score:.4}"));
        let why = clip.error.as_ref();
        let why = why.map_or_else(String::new, |why| format!("{}: {}", why.stage, why.error));
        table.row([clip.path.clone(), score, why]);
    }
    writeln!(out, "{table}")?;
    let whole = clips.iter().filter(|clip| clip.face == Some(false));
    let whole: Vec<&str> = whole.map(|clip| clip.path.as_str()).collect();
    if !whole.is_empty() {
        writeln!(out, "note: no face found, so whole pictures were scored: {}", whole.join(", "))?;
    }
    let hints: BTreeSet<String> =
        clips.iter().filter_map(|clip| of_failure(clip.error.as_ref()?)).collect();
    for hint in hints {
        writeln!(out, "hint: {hint}")?;
    }
    if network.spec().sampling.is_whole() {
        return Ok(());
    }
    for clip in clips.iter().filter(|clip| clip.y_pred.is_some()) {
        let mut table = Text::with_header(["from", "to", "P(fake)", ""]);
        for window in &clip.windows {
            // A bar of twenty: where a clip looks fake is seen at once.
            let bar = "#".repeat((window.y_pred * 20.0).round() as usize);
            let time =
                |seconds: f64| format!("{:02}:{:04.1}", (seconds / 60.0) as u64, seconds % 60.0);
            table.row([time(window.start), time(window.end), format!("{:.4}", window.y_pred), bar]);
        }
        writeln!(out, "\n{}\n{table}", clip.path)?;
    }
    Ok(())
}
