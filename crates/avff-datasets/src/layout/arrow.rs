//! A reader for text and boolean columns of an Arrow stream, as the Python package `datasets` saves
//! it.
//!
//! The layout of MAVOS-DD needs a few columns of two types. Arrow's own crates would add ten
//! dependencies and minutes of build time. The reader supports the stream format of
//! <https://arrow.apache.org/docs/format/Columnar.html> without compression and dictionaries, which
//! `datasets` writes.

use std::{io::Read, ops::ControlFlow};

use super::flatbuffers::Table;
use crate::error::Reason;

/// Maximum size of a message's header, in bytes. A header for seven columns takes under a thousand.
const MAX_HEADER: usize = 1 << 20;
/// Maximum size of a record batch, in bytes. `datasets` writes a thousand rows per batch.
const MAX_BODY: usize = 64 << 20;
/// Maximum nesting depth of columns.
const MAX_NESTING: usize = 8;
/// Maximum number of columns, nested ones included.
const MAX_COLUMNS: usize = 4096;

/// The value of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A null value.
    Null,
    /// UTF-8 text.
    Text(&'a str),
    /// A boolean.
    Bool(bool),
}

/// Receives the row number, from 1, and the cells in the requested order. A cell is `None` if its
/// column is absent.
pub(super) type Visit<'a> = &'a mut dyn FnMut(u64, &[Option<Value<'_>>]) -> ControlFlow<()>;

/// Reads the columns with the given names.
///
/// # Errors
/// [`Reason::Malformed`] for an invalid stream, [`Reason::TooLarge`] for a batch that exceeds the
/// limit, [`Reason::Io`].
pub(super) fn read(mut input: impl Read, names: &[&str], visit: Visit<'_>) -> Result<(), Reason> {
    let mut schema: Option<Schema> = None;
    let mut row = 0;
    while let Some(Message { header, body }) = message(&mut input)? {
        let message = Table::root(&header).ok_or_else(|| malformed("a message without a root"))?;
        let content = message.table(2).ok_or_else(|| malformed("a message without content"))?;
        // Union tags: schema 1, dictionary 2, record batch 3.
        match (message.u8(1), &schema) {
            (Some(1), None) => schema = Some(Schema::new(content, names)?),
            (Some(3), Some(schema)) => {
                let batch = Batch::new(content, &body, schema)?;
                for index in 0..batch.rows {
                    row += 1;
                    if visit(row, &batch.cells(index)?).is_break() {
                        return Ok(());
                    }
                }
            }
            (tag, _) => return Err(malformed(format!("an unexpected message of type {tag:?}"))),
        }
    }
    if schema.is_some() { Ok(()) } else { Err(malformed("no schema")) }
}

struct Message {
    header: Vec<u8>,
    body: Vec<u8>,
}

/// Reads the next message; `None` at the end.
fn message(input: &mut impl Read) -> Result<Option<Message>, Reason> {
    let Some(marker) = word(input)? else { return Ok(None) };
    if marker != u32::MAX {
        return Err(malformed("not an Arrow stream, or older than Arrow 0.15"));
    }
    let size = word(input)?.ok_or_else(|| malformed("the stream ends within a message"))?;
    if size == 0 {
        return Ok(None);
    }
    let header = take(input, u64::from(size), "header of an Arrow message", MAX_HEADER)?;
    let size = Table::root(&header).and_then(|message| message.i64(3)).unwrap_or(0);
    let size = u64::try_from(size).map_err(|_| malformed("a batch of negative size"))?;
    let body = take(input, size, "batch of Arrow rows", MAX_BODY)?;
    Ok(Some(Message { header, body }))
}

/// Reads four bytes; `None` at the end of the input.
fn word(input: &mut impl Read) -> Result<Option<u32>, Reason> {
    let mut bytes = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut bytes)?;
    match bytes.as_slice() {
        [] => Ok(None),
        &[a, b, c, d] => Ok(Some(u32::from_le_bytes([a, b, c, d]))),
        _ => Err(malformed("the stream ends within a message")),
    }
}

/// Reads `size` bytes. Memory grows with the actual bytes, not with the declared size.
fn take(
    input: &mut impl Read,
    size: u64,
    what: &'static str,
    limit: usize,
) -> Result<Vec<u8>, Reason> {
    let limit = limit as u64;
    if size > limit {
        return Err(Reason::TooLarge { what, value: size, limit });
    }
    let mut bytes = Vec::new();
    let count = input.by_ref().take(size).read_to_end(&mut bytes)?;
    if count as u64 == size {
        Ok(bytes)
    } else {
        Err(malformed("the stream ends within a message"))
    }
}

/// The buffer layout of a type, after the validity bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Offsets of 32 or 64 bits each, and the text.
    Text { wide: bool },
    /// One bit per value.
    Bool,
    /// Any other type.
    Other,
}

/// The positions of the requested columns.
struct Schema {
    /// For each requested name: node index, buffer index and type.
    requested: Vec<Option<(usize, usize, Kind)>>,
}

impl Schema {
    fn new(table: Table<'_>, names: &[&str]) -> Result<Self, Reason> {
        if table.i16(0).unwrap_or(0) != 0 {
            return Err(malformed("big-endian numbers"));
        }
        let fields = table.vector(1).ok_or_else(|| malformed("no columns"))?;
        let mut requested = vec![None; names.len()];
        let (mut node, mut buffer) = (0, 0);
        for field in fields.tables() {
            let (at_node, at_buffer) = (node, buffer);
            let kind = measure(field, &mut node, &mut buffer, 0)?;
            let index = names.iter().position(|name| Some(*name) == field.string(0));
            if let Some(slot) = index.and_then(|index| requested.get_mut(index)) {
                if kind == Kind::Other {
                    let name = field.string(0).unwrap_or_default();
                    return Err(malformed(format!("column `{name}` is neither text nor boolean")));
                }
                *slot = Some((at_node, at_buffer, kind));
            }
        }
        Ok(Self { requested })
    }
}

/// Counts the nodes and buffers of a column and its children.
fn measure(
    field: Table<'_>,
    node: &mut usize,
    buffer: &mut usize,
    depth: usize,
) -> Result<Kind, Reason> {
    if depth > MAX_NESTING || *node >= MAX_COLUMNS {
        return Err(malformed("too many columns"));
    }
    *node += 1;
    let dictionary = field.table(4).is_some();
    // Union tags, in the order of Arrow's Schema.fbs.
    let (kind, buffers) = match field.u8(2) {
        _ if dictionary => (Kind::Other, 2),
        Some(1) => (Kind::Other, 0),
        Some(5) => (Kind::Text { wide: false }, 3),
        Some(20) => (Kind::Text { wide: true }, 3),
        Some(6) => (Kind::Bool, 2),
        // Numbers, dates, times and fixed-size binaries.
        Some(2 | 3 | 7..=11 | 15 | 18) => (Kind::Other, 2),
        // Binaries.
        Some(4 | 19) => (Kind::Other, 3),
        // Lists and maps have offsets. Structs and fixed-size lists consist of their children.
        Some(12 | 17 | 21) => (Kind::Other, 2),
        Some(13 | 16) => (Kind::Other, 1),
        other => return Err(malformed(format!("a column of type {other:?}"))),
    };
    *buffer += buffers;
    if let Some(children) = field.vector(5).filter(|_| !dictionary) {
        for child in children.tables() {
            measure(child, node, buffer, depth + 1)?;
        }
    }
    Ok(kind)
}

/// A record batch in memory.
struct Batch<'a> {
    rows: usize,
    columns: Vec<Option<Column<'a>>>,
}

struct Column<'a> {
    kind: Kind,
    /// Validity bitmap; empty if no cell is null.
    validity: &'a [u8],
    /// Text offsets, or booleans.
    offsets: &'a [u8],
    /// Text bytes.
    text: &'a [u8],
}

impl<'a> Batch<'a> {
    fn new(table: Table<'_>, body: &'a [u8], schema: &Schema) -> Result<Self, Reason> {
        if table.table(3).is_some() {
            return Err(malformed("compressed rows"));
        }
        let truncated = || malformed("a truncated batch");
        let rows = usize::try_from(table.i64(0).unwrap_or(0)).map_err(|_| truncated())?;
        let nodes = table.vector(1).ok_or_else(truncated)?;
        let buffers = table.vector(2).ok_or_else(truncated)?;
        let slice = |index: usize| {
            let (start, len) = buffers.pair(index)?;
            let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
            body.get(start..start.checked_add(len)?)
        };
        let mut columns = Vec::with_capacity(schema.requested.len());
        for requested in &schema.requested {
            let Some((node, buffer, kind)) = *requested else {
                columns.push(None);
                continue;
            };
            let (len, nulls) = nodes.pair(node).ok_or_else(truncated)?;
            if usize::try_from(len) != Ok(rows) {
                return Err(malformed("columns of different lengths"));
            }
            let validity =
                if nulls == 0 { &[][..] } else { slice(buffer).ok_or_else(truncated)? };
            let offsets = slice(buffer + 1).ok_or_else(truncated)?;
            let text = match kind {
                Kind::Text { .. } => slice(buffer + 2).ok_or_else(truncated)?,
                _ => &[],
            };
            columns.push(Some(Column { kind, validity, offsets, text }));
        }
        // Without columns, a hostile row count would loop over nothing.
        if columns.iter().all(Option::is_none) {
            return Ok(Self { rows: 0, columns });
        }
        Ok(Self { rows, columns })
    }

    fn cells(&self, row: usize) -> Result<Vec<Option<Value<'a>>>, Reason> {
        let cell = |column: &Option<Column<'a>>| {
            column.as_ref().map(|column| column.cell(row)).transpose()
        };
        self.columns.iter().map(cell).collect()
    }
}

impl<'a> Column<'a> {
    fn cell(&self, row: usize) -> Result<Value<'a>, Reason> {
        let cell = if self.validity.is_empty() || bit(self.validity, row) == Some(true) {
            match self.kind {
                Kind::Bool => bit(self.offsets, row).map(Value::Bool),
                Kind::Text { wide } => self.text(row, wide).map(Value::Text),
                Kind::Other => None,
            }
        } else {
            bit(self.validity, row).map(|_| Value::Null)
        };
        cell.ok_or_else(|| malformed("a missing or invalid cell"))
    }

    fn text(&self, row: usize, wide: bool) -> Option<&'a str> {
        let start = self.offset(row, wide)?;
        let end = self.offset(row.checked_add(1)?, wide)?;
        str::from_utf8(self.text.get(start..end)?).ok()
    }

    fn offset(&self, index: usize, wide: bool) -> Option<usize> {
        let size = if wide { 8 } else { 4 };
        let at = index.checked_mul(size)?;
        let bytes = self.offsets.get(at..at.checked_add(size)?)?;
        let mut number = [0; 8];
        number.get_mut(..size)?.copy_from_slice(bytes);
        usize::try_from(u64::from_le_bytes(number)).ok()
    }
}

fn bit(bytes: &[u8], index: usize) -> Option<bool> {
    Some(bytes.get(index / 8)? >> (index % 8) & 1 == 1)
}

fn malformed(what: impl Into<String>) -> Reason {
    Reason::Malformed { format: "Arrow stream", what: what.into() }
}
