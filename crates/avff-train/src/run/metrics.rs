//! `metrics.jsonl`: one JSON object per line, for every reported step and epoch.
//!
//! ```json
//! {"kind":"step","epoch":1,"step":20,"time":1795631390.25,"values":{"train/loss":0.693,"lr":0.0001}}
//! ```
//!
//! `kind` is `session` (training starts or resumes), `step` or `epoch`. `epoch` counts from 1,
//! `step` counts all steps taken, and `time` is in seconds since 1970. Non-finite numbers are
//! `"NaN"`, `"inf"` or `"-inf"`, because JSON cannot represent them. Readers skip unreadable lines,
//! because a killed process may leave an incomplete line.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    error::RunError,
    record::{Position, Record},
};

/// Maximum length of a line in bytes; longer lines are invalid and are not held in memory.
const MAX_LINE: u64 = 1 << 20;

/// The open file, positioned at its end.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// Creates an empty file.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn create(path: &Path) -> Result<Self, RunError> {
        let write = |source| RunError::Write { path: path.into(), source };
        let file = File::create(path).map_err(write)?;
        Ok(Self { path: path.into(), file })
    }

    /// Continues after `position` and passes every earlier record to `keep`.
    ///
    /// Everything from the first record after the position is removed, and so is an incomplete last
    /// line. A missing file is created.
    ///
    /// # Errors
    /// [`RunError::Read`] and [`RunError::Write`].
    pub fn resume(
        path: &Path,
        position: Position,
        mut keep: impl FnMut(Record),
    ) -> Result<Self, RunError> {
        let write = |source| RunError::Write { path: path.into(), source };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(write)?;
        let mut lines = Lines::new(BufReader::new(&mut file));
        let mut end = 0;
        let read = |source| RunError::Read { path: path.into(), source };
        while let Some(line) = lines.next().transpose().map_err(read)? {
            match line {
                Line::Record(record) if !position.covers(&record) => break,
                Line::Record(record) => keep(record),
                Line::Unreadable => {}
                Line::Incomplete => break,
            }
            end = lines.at;
        }
        file.set_len(end).map_err(write)?;
        file.seek(SeekFrom::Start(end)).map_err(write)?;
        Ok(Self { path: path.into(), file })
    }

    /// Appends a line. The operating system has it when this returns, so a killed process cannot
    /// lose it.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn append(&mut self, record: &Record) -> Result<(), RunError> {
        let mut line = serde_json::to_string(record).map_err(|error| self.error(error.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|source| self.error(source))
    }

    /// Waits until all lines are on disk, so that a power failure cannot lose them.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn sync(&mut self) -> Result<(), RunError> {
        self.file.sync_data().map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> RunError {
        RunError::Write { path: self.path.clone(), source }
    }
}

/// Passes every record of a file, which may be growing, to `each`, and returns the number of
/// unreadable lines.
///
/// # Errors
/// [`RunError::Read`]; a missing file has no records.
pub fn read(path: &Path, mut each: impl FnMut(Record)) -> Result<u64, RunError> {
    let read = |source| RunError::Read { path: path.into(), source };
    let file = match avff_files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(read(error)),
    };
    let mut unreadable = 0;
    for line in Lines::new(BufReader::new(file)) {
        match line.map_err(read)? {
            Line::Record(record) => each(record),
            Line::Unreadable => unreadable += 1,
            // The line is being written, or was never finished.
            Line::Incomplete => {}
        }
    }
    Ok(unreadable)
}

#[derive(Debug)]
enum Line {
    Record(Record),
    Unreadable,
    /// An incomplete last line.
    Incomplete,
}

struct Lines<R> {
    reader: R,
    /// Number of bytes up to the end of the last line.
    at: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader, at: 0, line: Vec::new() }
    }

    /// Skips the rest of a line and returns whether it was terminated.
    fn skip(&mut self) -> io::Result<bool> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(false);
            }
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(length);
            self.at += length as u64;
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        self.line.clear();
        let length = self.reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.line)? as u64;
        self.at += length;
        Ok(match self.line.last().copied() {
            None => None,
            Some(b'\n') => {
                Some(serde_json::from_slice(&self.line).map_or(Line::Unreadable, Line::Record))
            }
            Some(_) if length == MAX_LINE && self.skip()? => Some(Line::Unreadable),
            Some(_) => Some(Line::Incomplete),
        })
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::run::record::{Kind, Values};

    fn record(kind: Kind, epoch: u64, step: u64) -> Record {
        let values = Values::from([("train/loss", 1.0 / step as f64)]);
        Record { kind, epoch, step, time: 1.5, values }
    }

    /// Returns two epochs of three steps each, and one step of the third epoch.
    fn history() -> Vec<Record> {
        let mut all = vec![record(Kind::Session, 0, 0)];
        for epoch in 1..=2 {
            all.extend((1..=3).map(|step| record(Kind::Step, epoch, (epoch - 1) * 3 + step)));
            all.push(record(Kind::Epoch, epoch, epoch * 3));
        }
        all.push(record(Kind::Step, 3, 7));
        all
    }

    fn write(path: &Path, records: &[Record]) {
        let mut log = MetricsLog::create(path).unwrap();
        records.iter().for_each(|record| log.append(record).unwrap());
    }

    fn records(path: &Path) -> Vec<Record> {
        let mut all = Vec::new();
        read(path, |record| all.push(record)).unwrap();
        all
    }

    #[test]
    fn resuming_removes_later_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let all = history();
        for (step, epochs, retained) in
            [(0, 0, 1), (2, 0, 3), (3, 0, 4), (3, 1, 5), (5, 1, 7), (6, 2, 9), (7, 2, 10)]
        {
            write(&path, &all);
            let mut seen = Vec::new();
            let position = Position { step, epochs };
            let mut log = MetricsLog::resume(&path, position, |record| seen.push(record)).unwrap();
            assert_eq!(seen, all[..retained], "{position:?}");
            log.append(&all[retained.min(9)]).unwrap();
            assert_eq!(
                records(&path),
                [&all[..retained], &all[retained.min(9)..=retained.min(9)]].concat()
            );
        }
    }

    #[test]
    fn incomplete_last_line_is_skipped_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let all = history();
        write(&path, &all);
        let whole = fs::read(&path).unwrap();
        let last = whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
        for length in last..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(records(&path), all[..all.len() - 1]);
            let end = Position { step: 99, epochs: 99 };
            let mut log = MetricsLog::resume(&path, end, |_| {}).unwrap();
            log.append(&all[all.len() - 1]).unwrap();
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
    }

    #[test]
    fn invalid_lines_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let line = serde_json::to_string(&record(Kind::Step, 1, 1)).unwrap();
        let long = "x".repeat(3 << 20);
        fs::write(&path, format!("\n{long}\n{line}\n{{}}\n\0\0\n{line}\n{long}")).unwrap();
        let mut count = 0;
        assert_eq!(read(&path, |_| count += 1).unwrap(), 4);
        assert_eq!(count, 2);
        assert_eq!(read(&folder.path().join("absent"), |_| {}).unwrap(), 0);
    }

    proptest! {
        /// For any file contents, nothing panics, complete lines before the damage are read, and a
        /// resumed log is readable to its end.
        #[test]
        fn any_bytes_can_be_resumed(
            garbage in proptest::collection::vec(any::<u8>(), 0..200),
            retained in 0_usize..10,
            step in 0_u64..9,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("metrics.jsonl");
            let all = &history()[..retained];
            write(&path, all);
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend(&garbage);
            fs::write(&path, &bytes).unwrap();
            prop_assert_eq!(&records(&path)[..retained], all);
            let position = Position { step, epochs: step / 3 };
            let mut seen = Vec::new();
            let mut log = MetricsLog::resume(&path, position, |record| seen.push(record)).unwrap();
            let last = record(Kind::Step, 9, 99);
            log.append(&last).unwrap();
            seen.push(last);
            prop_assert!(seen.len() <= retained + 1);
            prop_assert_eq!(records(&path), seen);
        }
    }
}
