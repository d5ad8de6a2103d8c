//! `avff reconstruct`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    data::windows::Span,
    output::OutputError,
    pretrained::{Losses, MaskChoice, ReconstructOptions, SheetOptions, VisibleParts, array_paths},
    table::Text,
};
use serde::Serialize;

use super::sheet::{SheetArgs, default_output, title, write};

/// Show what pre-training reconstructs
///
/// Masks half of a clip and reconstructs it with a stage-1 or stage-2 checkpoint. The PNG shows frames and
/// spectrogram as input, masked input, reconstruction and error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff reconstruct clip.mp4 --checkpoint stage-2.pth --output clip.png")]
pub(super) struct Args {
    /// Stage-1 or stage-2 weights: `.pth` from PyTorch, or safetensors
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,

    /// Random seed of the mask
    #[arg(long, default_value_t = 0, conflicts_with = "mask")]
    seed: u64,

    /// Audio slices to mask, such as 0,2,5,7; the other slices of the video are masked
    #[arg(long, value_name = "SLICES", value_delimiter = ',')]
    mask: Option<Vec<usize>>,

    /// Which window of the clip to reconstruct, from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    window_index: usize,

    /// PNG to write [default: CLIP.reconstruction.png in the current folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Also write input, mask and reconstruction of both modalities as arrays of NumPy (`.npy`) into
    /// this folder
    #[arg(long, value_name = "FOLDER")]
    arrays: Option<PathBuf>,

    /// Show the input instead of the prediction where the input is visible
    #[arg(long)]
    paste_visible: bool,

    #[command(flatten)]
    sheet: SheetArgs,
}

#[derive(Serialize)]
struct Report<'a> {
    clip: String,
    checkpoint: String,
    checkpoint_sha256: String,
    /// None for a `.pth`, which does not store it.
    trained: Option<bool>,
    /// The warning that accompanies every output of the weights.
    warning: Option<&'a str>,
    device: String,
    /// The part of the clip in seconds.
    span: Span,
    window_index: usize,
    slices: usize,
    hidden_from_audio: &'a [usize],
    losses: Losses,
    /// None: the contrastive loss needs several clips.
    contrastive: Option<f32>,
    output: String,
    /// The arrays, with `--arrays`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arrays: Vec<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let clip = &args.sheet.clip;
    let output = args.output.clone().unwrap_or_else(|| default_output(clip, "reconstruction"));
    let mut arrays = args.arrays.iter().flat_map(|folder| array_paths(folder));
    if let Some(path) = arrays.find(|path| !args.sheet.overwrite && path.exists()) {
        return Err(OutputError::Results { path }.into());
    }
    let pretrained = args.sheet.pretrained(&args.checkpoint, &output)?;
    let mask = args.mask.clone().map_or(MaskChoice::Seed(args.seed), MaskChoice::HiddenFromAudio);
    let options = ReconstructOptions { mask, window: args.window_index };
    let made = pretrained.reconstruct(clip, &options)?;
    let checkpoint = pretrained.checkpoint();
    let trained = checkpoint.metadata().map(|metadata| metadata.trained);
    let sha256 = checkpoint.sha256()?;
    let sheet = SheetOptions {
        title: title(clip, Some(made.span), &args.checkpoint, &sha256),
        untrained: trained == Some(false),
        visible: if args.paste_visible { VisibleParts::Input } else { VisibleParts::Predicted },
    };
    write(&made.sheet(&sheet)?, &output)?;
    let arrays = match &args.arrays {
        Some(folder) => made.write_arrays(folder)?,
        None => Vec::new(),
    };
    let report = Report {
        clip: clip.display().to_string(),
        checkpoint: args.checkpoint.display().to_string(),
        checkpoint_sha256: sha256,
        trained,
        warning: pretrained.warning(),
        device: pretrained.device().to_string(),
        span: made.span,
        window_index: args.window_index,
        slices: pretrained.config().slices,
        hidden_from_audio: &made.hidden_from_audio,
        losses: made.losses,
        contrastive: None,
        output: output.display().to_string(),
        arrays: arrays.iter().map(|path| path.display().to_string()).collect(),
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
    if report.trained == Some(false) {
        writeln!(out, "warning: UNTRAINED checkpoint: its reconstructions are meaningless")?;
    } else if let Some(warning) = report.warning {
        writeln!(out, "warning: {warning}")?;
    }
    let Losses { total, audio, video, audio_zero_baseline, video_zero_baseline } = report.losses;
    let mut table = Text::with_header(["loss", "value", "of a prediction of 0"]);
    let number = |value: f32| format!("{value:.4}");
    table.row(["total".into(), number(total), String::new()]);
    table.row(["audio".into(), number(audio), number(audio_zero_baseline)]);
    table.row(["video".into(), number(video), number(video_zero_baseline)]);
    table.row(["contrastive", "n/a", "it needs several clips"]);
    writeln!(out, "{table}")?;
    for path in std::iter::once(&report.output).chain(&report.arrays) {
        writeln!(out, "{path}")?;
    }
    Ok(())
}
