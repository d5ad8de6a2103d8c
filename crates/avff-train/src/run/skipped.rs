//! `skipped.csv`: clips that could not be read and were skipped.
//!
//! Columns are `path` and `error`. Each clip has one row, although every epoch meets it again. The
//! file exists only if there are such clips.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::error::{RunError, written};

/// Maximum size of the list in bytes: that of millions of clips.
const MAX_BYTES: u64 = 1 << 30;

const HEADER: [&str; 2] = ["path", "error"];

/// The skipped clips of a run.
#[derive(Debug)]
pub struct SkippedClips {
    path: PathBuf,
    known: BTreeSet<String>,
    /// The file, once it exists.
    file: Option<File>,
}

impl SkippedClips {
    /// Opens the list of a run, which does not have to exist.
    ///
    /// # Errors
    /// [`RunError::Read`] and [`RunError::Write`].
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let mut skipped = Self { path: path.into(), known: BTreeSet::new(), file: None };
        let text = match avff_files::read_text(path, MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(skipped),
            Err(source) => return Err(RunError::Read { path: path.into(), source }),
        };
        // A killed process may leave a part of a row.
        let complete = text.rfind('\n').map_or(0, |last| last + 1);
        let whole = text.get(..complete).unwrap_or_default();
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(whole.as_bytes());
        let clips = reader.records().filter_map(Result::ok);
        skipped.known = clips.filter_map(|row| row.get(0).map(str::to_owned)).collect();
        if whole.len() < text.len() {
            written(path, avff_files::write(path, whole))?;
        }
        let file = OpenOptions::new().append(true).open(path);
        skipped.file = Some(written_file(path, file)?);
        Ok(skipped)
    }

    /// Removes the list of a run that starts over.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn clear(path: &Path) -> Result<(), RunError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => written(path, result),
        }
    }

    /// Adds a clip and returns whether it is new.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn add(&mut self, clip: &Path, error: &str) -> Result<bool, RunError> {
        let clip = clip.display().to_string();
        if self.known.contains(&clip) {
            return Ok(false);
        }
        let mut rows = csv::Writer::from_writer(Vec::new());
        let mut row =
            |cells: [&str; 2]| written(&self.path, rows.write_record(cells).map_err(Into::into));
        if self.file.is_none() {
            row(HEADER)?;
        }
        row([&clip, error])?;
        let rows = rows.into_inner().map_err(|error| io::Error::other(error.to_string()));
        let rows = rows.map_err(|source| RunError::Write { path: self.path.clone(), source })?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => written_file(&self.path, File::create(&self.path))?,
        };
        // In one call, so that a killed process leaves at most one incomplete row.
        written(&self.path, file.write_all(&rows))?;
        self.file = Some(file);
        self.known.insert(clip);
        Ok(true)
    }

    /// Returns the number of clips.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.known.len() as u64
    }
}

fn written_file(path: &Path, file: io::Result<File>) -> Result<File, RunError> {
    file.map_err(|source| RunError::Write { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_clip_is_listed_once_and_torn_rows_are_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skipped.csv");
        let mut skipped = SkippedClips::open(&path).unwrap();
        assert!(!path.exists());
        assert!(skipped.add(Path::new("a,b.mp4"), "open: no such file").unwrap());
        assert!(!skipped.add(Path::new("a,b.mp4"), "open: no such file").unwrap());
        assert!(skipped.add(Path::new("c.mp4"), "video: damaged").unwrap());
        drop(skipped);
        let text = "path,error\n\"a,b.mp4\",open: no such file\nc.mp4,video: damaged\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        fs::write(&path, &text[..text.len() - 4]).unwrap();
        let mut skipped = SkippedClips::open(&path).unwrap();
        assert_eq!(skipped.count(), 1);
        assert!(!skipped.add(Path::new("a,b.mp4"), "").unwrap());
        assert!(skipped.add(Path::new("c.mp4"), "video: damaged").unwrap());
        assert_eq!((skipped.count(), fs::read_to_string(&path).unwrap().as_str()), (2, text));
        SkippedClips::clear(&path).unwrap();
        SkippedClips::clear(&path).unwrap();
        assert_eq!(SkippedClips::open(&path).unwrap().count(), 0);
    }
}
