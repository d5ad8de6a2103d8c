//! `avff start`.

use std::{collections::BTreeMap, io::Write, path::PathBuf, process::ExitCode};

use avff::{
    device::Device,
    model::{
        Preset,
        initialize::{InitializedKey, Report},
    },
    start::{self, StartOptions},
    table::Text,
    train::recipe::clip_spec,
};
use clap::builder::TypedValueParser;

use super::{
    network::{PrecisionArg, overrides},
    values::named,
};

/// Make a pre-training start whose encoders are published ones
///
/// Pictures from MARLIN, sound from AudioMAE or CAV-MAE; the rest starts from a seed. A table says what
/// became of every key.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("encoders").args(["video", "audio"]).required(true).multiple(true)))]
pub(super) struct Args {
    /// The safetensors file to write
    output: PathBuf,

    /// MARLIN's weights: `marlin.full.pt`, `*.encoder.pt`, a training state or safetensors
    #[arg(long, value_name = "FILE")]
    video: Option<PathBuf>,

    /// AudioMAE's or CAV-MAE's weights, as their repositories save them
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,

    /// The network to start
    #[arg(long, value_parser = presets(), default_value_t = Preset::OpenAvff)]
    preset: Preset,

    /// JSON laid over the preset's config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where the fresh weights start from
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Number format of the file
    #[arg(long, value_enum, default_value_t = PrecisionArg::F32)]
    precision: PrecisionArg,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn presets() -> impl TypedValueParser<Value = Preset> {
    named([
        (Preset::OpenAvff, "As the released checkpoints"),
        (Preset::Avff, "As the paper's idea calls for: ViT-B"),
        (Preset::AvffSmall, "The same, ViT-S"),
        (Preset::AvffTiny, "The same, for a laptop"),
    ])
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let preset = args.preset;
    let mut config = preset.config();
    if let Some(overrides) = overrides(args.config.as_ref())? {
        config = config.merged(&overrides)?;
    }
    let options = StartOptions {
        spec: clip_spec(preset, &config),
        config,
        seed: args.seed,
        video: args.video.clone(),
        audio: args.audio.clone(),
    };
    let reports = start::start(&options, &args.output, args.precision.into(), Device::host())?;
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
        "{}: a pre-training model to train; all else starts from seed {}",
        args.output.display(),
        args.seed
    )?;
    Ok(ExitCode::SUCCESS)
}

fn print(out: &mut impl Write, report: &Report) -> anyhow::Result<()> {
    let (name, path) = (report.architecture, report.path.display());
    writeln!(out, "{} encoder from {name} in {path}", report.modality)?;
    let mut given = Text::with_header(["key", "what became of it", "from", ""]);
    for (key, line) in
        merged(report.initialized.iter().map(|given| (given.key.as_str(), row(given))))
    {
        let [steps, from, note] = line;
        given.row([key, steps, from, note]);
    }
    writeln!(out, "{given}")?;
    if !report.unused.is_empty() {
        let mut left = Text::with_header(["left out of the file", "why"]);
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
