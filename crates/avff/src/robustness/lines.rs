//! The scores of an unfinished run: a line for each clip, so that a run can be resumed.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use avff_data::perturb::Perturbation;
use serde::{Deserialize, Serialize};

use crate::output::{MAX_TABLE, OutputError};

/// The scores of a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ClipScores {
    /// The row of the manifest, from 0.
    pub(super) row: u64,
    pub(super) target: Option<u8>,
    /// The value of the column of categories.
    pub(super) kind: String,
    /// The score as it is, and of each perturbation.
    pub(super) scores: Vec<PerturbedScore>,
}

/// A score, or the stage that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PerturbedScore {
    /// `None` for the clip as it is.
    pub(super) perturbation: Option<Perturbation>,
    pub(super) level: usize,
    /// Outputs for fake and real.
    pub(super) logits: Option<[f32; 2]>,
    pub(super) failed: Option<String>,
}

/// The file with a header and a line for each clip.
pub(super) struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Starts a file, or continues one with the same header. Returns the clips that are there.
    ///
    /// # Errors
    /// The file cannot be read or written, another run writes to it, or it belongs to a run with other options.
    pub(super) fn open(
        path: &Path,
        header: &str,
        resume: bool,
    ) -> Result<(Self, Vec<ClipScores>), OutputError> {
        let io = OutputError::io(path);
        if path.exists() {
            avff_files::expect_regular(path).map_err(&io)?;
        }
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(&io)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(OutputError::Busy { path: path.into() });
        }
        let text = if resume { text(&mut file, path)? } else { String::new() };
        // The run was interrupted while it wrote the incomplete last line.
        let complete = complete(&text);
        let clips = parse(path, complete, header)?;
        file.set_len(complete.len() as u64).map_err(&io)?;
        file.seek(SeekFrom::End(0)).map_err(&io)?;
        if complete.is_empty() {
            writeln!(file, "{header}").map_err(&io)?;
        }
        Ok((Self { path: path.into(), file }, clips))
    }

    /// Reads the clips of a shard.
    ///
    /// # Errors
    /// The file cannot be read, or belongs to a run with other options.
    pub(super) fn read(path: &Path, header: &str) -> Result<Vec<ClipScores>, OutputError> {
        let mut file = File::open(path).map_err(OutputError::io(path))?;
        let text = text(&mut file, path)?;
        if complete(&text).is_empty() {
            return Err(OutputError::Damaged { path: path.into(), reason: "it is empty".into() });
        }
        parse(path, complete(&text), header)
    }

    pub(super) fn add(&mut self, clip: &ClipScores) -> Result<(), OutputError> {
        // Serializing plain data cannot fail.
        let line = serde_json::to_string(clip).unwrap_or_default();
        writeln!(self.file, "{line}").map_err(OutputError::io(&self.path))
    }
}

fn text(file: &mut File, path: &Path) -> Result<String, OutputError> {
    let mut text = String::new();
    file.take(MAX_TABLE).read_to_string(&mut text).map_err(OutputError::io(path))?;
    Ok(text)
}

/// The lines that were written whole.
fn complete(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

/// Parses lines below a header; none are there before the header.
fn parse(path: &Path, text: &str, header: &str) -> Result<Vec<ClipScores>, OutputError> {
    let damaged = |reason: String| OutputError::Damaged { path: path.into(), reason };
    let mut lines = text.lines();
    if lines.next().is_some_and(|was| was != header) {
        return Err(damaged("it belongs to a run with other options".into()));
    }
    let parsed = lines.map(serde_json::from_str).collect::<Result<_, _>>();
    parsed.map_err(|error: serde_json::Error| damaged(error.to_string()))
}
