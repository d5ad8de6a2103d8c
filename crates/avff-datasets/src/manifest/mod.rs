//! The manifest: a CSV list of clips with the header `video_name,target`.
//!
//! Rows are read one at a time in constant memory, so a manifest may be larger than memory. The
//! file is untrusted input: records are bounded, and every error names its line.

pub(crate) mod bom;
pub(crate) mod lines;
mod nameless;

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use csv::ByteRecord;

use self::{
    lines::{Lines, TooLong},
    nameless::without_name,
};
use crate::error::{DatasetError, Reason};

/// The column with the clip name, as in Open-AVFF.
pub const NAME_COLUMN: &str = "video_name";
/// The column with the label, 1 for fake and 0 for real, as in Open-AVFF.
pub const TARGET_COLUMN: &str = "target";

/// Maximum number of columns, because a row allocates a string for each.
pub(crate) const MAX_COLUMNS: usize = 4096;
/// Maximum number of characters of a cell in a message.
const MAX_EXCERPT: usize = 60;

/// One clip of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The `video_name` cell, verbatim.
    pub name: String,
    /// The path of the clip: `name`, joined to the root if it is relative.
    pub path: PathBuf,
    /// 1 for fake, 0 for real, `None` if the cell is empty or the column is absent.
    pub target: Option<u8>,
    /// The cells of [`ManifestReader::columns`] in order, verbatim, including `target`.
    pub extra: Vec<String>,
    /// The first line of the row, from 1.
    pub line: u64,
}

/// Reads a manifest row by row.
///
/// After an error in one row, the iterator continues with the next row. After an error in the file,
/// it ends.
#[derive(Debug)]
pub struct ManifestReader<R = File> {
    path: PathBuf,
    root: PathBuf,
    reader: csv::Reader<Lines<R>>,
    record: ByteRecord,
    header: Header,
    done: bool,
}

impl ManifestReader {
    /// Opens the manifest at `path` and reads its header.
    ///
    /// Relative clip names start at `root`, or at the manifest's folder if `root` is `None`.
    ///
    /// # Errors
    /// [`Reason::NotFound`], [`Reason::NotAFile`], [`Reason::Io`] or [`Reason::Empty`] for the
    /// file. [`Reason::Row`] for a header that lacks `video_name`, repeats a column, or is not
    /// UTF-8.
    pub fn open(path: impl AsRef<Path>, root: Option<&Path>) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        let file = regular_file(path).map_err(|source| DatasetError::new(path, source))?;
        Self::from_reader(file, path, root)
    }
}

impl<R: Read> ManifestReader<R> {
    /// Reads a manifest from any reader, with `path` as its name. See
    /// [`open`](ManifestReader::open).
    ///
    /// # Errors
    /// [`Reason::Io`] or [`Reason::Row`], as for `open`.
    pub fn from_reader(
        reader: R,
        path: impl AsRef<Path>,
        root: Option<&Path>,
    ) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        Self::read(reader, path, root).map_err(|source| DatasetError::new(path, source))
    }

    /// Returns the columns of [`Row::extra`], in file order: all except `video_name`.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.header.columns
    }

    /// Returns whether there is a `target` column.
    #[must_use]
    pub fn has_target(&self) -> bool {
        self.header.target.is_some()
    }

    fn read(reader: R, path: &Path, root: Option<&Path>) -> Result<Self, Reason> {
        let lines = Lines::new(reader);
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(lines);
        let mut record = ByteRecord::new();
        let Some(line) = next_record(&mut reader, &mut record)? else {
            return Err(row_error(
                1,
                "there is no header: the first line must be `video_name,target`",
            ));
        };
        let header = Header::new(&record).map_err(|what| row_error(line, what))?;
        let folder = || path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self {
            path: path.to_owned(),
            root: root.map_or_else(folder, Path::to_owned),
            reader,
            record,
            header,
            done: false,
        })
    }
}

impl<R: Read> Iterator for ManifestReader<R> {
    type Item = Result<Row, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let row = match next_record(&mut self.reader, &mut self.record) {
            Ok(Some(line)) => {
                let row = self.header.row(&self.record, &self.root, line);
                row.map_err(|what| row_error(line, what))
            }
            Ok(None) => {
                self.done = true;
                return None;
            }
            Err(error) => {
                self.done = true;
                Err(error)
            }
        };
        Some(row.map_err(|source| DatasetError::new(&self.path, source)))
    }
}

/// The interpretation of cells according to the header.
#[derive(Debug)]
struct Header {
    /// Number of cells in a row.
    width: usize,
    name: usize,
    target: Option<usize>,
    /// All columns except the name.
    columns: Vec<String>,
}

impl Header {
    fn new(record: &ByteRecord) -> Result<Self, String> {
        let width = record.len();
        if width > MAX_COLUMNS {
            return Err(format!("{width} columns: remove all but {MAX_COLUMNS}"));
        }
        let (mut name, mut target) = (None, None);
        let mut columns = Vec::new();
        let mut seen = HashSet::new();
        for (index, cell) in record.iter().enumerate() {
            // Without trimming, a space after the comma would hide a label column.
            let column = text(cell)?.trim();
            if !seen.insert(column) {
                return Err(format!(
                    "column {} appears twice: rename or remove one",
                    quote(column)
                ));
            }
            if column == NAME_COLUMN {
                name = Some(index);
                continue;
            }
            if column == TARGET_COLUMN {
                target = Some(index);
            }
            columns.push(column.to_owned());
        }
        let Some(name) = name else {
            return Err(without_name(&columns));
        };
        Ok(Self { width, name, target, columns })
    }

    fn row(&self, record: &ByteRecord, root: &Path, line: u64) -> Result<Row, String> {
        if record.len() != self.width {
            return Err(format!(
                "{} cells where the header has {}: put quotes around a cell that holds a comma",
                record.len(),
                self.width
            ));
        }
        let (mut name, mut target) = ("", None);
        let mut extra = Vec::with_capacity(self.columns.len());
        for (index, cell) in record.iter().enumerate() {
            let cell = text(cell)?;
            if index == self.name {
                name = cell;
                continue;
            }
            if Some(index) == self.target {
                target = label(cell)?;
            }
            extra.push(cell.to_owned());
        }
        if name.trim().is_empty() {
            return Err(format!(
                "the `{NAME_COLUMN}` cell is empty: name a clip or remove the row"
            ));
        }
        Ok(Row { name: name.to_owned(), path: root.join(name), target, extra, line })
    }
}

/// Reads the next record and returns its first line.
pub(crate) fn next_record<R: Read>(
    reader: &mut csv::Reader<Lines<R>>,
    record: &mut ByteRecord,
) -> Result<Option<u64>, Reason> {
    reader.get_mut().start_record();
    let result = reader.read_byte_record(record);
    let line = reader.get_ref().record_line();
    match result {
        Ok(true) => Ok(Some(line)),
        Ok(false) => Ok(None),
        Err(error) => Err(match error.into_kind() {
            csv::ErrorKind::Io(error) if TooLong::is_in(&error) => row_error(line, TooLong),
            csv::ErrorKind::Io(error) => Reason::Io(error),
            other => row_error(line, format!("not CSV: {other:?}")),
        }),
    }
}

/// Parses a cell of [`TARGET_COLUMN`]: 1 for fake, 0 for real, `None` if empty.
///
/// # Errors
/// A message with the accepted values.
pub fn label(cell: &str) -> Result<Option<u8>, String> {
    match cell.trim() {
        "" => Ok(None),
        // pandas writes the second form if any cell of the column is empty.
        "0" | "0.0" => Ok(Some(0)),
        "1" | "1.0" => Ok(Some(1)),
        _ => Err(format!(
            "`{TARGET_COLUMN}` is {}: write 1 for fake, 0 for real, or nothing",
            quote(cell)
        )),
    }
}

fn text(cell: &[u8]) -> Result<&str, String> {
    str::from_utf8(cell)
        .map_err(|_| "not UTF-8 text: give a CSV file that is saved as UTF-8".to_owned())
}

/// Quotes a cell for a message, on one line, without control characters and truncated.
pub(crate) fn quote(cell: &str) -> String {
    let mut excerpt: String = cell.chars().take(MAX_EXCERPT).flat_map(char::escape_debug).collect();
    if cell.chars().nth(MAX_EXCERPT).is_some() {
        excerpt.push_str("...");
    }
    format!("`{excerpt}`")
}

pub(crate) fn row_error(line: u64, what: impl ToString) -> Reason {
    Reason::Row { line, what: what.to_string() }
}

/// Opens the file at `path`, which must be regular and not empty.
fn regular_file(path: &Path) -> Result<File, Reason> {
    // The check precedes opening, because opening a pipe without a writer blocks forever.
    let metadata = fs::metadata(path).map_err(open_error)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "folder" } else { "special file" };
        return Err(Reason::NotAFile { kind });
    }
    if metadata.len() == 0 {
        return Err(Reason::Empty);
    }
    File::open(path).map_err(open_error)
}

pub(crate) fn open_error(error: io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::NotFound => Reason::NotFound,
        _ => Reason::Io(error),
    }
}
