//! The scores of an unfinished run: a line for each clip, so that a run can be resumed.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
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
    /// The file cannot be read or written, or belongs to another run.
    pub(super) fn open(
        path: &Path,
        header: &str,
        resume: bool,
    ) -> Result<(Self, Vec<ClipScores>), OutputError> {
        let io = OutputError::io(path);
        let mut text = String::new();
        if resume && path.exists() {
            avff_files::expect_regular(path).map_err(&io)?;
            let file = File::open(path).map_err(&io)?;
            file.take(MAX_TABLE).read_to_string(&mut text).map_err(&io)?;
        }
        // The run was interrupted while it wrote the incomplete last line.
        let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut lines = complete.lines();
        let mut clips = Vec::new();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(&io)?;
        match lines.next() {
            None => {
                file.set_len(0).map_err(&io)?;
                writeln!(file, "{header}").map_err(&io)?;
            }
            Some(was) if was != header => {
                let reason = "it belongs to a run with other options".into();
                return Err(OutputError::Damaged { path: path.into(), reason });
            }
            Some(_) => {
                for line in lines {
                    let damaged = |error: serde_json::Error| OutputError::Damaged {
                        path: path.into(),
                        reason: error.to_string(),
                    };
                    clips.push(serde_json::from_str(line).map_err(damaged)?);
                }
                file.set_len(complete.len() as u64).map_err(&io)?;
                std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).map_err(&io)?;
            }
        }
        Ok((Self { path: path.into(), file }, clips))
    }

    pub(super) fn add(&mut self, clip: &ClipScores) -> Result<(), OutputError> {
        // Serializing plain data cannot fail.
        let line = serde_json::to_string(clip).unwrap_or_default();
        writeln!(self.file, "{line}").map_err(OutputError::io(&self.path))
    }
}
