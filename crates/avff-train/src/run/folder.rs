//! The folder of a run.
//!
//! | in the folder | what it is |
//! |---|---|
//! | `recipe.toml` | the recipe, resolved: every key with its value |
//! | `run.json` | code version, hashes of the data, seed, start, state ([`RunInfo`]) |
//! | `run.lock` | held by the process that trains; empty |
//! | `metrics.jsonl` | a line for each reported step and each epoch ([`metrics`](super::metrics)) |
//! | `result.csv` | a row an epoch ([`result`](super::result)) |
//! | `events/` | the same numbers for TensorBoard ([`tensorboard`](super::tensorboard)) |
//! | `plots/` | curves as SVG and PNG |
//! | `checkpoints/` | states to resume from, weights |
//!
//! `metrics.jsonl` is what counts: `result.csv` and `plots/` are made from it anew at each epoch.
//! `recipe.toml`, `run.json`, `result.csv` and the plots are only ever replaced whole.

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

/// The resolved recipe.
pub const RECIPE: &str = "recipe.toml";
/// What the run is and how it stands.
pub const RUN: &str = "run.json";
/// Held by the process that trains.
pub const LOCK: &str = "run.lock";
/// Each number that was reported.
pub const METRICS: &str = "metrics.jsonl";
/// A row an epoch.
pub const RESULT: &str = "result.csv";
/// TensorBoard's files.
pub const EVENTS: &str = "events";
/// Curves.
pub const PLOTS: &str = "plots";
/// States and weights.
pub const CHECKPOINTS: &str = "checkpoints";

/// A run folder that this process trains into: nobody else can while it lives.
///
/// Dropped before its run is closed, as when the process is killed, it is left `running`, and
/// whoever looks later sees from the free lock that it was interrupted.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    info: RunInfo,
    /// Unlocked by the system when the process ends, however it ends.
    _lock: File,
}

impl RunFolder {
    /// A folder for a new run: not there yet, or empty. `recipe` is the resolved one as TOML.
    ///
    /// What a process left that died while it created this very folder is taken over.
    ///
    /// # Errors
    /// [`RunError::Taken`] where there is a run, [`RunError::NotEmpty`] where there is anything else,
    /// [`RunError::Busy`], [`RunError::Write`].
    pub fn create(path: &Path, about: About, recipe: &str) -> Result<Self, RunError> {
        let write = |path: PathBuf| move |source| RunError::Write { path, source };
        // Looked at before anything is put there, and again once nobody else can.
        refuse_contents(path, recipe)?;
        fs::create_dir_all(path).map_err(write(path.into()))?;
        let lock = lock(path)?;
        refuse_contents(path, recipe)?;
        for folder in [EVENTS, PLOTS, CHECKPOINTS] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).map_err(write(folder))?;
        }
        write_recipe(path, recipe)?;
        // Last, since it is what makes a folder a run.
        let info = RunInfo::new(about);
        info.write(&path.join(RUN))?;
        Ok(Self { path: path.into(), info, _lock: lock })
    }

    /// The folder of a run that shall go on; the state becomes `running` with
    /// [`RunLog::resume`](super::RunLog::resume), once it is known from where.
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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `run.json` says.
    #[must_use]
    pub fn info(&self) -> &RunInfo {
        &self.info
    }

    /// Where checkpoints go.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// The resolved recipe as TOML.
    ///
    /// # Errors
    /// [`RunError::Read`].
    pub fn recipe(&self) -> Result<String, RunError> {
        let path = self.path.join(RECIPE);
        fs::read_to_string(&path).map_err(|source| RunError::Read { path, source })
    }

    /// `recipe` is the one that is followed from here on, and `now` is what the run is by it.
    pub(super) fn go_on(
        &mut self,
        position: Position,
        now: About,
        recipe: &str,
    ) -> Result<(), RunError> {
        write_recipe(&self.path, recipe)?;
        self.info.go_on(position, now);
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

/// Whether some process trains into a folder now, as far as its file system can tell.
#[must_use]
pub fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path.join(LOCK)) else { return false };
    // Shared, so that two who look do not see each other.
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Becomes the only one who trains into a folder.
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
    // One who only looks holds the lock for an instant.
    for _ in 0..5 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(40)),
            // A file system without locks: as good as it gets.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
    Err(RunError::Busy { path: path.into() })
}

/// Refuses a folder with anything in it but what [`RunFolder::create`] leaves when it dies.
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
            // The same text would be written again: nothing is lost.
            RECIPE => fs::read(entry.path()).is_ok_and(|text| text == recipe.as_bytes()),
            EVENTS | PLOTS | CHECKPOINTS => {
                fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_none())
            }
            name => is_leftover(name),
        };
        if !ours {
            return Err(RunError::NotEmpty { path: path.into(), found: name });
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
    fn a_new_run_wants_an_empty_folder() {
        let scene = tempfile::tempdir().unwrap();
        let create =
            |name: &str| RunFolder::create(&scene.path().join(name), about(), "seed = 7\n");
        let run = create("deep/one").unwrap();
        assert_eq!(run.recipe().unwrap(), "seed = 7\n");
        assert_eq!(run.info(), &RunInfo::read(&run.path().join(RUN)).unwrap());
        drop(run);
        assert!(matches!(create("deep/one"), Err(RunError::Taken { .. })));
        let other = create("deep");
        assert!(matches!(other, Err(RunError::NotEmpty { found, .. }) if found == "one"));
        // A refused folder is left as it was.
        assert!(!scene.path().join("deep").join(LOCK).exists());
        fs::write(scene.path().join("file"), "").unwrap();
        assert!(matches!(create("file"), Err(RunError::Read { .. })));
        // A recipe of the user's own is not written over.
        fs::create_dir(scene.path().join("mine")).unwrap();
        fs::write(scene.path().join("mine/recipe.toml"), "# mine").unwrap();
        assert!(matches!(create("mine"), Err(RunError::NotEmpty { .. })));
    }

    #[test]
    fn a_folder_that_was_being_created_is_taken_over() {
        let scene = tempfile::tempdir().unwrap();
        let path = scene.path().join("run");
        drop(RunFolder::create(&path, about(), "seed = 7\n").unwrap());
        fs::rename(path.join(RUN), path.join(".run.json.7.tmp")).unwrap();
        assert!(matches!(RunFolder::open(&path), Err(RunError::NotARun { .. })));
        drop(RunFolder::create(&path, about(), "seed = 7\n").unwrap());
        assert_eq!(RunFolder::open(&path).unwrap().info().state, State::Running);
    }

    #[test]
    fn only_one_process_trains_into_a_folder() {
        let scene = tempfile::tempdir().unwrap();
        let path = scene.path().join("run");
        assert!(!is_held(&path));
        let first = RunFolder::create(&path, about(), "").unwrap();
        assert!(is_held(&path));
        assert!(matches!(RunFolder::open(&path), Err(RunError::Busy { .. })));
        drop(first);
        assert!(!is_held(&path));
        RunFolder::open(&path).unwrap();
    }

    #[test]
    fn what_is_no_run_is_said_so() {
        let scene = tempfile::tempdir().unwrap();
        assert!(matches!(RunFolder::open(scene.path()), Err(RunError::NotARun { .. })));
        for text in ["", "{", "[]", "{\"name\": 1}"] {
            fs::write(scene.path().join(RUN), text).unwrap();
            assert!(matches!(RunFolder::open(scene.path()), Err(RunError::Malformed { .. })));
        }
    }
}
