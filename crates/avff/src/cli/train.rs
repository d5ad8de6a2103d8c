//! `avff train`.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use avff::{
    device::Device,
    metrics::Metric,
    train::{
        TrainError,
        distributed::{Launch, Processes, Team},
        run::{Pace, Position, Record, StepTime, Values, epoch_table},
        trainer::{EpochReport, Outcome, StepReport, Unwatched, Watch},
    },
    training::{self, Planned, TrainOptions},
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{INTERRUPTED, SETUP};

/// How often a run that no terminal shows says how far it is.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Train a network by a recipe, or go on with a run that stopped
///
/// A recipe is a TOML file: docs/training.md has every key, data/recipes the three stages. All that a run
/// leaves is in its folder: recipe, weights, states to resume from, metrics, curves. SIGINT and SIGTERM
/// end the step in progress, save, and exit with 5; `--resume` goes on, to the same weights as if nothing
/// had happened. Started by `mpirun` or `srun`, the processes train together: docs/distributed.md.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recipe
    #[arg(required_unless_present = "resume")]
    recipe: Option<PathBuf>,

    /// The folder of the new run [default: runs/NAME-OF-THE-RECIPE-FILE]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    run: Option<PathBuf>,

    /// Go on with the run in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "recipe")]
    resume: Option<PathBuf>,

    /// Change a key of the recipe, such as optimizer.lr=3e-5
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// cpu, ndarray, wgpu[:N], cuda[:N], or auto for the fastest that is built in and answers. Processes
    /// that train together each take the CUDA device of their place on the machine, unless N is given
    #[arg(long, default_value = "auto")]
    device: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let launch = Launch::of_this_process();
    let team = Team::join(launch.as_ref())?;
    let mut peers = team.peers();
    let (rank, world) = (peers.rank(), peers.world());
    let plan = plan(args, launch.as_ref());
    // A mistake in the command is one of all processes: the first of them says so.
    let failed = peers.gather(&[f32::from(u8::from(plan.is_err()))])?;
    if let Some(first) = failed.iter().position(|&failed| failed > 0.0) {
        team.leave();
        return match plan {
            Err(error) if first == rank => Err(error),
            _ => Ok(ExitCode::SUCCESS),
        };
    }
    match train(plan?, peers) {
        Ok(code) => {
            team.leave();
            Ok(code)
        }
        Err(error) if world > 1 => {
            let chain = avff::error_text::chain(&*error);
            let _ = writeln!(std::io::stderr(), "error: process {rank} of {world}: {chain}");
            if let Some(hint) = super::hint(&*error) {
                let _ = writeln!(std::io::stderr(), "hint: {hint}");
            }
            team.abort(SETUP);
            Ok(ExitCode::from(SETUP))
        }
        Err(error) => Err(error),
    }
}

fn plan(args: &Args, launch: Option<&Launch>) -> anyhow::Result<Planned> {
    let options = match (&args.resume, &args.recipe) {
        (Some(folder), _) => TrainOptions::Resume { folder: folder.clone() },
        (None, Some(recipe)) => {
            let name = recipe.file_stem().unwrap_or_default();
            let folder = args.run.clone().unwrap_or_else(|| Path::new("runs").join(name));
            TrainOptions::New { recipe: recipe.clone(), folder }
        }
        (None, None) => anyhow::bail!("give a recipe, or a run to --resume"),
    };
    let device = match (args.device.parse()?, launch) {
        (Device::Cuda(_), Some(launch)) if !args.device.contains(':') => {
            Device::Cuda(launch.cuda_device())
        }
        (device, _) => device,
    };
    Ok(training::plan(options, &args.set, device)?)
}

fn train(plan: Planned, peers: Box<dyn Processes>) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        // The second time whoever asks means now; the last saved state is there.
        if asked.swap(true, Ordering::Relaxed) {
            // As the shell has it of whom Ctrl-C ends: nothing was saved now.
            std::process::exit(130);
        }
    })
    .context("signals cannot be caught")?;
    if peers.rank() > 0 {
        // What it would tell, the first one does.
        plan.run(peers, &mut Unwatched, &stop)?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = plan.folder().to_path_buf();
    let mut show = Show::new(&plan);
    let trained = plan.run(peers, &mut show, &stop)?;
    show.bar.finish_and_clear();
    let mut out = std::io::stdout().lock();
    let state = match trained.outcome {
        Outcome::Done => "done",
        Outcome::Stopped => "stopped",
    };
    write!(out, "{}: {state} after {} steps", folder.display(), trained.steps)?;
    if let Some((value, epoch)) = trained.best {
        write!(out, "; best {} {value:.4} in epoch {epoch}", show.best)?;
    }
    writeln!(out)?;
    if trained.outcome == Outcome::Stopped {
        writeln!(out, "go on with: avff train --resume {}", folder.display())?;
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a run: a bar on a terminal, a line now and then elsewhere, a table an epoch.
struct Show {
    bar: ProgressBar,
    epochs: u64,
    best: &'static str,
    pace: Option<Pace>,
    last: Option<Instant>,
    on_terminal: bool,
    /// Steps that were left out, as far as it was told.
    skipped: u64,
}

impl Show {
    fn new(plan: &Planned) -> Self {
        let bar = ProgressBar::new(0);
        let style = "{prefix} [{bar:24}] {pos}/{len}  {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        let best = plan.recipe.best_metric().map_or(Metric::LOSS.key, |metric| metric.key);
        let on_terminal = std::io::stderr().is_terminal();
        let epochs = plan.recipe.epochs;
        Self { bar, epochs, best, pace: None, last: None, on_terminal, skipped: 0 }
    }
}

impl Watch for Show {
    fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        let before = Position { step: report.step - 1, epochs: report.epoch - 1 };
        let pace =
            self.pace.get_or_insert_with(|| Pace::new(report.steps_per_epoch, self.epochs, before));
        pace.step(StepTime { clips: report.clips, total: report.took, waited: report.waited });
        let mut values = Values::default();
        for &(name, value) in report
            .values
            .iter()
            .take(1)
            .chain(report.values.iter().filter(|(name, _)| *name == "lr"))
        {
            values.set(name, value);
        }
        let line = pace.reading().map_or_else(String::new, |reading| reading.line(&values));
        self.bar.set_length(report.steps_per_epoch);
        self.bar.set_position(report.step_in_epoch);
        self.bar.set_prefix(format!("epoch {}/{}", report.epoch, self.epochs));
        self.bar.set_message(line.clone());
        if !self.on_terminal && self.last.is_none_or(|last| last.elapsed() > LOG_EVERY) {
            let (step, steps) = (report.step_in_epoch, report.steps_per_epoch);
            let _ = writeln!(
                std::io::stderr().lock(),
                "epoch {}/{} step {step}/{steps}  {line}",
                report.epoch,
                self.epochs
            );
            self.last = Some(Instant::now());
        }
        Ok(())
    }

    fn judged(&mut self, clips: u64) -> Result<(), TrainError> {
        self.bar.set_message(format!("validation: {clips} clips"));
        Ok(())
    }

    fn epoch(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        if let Some(pace) = &mut self.pace {
            pace.epoch(report.validated_in);
        }
        let table =
            epoch_table(&Record::epoch(report.epoch, report.step, training::epoch_values(report)));
        // A reader that went away ends no run.
        self.bar.suspend(|| {
            if report.skipped > self.skipped {
                let count = report.skipped;
                tracing::warn!(
                    "{count} steps so far were left out: a number in them was not finite"
                );
            }
            let _ = writeln!(std::io::stdout().lock(), "{table}");
        });
        self.skipped = report.skipped;
        Ok(())
    }
}
