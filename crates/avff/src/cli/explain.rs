//! `avff explain`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    explain::{Attention, Window},
    table::Text,
};
use serde::Serialize;

use super::sheet::{SheetArgs, title, write};

/// Tell which moments, and which modality at them, a clip's score comes from
///
/// What the network made of a moment is replaced by the mean of the others, and the head looks again: what is
/// gone of the margin (the output for fake less that for real) is what that moment says. A PNG shows it under
/// the pictures and the spectrogram of the window that looks most fake, and which patches of them the network
/// attends to; --json has the numbers of both.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sheet: SheetArgs,

    /// Stage-3 weights: a `.pth` as PyTorch saves it, or safetensors
    #[arg(long, env = "AVFF_CHECKPOINT", value_name = "FILE")]
    checkpoint: PathBuf,

    /// The window to draw, from 0 [default: the one that looks most fake]
    #[arg(long, value_name = "N")]
    part: Option<usize>,

    /// The PNG to write
    #[arg(long, value_name = "FILE", default_value = "explanation.png")]
    output: PathBuf,
}

#[derive(Serialize)]
struct Report<'a> {
    clip: String,
    checkpoint: String,
    checkpoint_sha256: Option<String>,
    /// Not said in a `.pth`.
    trained: Option<bool>,
    /// What has to be said of these scores.
    caution: Option<&'a str>,
    device: String,
    windows: &'a [Window],
    /// The window that is drawn.
    drawn: usize,
    /// Which of its patches the encoders attend to.
    attention: &'a Attention,
    output: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let sheet = &args.sheet;
    let detector = sheet.detector(&args.checkpoint, &args.output)?;
    let made = detector.explain(&sheet.clip, args.part)?;
    let checkpoint = detector.checkpoint();
    let trained = checkpoint.metadata().map(|metadata| metadata.trained);
    let drawn = made.windows.get(made.drawn).map(|window| window.span);
    write(&made.sheet(&title(&sheet.clip, drawn, &args.checkpoint))?, &args.output)?;
    let report = Report {
        clip: sheet.clip.display().to_string(),
        checkpoint: args.checkpoint.display().to_string(),
        checkpoint_sha256: sheet.hash(checkpoint)?,
        trained,
        caution: made.caution.as_deref(),
        device: detector.device().to_string(),
        windows: &made.windows,
        drawn: made.drawn,
        attention: &made.attention,
        output: args.output.display().to_string(),
    };
    print(args, &report)?;
    Ok(ExitCode::SUCCESS)
}

fn print(args: &Args, report: &Report<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.sheet.json {
        writeln!(out, "{}", serde_json::to_string_pretty(report)?)?;
        return Ok(());
    }
    if let Some(caution) = report.caution {
        writeln!(out, "{caution}")?;
    }
    for window in report.windows {
        let (span, score) = (window.span, window.logits.probability_fake());
        writeln!(
            out,
            "{:.2} to {:.2} s: P(fake) {score:.3}, margin {:+.2}",
            span.start,
            span.end,
            window.margin()
        )?;
        let mut table = Text::with_header(["moment, s", "both", "sound", "pictures"]);
        for moment in &window.moments {
            let number = |value: f32| format!("{value:+.3}");
            table.row([
                format!("{:.2} to {:.2}", moment.span.start, moment.span.end),
                number(moment.both),
                number(moment.sound),
                number(moment.pictures),
            ]);
        }
        writeln!(out, "{table}")?;
    }
    writeln!(out, "above 0 speaks for fake: what is gone of the margin without that moment")?;
    writeln!(out, "{}", report.output)?;
    Ok(())
}
