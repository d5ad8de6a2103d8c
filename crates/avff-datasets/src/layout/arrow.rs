//! Text and truth values of an Arrow stream, as `datasets` saves them.
//!
//! The layout of MAVOS-DD needs a few columns of two types. Arrow's own crates would be ten more and
//! minutes of building. What is read is the stream format of
//! <https://arrow.apache.org/docs/format/Columnar.html>, uncompressed and without dictionaries, which
//! is what `datasets` writes.

use std::{io::Read, ops::ControlFlow};

use super::flat::Table;
use crate::error::Reason;

/// The most bytes of a message's header; one of seven columns takes under a thousand.
const MAX_HEADER: usize = 1 << 20;
/// The most bytes of a batch of rows; `datasets` writes a thousand rows in one.
const MAX_BODY: usize = 64 << 20;
/// How deep columns may be nested in columns.
const MAX_NESTING: usize = 8;
/// The most columns, nested ones included.
const MAX_COLUMNS: usize = 4096;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Nothing.
    Null,
    /// UTF-8.
    Text(&'a str),
    /// True or false.
    Bool(bool),
}

/// Row, from 1, and its cells in the order they were asked for; `None` where there is no such column.
pub(super) type Visit<'a> = &'a mut dyn FnMut(u64, &[Option<Value<'_>>]) -> ControlFlow<()>;

/// Reads the columns of those names.
///
/// # Errors
/// [`Reason::Malformed`] for what is no such stream, [`Reason::TooLarge`] for a batch over the
/// limit, [`Reason::Io`].
pub(super) fn read(mut input: impl Read, names: &[&str], visit: Visit<'_>) -> Result<(), Reason> {
    let mut schema: Option<Schema> = None;
    let mut row = 0;
    while let Some(Message { header, body }) = message(&mut input)? {
        let message = Table::root(&header).ok_or_else(|| malformed("a message without a root"))?;
        let content = message.table(2).ok_or_else(|| malformed("a message without content"))?;
        // The union's tags: schema 1, dictionary 2, batch of rows 3.
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

/// The next message, or the end.
fn message(input: &mut impl Read) -> Result<Option<Message>, Reason> {
    let Some(mark) = word(input)? else { return Ok(None) };
    if mark != u32::MAX {
        return Err(malformed("no Arrow stream, or one from before Arrow 0.15"));
    }
    let size = word(input)?.ok_or_else(|| malformed("it ends within a message"))?;
    if size == 0 {
        return Ok(None);
    }
    let header = take(input, u64::from(size), "header of an Arrow message", MAX_HEADER)?;
    let size = Table::root(&header).and_then(|message| message.i64(3)).unwrap_or(0);
    let size = u64::try_from(size).map_err(|_| malformed("a batch of negative size"))?;
    let body = take(input, size, "batch of Arrow rows", MAX_BODY)?;
    Ok(Some(Message { header, body }))
}

/// Four bytes, or nothing at the end of the input.
fn word(input: &mut impl Read) -> Result<Option<u32>, Reason> {
    let mut bytes = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut bytes)?;
    match bytes.as_slice() {
        [] => Ok(None),
        &[a, b, c, d] => Ok(Some(u32::from_le_bytes([a, b, c, d]))),
        _ => Err(malformed("it ends within a message")),
    }
}

/// Grows with what is there, not with what is promised.
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
    if count as u64 == size { Ok(bytes) } else { Err(malformed("it ends within a message")) }
}

/// How a type lays out its buffers, after that of which cells are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Ends in 32 or 64 bits each, and the text.
    Text { wide: bool },
    /// A bit each.
    Bool,
    /// Of no interest.
    Other,
}

/// Where the wanted columns are.
struct Schema {
    /// By name asked for: place among nodes, place among buffers, type.
    wanted: Vec<Option<(usize, usize, Kind)>>,
}

impl Schema {
    fn new(table: Table<'_>, names: &[&str]) -> Result<Self, Reason> {
        if table.i16(0).unwrap_or(0) != 0 {
            return Err(malformed("big-endian numbers"));
        }
        let fields = table.vector(1).ok_or_else(|| malformed("no columns"))?;
        let mut wanted = vec![None; names.len()];
        let (mut node, mut buffer) = (0, 0);
        for field in fields.tables() {
            let (at_node, at_buffer) = (node, buffer);
            let kind = measure(field, &mut node, &mut buffer, 0)?;
            let place = names.iter().position(|name| Some(*name) == field.string(0));
            if let Some(slot) = place.and_then(|place| wanted.get_mut(place)) {
                if kind == Kind::Other {
                    let name = field.string(0).unwrap_or_default();
                    return Err(malformed(format!(
                        "column `{name}` is neither text nor true or false"
                    )));
                }
                *slot = Some((at_node, at_buffer, kind));
            }
        }
        Ok(Self { wanted })
    }
}

/// Counts the nodes and buffers of a column and the columns in it.
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
    // The union's tags, in the order of Arrow's Schema.fbs.
    let (kind, buffers) = match field.u8(2) {
        _ if dictionary => (Kind::Other, 2),
        Some(1) => (Kind::Other, 0),
        Some(5) => (Kind::Text { wide: false }, 3),
        Some(20) => (Kind::Text { wide: true }, 3),
        Some(6) => (Kind::Bool, 2),
        // Numbers, dates, times, bytes of one length.
        Some(2 | 3 | 7..=11 | 15 | 18) => (Kind::Other, 2),
        // Bytes.
        Some(4 | 19) => (Kind::Other, 3),
        // Lists and maps have ends; structs and lists of one length only what is in them.
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

/// Rows that are in memory.
struct Batch<'a> {
    rows: usize,
    columns: Vec<Option<Column<'a>>>,
}

struct Column<'a> {
    kind: Kind,
    /// A bit for each cell that is there; empty where all are.
    present: &'a [u8],
    /// Ends of texts, or truth values.
    first: &'a [u8],
    /// The text.
    second: &'a [u8],
}

impl<'a> Batch<'a> {
    fn new(table: Table<'_>, body: &'a [u8], schema: &Schema) -> Result<Self, Reason> {
        if table.table(3).is_some() {
            return Err(malformed("compressed rows"));
        }
        let broken = || malformed("a batch that breaks off");
        let rows = usize::try_from(table.i64(0).unwrap_or(0)).map_err(|_| broken())?;
        let nodes = table.vector(1).ok_or_else(broken)?;
        let buffers = table.vector(2).ok_or_else(broken)?;
        let slice = |index: usize| {
            let (start, len) = buffers.pair(index)?;
            let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
            body.get(start..start.checked_add(len)?)
        };
        let mut columns = Vec::with_capacity(schema.wanted.len());
        for wanted in &schema.wanted {
            let Some((node, buffer, kind)) = *wanted else {
                columns.push(None);
                continue;
            };
            let (len, nulls) = nodes.pair(node).ok_or_else(broken)?;
            if usize::try_from(len) != Ok(rows) {
                return Err(malformed("columns of different lengths"));
            }
            let present = if nulls == 0 { &[][..] } else { slice(buffer).ok_or_else(broken)? };
            let first = slice(buffer + 1).ok_or_else(broken)?;
            let second = match kind {
                Kind::Text { .. } => slice(buffer + 2).ok_or_else(broken)?,
                _ => &[],
            };
            columns.push(Some(Column { kind, present, first, second }));
        }
        // A hostile count would otherwise be a loop over nothing.
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
        let cell = if self.present.is_empty() || bit(self.present, row) == Some(true) {
            match self.kind {
                Kind::Bool => bit(self.first, row).map(Value::Bool),
                Kind::Text { wide } => self.text(row, wide).map(Value::Text),
                Kind::Other => None,
            }
        } else {
            bit(self.present, row).map(|_| Value::Null)
        };
        cell.ok_or_else(|| malformed("a cell that is not there"))
    }

    fn text(&self, row: usize, wide: bool) -> Option<&'a str> {
        let start = self.end(row, wide)?;
        let end = self.end(row.checked_add(1)?, wide)?;
        str::from_utf8(self.second.get(start..end)?).ok()
    }

    fn end(&self, index: usize, wide: bool) -> Option<usize> {
        let size = if wide { 8 } else { 4 };
        let at = index.checked_mul(size)?;
        let bytes = self.first.get(at..at.checked_add(size)?)?;
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
