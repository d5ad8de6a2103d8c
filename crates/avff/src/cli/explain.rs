//! `avff explain`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    calibration::{Answer, words},
    data::{LeftOut, StreamChoices},
    explain::{Attention, Window},
    score::Logits,
    table::Text,
};
use serde::Serialize;

use super::{
    damage::DamageArgs,
    network::SpeechArgs,
    score::left_out_table,
    sheet::{SheetArgs, default_output, title, write},
};

/// Show which time segments drive a clip's score
///
/// Occlusion: the embedding of a time segment is replaced by the mean of the others, in both modalities or
/// in one. The importance of the segment is the drop of the logit margin (fake minus real); above 0,
/// the segment raises the score. The PNG shows importance and attention rollout over frames and spectrogram of the
/// window with the highest score. --json prints all numbers.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff explain clip.mp4
  avff explain clip.mp4 --checkpoint stage-3.pth --output clip.png")]
pub(super) struct Args {
    /// Stage-3 weights: `.pth` from PyTorch, or safetensors [default: avff-lips, which is built in and compares lips
    /// and voice]
    #[arg(long, env = "AVFF_CHECKPOINT", value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// The window to draw, from 0 [default: the one with the highest score]
    #[arg(long, value_name = "N")]
    window_index: Option<usize>,

    /// PNG to write [default: CLIP.explanation.png in the current folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    sheet: SheetArgs,

    #[command(flatten)]
    damage: DamageArgs,

    #[command(flatten)]
    speech: SpeechArgs,
}

#[derive(Serialize)]
struct Report<'a> {
    clip: String,
    checkpoint: String,
    checkpoint_sha256: String,
    /// Not said in a `.pth`.
    trained: Option<bool>,
    /// What has to be said of these scores.
    warning: Option<&'a str>,
    device: String,
    /// The score of the clip.
    y_pred: f32,
    /// The network's outputs for the clip.
    logits: Logits,
    /// What the score means; absent without a calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
    windows: &'a [Window],
    /// The windows that were left out because the clip is damaged there.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    left_out: &'a [LeftOut],
    /// The window that is drawn.
    drawn: usize,
    /// Which of its patches the encoders attend to.
    attention: &'a Attention,
    /// The streams that were read.
    streams: StreamChoices,
    /// What is worth knowing of the clip.
    notes: &'a [String],
    output: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let sheet = &args.sheet;
    let output = args.output.clone().unwrap_or_else(|| default_output(&sheet.clip, "explanation"));
    let detector =
        sheet.detector(args.checkpoint.as_deref(), &output, &args.damage, args.speech)?;
    let made = detector.explain(&sheet.clip, args.window_index)?;
    let checkpoint = detector.checkpoint();
    let trained = checkpoint.metadata().map(|metadata| metadata.trained);
    let drawn = made.windows.get(made.drawn).map(|window| window.span);
    let sha256 = checkpoint.sha256()?;
    let title = title(&sheet.clip, drawn, checkpoint.path(), &sha256);
    write(&made.sheet(&title)?, &output)?;
    let report = Report {
        clip: sheet.clip.display().to_string(),
        checkpoint: checkpoint.path().display().to_string(),
        checkpoint_sha256: sha256,
        trained,
        warning: made.warning.as_deref(),
        device: detector.device().to_string(),
        y_pred: made.logits.probability_fake(),
        logits: made.logits,
        answer: made.answer,
        windows: &made.windows,
        left_out: &made.left_out,
        drawn: made.drawn,
        attention: &made.attention,
        streams: made.sample().streams,
        notes: &made.notes,
        output: output.display().to_string(),
    };
    print(args, &report)?;
    Ok(ExitCode::SUCCESS)
}

/// Says at which lag of the audio lips and voice are most alike.
fn most_alike(window: &Window) -> Option<String> {
    let best = window.best_lag()?;
    let in_time = || window.lags.iter().filter(|at| at.in_time);
    let (first, last) = (in_time().next()?.lag, in_time().next_back()?.lag);
    let range = format!("{first:.2} to {last:.2} s");
    let at = match best.lag {
        0.0 => "without a lag".to_owned(),
        lag if lag > 0.0 => format!("if the audio is {lag:.2} s late"),
        lag => format!("if the audio is {:.2} s early", -lag),
    };
    let similarity = best.similarity;
    Some(if best.in_time {
        format!(
            "lips and voice are most alike {at} (similarity {similarity:.2}); {range} count as in time"
        )
    } else {
        let highest = in_time().map(|at| at.similarity).fold(f32::NEG_INFINITY, f32::max);
        format!(
            "lips and voice are most alike {at} (similarity {similarity:.2}); \
             in time ({range}) {highest:.2} at best"
        )
    })
}

fn print(args: &Args, report: &Report<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.sheet.json {
        writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
        return Ok(());
    }
    if let Some(warning) = report.warning {
        writeln!(out, "warning: {warning}")?;
    }
    for note in report.notes {
        writeln!(out, "note: {note}")?;
    }
    if !report.left_out.is_empty() {
        writeln!(out, "left out:\n{}", left_out_table(report.left_out))?;
    }
    match report.answer {
        Some(answer) => writeln!(out, "{}", words::sentence(&answer))?,
        None => writeln!(out, "{}", words::UNCALIBRATED)?,
    }
    if report.windows.len() > 1 {
        let (count, score) = (report.windows.len(), report.y_pred);
        writeln!(
            out,
            "score {score:.3} over {count} windows; the table is of the one that is drawn"
        )?;
    }
    for (index, window) in report.windows.iter().enumerate() {
        let (span, score) = (window.span, window.logits.probability_fake());
        writeln!(
            out,
            "{:.2} to {:.2} s: score {score:.3}, logit margin {:+.2} (fake {:+.2}, real {:+.2})",
            span.start,
            span.end,
            window.margin(),
            window.logits.fake,
            window.logits.real
        )?;
        if index != report.drawn {
            continue;
        }
        let mut table = Text::with_header(["segment, s", "both", "audio", "frames"]);
        for segment in &window.segments {
            let number = |value: f32| format!("{value:+.3}");
            table.row([
                format!("{:.2} to {:.2}", segment.span.start, segment.span.end),
                number(segment.both),
                number(segment.audio),
                number(segment.frames),
            ]);
        }
        writeln!(out, "{table}")?;
        if let Some(line) = most_alike(window) {
            writeln!(out, "{line}")?;
        }
    }
    writeln!(
        out,
        "importance: drop of the logit margin (fake minus real) when the segment is occluded; above 0, the segment raises the score"
    )?;
    writeln!(out, "{}", report.output)?;
    Ok(())
}
