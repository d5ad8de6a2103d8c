//! `avff runs`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{bail, ensure};
use avff::{
    output::create_folder_of,
    table::Text,
    train::run::{
        BestBy, History, Overview, Record, State, Values, better,
        compare::{Difference, differences},
        overview::find,
        plots::overlay,
        progress::{duration, short},
    },
};
use serde::Serialize;

/// List training runs, or compare two
///
/// Given one folder, lists the runs in it. Given two run folders, shows how recipe, code, data and results
/// differ. A run that was killed shows as interrupted.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff runs runs
  avff runs runs/a runs/b --plot a-b.svg")]
pub(super) struct Args {
    /// A run, or a folder up to two levels above runs; two runs are compared
    #[arg(default_value = ".", value_name = "DIR", num_args = 0..=2)]
    folders: Vec<PathBuf>,

    /// Show the best value of this metric, such as `map`, and sort by it
    ///
    /// By default each run shows the metric that selects its best epoch, and the newest run comes first.
    #[arg(long, value_name = "METRIC")]
    sort: Option<String>,

    /// Plot a metric of both runs, as SVG or PNG: that of --sort, or the one that selects the best epoch
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Replace the plot
    #[arg(long, requires = "plot")]
    overwrite: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match args.folders.as_slice() {
        [a, b] => compare(args, a, b)?,
        [folder] => list(args, folder)?,
        _ => list(args, Path::new("."))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &Args, folder: &Path) -> anyhow::Result<()> {
    ensure!(args.plot.is_none(), "--plot draws a metric of two runs: give two run folders");
    let mut runs = Vec::new();
    for path in find(folder)? {
        match Overview::read(&path) {
            Ok(run) => runs.push(run),
            // One unreadable run does not hide the others.
            Err(error) => tracing::warn!("{}", avff::error_text::chain(&error)),
        }
    }
    runs.sort_by(|a, b| b.info.started.cmp(&a.info.started).then_with(|| a.path.cmp(&b.path)));
    if let Some(metric) = &args.sort {
        let by = metric_of(metric, &runs)?;
        for run in &mut runs {
            run.best = run.best_by(&by);
        }
        let value = |run: &Overview| run.best.as_ref().map_or(f64::NAN, |best| best.value);
        runs.sort_by(|a, b| by.better.order(value(a), value(b)));
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&runs)?)?;
    } else if runs.is_empty() {
        writeln!(out, "no runs in {}", folder.display())?;
    } else {
        writeln!(out, "{}", table(&runs, folder))?;
        for run in &runs {
            if let (State::Failed, Some(reason)) = (run.info.state, &run.info.reason) {
                writeln!(out, "{} failed: {reason}", within(run, folder).display())?;
            }
        }
    }
    Ok(())
}

/// Finds a metric by its name, with or without `val/`.
fn metric_of(metric: &str, runs: &[Overview]) -> anyhow::Result<BestBy> {
    let epochs = || runs.iter().flat_map(|run| run.history.epochs());
    let known = |name: &str| epochs().any(|record| record.values.get(name).is_some());
    let Some(name) = [metric.to_owned(), format!("val/{metric}")].into_iter().find(|n| known(n))
    else {
        let names: Values = epochs().flat_map(|record| record.values.iter()).collect();
        let names: Vec<&str> = names.iter().map(|(name, _)| name).collect();
        bail!("no run has the metric `{metric}`; there are: {}", names.join(", "));
    };
    let own = runs.iter().map(|run| &run.info.about.best_by).find(|by| by.metric == name);
    let better = own.map_or_else(|| better(&name), |by| by.better);
    Ok(BestBy { metric: name, better })
}

fn table(runs: &[Overview], folder: &Path) -> Text {
    let header = ["run", "name", "stage", "state", "epoch", "best", "last", "time", "started"];
    let mut table = Text::with_header(header);
    for run in runs {
        let about = &run.info.about;
        let best = run.best.as_ref().map_or_else(String::new, |best| {
            format!("{} {} in epoch {}", best.metric, short(best.value), best.epoch)
        });
        let metric =
            run.best.as_ref().map_or(about.best_by.metric.as_str(), |best| best.metric.as_str());
        table.row([
            within(run, folder).display().to_string(),
            about.name.clone(),
            about.stage.clone(),
            run.info.state.to_string(),
            format!("{}/{}", run.epochs_done, about.epochs),
            best,
            run.last.get(metric).map_or_else(String::new, short),
            duration(Duration::try_from_secs_f64(run.seconds).unwrap_or_default()),
            run.info.started.clone(),
        ]);
    }
    table
}

/// A run's path relative to a folder, unless it is that folder.
fn within<'a>(run: &'a Overview, folder: &Path) -> &'a Path {
    match run.path.strip_prefix(folder) {
        Ok(path) if !path.as_os_str().is_empty() => path,
        _ => &run.path,
    }
}

#[derive(Serialize)]
struct Comparison<'a> {
    a: &'a Overview,
    b: &'a Overview,
    differences: Vec<Difference>,
    /// Metrics of the best epochs, by each run's own metric.
    best: [Option<&'a Values>; 2],
}

fn compare(args: &Args, a: &Path, b: &Path) -> anyhow::Result<()> {
    let (a, b) = (Overview::read(a)?, Overview::read(b)?);
    let differences = differences(&a, &b)?;
    let best = [&a, &b].map(best_values);
    if let Some(path) = &args.plot {
        draw(args, &a, &b, path)?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        let comparison = Comparison { a: &a, b: &b, differences, best };
        writeln!(out, "{}", serde_json::to_string_pretty(&comparison)?)?;
        return Ok(());
    }
    let [name_a, name_b] = labels(&a, &b);
    if differences.is_empty() {
        write!(out, "The runs have the same code, data and recipe.")?;
    } else {
        let mut table = Text::with_header(["difference", &name_a, &name_b]);
        for Difference { key, a, b } in differences {
            table.row([key, a.unwrap_or_default(), b.unwrap_or_default()]);
        }
        write!(out, "{table}")?;
    }
    writeln!(out, "\n")?;
    let headings = ["metric".to_owned()].into_iter().chain(
        [&name_a, &name_b].into_iter().flat_map(|n| [format!("{n}, last"), format!("{n}, best")]),
    );
    let headings: Vec<String> = headings.collect();
    let header: [&str; 5] = std::array::from_fn(|i| headings.get(i).map_or("", String::as_str));
    let mut table = Text::with_header(header);
    let done = |run: &Overview| run.epochs_done.to_string();
    let best_epoch =
        |run: &Overview| run.best.as_ref().map_or_else(String::new, |best| best.epoch.to_string());
    let epochs = [done(&a), best_epoch(&a), done(&b), best_epoch(&b)];
    table.row(["epoch".to_owned()].into_iter().chain(epochs));
    let names: Values = a.last.iter().chain(b.last.iter()).collect();
    for (name, _) in names.iter() {
        let cell = |values: Option<&Values>| {
            values.and_then(|values| values.get(name)).map_or_else(String::new, short)
        };
        let cells = [Some(&a.last), best[0], Some(&b.last), best[1]].map(cell);
        table.row([vec![name.to_owned()], cells.to_vec()].concat());
    }
    writeln!(out, "{table}")?;
    Ok(())
}

fn best_values(run: &Overview) -> Option<&Values> {
    let epoch = run.best.as_ref()?.epoch;
    let mut epochs = run.history.epochs().iter();
    epochs.find(|record: &&Record| record.epoch == epoch).map(|record| &record.values)
}

/// The names of two runs, or their folders if the names are equal.
fn labels(a: &Overview, b: &Overview) -> [String; 2] {
    let same = a.info.about.name == b.info.about.name;
    [a, b].map(
        |run| {
            if same { run.path.display().to_string() } else { run.info.about.name.clone() }
        },
    )
}

fn draw(args: &Args, a: &Overview, b: &Overview, path: &Path) -> anyhow::Result<()> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let known = matches!(ending.as_deref(), Some("svg" | "png"));
    ensure!(
        args.overwrite || path.canonicalize().is_err(),
        "{}: exists already; add --overwrite to replace it",
        path.display()
    );
    ensure!(known, "{}: the name of a plot must end in .svg or .png", path.display());
    let metric = args.sort.as_deref().unwrap_or(&a.info.about.best_by.metric);
    let quantity = ["train/", "val/", "test/"].iter().find_map(|part| metric.strip_prefix(part));
    let quantity = quantity.unwrap_or(metric);
    let [name_a, name_b] = labels(a, b);
    let runs: [(&str, &History); 2] = [(&name_a, &a.history), (&name_b, &b.history)];
    let chart = overlay(&runs, quantity);
    ensure!(!chart.is_empty(), "neither run has the metric `{metric}`");
    create_folder_of(path)?;
    chart.save(path)?;
    Ok(())
}
