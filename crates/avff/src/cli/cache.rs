//! `avff cache`.

use std::{
    io::Write, num::NonZeroUsize, path::PathBuf, process::ExitCode, thread::available_parallelism,
};

use avff::{
    cache::{CacheOptions, fill},
    data::{
        cache::{CacheConfig, Identity},
        decode::AudioForm,
    },
    shard::Shard,
};
use clap::ValueEnum;

use super::{
    clip::{ClipArgs, spec_for},
    code_for_coverage,
    csv::CsvArgs,
    fraction, interrupt,
    progress::Clips,
};

/// Decode clips ahead of training
///
/// Decodes the clips of a CSV into a cache that training reads. Clips that are cached already are skipped,
/// so a second run decodes what is missing. Several processes can fill one cache. Training finds a clip if
/// it prepares it in the same way: equal options under "Clip preparation", the sizes of the same network,
/// and the same file. --errors has a reason for every clip that could not be cached.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  avff cache --csv train.csv --cache /scratch/clips --cache-size 200G")]
pub(super) struct Args {
    /// CSV with a column `video_name`
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,

    #[command(flatten)]
    manifest: CsvArgs,

    /// Folder of the cache; it is created if needed
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,

    /// Maximum size of the cache in bytes, or with K, M, G or T for powers of 1024; the least recently used
    /// clips are removed first [default: unlimited]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    cache_size: Option<u64>,

    /// How a file is recognized: by path, size and modification time (stat), or by its contents (content),
    /// which reads every file in full each time
    #[arg(long, value_enum, default_value_t = IdentityArg::Stat)]
    identity: IdentityArg,

    /// What is cached of the audio: the filterbank (fbank), the waveform for training that augments it
    /// (wave), or both
    #[arg(long, value_enum, default_value_t = AudioArg::Fbank)]
    audio: AudioArg,

    /// Checkpoint of the network that will be trained: its sizes, and its clip preparation if it stores
    /// one [default: the released networks]
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Cache shard I of N alone, from 0/N to N-1/N: rows I, I+N, I+2N...
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// CSV to write of clips that could not be cached; a shard writes NAME.I-of-N.csv
    #[arg(long, value_name = "FILE", default_value = "cache.errors.csv")]
    errors: PathBuf,

    /// Clips processed at a time [default: one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// Exit with code 3 if a smaller fraction of the clips is cached
    #[arg(long, value_name = "FRACTION", default_value = "1.0", value_parser = fraction)]
    min_coverage: f64,

    #[command(flatten)]
    clip: ClipArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum IdentityArg {
    Stat,
    Content,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AudioArg {
    Fbank,
    Wave,
    Both,
}

impl AudioArg {
    fn forms(self) -> Vec<AudioForm> {
        match self {
            Self::Fbank => vec![AudioForm::Fbank],
            Self::Wave => vec![AudioForm::Wave],
            Self::Both => vec![AudioForm::Fbank, AudioForm::Wave],
        }
    }
}

/// Parses a number of bytes.
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
        manifest: args.manifest.options(),
        shard: args.shard,
        cache: CacheConfig {
            folder: args.cache.clone(),
            max_bytes: args.cache_size.unwrap_or(u64::MAX),
            identity: match args.identity {
                IdentityArg::Stat => Identity::Stat,
                IdentityArg::Content => Identity::Content,
            },
        },
        spec: spec_for(args.checkpoint.as_deref(), &args.clip.preparation())?,
        audio: args.audio.forms(),
        errors: args.errors.clone(),
        workers: args.workers.or_else(|| available_parallelism().ok()),
    };
    let mut progress = Clips::new("not cached");
    interrupt::explain("the clips so far are cached; run the command again to continue")?;
    let summary = fill(&options, &mut |now| progress.show(now))?;
    progress.finish();
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
