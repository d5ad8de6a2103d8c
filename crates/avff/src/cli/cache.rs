//! `avff cache`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
};

use avff::{
    cache::{CacheOptions, fill},
    data::{
        ClipSpec,
        cache::{CacheConfig, Identity},
        decode::AudioForm,
    },
    evaluate::Progress,
    model::Checkpoint,
    preprocessing,
    shard::Shard,
};
use clap::ValueEnum;

use super::{bar, clip::ClipArgs, code_for_coverage, fraction};

/// Decode the clips of a CSV into a cache that training reads
///
/// What is in the cache is passed over, so running again does only what is missing. Several processes
/// can fill one cache. Training finds clips there that it reads in the same way: the same options under
/// Reading clips, the same network's sizes, the same files. --errors has a reason for every clip that
/// is not there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV with a column `video_name`
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,

    /// Where relative paths start [default: the CSV's folder]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// The cache's folder; made where it is not there
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,

    /// The most bytes of all entries together, with K, M, G or T for powers of 1024; those go first that
    /// were not used for longest [default: no bound]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    cache_size: Option<u64>,

    /// What makes two files the same: stat, their path, size and time of last change; or content, which
    /// reads every file in full each time
    #[arg(long, value_enum, default_value_t = IdentityArg::Stat)]
    identity: IdentityArg,

    /// What is kept of the sound: fbank, or wave where an augmentation changes the wave, or both where
    /// it does only now and then
    #[arg(long, value_enum, default_value_t = SoundArg::Fbank)]
    sound: SoundArg,

    /// A network whose clips these will be: sizes, and how it is read where the file says so
    /// [default: as the released ones]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    #[command(flatten)]
    clip: ClipArgs,

    /// Only rows I, I+N, I+2N...: part I of N, from 0/N to N-1/N
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Why clips are not in the cache; a shard writes to NAME.I-of-N.csv
    #[arg(long, value_name = "FILE", default_value = "cache.errors.csv")]
    errors: PathBuf,

    /// Clips worked on at a time [default: one a core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Exit with 3 when a smaller share of the clips is in the cache
    #[arg(long, value_name = "SHARE", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum IdentityArg {
    Stat,
    Content,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SoundArg {
    Fbank,
    Wave,
    Both,
}

impl SoundArg {
    fn forms(self) -> Vec<AudioForm> {
        match self {
            Self::Fbank => vec![AudioForm::Fbank],
            Self::Wave => vec![AudioForm::Wave],
            Self::Both => vec![AudioForm::Fbank, AudioForm::Wave],
        }
    }
}

/// A number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, power) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 2),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 3),
        Some(b'T' | b't') => (&text[..text.len() - 1], 4),
        _ => (text, 0),
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(1024_u64.pow(power)))
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| "give a number of bytes, or one with K, M, G or T, as in 200G".into())
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = CacheOptions {
        csv: args.csv.clone(),
        root: args.root.clone(),
        shard: args.shard,
        cache: CacheConfig {
            folder: args.cache.clone(),
            max_bytes: args.cache_size.unwrap_or(u64::MAX),
            identity: match args.identity {
                IdentityArg::Stat => Identity::Stat,
                IdentityArg::Content => Identity::Content,
            },
        },
        spec: spec(args)?,
        sound: args.sound.forms(),
        errors: args.errors.clone(),
        workers: args.workers.or_else(|| available_parallelism().ok()),
    };
    let bar = bar("clips");
    let summary = fill(&options, &mut |Progress { done, total, failed }| {
        bar.set_length(total);
        bar.set_position(done);
        if failed > 0 {
            bar.set_message(format!("{failed} not cached"));
        }
    })?;
    bar.finish_and_clear();
    if summary.failed + summary.skipped > 0 {
        let count = summary.failed + summary.skipped;
        let errors = options.errors_file();
        tracing::warn!("{count} clips are not in the cache: see {}", errors.display());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", summary.table())?;
    writeln!(out, "cache: {}", args.cache.display())?;
    Ok(code_for_coverage(summary.fraction, args.min_coverage))
}

/// How clips are read.
fn spec(args: &Args) -> anyhow::Result<ClipSpec> {
    let Some(path) = &args.checkpoint else {
        let mut spec = ClipSpec::open_avff();
        args.clip.preparation().apply(&mut spec)?;
        spec.validate()?;
        return Ok(spec);
    };
    let checkpoint = Checkpoint::open(path)?;
    let config = checkpoint.config(None)?;
    let preparation = args.clip.preparation();
    Ok(preprocessing::spec(&checkpoint, &config, |spec| preparation.apply(spec))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!(bytes("90000"), Ok(90_000));
        assert_eq!(bytes("2k"), Ok(2048));
        assert_eq!(bytes("3T"), Ok(3 << 40));
        for text in ["", "0", "G", "-1", "1.5G", "20000000T", "12GB", "é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
