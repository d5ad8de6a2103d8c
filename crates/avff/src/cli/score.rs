//! `avff score`.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use avff::{
    Logits, Score, WindowScore,
    data::{LeftOut, StreamChoices, synchrony::Synchrony},
    evaluate::{NO_FACE, Run},
    failure::ClipFailure,
    hash,
    table::{Text, printable},
};
use avff_face::NoFace;
use serde::Serialize;

use super::{
    code_for_coverage, fraction,
    hints::of_failure,
    network::{Network, NetworkArgs},
    progress::bar,
};

/// Score one or more clips
///
/// A clip is a media file, or a folder of PNG or JPEG frames with a WAV file. P(fake) is the sigmoid
/// of the network's output for fake. It is not calibrated, and it is evidence rather than proof.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff score clip.mp4
  avff score --checkpoint stage-3.pth clip.mp4
  avff score --checkpoint stage-3.pth --window 3.2 long.mp4
  avff score --checkpoint stage-3.pth --json clips/*.mp4 > scores.json")]
pub(super) struct Args {
    /// Media files or frame folders
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,

    /// Print JSON
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

#[derive(Serialize)]
struct Report {
    run: Run,
    clips: Vec<Scored>,
}

#[derive(Serialize)]
struct Scored {
    path: String,
    /// SHA-256 of the file, or of the names and contents of a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Probability of fake.
    y_pred: Option<f32>,
    logits: Option<Logits>,
    /// With face crops: whether a face was found. Without one, whole frames are scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<bool>,
    /// The windows that the score is computed from.
    windows: Vec<Window>,
    /// The windows that were left out because the clip is damaged there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<LeftOut>,
    /// The streams that were read; `null` if the clip could not be read.
    streams: Option<StreamChoices>,
    /// What is worth knowing of the clip.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Whether lips move with the voice, measured without the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    synchrony: Option<Synchrony>,
    error: Option<ClipFailure>,
}

/// A part of a clip, in seconds, and its score.
#[derive(Serialize)]
struct Window {
    start: f64,
    end: f64,
    /// Indices of the frames in display order, from 0.
    frames: Vec<usize>,
    y_pred: f32,
    logits: Logits,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let network = args.network.read(args.clips.len() == 1, args.json, args.synchrony)?;
    // Only JSON names the checkpoint, and hashing it takes time.
    let run = args.json.then(|| network.describe());
    network.load()?;
    let face = network.spec().face;
    let faces = face.is_some();
    let bar = bar("clips");
    bar.set_length(args.clips.len() as u64);
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
    let expected = clips.len() - clips.iter().filter(left_out).count();
    let coverage = scored as f64 / expected.max(1) as f64;
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
        let streams = score.as_ref().map(|score| score.streams);
        let synchrony = score.as_ref().and_then(|score| score.synchrony);
        let (windows, left_out, notes) =
            score.map(|score| (score.windows, score.left_out, score.notes)).unwrap_or_default();
        Self {
            path: path.display().to_string(),
            sha256: None,
            y_pred: logits.map(Logits::probability_fake),
            logits,
            face,
            windows: windows.into_iter().map(Window::from).collect(),
            left_out,
            streams,
            notes,
            synchrony,
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
        writeln!(out, "warning: {warning}")?;
    }
    let several = clips.len() > 1;
    let windows = clips.iter().any(|clip| clip.windows.len() > 1);
    let columns = ["clip", "P(fake)", "highest window", "error"];
    let shown = [true, true, windows && several, clips.iter().any(|clip| clip.error.is_some())];
    let visible = |cells: [String; 4]| cells.into_iter().zip(shown).filter(|(_, shown)| *shown);
    let mut table = Text::with_header(columns.into_iter().zip(shown).filter(|c| c.1).map(|c| c.0));
    for clip in clips {
        let score = clip.y_pred.map_or_else(|| "-".into(), |score| format!("{score:.4}"));
        let error = clip.error.as_ref().map(|error| format!("{}: {}", error.stage, error.error));
        let cells = [clip.path.clone(), score, highest(clip), error.unwrap_or_default()];
        table.row(visible(cells).map(|(cell, _)| cell));
    }
    writeln!(out, "{table}")?;
    let whole: Vec<&str> = clips
        .iter()
        .filter(|clip| clip.face == Some(false))
        .map(|clip| clip.path.as_str())
        .collect();
    if !whole.is_empty() {
        writeln!(out, "note: no face was found, so whole frames are scored: {}", listed(&whole))?;
    }
    for clip in clips {
        if let Some(synchrony) = clip.synchrony {
            let of = if several { format!(" of {}", printable(&clip.path)) } else { String::new() };
            writeln!(out, "lips and voice{of}: {}", finding(synchrony))?;
        }
    }
    let mut notes = BTreeMap::<&str, Vec<&str>>::new();
    for clip in clips {
        for note in &clip.notes {
            notes.entry(note).or_default().push(&clip.path);
        }
    }
    for (note, paths) in notes {
        writeln!(out, "note for {}: {note}", listed(&paths))?;
    }
    for clip in clips.iter().filter(|clip| !clip.left_out.is_empty()) {
        if several {
            writeln!(out, "\nleft out of {}:", printable(&clip.path))?;
        } else {
            writeln!(out, "\nleft out:")?;
        }
        writeln!(out, "{}", left_out_table(&clip.left_out))?;
    }
    let mut hints = BTreeMap::<String, Vec<&str>>::new();
    for clip in clips {
        let is_csv = Path::new(&clip.path).extension().is_some_and(|end| end == "csv");
        let hint = clip.error.as_ref().and_then(|error| match error.code.as_str() {
            "not-media" if is_csv => {
                Some("score the clips of a CSV with `avff eval --csv FILE`".into())
            }
            "damaged" => {
                let own = "--damage windows with --window SECONDS scores the windows that the damage does not touch";
                let hint = of_failure(error);
                Some(hint.map_or_else(|| own.into(), |hint| format!("{hint}; {own}")))
            }
            _ => of_failure(error),
        });
        if let Some(hint) = hint {
            hints.entry(hint).or_default().push(&clip.path);
        }
    }
    for (hint, paths) in hints {
        writeln!(out, "hint for {}: {hint}", listed(&paths))?;
    }
    if let ([clip], true) = (clips, windows) {
        print_windows(out, &clip.windows)?;
    }
    Ok(())
}

/// What the measure without learning says of a clip.
fn finding(synchrony: Synchrony) -> String {
    let Synchrony { correlation, offset_ms, best_correlation, needed, cannot_tell, .. } = synchrony;
    if let Some(reason) = cannot_tell {
        return format!("cannot tell: {reason}");
    }
    let [correlation, best] = [correlation, best_correlation].map(Option::unwrap_or_default);
    match offset_ms {
        Some(offset) if (-80.0..=160.0).contains(&offset) => {
            format!("in time (correlation {best:.2} at {offset:+.0} ms)")
        }
        Some(offset) => {
            let late = if offset > 0.0 { "late" } else { "early" };
            format!(
                "the voice is {:.0} ms {late} (correlation {best:.2}, and {correlation:.2} in time)",
                offset.abs()
            )
        }
        None => format!(
            "cannot tell: no offset within a second stands out (correlation {correlation:.2} in time, \
             {best:.2} at best, {needed:.2} needed)"
        ),
    }
}

/// The window with the highest score.
fn highest(clip: &Scored) -> String {
    let highest = clip.windows.iter().max_by(|a, b| a.y_pred.total_cmp(&b.y_pred));
    highest.map_or_else(String::new, |window| {
        format!("{:.4} at {}", window.y_pred, time(window.start))
    })
}

fn print_windows(out: &mut impl Write, windows: &[Window]) -> anyhow::Result<()> {
    if windows.is_empty() {
        return Ok(());
    }
    let mut table = Text::with_header(["from", "to", "P(fake)", ""]);
    for window in windows {
        // Twenty characters for a probability of 1.
        let bar = "#".repeat((window.y_pred * 20.0).round() as usize);
        table.row([time(window.start), time(window.end), format!("{:.4}", window.y_pred), bar]);
    }
    writeln!(out, "\n{table}")?;
    Ok(())
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

/// A few names, and how many more there are.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| printable(name)).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
