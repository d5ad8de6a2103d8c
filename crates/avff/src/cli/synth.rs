//! `avff synth`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
};

use super::{fraction, interrupt, progress::Clips, values::named};
use avff::synth::{Names, SynthOptions, synth};
use avff_synth::{Appearance, Head, Mix, SynthConfig};

/// Generate synthetic clips
///
/// Generates clips of rendered talking faces, real or fake in known ways, to test whether a network learns
/// that a voice and a face belong together. A score on synthetic clips says nothing about deepfakes in the
/// wild. Writes OUT/{train,val,test}.csv, a frame folder for every clip, and OUT/synth.json.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff synth synthetic --clips 200 --seed 1")]
pub(super) struct Args {
    /// Folder to write; it must be new or empty
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// Number of clips: 70 % for training, 10 % for validation, the others for testing
    #[arg(long, value_name = "N", default_value_t = 1000)]
    clips: u64,

    /// Number of training clips; overrides --clips
    #[arg(long, value_name = "N")]
    train: Option<u64>,

    /// Number of validation clips; overrides --clips
    #[arg(long, value_name = "N")]
    val: Option<u64>,

    /// Number of test clips; overrides --clips
    #[arg(long, value_name = "N")]
    test: Option<u64>,

    /// Random seed
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Height and width of frames in pixels; of meshes, the shorter side
    #[arg(long, value_name = "PIXELS", default_value_t = 96)]
    size: usize,

    /// Length of a clip in seconds
    #[arg(long, default_value_t = 3.2)]
    seconds: f64,

    /// Frames per second
    #[arg(long, default_value_t = 25.0)]
    fps: f64,

    /// Audio sample rate
    #[arg(long, value_name = "HZ", default_value_t = 16_000)]
    rate: u32,

    /// Proportions of real, voice-swap, time-shift, mouth-swap, mouth-swap-traces, lip-sync and both-swap
    #[arg(long, value_name = "METHOD=WEIGHT,...", default_value_t)]
    mix: Mix,

    /// Number of faces, and of voices, per split
    #[arg(long, value_name = "N", default_value_t = 200)]
    people: u64,

    /// Smallest time shift in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 80)]
    shift_min: u32,

    /// Largest time shift in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 800)]
    shift_max: u32,

    /// Fraction of the fakes that are fake in one half of the clip only
    #[arg(long, value_name = "FRACTION", default_value = "0", value_parser = fraction)]
    half: f64,

    /// Start fakes with 25 to 30 ms of digital silence, a shortcut that alone reveals them
    #[arg(long)]
    silence_trap: bool,

    /// How heads are drawn
    #[arg(long, default_value_t, value_parser = named(heads()))]
    head: Head,

    /// Folder of recorded voices, from data/voices/make.py; synthetic voices without it
    #[arg(long, value_name = "FOLDER")]
    voices: Option<PathBuf>,

    /// How far clips with a mesh differ from each other
    #[arg(long, default_value_t, value_parser = named(appearances()))]
    appearance: Appearance,

    /// Clips processed at a time; clips do not depend on it [default: one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Continue an interrupted run into the same folder
    #[arg(long)]
    resume: bool,
}

fn heads() -> [(Head, &'static str); 2] {
    [
        (Head::Drawn, "Flat shapes"),
        (Head::Mesh, "A mesh in space, with varied people, light and cameras"),
    ]
}

fn appearances() -> [(Appearance, &'static str); 2] {
    [
        (Appearance::Plain, "Square frames, soft light, a good camera, a plain background"),
        (Appearance::Varied, "Any framing, light, camera, background, hair and accessories"),
    ]
}

impl Args {
    fn config(&self) -> SynthConfig {
        let (train, val) = (self.clips.saturating_mul(7) / 10, self.clips / 10);
        let test = self.clips.saturating_sub(train).saturating_sub(val);
        SynthConfig {
            seed: self.seed,
            train: self.train.unwrap_or(train),
            val: self.val.unwrap_or(val),
            test: self.test.unwrap_or(test),
            size: self.size,
            seconds: self.seconds,
            fps: self.fps,
            rate: self.rate,
            mix: self.mix.clone(),
            people: self.people,
            shift_ms: (self.shift_min, self.shift_max),
            half: self.half,
            silence_trap: self.silence_trap,
            voices: self.voices.clone(),
            head: self.head,
            appearance: self.appearance,
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = SynthOptions {
        config: args.config(),
        workers: args.workers.or_else(|| available_parallelism().ok()),
        resume: args.resume,
        output: args.output.clone(),
    };
    let mut progress = Clips::new("not written");
    interrupt::explain("the clips so far are kept; add --resume to continue")?;
    let summary = synth(&options, &mut |now| progress.show(now))?;
    progress.finish();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    writeln!(out, "set: {}", Names::new(&options.output).summary.display())?;
    Ok(ExitCode::SUCCESS)
}
