//! Collects the results of `examples/proof.sh FOLDER`:
//! `cargo run --features all --example ablation -- FOLDER`.
//!
//! The example replaces the rows of every finished run in `docs/src/archive/ablation.csv`, and
//! keeps the rows of other runs. It prints the tables of `docs/src/archive/experiments.md`, with
//! the seeds in ascending order and a dash for a missing run.

use std::{collections::BTreeSet, env, fmt::Write, fs, path::Path};

use anyhow::Context;
use avff::{
    evaluate::Summary,
    metrics::{BinaryReport, Interval, Metric},
    train::run::{
        RunInfo,
        folder::{METRICS, RUN},
        metrics,
    },
};

/// Relative to the root of the repository.
const TABLE: &str = "docs/src/archive/ablation.csv";
const LATE: &str = "time-shift-320-to-800-ms";
const RETRIEVAL: &str = "retrieval-after-stage-1";
const COLUMNS: [&str; 5] = ["all", "voice-swap", LATE, "lip-sync", RETRIEVAL];

#[derive(serde::Serialize, serde::Deserialize)]
struct Row {
    variant: String,
    seed: u64,
    trained_on: String,
    clips: String,
    value: String,
    low: String,
    high: String,
}

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn main() -> anyhow::Result<()> {
    let folder =
        env::args_os().nth(1).context("an argument is missing: the folder of examples/proof.sh")?;
    let rows =
        csv::Reader::from_path(TABLE).context("run the example in the root of the repository")?;
    let mut rows: Vec<Row> = rows.into_deserialize().collect::<Result<_, _>>().context(TABLE)?;
    let mut order: Vec<String> = rows.iter().map(|row| row.variant.clone()).collect();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((variant, seed)) = name.rsplit_once('-') else { continue };
        let Ok(seed) = seed.parse() else { continue };
        // `avff` is trained for more epochs than its variants, so it is not part of the table.
        if variant == "avff" || !entry.path().join("late.summary.json").exists() {
            continue;
        }
        let new = read_run(&entry.path(), variant, seed).with_context(|| name.clone())?;
        rows.retain(|row| (row.variant.as_str(), row.seed) != (variant, seed));
        rows.extend(new);
        order.push(variant.into());
    }
    let mut seen = BTreeSet::new();
    order.retain(|variant| seen.insert(variant.clone()));
    // Stable: a run's rows keep their order.
    rows.sort_by_key(|row| (order.iter().position(|variant| *variant == row.variant), row.seed));
    let mut writer = csv::Writer::from_path(TABLE)?;
    for row in &rows {
        writer.serialize(row)?;
    }
    writer.flush()?;
    print!("{}", tables(&rows, &order)?);
    Ok(())
}

/// Reads the results of one run.
fn read_run(folder: &Path, variant: &str, seed: u64) -> anyhow::Result<Vec<Row>> {
    let summary = |set: &str| -> anyhow::Result<Summary> {
        Ok(serde_json::from_slice(&fs::read(folder.join(format!("{set}.summary.json")))?)?)
    };
    let test = summary("test")?;
    // Older runs do not record the training device; the script evaluates on the same device.
    let trained = RunInfo::read(&folder.join("stage3").join(RUN))?.about.device;
    let device = trained.unwrap_or_else(|| test.run.device.clone());
    let device = device.split(':').next().unwrap_or_default().to_owned();
    let row = |clips: &str, value: Option<f64>, interval: Option<Interval>| {
        let digits = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.3}"));
        Row {
            variant: variant.into(),
            seed,
            trained_on: device.clone(),
            clips: clips.into(),
            value: digits(value),
            low: digits(interval.map(|interval| interval.low)),
            high: digits(interval.map(|interval| interval.high)),
        }
    };
    let auc = |clips: &str, report: &BinaryReport| {
        row(clips, report.get(Metric::AUC), report.interval(Metric::AUC))
    };

    let mut rows: Vec<Row> = test.metrics.iter().map(|report| auc("all", report)).collect();
    // Real clips have no method.
    let kinds = test.by.iter().flat_map(|column| &column.categories);
    let kinds = kinds.filter(|kind| !kind.category.is_empty());
    rows.extend(kinds.map(|kind| auc(&kind.category, &kind.metrics)));
    let late = summary("late")?;
    let shifts = late.by.iter().flat_map(|column| &column.categories);
    let shifts = shifts.filter(|kind| kind.category == "time-shift");
    rows.extend(shifts.map(|kind| auc(LATE, &kind.metrics)));
    // A run that shares stage 1 with another run has no retrieval row.
    let mut retrieval = None;
    metrics::read(&folder.join("stage1").join(METRICS), |record| {
        retrieval = record.values.get("val/retrieval").or(retrieval);
    })?;
    rows.extend(retrieval.map(|value| row(RETRIEVAL, Some(value), None)));
    Ok(rows)
}

fn tables(rows: &[Row], order: &[String]) -> anyhow::Result<String> {
    let seeds: BTreeSet<u64> = rows.iter().map(|row| row.seed).collect();
    let find = |variant: &str, seed: u64, clips: &str| {
        rows.iter().find(|row| {
            (row.variant.as_str(), row.seed, row.clips.as_str()) == (variant, seed, clips)
        })
    };
    let cell = |variant: &str, clips: &str| {
        let value = |&seed: &u64| match find(variant, seed, clips) {
            None => "-".to_owned(),
            Some(row) => match (clips, row.low.parse::<f64>(), row.high.parse::<f64>()) {
                // The small term rounds ties up: half of a three-digit width can end in 5.
                ("all", Ok(low), Ok(high)) => {
                    format!("{} ± {:.3}", row.value, (high - low) / 2.0 + 1e-9)
                }
                _ => row.value.clone(),
            },
        };
        seeds.iter().map(value).collect::<Vec<_>>().join(" / ")
    };
    let mut text = String::new();
    for variant in order {
        write!(text, "| `{variant}` |")?;
        for clips in COLUMNS {
            write!(text, " {} |", cell(variant, clips))?;
        }
        writeln!(text)?;
    }
    writeln!(text)?;
    let kinds = [
        "all",
        "voice-swap",
        "time-shift",
        LATE,
        "mouth-swap",
        "mouth-swap-traces",
        "lip-sync",
        "both-swap",
    ];
    for clips in kinds {
        writeln!(
            text,
            "| `{clips}` | {} | {} |",
            cell("only-audio", clips),
            cell("only-video", clips)
        )?;
    }
    Ok(text)
}
