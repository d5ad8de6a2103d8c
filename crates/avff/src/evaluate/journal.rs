//! The journal of an unfinished run: one line per processed row.
//!
//! The predictions contain one number per clip, but metrics over both outputs need two. The journal
//! stores both logits, counts the rows that are in the other files, and records the options of the run.
//! Each line ends with a CRC-32 of all lines so far, so that a changed, lost or doubled line is noticed. It
//! starts with the CRC-32 of the row's table up to the row, so that a changed row is noticed too.
//! It is removed once the summary is written. A shard keeps it under another name for merging.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use avff_data::LeftOut;
use crc32fast::Hasher;

use super::{Entry, Verdict, output::Paths, summary::Run};
use crate::{
    output::{MAX_TABLE, OutputError, create_folder_of},
    score::Logits,
};

/// Marks the logits of a clip that was scored without a face crop because no face was found.
const WITHOUT_FACE: &str = " whole";

/// Precedes the correlation of lips and voice.
const CORRELATION: &str = " ~";

/// Precedes the verdict: the decision and the base-10 logarithm of the likelihood ratio.
const VERDICT: &str = " =";

/// Precedes the checksum of a line.
const CHECKSUM: &str = " #";

/// The checksum of all lines so far.
#[derive(Debug, Clone, Default)]
struct Chain(Hasher);

impl Chain {
    /// Returns the line with its checksum.
    fn seal(&mut self, line: &str) -> String {
        format!("{line}{CHECKSUM}{}\n", self.after(line))
    }

    /// Returns a line without its checksum, if that is right.
    fn open<'a>(&mut self, sealed: &'a str) -> Option<&'a str> {
        let (line, checksum) = sealed.rsplit_once(CHECKSUM)?;
        (self.after(line) == checksum).then_some(line)
    }

    fn after(&mut self, line: &str) -> String {
        self.0.update(line.as_bytes());
        self.0.update(b"\n");
        format!("{:08x}", self.0.clone().finalize())
    }
}

pub(super) struct Journal {
    path: PathBuf,
    chain: Chain,
    file: File,
    /// The entries written before the interruption.
    entries: Vec<Entry>,
    /// The CRC-32 of the table of each entry, up to its row.
    checksums: Vec<u32>,
    appended: u64,
}

impl Journal {
    pub(super) fn create(paths: &Paths, run: &Run) -> Result<Self, OutputError> {
        let path = &paths.journal;
        let output = OutputError::io(path);
        let mut file = open(paths)?;
        file.set_len(0).map_err(&output)?;
        let mut chain = Chain::default();
        file.write_all(chain.seal(&run.to_json()).as_bytes()).map_err(&output)?;
        let (entries, checksums) = (Vec::new(), Vec::new());
        Ok(Self { path: path.clone(), chain, file, entries, checksums, appended: 0 })
    }

    pub(super) fn resume(paths: &Paths, run: &Run) -> Result<Self, OutputError> {
        let path = &paths.journal;
        let output = OutputError::io(path);
        let damaged = |reason: String| OutputError::Damaged { path: path.clone(), reason };
        let mut file = open(paths)?;
        let mut text = String::new();
        Read::take(&mut file, MAX_TABLE).read_to_string(&mut text).map_err(&output)?;
        // The run was interrupted while it wrote the incomplete last line.
        let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
        if complete.is_empty() {
            drop(file);
            return Self::create(paths, run);
        }
        let Lines { run: earlier, entries, checksums, chain } =
            read_chain(complete).map_err(damaged)?;
        earlier.expect_same(run)?;
        file.set_len(complete.len() as u64).map_err(&output)?;
        file.seek(SeekFrom::End(0)).map_err(&output)?;
        Ok(Self { path: path.clone(), chain, file, entries, checksums, appended: 0 })
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The CRC-32 of one of the two tables after each of its rows that were written before the interruption.
    pub(super) fn checksums(&self, of_scored: bool) -> Vec<u32> {
        let rows = self.entries.iter().zip(&self.checksums);
        let own = rows.filter(|(entry, _)| matches!(entry, Entry::Scored { .. }) == of_scored);
        own.map(|(_, &checksum)| checksum).collect()
    }

    /// The number of processed rows, including those before an interruption.
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64 + self.appended
    }

    /// Adds a row that was written. `checksum` is the CRC-32 of its table so far.
    pub(super) fn append(&mut self, entry: &Entry, checksum: u32) -> Result<(), OutputError> {
        let line = self.chain.seal(&format!("{checksum:08x} {}", format_entry(entry)));
        self.file.write_all(line.as_bytes()).map_err(OutputError::io(&self.path))?;
        self.appended += 1;
        Ok(())
    }

    /// Renames the journal of a finished shard to its final name.
    pub(super) fn rename(self, rows: &Path) -> Result<(), OutputError> {
        let Self { path, file, .. } = self;
        drop(file);
        avff_files::finish(&path, rows).map_err(OutputError::io(&path))
    }

    pub(super) fn remove(self) -> Result<(), OutputError> {
        let Self { path, file, .. } = self;
        drop(file);
        fs::remove_file(&path).map_err(OutputError::io(&path))
    }
}

/// Opens and locks a journal, so that no other run writes to the same output. Creates the folder of the output.
fn open(paths: &Paths) -> Result<File, OutputError> {
    create_folder_of(&paths.predictions)?;
    let path = &paths.journal;
    if path.exists() {
        avff_files::expect_regular(path).map_err(OutputError::io(path))?;
    }
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    // The journal is the first file that is written. The user knows the output alone.
    let file = file.map_err(OutputError::io(&paths.predictions))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OutputError::Busy { path: path.clone() }),
        // The file system does not support locks.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Parses a journal into its run and its entries. The error says what is wrong with it.
pub(super) fn read(text: &str) -> Result<(Run, Vec<Entry>), String> {
    let Lines { run, entries, .. } = read_chain(text)?;
    Ok((run, entries))
}

/// The lines of a journal.
struct Lines {
    run: Run,
    entries: Vec<Entry>,
    checksums: Vec<u32>,
    chain: Chain,
}

fn read_chain(text: &str) -> Result<Lines, String> {
    let mut chain = Chain::default();
    let mut lines = (1..).zip(text.lines()).map(|(number, sealed)| {
        let line = chain.open(sealed);
        line.map(|line| (number, line))
            .ok_or_else(|| format!("line {number} is damaged: its CRC-32 does not match"))
    });
    let header = lines.next().unwrap_or(Ok((1, "")))?.1;
    let run = serde_json::from_str(header).map_err(|error| error.to_string())?;
    let (mut entries, mut checksums) = (Vec::new(), Vec::new());
    for line in &mut lines {
        let (number, line) = line?;
        let parsed = line.split_once(' ').and_then(|(checksum, entry)| {
            Some((u32::from_str_radix(checksum, 16).ok()?, parse(entry)?))
        });
        let (checksum, entry) =
            parsed.ok_or_else(|| format!("line {number} cannot be read: `{line}`"))?;
        checksums.push(checksum);
        entries.push(entry);
    }
    drop(lines);
    Ok(Lines { run, entries, checksums, chain })
}

/// Formats an entry. Rust prints the shortest decimal that parses to the same number.
fn format_entry(entry: &Entry) -> String {
    match entry {
        Entry::Scored {
            logits: Logits { fake, real },
            without_face,
            correlation,
            verdict,
            notes,
            left_out,
        } => {
            let face = if *without_face { WITHOUT_FACE } else { "" };
            let correlation =
                correlation.map(|value| format!("{CORRELATION}{value}")).unwrap_or_default();
            // JSON has no line breaks within its texts.
            let notes = match (notes.as_slice(), left_out.as_slice()) {
                ([], []) => String::new(),
                (notes, []) => format!(" {}", serde_json::json!(notes)),
                (notes, left_out) => {
                    format!(" {} {}", serde_json::json!(notes), serde_json::json!(left_out))
                }
            };
            let verdict = verdict.map(|Verdict { decision, log10_ratio }| {
                format!("{VERDICT}{},{log10_ratio}", <&str>::from(decision).replace(' ', "-"))
            });
            let verdict = verdict.unwrap_or_default();
            format!("{fake} {real}{face}{correlation}{verdict}{notes}")
        }
        Entry::Failed(stage) => format!("! {stage}"),
    }
}

fn parse(line: &str) -> Option<Entry> {
    match line.split_once(' ')? {
        ("!", stage) => Some(Entry::Failed(stage.into())),
        (fake, rest) => {
            let (rest, (notes, left_out)) = match rest.split_once(" [") {
                Some((rest, arrays)) => (rest, parse_arrays(&format!("[{arrays}"))?),
                None => (rest, Default::default()),
            };
            let (rest, verdict) = match rest.split_once(VERDICT) {
                Some((rest, verdict)) => (rest, Some(parse_verdict(verdict)?)),
                None => (rest, None),
            };
            let (rest, correlation) = match rest.split_once(CORRELATION) {
                Some((rest, correlation)) => (rest, Some(correlation.parse().ok()?)),
                None => (rest, None),
            };
            let marked = rest.strip_suffix(WITHOUT_FACE);
            let (real, without_face) = (marked.unwrap_or(rest), marked.is_some());
            let logits = Logits { fake: fake.parse().ok()?, real: real.parse().ok()? };
            Some(Entry::Scored { logits, without_face, correlation, verdict, notes, left_out })
        }
    }
}

fn parse_verdict(text: &str) -> Option<Verdict> {
    let (decision, ratio) = text.split_once(',')?;
    let decision = serde_json::from_value(decision.into()).ok()?;
    Some(Verdict { decision, log10_ratio: ratio.parse().ok()? })
}

/// Parses the array of notes, and the array of windows that are left out, which may be absent.
fn parse_arrays(text: &str) -> Option<(Vec<String>, Vec<LeftOut>)> {
    let mut notes = serde_json::Deserializer::from_str(text).into_iter::<Vec<String>>();
    let first = notes.next()?.ok()?;
    let left_out = match text.get(notes.byte_offset()..)?.trim_start() {
        "" => Vec::new(),
        rest => serde_json::from_str(rest).ok()?,
    };
    Some((first, left_out))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use avff_media::{DamageCode, Stream};

    use super::*;
    use crate::calibration::Decision;

    fn scored(fake: f32, real: f32, without_face: bool, notes: &[&str]) -> Entry {
        let notes = notes.iter().map(|&note| note.to_owned()).collect();
        let left_out = Vec::new();
        let (logits, correlation, verdict) = (Logits { fake, real }, None, None);
        Entry::Scored { logits, without_face, correlation, verdict, notes, left_out }
    }

    fn measured(value: f64) -> Entry {
        let mut entry = scored(1.5, -2.0, true, &["a ~0.3"]);
        if let Entry::Scored { correlation, .. } = &mut entry {
            *correlation = Some(value);
        }
        entry
    }

    fn judged(decision: Decision, log10_ratio: f64) -> Entry {
        let mut entry = measured(0.25);
        if let Entry::Scored { verdict, .. } = &mut entry {
            *verdict = Some(Verdict { decision, log10_ratio });
        }
        entry
    }

    fn in_part() -> Entry {
        let mut entry = scored(1.5, -2.0, true, &["one [\"b\"] {", "2 of 3"]);
        let out = |start, end, message: &str| LeftOut {
            start,
            end,
            stream: Stream::Audio,
            code: DamageCode::Damaged,
            message: message.to_owned(),
        };
        if let Entry::Scored { left_out, .. } = &mut entry {
            *left_out = vec![out(0.0, 3.2, "a ] [\n"), out(3.25, 6.5, "packet 7")];
        }
        entry
    }

    #[test]
    fn entries_round_trip_bit_identically() {
        for entry in [
            scored(-0.100_748_69, 1.0e-30, false, &[]),
            scored(f32::MAX, -0.0, true, &[]),
            scored(1.5, -2.0, false, &["audio track 2 of 3 is read"]),
            scored(1.5, -2.0, true, &["a [\"b\"]\nline", "\u{e9} whole"]),
            in_part(),
            measured(-0.123_456_789),
            measured(1e-9),
            judged(Decision::UnlikeBoth, -0.123_456_789_012),
            judged(Decision::Fake, 2.0),
            Entry::Failed("video".into()),
        ] {
            assert_eq!(parse(&format_entry(&entry)).unwrap(), entry);
        }
        assert_eq!(parse("1.0"), None);
        assert_eq!(parse("1.0 2.0 [\"cut"), None);
    }

    #[test]
    fn changed_lost_and_doubled_lines_are_noticed() {
        let mut chain = Chain::default();
        let lines: Vec<String> = ["one", "two", "two", "three"].map(|line| chain.seal(line)).into();
        let read = |lines: &[&String]| {
            let mut chain = Chain::default();
            lines.iter().all(|line| chain.open(line.trim_end()).is_some())
        };
        let [a, b, c, d] = [0, 1, 2, 3].map(|index| &lines[index]);
        assert!(read(&[a, b, c, d]) && read(&[a, b]));
        let changed = b.replace("two", "twp");
        for wrong in [&[a, c, d][..], &[a, b, b, c, d], &[b, a], &[a, &changed], &[a, d]] {
            assert!(!read(wrong), "{wrong:?}");
        }
    }
}
