//! The folder of a run.
//!
//! | file | contents |
//! |---|---|
//! | `recipe.toml` | the resolved recipe: every key with its value |
//! | `run.json` | code version, data hashes, seed, initialization, state ([`RunInfo`]) |
//! | `run.lock` | lock of the training process; empty |
//! | `metrics.jsonl` | a line per reported step and epoch ([`metrics`](super::metrics)) |
//! | `result.csv` | a row per epoch ([`result`](super::result)) |
//! | `skipped.csv` | clips that could not be read and were skipped, if there are any ([`skipped`](super::skipped)) |
//! | `events/` | the metrics for TensorBoard ([`tensorboard`](super::tensorboard)) |
//! | `plots/` | curves as SVG and PNG |
//! | `checkpoints/` | training checkpoints and weights |
//!
//! `metrics.jsonl` is authoritative: `result.csv` and `plots/` are rebuilt from it at each epoch.
//! `recipe.toml`, `run.json`, `result.csv` and the plots are replaced atomically.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use avff_files::is_leftover;

use super::{
    error::{RunError, written},
    info::{About, RunInfo, State},
    record::Position,
};

/// File name of the resolved recipe.
pub const RECIPE: &str = "recipe.toml";
/// Maximum size of the resolved recipe in bytes.
pub(super) const MAX_RECIPE: u64 = 16 << 20;
/// File name of the run's description and state.
pub const RUN: &str = "run.json";
/// File name of the lock of the training process.
pub const LOCK: &str = "run.lock";
/// File name of all reported metrics.
pub const METRICS: &str = "metrics.jsonl";
/// File name of the table with a row per epoch.
pub const RESULT: &str = "result.csv";
/// File name of the list of skipped clips.
pub const SKIPPED: &str = "skipped.csv";
/// Folder name of the TensorBoard files.
pub const EVENTS: &str = "events";
/// Folder name of the plots.
pub const PLOTS: &str = "plots";
/// Folder name of training checkpoints and weights.
pub const CHECKPOINTS: &str = "checkpoints";

/// A run folder that is locked by this process for training.
///
/// If it is dropped before the run is finished, as when the process is killed, its state stays
/// `running`. Other processes then recognize from the free lock that the run was interrupted.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    info: RunInfo,
    /// The lock, which the system releases when the process ends in any way.
    _lock: File,
}

impl RunFolder {
    /// Creates the folder of a new run, which must not exist or be empty. `recipe` is the resolved
    /// recipe as TOML.
    ///
    /// Files of a process that died while it created this folder are replaced.
    ///
    /// # Errors
    /// [`RunError::Taken`] if the folder holds a run, [`RunError::NotEmpty`] if it holds other
    /// files, [`RunError::Busy`], [`RunError::Write`].
    pub fn create(path: &Path, about: About, recipe: &str) -> Result<Self, RunError> {
        let write = |path: PathBuf| move |source| RunError::Write { path, source };
        // Check before anything is written, and again under the lock.
        refuse_contents(path, recipe)?;
        fs::create_dir_all(path).map_err(write(path.into()))?;
        let lock = lock(path)?;
        refuse_contents(path, recipe)?;
        for folder in [EVENTS, PLOTS, CHECKPOINTS] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).map_err(write(folder))?;
        }
        write_recipe(path, recipe)?;
        // Written last, because this file makes the folder a run.
        let info = RunInfo::new(about);
        info.write(&path.join(RUN))?;
        Ok(Self { path: path.into(), info, _lock: lock })
    }

    /// Opens the folder of a run that will be resumed. [`RunLog::resume`](super::RunLog::resume)
    /// sets its state to `running` once the position is known.
    ///
    /// # Errors
    /// [`RunError::NotARun`], [`RunError::Busy`], [`RunError::Read`], [`RunError::Malformed`].
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let file = path.join(RUN);
        if !file.is_file() {
            return Err(RunError::NotARun { path: path.into() });
        }
        let lock = lock(path)?;
        let info = RunInfo::read(&file)?;
        for folder in [EVENTS, PLOTS, CHECKPOINTS] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder)
                .map_err(|source| RunError::Write { path: folder, source })?;
        }
        for folder in [path.to_owned(), path.join(PLOTS)] {
            written(&folder, avff_files::sweep(&folder))?;
        }
        Ok(Self { path: path.into(), info, _lock: lock })
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the contents of `run.json`.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// Returns the folder of the checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// Returns the resolved recipe as TOML.
    ///
    /// # Errors
    /// [`RunError::Read`].
    pub fn recipe(&self) -> Result<String, RunError> {
        let path = self.path.join(RECIPE);
        avff_files::read_text(&path, MAX_RECIPE).map_err(|source| RunError::Read { path, source })
    }

    /// Continues the run with `recipe`, where `now` is its new description.
    pub(super) fn continue_run(
        &mut self,
        position: Position,
        now: About,
        recipe: &str,
    ) -> Result<(), RunError> {
        write_recipe(&self.path, recipe)?;
        self.info.resume(position, now);
        self.info.write(&self.path.join(RUN))
    }

    /// Updates the number of skipped clips.
    pub(super) fn count_skipped(&mut self, clips: u64) -> Result<(), RunError> {
        if self.info.skipped_clips == clips {
            return Ok(());
        }
        self.info.skipped_clips = clips;
        self.info.write(&self.path.join(RUN))
    }

    pub(super) fn finish(&mut self, state: State, reason: Option<String>) -> Result<(), RunError> {
        self.info.end(state, reason);
        self.info.write(&self.path.join(RUN))
    }
}

fn write_recipe(folder: &Path, recipe: &str) -> Result<(), RunError> {
    let path = folder.join(RECIPE);
    written(&path, avff_files::write(&path, recipe))
}

/// Whether another process is training into the folder, as far as its file system supports locks.
#[must_use]
pub fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path.join(LOCK)) else { return false };
    // A shared lock, so that several readers do not block each other.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Locks a folder for training.
fn lock(path: &Path) -> Result<File, RunError> {
    let name = path.join(LOCK);
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name)
        .map_err(|source| RunError::Write { path: name, source })?;
    // A reader may hold the lock for an instant.
    for _ in 0..5 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(40)),
            // The file system has no locks, so continue without.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
    Err(RunError::Busy { path: path.into() })
}

/// Returns an error if a folder holds other files than an interrupted [`RunFolder::create`] leaves.
fn refuse_contents(path: &Path, recipe: &str) -> Result<(), RunError> {
    let read = |source| RunError::Read { path: path.into(), source };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(read(error)),
    };
    if path.join(RUN).exists() {
        return Err(RunError::Taken { path: path.into() });
    }
    for entry in entries {
        let entry = entry.map_err(read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = match name.as_str() {
            LOCK => true,
            // An equal text can be overwritten without loss.
            RECIPE => {
                avff_files::read_text(&entry.path(), MAX_RECIPE).is_ok_and(|text| text == recipe)
            }
            EVENTS | PLOTS | CHECKPOINTS => {
                fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_none())
            }
            name => is_leftover(name),
        };
        if !ours {
            return Err(RunError::NotEmpty { path: path.into(), entry: name });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::run::testing::about;

    #[test]
    fn new_run_needs_empty_folder() {
        let root = tempfile::tempdir().unwrap();
        let create = |name: &str| RunFolder::create(&root.path().join(name), about(), "seed = 7\n");
        let run = create("deep/one").unwrap();
        assert_eq!(run.recipe().unwrap(), "seed = 7\n");
        assert_eq!(run.info(), &RunInfo::read(&run.path().join(RUN)).unwrap());
        drop(run);
        assert!(matches!(create("deep/one"), Err(RunError::Taken { .. })));
        let other = create("deep");
        assert!(matches!(other, Err(RunError::NotEmpty { entry, .. }) if entry == "one"));
        // A refused folder stays unchanged.
        assert!(!root.path().join("deep").join(LOCK).exists());
        fs::write(root.path().join("file"), "").unwrap();
        assert!(matches!(create("file"), Err(RunError::Read { .. })));
        // A recipe of the user is not overwritten.
        fs::create_dir(root.path().join("mine")).unwrap();
        fs::write(root.path().join("mine/recipe.toml"), "# mine").unwrap();
        assert!(matches!(create("mine"), Err(RunError::NotEmpty { .. })));
    }

    #[test]
    fn interrupted_creation_can_be_repeated() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        drop(RunFolder::create(&path, about(), "seed = 7\n").unwrap());
        fs::rename(path.join(RUN), path.join(".run.json.7.tmp")).unwrap();
        assert!(matches!(RunFolder::open(&path), Err(RunError::NotARun { .. })));
        drop(RunFolder::create(&path, about(), "seed = 7\n").unwrap());
        assert_eq!(RunFolder::open(&path).unwrap().info().state, State::Running);
    }

    #[test]
    fn folder_is_locked_by_one_process() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        assert!(!is_locked(&path));
        let first = RunFolder::create(&path, about(), "").unwrap();
        assert!(is_locked(&path));
        assert!(matches!(RunFolder::open(&path), Err(RunError::Busy { .. })));
        drop(first);
        assert!(!is_locked(&path));
        RunFolder::open(&path).unwrap();
    }

    #[test]
    fn invalid_run_folders_are_refused() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(RunFolder::open(root.path()), Err(RunError::NotARun { .. })));
        for text in ["", "{", "[]", "{\"name\": 1}"] {
            fs::write(root.path().join(RUN), text).unwrap();
            assert!(matches!(RunFolder::open(root.path()), Err(RunError::Malformed { .. })));
        }
    }
}
