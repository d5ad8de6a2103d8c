//! Reads JSON metadata element by element, so that a list of a million clips is never in memory at
//! once.

use std::{
    cell::Cell,
    fmt,
    io::{self, BufRead, BufReader, Read},
    marker::PhantomData,
    ops::ControlFlow,
};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};

use super::scan::{Position, Rows};
use crate::{
    error::Reason,
    manifest::{row_error, text::Utf8},
};

/// Maximum size of one element, in bytes. Elements of AV-Deepfake1M contain a transcript and take a
/// few thousand.
const MAX_ELEMENT: usize = 4 << 20;

/// Receives an element, and its name if the elements are named.
type Visit<'a, T> = &'a mut dyn FnMut(Option<String>, T) -> ControlFlow<()>;

/// Reads a list of objects, or an object of named objects.
///
/// # Errors
/// [`Reason::Empty`], and [`Reason::Row`] for invalid JSON, an unexpected structure, deep nesting
/// or a long element.
pub(super) fn read<T>(input: impl Read, visit: Visit<'_, T>) -> Result<(), Reason>
where
    T: for<'de> Deserialize<'de>,
{
    let remaining = Cell::new(MAX_ELEMENT);
    let mut input = BufReader::new(Utf8::new(input));
    if input.fill_buf()?.is_empty() {
        return Err(Reason::Empty);
    }
    let mut stopped = false;
    let mut json =
        serde_json::Deserializer::from_reader(Limited { inner: input, remaining: &remaining });
    let elements =
        Elements { visit, remaining: &remaining, stopped: &mut stopped, element: PhantomData };
    let read = json.deserialize_any(elements).and_then(|()| json.end());
    match read {
        Err(_) if stopped => Ok(()),
        Err(error) => Err(describe(error)),
        Ok(()) => Ok(()),
    }
}

/// Parses every element with `parse` and passes the result to `visit`.
///
/// # Errors
/// See [`read`].
pub(super) fn rows<E, T>(
    input: impl Read,
    visit: Rows<'_, T>,
    parse: impl Fn(Option<String>, E) -> Result<T, String>,
) -> Result<(), Reason>
where
    E: for<'de> Deserialize<'de>,
{
    let mut count = 0;
    read(input, &mut |name, element| {
        count += 1;
        visit(Position::Element(count), parse(name, element))
    })
}

/// Reads one object.
///
/// # Errors
/// See [`read`].
pub(super) fn read_one<T>(input: impl Read) -> Result<T, Reason>
where
    T: for<'de> Deserialize<'de>,
{
    let remaining = Cell::new(MAX_ELEMENT);
    let input = BufReader::new(Utf8::new(input));
    serde_json::from_reader(Limited { inner: input, remaining: &remaining }).map_err(describe)
}

fn describe(error: serde_json::Error) -> Reason {
    let line = error.line() as u64;
    match error.classify() {
        serde_json::error::Category::Io => {
            let error = io::Error::from(error);
            if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) {
                row_error(line, TooLong)
            } else {
                Reason::Io(error)
            }
        }
        _ => row_error(line, format!("unexpected JSON: {error}")),
    }
}

/// A reader that stops at the size limit of an element.
struct Limited<'a, R> {
    inner: R,
    remaining: &'a Cell<usize>,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let remaining = self.remaining.get();
        if remaining == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong));
        }
        let max = buffer.len().min(remaining);
        let count = self.inner.read(buffer.get_mut(..max).unwrap_or_default())?;
        self.remaining.set(remaining - count);
        Ok(count)
    }
}

#[derive(Debug)]
struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an element exceeds {MAX_ELEMENT} bytes")
    }
}

impl std::error::Error for TooLong {}

struct Elements<'a, 'v, T> {
    visit: Visit<'v, T>,
    remaining: &'a Cell<usize>,
    stopped: &'a mut bool,
    element: PhantomData<T>,
}

impl<T> Elements<'_, '_, T> {
    fn emit<E: serde::de::Error>(&mut self, name: Option<String>, value: T) -> Result<(), E> {
        self.remaining.set(MAX_ELEMENT);
        match (self.visit)(name, value) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                *self.stopped = true;
                Err(E::custom("stopped"))
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects, or an object of named objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            self.emit(None, value)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        while let Some((name, value)) = object.next_entry()? {
            self.emit(Some(name), value)?;
        }
        Ok(())
    }
}

/// Start and end of a modified time segment, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct Segment(f64, f64);

impl Segment {
    fn check(self) -> Result<Self, String> {
        let Self(start, end) = self;
        if start >= 0.0 && end >= start && end.is_finite() {
            Ok(self)
        } else {
            Err(format!("a segment from {start} to {end} seconds"))
        }
    }
}

/// Formats segments as a cell: `1.2-3.4;5-6`.
///
/// # Errors
/// A segment ends before it starts, or starts before the clip.
pub(super) fn cell(segments: &[Segment]) -> Result<String, String> {
    let parts = segments.iter().map(|segment| {
        let Segment(start, end) = segment.check()?;
        Ok(format!("{start}-{end}"))
    });
    Ok(parts.collect::<Result<Vec<String>, String>>()?.join(";"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<(Option<String>, String)>, String> {
        #[derive(Deserialize)]
        struct Element {
            file: String,
        }
        let mut elements = Vec::new();
        let mut visit = |name, element: Element| {
            elements.push((name, element.file));
            ControlFlow::Continue(())
        };
        read(text.as_bytes(), &mut visit).map_err(|error| error.to_string())?;
        Ok(elements)
    }

    #[test]
    fn lists_and_objects_after_byte_order_mark() {
        let both = |a: Option<&str>| vec![(a.map(str::to_owned), "x".to_owned())];
        assert_eq!(names("\u{feff}[{\"file\": \"x\", \"more\": [{}]}]").unwrap(), both(None));
        assert_eq!(names("{\"a\": {\"file\": \"x\"}}\r\n").unwrap(), both(Some("a")));
        assert_eq!(names("[]").unwrap(), []);
    }

    #[test]
    fn errors_name_the_line() {
        let deep = format!("[{{\"file\": \"x\", \"more\": {}", "[".repeat(1000));
        let long = format!("[{{\"file\": \"{}\"}}]", "x".repeat(MAX_ELEMENT));
        let cases = [
            ("", "the file is empty"),
            ("3", "line 1: unexpected JSON"),
            ("[\n{\"file\": 3}]", "line 2: unexpected JSON"),
            ("[{\"file\": \"x\"}", "line 1: unexpected JSON"),
            ("[] []", "line 1: unexpected JSON"),
            (&deep, "line 1: unexpected JSON"),
            (&long, "line 1: an element exceeds"),
        ];
        for (text, expected) in cases {
            let error = names(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}, expected {expected}");
        }
    }

    #[test]
    fn size_limit_applies_to_each_element() {
        let element = format!("{{\"file\": \"{}\"}}", "x".repeat(MAX_ELEMENT / 3));
        let text = format!("[{}]", [element.as_str(); 8].join(","));
        assert_eq!(names(&text).unwrap().len(), 8);
    }

    #[test]
    fn segments_are_formatted_as_cell() {
        assert_eq!(cell(&[Segment(1.2, 3.4), Segment(5.0, 6.0)]).unwrap(), "1.2-3.4;5-6");
        assert_eq!(cell(&[]).unwrap(), "");
        for bad in [Segment(-1.0, 2.0), Segment(2.0, 1.0), Segment(f64::NAN, 1.0)] {
            cell(&[bad]).unwrap_err();
        }
    }
}
