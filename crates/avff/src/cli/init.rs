//! `avff init`.

use std::{collections::BTreeMap, io::Write, path::PathBuf, process::ExitCode};

use avff::{
    device::Device,
    initialize::{self as library, InitializeOptions},
    model::{
        Preset,
        initialize::{InitializedKey, Report},
    },
    table::Text,
    train::recipe::clip_spec,
};
use clap::builder::TypedValueParser;

use super::{
    network::{DtypeArg, overrides},
    values::named,
};

/// Initialize from published encoders
///
/// Writes a pre-training model whose video encoder comes from MARLIN, whose audio encoder comes from
/// AudioMAE or CAV-MAE, or both. All other weights are random. A table shows what was done with each key.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff init init.safetensors --video marlin.pt --audio audiomae.pth")]
#[command(group(clap::ArgGroup::new("encoders").args(["video", "audio"]).required(true).multiple(true)))]
pub(super) struct Args {
    /// The safetensors file to write
    output: PathBuf,

    /// MARLIN's weights: `marlin.full.pt`, `*.encoder.pt`, a training checkpoint or safetensors
    #[arg(long, value_name = "FILE")]
    video: Option<PathBuf>,

    /// AudioMAE's or CAV-MAE's weights, as their repositories save them
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,

    /// The network to initialize
    #[arg(long, value_parser = presets(), default_value_t = Preset::OpenAvff)]
    preset: Preset,

    /// JSON that overrides keys of the preset's config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Random seed of the weights that no file gives
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Number format of the file
    #[arg(long, value_enum, default_value_t = DtypeArg::F32)]
    dtype: DtypeArg,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn presets() -> impl TypedValueParser<Value = Preset> {
    named([
        (Preset::OpenAvff, "The network of the released checkpoints"),
        (Preset::Avff, "The paper's method, ViT-B"),
        (Preset::AvffSmall, "The paper's method, ViT-S"),
        (Preset::AvffTiny, "The paper's method, small enough for a laptop's CPU"),
    ])
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let preset = args.preset;
    let mut config = preset.config();
    if let Some(overrides) = overrides(args.config.as_ref())? {
        config = config.merged(&overrides)?;
    }
    let options = InitializeOptions {
        spec: clip_spec(preset, &config),
        config,
        seed: args.seed,
        video: args.video.clone(),
        audio: args.audio.clone(),
    };
    let reports = library::initialize(&options, &args.output, args.dtype.into(), Device::host())?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&reports)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for report in &reports {
        print(&mut out, report)?;
    }
    writeln!(
        out,
        "{}: a pre-training model, not trained yet; all other weights are random (seed {})",
        args.output.display(),
        args.seed
    )?;
    Ok(ExitCode::SUCCESS)
}

fn print(out: &mut impl Write, report: &Report) -> anyhow::Result<()> {
    let (name, path) = (report.architecture, report.path.display());
    writeln!(out, "{} encoder from {name} in {path}", report.modality)?;
    let mut given = Text::with_header(["key", "conversion", "source", "note"]);
    for (key, line) in
        merged(report.initialized.iter().map(|given| (given.key.as_str(), row(given))))
    {
        let [steps, from, note] = line;
        given.row([key, steps, from, note]);
    }
    writeln!(out, "{given}")?;
    if !report.unused.is_empty() {
        let mut left = Text::with_header(["unused key of the file", "reason"]);
        let keys = report.unused.iter().map(|left| (left.key.as_str(), [left.reason.clone()]));
        for (key, [why]) in merged(keys) {
            left.row([key, why]);
        }
        writeln!(out, "\n{left}")?;
    }
    for note in &report.notes {
        writeln!(out, "note: {note}")?;
    }
    writeln!(out)?;
    Ok(())
}

/// Steps, sources and note of a key.
fn row(given: &InitializedKey) -> [String; 3] {
    let steps: Vec<&str> = given.conversions.iter().map(Into::into).collect();
    let from: Vec<String> = given.sources.iter().map(|key| numbered(key).0).collect();
    [steps.join(", "), from.join(" "), given.note.clone().unwrap_or_default()]
}

/// A key with `N` for its first number, and the number.
fn numbered(key: &str) -> (String, Option<usize>) {
    let mut number = None;
    let parts: Vec<&str> = key
        .split('.')
        .map(|part| match part.parse() {
            Ok(value) if number.is_none() => {
                number = Some(value);
                "N"
            }
            _ => part,
        })
        .collect();
    (parts.join("."), number)
}

/// A key, and what there is to say of it.
type Line<const C: usize> = (String, [String; C]);

/// Keys that differ in their number alone, with the same to say of them, in one line; in the order of
/// the first of each.
fn merged<'k, const C: usize>(keys: impl Iterator<Item = (&'k str, [String; C])>) -> Vec<Line<C>> {
    let mut order = Vec::new();
    let mut numbers: BTreeMap<Line<C>, Vec<(usize, &str)>> = BTreeMap::new();
    for (key, said) in keys {
        let (pattern, number) = numbered(key);
        let line = (pattern, said);
        if !numbers.contains_key(&line) {
            order.push(line.clone());
        }
        numbers.entry(line).or_default().extend(number.map(|number| (number, key)));
    }
    let named = |line: Line<C>| match numbers[&line].as_slice() {
        [] => line,
        [(_, key)] => ((*key).to_owned(), line.1),
        several => {
            let all = several.iter().map(|(number, _)| *number);
            let (first, last) = (all.clone().min(), all.clone().max());
            let count = last.unwrap_or(0) - first.unwrap_or(0) + 1;
            let list: Vec<String> = all.map(|number| number.to_string()).collect();
            let which = match (first, last) {
                (Some(first), Some(last)) if count == several.len() => format!("{first}-{last}"),
                _ => list.join(","),
            };
            (line.0.replacen("N", &format!("{{{which}}}"), 1), line.1)
        }
    };
    order.into_iter().map(named).collect()
}
