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
        distributed::{Launch, ProcessGroup, Processes},
        run::{
            Position, Record, SpeedTracker, StepTime, Values, epoch_table,
            folder::{CHECKPOINTS, SKIPPED},
        },
        trainer::{CheckpointStore, EpochReport, LAST, NoObserver, Observer, Outcome, StepReport},
    },
    training::{self, Planned, TrainOptions},
};
use indicatif::{ProgressBar, ProgressStyle};

use super::{INTERRUPTED, SETUP};

/// How often a run without a terminal prints its progress.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Train a network, or resume a run
///
/// A recipe is a TOML file; data/recipes has one for each stage. A run writes recipe, weights, training
/// checkpoints, metrics and plots into its folder. Ctrl-C and SIGTERM finish the current step, save a
/// training checkpoint and exit with code 5. A resumed run ends with the same weights as one that was never
/// stopped. Started by mpirun or srun, the processes train together (feature mpi).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  avff train data/recipes/avff-tiny-stage1.toml --set data.train=real.csv \\
    --set data.validation=val.csv
  avff train --resume runs/avff-tiny-stage1")]
pub(super) struct Args {
    /// The recipe
    #[arg(required_unless_present = "resume")]
    recipe: Option<PathBuf>,

    /// Folder of the new run [default: runs/NAME, after the recipe's file name]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    run: Option<PathBuf>,

    /// Resume the run in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "recipe")]
    resume: Option<PathBuf>,

    /// Override a key of the recipe, such as optimizer.lr=3e-5; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// cpu, ndarray, wgpu[:N], cuda[:N], or auto for the fastest that works. Processes that train together
    /// take one CUDA device each, unless N is given
    #[arg(long, default_value = "auto")]
    device: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let launch = Launch::detect();
    let team = ProcessGroup::join(launch.as_ref())?;
    let mut peers = team.peers();
    let (rank, world) = (peers.rank(), peers.world());
    let plan = plan(args, launch.as_ref());
    // A mistake in the command fails in all processes: the first one reports it.
    let failed = peers.gather(&[f32::from(u8::from(plan.is_err()))])?;
    if let Some(first) = failed.iter().position(|&failed| failed > 0.0) {
        team.leave();
        return match plan {
            Err(error) if first == rank => Err(error),
            _ => Ok(ExitCode::SUCCESS),
        };
    }
    let plan = plan?;
    let peers = team.peers_on(plan.cuda_device());
    match peers.map_err(Into::into).and_then(|peers| train(plan, peers)) {
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
        (None, None) => anyhow::bail!("give a recipe, or --resume and a run folder"),
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
        // The second time, exit at once: the last training checkpoint is on disk.
        if asked.swap(true, Ordering::Relaxed) {
            // The exit code that shells use for Ctrl-C.
            std::process::exit(130);
        }
    })
    .context("cannot handle signals")?;
    if peers.rank() > 0 {
        // Only the first process prints.
        plan.run(peers, &mut NoObserver, &stop)?;
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
    if trained.skipped_clips > 0 {
        let clips = if trained.skipped_clips == 1 { "clip" } else { "clips" };
        let list = folder.join(SKIPPED);
        write!(out, "; {} {clips} skipped ({})", trained.skipped_clips, list.display())?;
    }
    writeln!(out)?;
    if trained.outcome == Outcome::Stopped {
        let weights = CheckpointStore::new(&folder.join(CHECKPOINTS), 1).weights(LAST);
        writeln!(out, "current weights: {}", weights.display())?;
        writeln!(out, "resume with: avff train --resume {}", folder.display())?;
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a run: a bar on a terminal, a line every 10 s elsewhere, and a table per epoch.
struct Show {
    bar: ProgressBar,
    epochs: u64,
    best: &'static str,
    pace: Option<SpeedTracker>,
    last: Option<Instant>,
    on_terminal: bool,
    /// Skipped steps that were reported already.
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

impl Observer for Show {
    fn opened(&mut self, clips: usize, total: usize) -> Result<(), TrainError> {
        self.bar.set_prefix("opening clips");
        self.bar.set_length(total as u64);
        self.bar.set_position(clips as u64);
        let last = *self.last.get_or_insert_with(Instant::now);
        if !self.on_terminal && last.elapsed() > LOG_EVERY {
            let _ = writeln!(std::io::stderr().lock(), "opening clips: {clips} of {total}");
            self.last = Some(Instant::now());
        }
        if clips == total {
            self.last = None;
        }
        Ok(())
    }

    fn step(&mut self, report: &StepReport) -> Result<(), TrainError> {
        let before = Position { step: report.step - 1, epochs: report.epoch - 1 };
        let pace = self
            .pace
            .get_or_insert_with(|| SpeedTracker::new(report.steps_per_epoch, self.epochs, before));
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
        let line = pace.speed().map_or_else(String::new, |speed| speed.line(&values));
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

    fn validated(&mut self, clips: u64) -> Result<(), TrainError> {
        self.bar.set_message(format!("validation: {clips} clips"));
        Ok(())
    }

    fn epoch(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        if let Some(pace) = &mut self.pace {
            pace.epoch(report.validated_in);
        }
        let table =
            epoch_table(&Record::epoch(report.epoch, report.step, training::epoch_values(report)));
        // A closed pipe does not end the run.
        self.bar.suspend(|| {
            if report.skipped > self.skipped {
                let count = report.skipped;
                tracing::warn!(
                    "{count} steps were skipped so far: a loss or gradient was not finite"
                );
            }
            let _ = writeln!(std::io::stdout().lock(), "{table}");
        });
        self.skipped = report.skipped;
        Ok(())
    }
}
