//! The manifest: a CSV list of clips with the header `video_name,target`.
//!
//! Tables of spreadsheets are read as they are: separated by commas, semicolons or tabs, with a
//! line `sep=;`, in UTF-8 or UTF-16, with empty columns and rows after the others, and with labels
//! in words. What could mean several things is refused with its line.
//!
//! Rows are read one at a time in constant memory, so a manifest may be larger than memory. The
//! file is untrusted input: records are bounded, and every error names its line.

mod condition;
mod dialect;
mod label;
pub(crate) mod lines;
mod missing_column;
mod options;
pub(crate) mod resolve;
pub(crate) mod text;

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use csv::ByteRecord;

use self::{
    condition::Selection,
    dialect::Dialect,
    lines::{Lines, TooLong},
    missing_column::without_column,
    resolve::clip_path,
    text::Utf8,
};
pub use self::{
    condition::{Condition, NotACondition},
    label::label,
    options::{ColumnNames, ManifestOptions},
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
    /// The path of the clip: `name`, joined to the root if it is relative. If there is no such
    /// file, separators of Windows and other Unicode normal forms of the name are tried.
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
/// it ends. With [conditions](ManifestOptions::conditions), the last item is an error if a value
/// never occurred, or if no row was selected.
#[derive(Debug)]
pub struct ManifestReader<R = File> {
    path: PathBuf,
    root: PathBuf,
    reader: csv::Reader<Lines<R>>,
    record: ByteRecord,
    header: Header,
    selection: Selection,
    done: bool,
}

impl ManifestReader {
    /// Opens the manifest at `path` and reads its header.
    ///
    /// # Errors
    /// [`Reason::NotFound`], [`Reason::NotAFile`], [`Reason::Io`] or [`Reason::Empty`] for the
    /// file. [`Reason::NoColumn`] for a header that lacks the column of clip names, or a column of
    /// labels with another name than the default. [`Reason::Row`] for one that repeats a column or
    /// is not UTF-8. [`Reason::Condition`] for a condition on a column that it lacks.
    pub fn open(path: impl AsRef<Path>, options: &ManifestOptions) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        let file = regular_file(path).map_err(|source| DatasetError::new(path, source))?;
        Self::from_reader(file, path, options)
    }
}

impl<R: Read> ManifestReader<R> {
    /// Reads a manifest from any reader, with `path` as its name. See
    /// [`open`](ManifestReader::open).
    ///
    /// # Errors
    /// [`Reason::Io`], [`Reason::NoColumn`] or [`Reason::Row`], as for `open`.
    pub fn from_reader(
        reader: R,
        path: impl AsRef<Path>,
        options: &ManifestOptions,
    ) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        Self::read(reader, path, options).map_err(|source| DatasetError::new(path, source))
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

    fn read(reader: R, path: &Path, options: &ManifestOptions) -> Result<Self, Reason> {
        let mut text = Utf8::new(reader);
        let start = dialect::start(&mut text)?;
        let dialect = Dialect::of(&start.line, &options.columns.name)
            .map_err(|what| row_error(start.number, what))?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(dialect.separator)
            .from_reader(Lines::after(start.bytes, text));
        let mut record = ByteRecord::new();
        let mut line = next_filled_record(&mut reader, &mut record)?;
        if dialect.stated {
            line = next_filled_record(&mut reader, &mut record)?;
        }
        let Some(line) = line else {
            let ColumnNames { name, target } = &options.columns;
            return Err(row_error(
                1,
                format!("there is no header: the first line must be like `{name},{target}`"),
            ));
        };
        let header = Header::new(&record, dialect.separator, &options.columns, line)?;
        let selection = header.selection(&record, &options.columns, &options.conditions)?;
        Ok(Self {
            path: path.to_owned(),
            root: options.root_of(path),
            reader,
            record,
            header,
            selection,
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
        let row = loop {
            match next_filled_record(&mut self.reader, &mut self.record) {
                Ok(Some(line)) => {
                    let row = match self.header.check_cells(&self.record) {
                        Err(what) => Err(what),
                        Ok(()) if !self.selection.selects(&self.record) => continue,
                        Ok(()) => self.header.row(&self.record, &self.root, line),
                    };
                    break row.map_err(|what| row_error(line, what));
                }
                Ok(None) => {
                    self.done = true;
                    match self.selection.finish() {
                        Ok(()) => return None,
                        Err(error) => break Err(error),
                    }
                }
                Err(error) => {
                    self.done = true;
                    break Err(error);
                }
            }
        };
        Some(row.map_err(|source| DatasetError::new(&self.path, source)))
    }
}

/// The interpretation of cells according to the header.
#[derive(Debug)]
struct Header {
    separator: char,
    /// Number of named columns, and of cells in a row.
    width: usize,
    name: usize,
    target: Option<usize>,
    /// All columns except the name.
    columns: Vec<String>,
}

impl Header {
    fn new(
        record: &ByteRecord,
        separator: u8,
        names: &ColumnNames,
        line: u64,
    ) -> Result<Self, Reason> {
        let fault = |what: String| Err(row_error(line, what));
        let separator = char::from(separator);
        // Spreadsheets write empty columns after the last named one.
        let width = filled(record);
        if width > MAX_COLUMNS {
            return fault(format!("{width} columns: remove all but {MAX_COLUMNS}"));
        }
        if names.name == names.target {
            return fault(format!(
                "{} cannot hold both names and labels: name two columns",
                quote(&names.name)
            ));
        }
        let (mut name, mut target) = (None, None);
        let mut columns = Vec::new();
        let mut seen = HashMap::new();
        for (index, cell) in record.iter().take(width).enumerate() {
            // Without trimming, a space after the comma would hide a label column.
            let column = text(cell).map_err(|what| row_error(line, what))?.trim();
            let own = names.own(column);
            match seen.insert(own, column) {
                None => {}
                Some(other) if other == column => {
                    return fault(format!(
                        "column {} appears twice: rename or remove one",
                        quote(column)
                    ));
                }
                Some(other) => {
                    return fault(format!(
                        "columns {} and {} would both be `{own}`: rename or remove one",
                        quote(other),
                        quote(column)
                    ));
                }
            }
            if own == NAME_COLUMN {
                name = Some(index);
                continue;
            }
            if own == TARGET_COLUMN {
                target = Some(index);
            }
            columns.push(own.to_owned());
        }
        let Some(name) = name else {
            return Err(without_column(&columns, separator, &names.name, line));
        };
        if target.is_none() && names.target != TARGET_COLUMN {
            columns.insert(name, names.name.clone());
            return Err(without_column(&columns, separator, &names.target, line));
        }
        Ok(Self { separator, width, name, target, columns })
    }

    /// Finds the columns of conditions. A condition may use the file's name of a column or the
    /// manifest's.
    fn selection(
        &self,
        record: &ByteRecord,
        names: &ColumnNames,
        conditions: &[Condition],
    ) -> Result<Selection, Reason> {
        let cells = record.iter().take(self.width);
        let columns: Vec<&str> =
            cells.map(|cell| str::from_utf8(cell).unwrap_or_default().trim()).collect();
        let header: Vec<[&str; 2]> =
            columns.iter().map(|column| [*column, names.own(column)]).collect();
        Selection::new(conditions, &header)
    }

    /// Checks the number of a row's cells.
    fn check_cells(&self, record: &ByteRecord) -> Result<(), String> {
        if record.len() < self.width || filled(record) > self.width {
            let separator = match self.separator {
                ';' => "semicolon",
                '\t' => "tab",
                _ => "comma",
            };
            return Err(format!(
                "{} cells where the header has {}: put quotes around a cell that holds a \
                 {separator}, and name every column",
                record.len(),
                self.width
            ));
        }
        Ok(())
    }

    /// Reads a row whose number of cells was checked.
    fn row(&self, record: &ByteRecord, root: &Path, line: u64) -> Result<Row, String> {
        let (mut name, mut target) = ("", None);
        let mut extra = Vec::with_capacity(self.columns.len());
        for (index, cell) in record.iter().take(self.width).enumerate() {
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
        let path = clip_path(root, name)?;
        Ok(Row { name: name.to_owned(), path, target, extra, line })
    }
}

/// Reads the next record with a cell that is not empty, and returns its first line. Spreadsheets
/// write empty rows after the others.
fn next_filled_record<R: Read>(
    reader: &mut csv::Reader<Lines<R>>,
    record: &mut ByteRecord,
) -> Result<Option<u64>, Reason> {
    loop {
        match next_record(reader, record)? {
            Some(_) if filled(record) == 0 => {}
            end_or_line => return Ok(end_or_line),
        }
    }
}

/// Returns the number of cells up to the last one that is not empty.
fn filled(record: &ByteRecord) -> usize {
    let last = record.iter().rposition(|cell| !cell.trim_ascii().is_empty());
    last.map_or(0, |index| index + 1)
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
        Ok(true) if reader.get_ref().is_open() => {
            Err(row_error(line, "a quote in this row is never closed".to_owned()))
        }
        Ok(true) => Ok(Some(line)),
        Ok(false) => Ok(None),
        Err(error) => Err(match error.into_kind() {
            csv::ErrorKind::Io(error) if TooLong::is_in(&error) => row_error(line, TooLong),
            csv::ErrorKind::Io(error) => Reason::Io(error),
            other => row_error(line, format!("not CSV: {other:?}")),
        }),
    }
}

fn text(cell: &[u8]) -> Result<&str, String> {
    str::from_utf8(cell)
        .map_err(|_| "not UTF-8 text: save the file as UTF-8 (in Excel: CSV UTF-8)".to_owned())
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
        return Err(Reason::NotAFile { kind: avff_files::kind_name(metadata.file_type()) });
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
