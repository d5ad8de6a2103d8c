//! A manifest's clips decoded into a cache ahead of training.
//!
//! A training run keeps what it decodes, so its first epoch is slow; with several, or on several
//! machines, each clip is best decoded once, before. Processes can fill one cache together, a shard
//! each ([`Shard`]). What is there is passed over, so a run that was interrupted is simply run again.

mod summary;

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use avff_data::{
    ClipError, ClipSpec,
    cache::{Cache, CacheConfig, Held},
    decode::AudioForm,
    loader::Filler,
    prefetch::Prefetch,
};

pub use self::summary::CacheSummary;
use crate::{
    evaluate::Progress,
    failure::{ClipFailure, guarded},
    input::{InputError, manifest},
    output::{
        OutputError, expect_csv, expect_other,
        table::{ERRORS, Table},
    },
    shard::Shard,
};

/// Why a cache is not filled. A clip that cannot be read is no such error: it has a row in the errors file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The errors file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The cache's folder or the clip spec cannot be used.
    #[error(transparent)]
    Clip(#[from] ClipError),
}

/// What to decode, how, and where to keep it.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// A CSV with a column `video_name`.
    pub csv: PathBuf,
    /// Where relative paths start; `None` for the CSV's folder.
    pub root: Option<PathBuf>,
    /// The part of the rows that is decoded; `None` for all.
    pub shard: Option<Shard>,
    /// The cache, as training will open it.
    pub cache: CacheConfig,
    /// How clips are read, as training will read them; entries are found under an equal spec only.
    pub spec: ClipSpec,
    /// The forms of sound that training will ask for: as waves where an augmentation changes them.
    pub sound: Vec<AudioForm>,
    /// A CSV of clips that are not in the cache, and why; a shard's has its number in its name
    /// ([`CacheOptions::errors_file`]). One that an earlier run left is replaced in the end.
    pub errors: PathBuf,
    /// Clips worked on at a time; `None` for one.
    pub workers: Option<NonZeroUsize>,
}

impl CacheOptions {
    /// The CSV of clips that are not in the cache.
    #[must_use]
    pub fn errors_file(&self) -> PathBuf {
        self.shard.map_or_else(|| self.errors.clone(), |shard| shard.file(&self.errors))
    }
}

/// The stage of clips that were read and could not be kept.
const STAGE: &str = "cache";

/// Decodes every clip of a manifest into a cache, but for what is there.
///
/// # Errors
/// Anything that keeps the run from starting or its files from being written. A clip that cannot be
/// read is no error of the run: it has a row in the errors file.
pub fn fill(
    options: &CacheOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<CacheSummary, CacheError> {
    let path = options.errors_file();
    expect_replaceable(&path, &options.csv)?;
    let manifest = manifest::scan(&options.csv, options.root.as_deref(), options.shard)?;
    let cache = Arc::new(Cache::open(&options.cache)?);
    let filler = Filler::new(options.spec.clone(), Arc::clone(&cache), options.sound.clone())
        .map_err(|source| ClipError::new(&options.csv, source))?;
    let mut errors = Table::create(&path)?;
    errors.write(ERRORS)?;
    errors.flush()?;

    let workers = options.workers.map_or(1, NonZeroUsize::get);
    let kept = Arc::clone(&cache);
    let clips = Prefetch::new(manifest.rows(0)?, workers, workers, move |row| match row {
        Ok(row) => guarded(|| {
            let held = filler.fill(&row.path)?;
            match kept.size(&held) {
                Some(_) => Ok(held),
                None => Err(not_kept(&kept)),
            }
        }),
        Err(_) => Err(ClipFailure::manifest()),
    });
    let mut summary = CacheSummary::new(&options.spec, manifest.due());
    // What is there now may make room for later clips, here or in another process.
    let mut held: Vec<Held> = Vec::new();
    let mut state = Progress { done: 0, total: manifest.due(), failed: 0 };
    progress(state);
    for (row, clip) in clips {
        let row = row?;
        match clip {
            Ok(clip) => held.push(clip),
            Err(failure) => {
                errors.failure(&row, &failure)?;
                // A person may look while the run goes on for hours.
                errors.flush()?;
                summary.count_failure(failure.stage);
                state.failed += 1;
            }
        }
        state.done += 1;
        progress(state);
    }
    errors.finish()?;
    summary.finish(held.iter().map(|clip| cache.size(clip)), cache.counts());
    Ok(summary)
}

fn not_kept(cache: &Cache) -> ClipFailure {
    let why = cache.trouble().unwrap_or_else(|| "it made room for other clips at once".into());
    ClipFailure {
        code: "cache".into(),
        stage: STAGE.into(),
        error: format!("it was decoded, but could not be kept: {why}"),
        hint: Some(
            "see whether the disk and the bound of the cache have room for it, and run again"
                .into(),
        ),
    }
}

/// Refuses to write errors over anything but earlier errors.
fn expect_replaceable(path: &Path, csv: &Path) -> Result<(), OutputError> {
    expect_csv(path)?;
    expect_other(path, csv)?;
    let Ok(file) = File::open(path) else { return Ok(()) };
    let (mut line, own) = (Vec::new(), ERRORS.join(",") + "\n");
    let read = BufReader::new(file).take(own.len() as u64).read_until(b'\n', &mut line);
    if read.map_err(OutputError::io(path))? > 0 && line != own.as_bytes() {
        return Err(OutputError::Exists { path: path.into() });
    }
    Ok(())
}
