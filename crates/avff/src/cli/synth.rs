//! `avff synth`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
};

use super::{bar, fraction};
use avff::{
    evaluate::Progress,
    synth::{Names, SynthOptions, synth},
};
use avff_synth::{Mix, SynthConfig};

/// Make clips with known truth: faces that speak, real or fake in known ways
///
/// An instrument to test whether a network learns that a voice and a face belong together: a score on
/// such clips says nothing about deepfakes in the wild. Writes OUT/{train,val,test}.csv, a frame folder
/// for every clip and OUT/synth.json; see docs/synth.md.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A folder that is not there yet, or is empty
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// Clips in all: 70 % to train on, 10 % to choose by, the others to test
    #[arg(long, value_name = "N", default_value_t = 1000)]
    clips: u64,

    /// Clips to train on, whatever --clips says
    #[arg(long, value_name = "N")]
    train: Option<u64>,

    /// Clips to choose by
    #[arg(long, value_name = "N")]
    val: Option<u64>,

    /// Clips to test
    #[arg(long, value_name = "N")]
    test: Option<u64>,

    /// What chance depends on
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Pixels a side
    #[arg(long, value_name = "PIXELS", default_value_t = 96)]
    size: usize,

    /// Length of a clip
    #[arg(long, default_value_t = 3.2)]
    seconds: f64,

    /// Pictures a second
    #[arg(long, default_value_t = 25.0)]
    fps: f64,

    /// Samples of sound a second
    #[arg(long, value_name = "HZ", default_value_t = 16_000)]
    rate: u32,

    /// Shares of real, voice-swap, time-shift, mouth-swap, mouth-swap-traces, lip-sync and both-swap
    #[arg(long, value_name = "METHOD=SHARE,...", default_value_t)]
    mix: Mix,

    /// Faces of each split, and voices
    #[arg(long, value_name = "N", default_value_t = 200)]
    people: u64,

    /// The least that a time shift is, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 80)]
    shift_min: u32,

    /// The most
    #[arg(long, value_name = "MS", default_value_t = 800)]
    shift_max: u32,

    /// Share of the fakes that are fake in one half of the clip only
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = fraction)]
    half: f64,

    /// Start fakes with 25 to 30 ms of digital silence, which alone gives them away
    #[arg(long)]
    silence_trap: bool,

    /// Clips worked on at a time, which changes nothing of them [default: one a core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Go on with an unfinished run into the same folder
    #[arg(long)]
    resume: bool,
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
    let bar = bar("clips");
    let summary = synth(&options, &mut |Progress { done, total, .. }| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    writeln!(out, "set: {}", Names::new(&options.output).summary.display())?;
    Ok(ExitCode::SUCCESS)
}
