//! `avff calibrate`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use avff::{
    calibrate::{CalibrateRequest, TestSet, calibrate, save_figures},
    calibration::{CalibrateOptions, Method, Propositions, side_file},
    metrics::BootstrapOptions,
};
use clap::builder::TypedValueParser;

use super::{report::level, values::named};

/// Turn scores into probabilities and decisions
///
/// Reads the predictions that `avff eval` wrote for labeled clips, and the summary beside them. Give clips that
/// neither training nor any test has used. Fits P(fake), likelihood ratios, thresholds and decisions, and writes
/// them into a copy of the checkpoint: `score`, `eval` and `explain` then decide with it. A `.pth` has no place for
/// them: give --output CHECKPOINT.pth.calibration.json, which is found beside the `.pth`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff eval --checkpoint stage-3.safetensors --csv calibration.csv --output scores.csv
  avff calibrate scores.csv --output calibrated.safetensors
  avff calibrate scores.csv --test \"web videos=web.csv\" --by method --figures figures")]
pub(super) struct Args {
    /// Predictions of `avff eval`, with targets
    scores: PathBuf,

    /// The checkpoint that gave the scores [default: the one that the summary names]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// The calibrated copy to write, or FILE.pth.calibration.json for a `.pth`; without it, nothing is written
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// How P(fake) follows from the score [default: the method with the lowest cross-validated loss]
    #[arg(long, value_parser = methods())]
    method: Option<Method>,

    /// Error rate of decisions: the share of real clips that may be called fake, and of fakes that may be called real
    #[arg(long, value_name = "RATE", default_value = "0.05", value_parser = level)]
    error_rate: f64,

    /// Rates of false positives to find thresholds for
    #[arg(long, value_name = "RATE", value_delimiter = ',', default_value = "0.1,0.05,0.01,0.001", value_parser = level)]
    false_positives: Vec<f64>,

    /// Folds of the cross-validation
    #[arg(long, value_name = "N", default_value_t = 5)]
    folds: usize,

    /// Random seed of folds and resamples
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// A name of the clips, shown with every decision [default: the name of their CSV]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    /// What to say with every decision, such as what the clips do not cover
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// What is true of a fake, for reports, such as "lips and voice were not recorded together"
    #[arg(long, value_name = "TEXT", requires = "real_means")]
    fake_means: Option<String>,

    /// What is true of a real clip
    #[arg(long, value_name = "TEXT", requires = "fake_means")]
    real_means: Option<String>,

    /// Predictions of other clips with targets, to test the decisions on; may be given several times
    #[arg(long, value_name = "NAME=FILE", value_parser = test_set)]
    test: Vec<TestSet>,

    /// Column of the tests with kinds of fakes, to count each kind
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,

    /// Folder for figures: ROC, DET, scores, Tippett plot and reliability, as SVG
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn methods() -> impl TypedValueParser<Value = Method> {
    named([
        (Method::Platt, "A logistic function with slope and offset"),
        (Method::Temperature, "The log odds divided by one number"),
        (Method::Isotonic, "The best function that does not descend; for hundreds of clips"),
    ])
}

/// Parses `NAME=FILE`.
fn test_set(text: &str) -> Result<TestSet, String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok(TestSet { name: name.into(), predictions: file.into() })
        }
        _ => Err("give a name and a file, such as `web videos=web.csv`".into()),
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let request = CalibrateRequest {
        predictions: args.scores.clone(),
        name: args.name.clone(),
        note: args.note.clone(),
        propositions: args
            .fake_means
            .clone()
            .zip(args.real_means.clone())
            .map(|(fake, real)| Propositions { fake, real }),
        tests: args.test.clone(),
        by: args.by.clone(),
        options: CalibrateOptions {
            method: args.method,
            folds: args.folds,
            false_positives: args.false_positives.clone(),
            error: args.error_rate,
            intervals: BootstrapOptions { seed: args.seed, ..BootstrapOptions::default() },
        },
    };
    let fitted = calibrate(&request)?;
    if let Some(output) = &args.output {
        let checkpoint =
            args.checkpoint.clone().unwrap_or_else(|| fitted.checkpoint.clone().into());
        fitted.write(&checkpoint, output)?;
        let is_json = output.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        if is_json && *output != side_file(&checkpoint) {
            let beside = side_file(&checkpoint);
            tracing::warn!("a calibration is found as {} alone, beside a .pth", beside.display());
        }
    }
    if let Some(folder) = &args.figures {
        save_figures(&fitted.figures(), folder)?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&fitted.record)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{}", fitted.table())?;
    match &args.output {
        Some(output) => writeln!(out, "\ncalibrated: {}", output.display())?,
        None => tracing::warn!("nothing is written: --output FILE writes a calibrated checkpoint"),
    }
    if let Some(folder) = &args.figures {
        writeln!(out, "figures: {}", folder.display())?;
    }
    Ok(ExitCode::SUCCESS)
}
