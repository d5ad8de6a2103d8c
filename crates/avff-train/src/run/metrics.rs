//! `metrics.jsonl`: one JSON object a line, for every reported step and every epoch.
//!
//! ```json
//! {"kind":"step","epoch":1,"step":20,"time":1795631390.25,"values":{"train/loss":0.693,"lr":0.0001}}
//! ```
//!
//! `kind` is `session` (training starts or goes on here), `step` or `epoch`; `epoch` counts from 1, `step`
//! counts all steps taken, `time` is in seconds since 1970. What is not finite is `"NaN"`, `"inf"` or
//! `"-inf"`, as JSON has no word for it. Readers skip lines that they cannot read: a process that is
//! killed may leave a part of one.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    error::RunError,
    record::{Position, Record},
};

/// A line beyond this is none of ours and is not held in memory.
const LONGEST_LINE: u64 = 1 << 20;

/// The file, at its end.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// Starts the file, empty.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn create(path: &Path) -> Result<Self, RunError> {
        let write = |source| RunError::Write { path: path.into(), source };
        let file = File::create(path).map_err(write)?;
        Ok(Self { path: path.into(), file })
    }

    /// Goes on after `position`, handing `keep` every record up to there.
    ///
    /// Whatever follows the first record that is past the position is cut off, as is a last line without
    /// an end. A file that is not there is started.
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
                Line::Torn => break,
            }
            end = lines.at;
        }
        file.set_len(end).map_err(write)?;
        file.seek(SeekFrom::Start(end)).map_err(write)?;
        Ok(Self { path: path.into(), file })
    }

    /// Adds a line. It is the system's when this returns, so a kill of the process cannot take it.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn append(&mut self, record: &Record) -> Result<(), RunError> {
        let mut line = serde_json::to_string(record).map_err(|error| self.error(error.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|source| self.error(source))
    }

    /// Waits until all lines are on the disk, where a power cut cannot take them.
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

/// Every record of a file that may be growing; how many lines could not be read.
///
/// # Errors
/// [`RunError::Read`]; a file that is not there has no records.
pub fn read(path: &Path, mut each: impl FnMut(Record)) -> Result<u64, RunError> {
    let read = |source| RunError::Read { path: path.into(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(read(error)),
    };
    let mut unreadable = 0;
    for line in Lines::new(BufReader::new(file)) {
        match line.map_err(read)? {
            Line::Record(record) => each(record),
            Line::Unreadable => unreadable += 1,
            // Being written now, or never finished.
            Line::Torn => {}
        }
    }
    Ok(unreadable)
}

#[derive(Debug)]
enum Line {
    Record(Record),
    Unreadable,
    /// The last, without its end.
    Torn,
}

struct Lines<R> {
    reader: R,
    /// Bytes up to the end of the last line.
    at: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader, at: 0, line: Vec::new() }
    }

    /// Passes over the rest of a line; whether it had an end.
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
        let length =
            self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line)? as u64;
        self.at += length;
        Ok(match self.line.last().copied() {
            None => None,
            Some(b'\n') => {
                Some(serde_json::from_slice(&self.line).map_or(Line::Unreadable, Line::Record))
            }
            Some(_) if length == LONGEST_LINE && self.skip()? => Some(Line::Unreadable),
            Some(_) => Some(Line::Torn),
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

    /// Two epochs of three steps, and a step of the third.
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
    fn resuming_cuts_what_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let all = history();
        for (step, epochs, kept) in
            [(0, 0, 1), (2, 0, 3), (3, 0, 4), (3, 1, 5), (5, 1, 7), (6, 2, 9), (7, 2, 10)]
        {
            write(&path, &all);
            let mut seen = Vec::new();
            let position = Position { step, epochs };
            let mut log = MetricsLog::resume(&path, position, |record| seen.push(record)).unwrap();
            assert_eq!(seen, all[..kept], "{position:?}");
            log.append(&all[kept.min(9)]).unwrap();
            assert_eq!(records(&path), [&all[..kept], &all[kept.min(9)..=kept.min(9)]].concat());
        }
    }

    #[test]
    fn a_torn_last_line_is_skipped_and_cut() {
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
    fn lines_of_others_are_passed_over() {
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
        /// Whatever is in the file: nothing panics, whole lines before the damage are read, and a resumed
        /// log can be read to its end.
        #[test]
        fn any_bytes_can_be_resumed(
            garbage in proptest::collection::vec(any::<u8>(), 0..200),
            kept in 0_usize..10,
            step in 0_u64..9,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("metrics.jsonl");
            let all = &history()[..kept];
            write(&path, all);
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend(&garbage);
            fs::write(&path, &bytes).unwrap();
            prop_assert_eq!(&records(&path)[..kept], all);
            let position = Position { step, epochs: step / 3 };
            let mut seen = Vec::new();
            let mut log = MetricsLog::resume(&path, position, |record| seen.push(record)).unwrap();
            let last = record(Kind::Step, 9, 99);
            log.append(&last).unwrap();
            seen.push(last);
            prop_assert!(seen.len() <= kept + 1);
            prop_assert_eq!(records(&path), seen);
        }
    }
}
