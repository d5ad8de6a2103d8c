//! JSON metadata, element by element: a list of a million clips is never in memory at once.

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

use super::scan::{Place, Rows};
use crate::{
    error::Reason,
    manifest::{complaint, mark::Unmarked},
};

/// The most bytes of one element. Those of AV-Deepfake1M carry a transcript and take a few thousand.
const MAX_ELEMENT: usize = 4 << 20;

/// What becomes of an element: its name where the elements of the file have names.
type Visit<'a, T> = &'a mut dyn FnMut(Option<String>, T) -> ControlFlow<()>;

/// Reads a list of objects, or an object of named objects.
///
/// # Errors
/// [`Reason::Empty`], and [`Reason::Row`] for what is no JSON, not of this form, nested
/// too deep or too long.
pub(super) fn read<T>(input: impl Read, visit: Visit<'_, T>) -> Result<(), Reason>
where
    T: for<'de> Deserialize<'de>,
{
    let left = Cell::new(MAX_ELEMENT);
    let mut input = BufReader::new(Unmarked::new(input));
    if input.fill_buf()?.is_empty() {
        return Err(Reason::Empty);
    }
    let mut stopped = false;
    let mut json = serde_json::Deserializer::from_reader(Rationed { inner: input, left: &left });
    let elements = Elements { visit, left: &left, stopped: &mut stopped, element: PhantomData };
    let read = json.deserialize_any(elements).and_then(|()| json.end());
    match read {
        Err(_) if stopped => Ok(()),
        Err(error) => Err(describe(error)),
        Ok(()) => Ok(()),
    }
}

/// Hands every element to `visit`, as `parse` makes it of its name and value.
///
/// # Errors
/// As [`read`].
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
        visit(Place::Element(count), parse(name, element))
    })
}

/// Reads one object.
///
/// # Errors
/// As [`read`].
pub(super) fn read_one<T>(input: impl Read) -> Result<T, Reason>
where
    T: for<'de> Deserialize<'de>,
{
    let left = Cell::new(MAX_ELEMENT);
    let input = BufReader::new(Unmarked::new(input));
    serde_json::from_reader(Rationed { inner: input, left: &left }).map_err(describe)
}

fn describe(error: serde_json::Error) -> Reason {
    let line = error.line() as u64;
    match error.classify() {
        serde_json::error::Category::Io => {
            let error = io::Error::from(error);
            if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) {
                complaint(line, TooLong)
            } else {
                Reason::Io(error)
            }
        }
        _ => complaint(line, format!("not the JSON that was looked for: {error}")),
    }
}

/// Hands out no more bytes than an element may take.
struct Rationed<'a, R> {
    inner: R,
    left: &'a Cell<usize>,
}

impl<R: Read> Read for Rationed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLong));
        }
        let most = buffer.len().min(left);
        let count = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left.set(left - count);
        Ok(count)
    }
}

#[derive(Debug)]
struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an element of over {MAX_ELEMENT} bytes")
    }
}

impl std::error::Error for TooLong {}

struct Elements<'a, 'v, T> {
    visit: Visit<'v, T>,
    left: &'a Cell<usize>,
    stopped: &'a mut bool,
    element: PhantomData<T>,
}

impl<T> Elements<'_, '_, T> {
    fn hand_over<E: serde::de::Error>(&mut self, name: Option<String>, value: T) -> Result<(), E> {
        self.left.set(MAX_ELEMENT);
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
        f.write_str("a list of objects, or an object of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            self.hand_over(None, value)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        while let Some((name, value)) = object.next_entry()? {
            self.hand_over(Some(name), value)?;
        }
        Ok(())
    }
}

/// Seconds from and to which something was changed.
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

/// Segments as a cell: `1.2-3.4;5-6`.
///
/// # Errors
/// A segment that ends before it starts, or starts before the clip.
pub(super) fn cell(segments: &[Segment]) -> Result<String, String> {
    let parts = segments.iter().map(|segment| {
        let Segment(start, end) = segment.check()?;
        Ok(format!("{start}-{end}"))
    });
    Ok(parts.collect::<Result<Vec<String>, String>>()?.join(";"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<(Option<String>, String)>, String> {
        #[derive(Deserialize)]
        struct Element {
            file: String,
        }
        let mut found = Vec::new();
        let mut visit = |name, element: Element| {
            found.push((name, element.file));
            ControlFlow::Continue(())
        };
        read(text.as_bytes(), &mut visit).map_err(|error| error.to_string())?;
        Ok(found)
    }

    #[test]
    fn lists_and_objects_with_a_mark_before_them() {
        let both = |a: Option<&str>| vec![(a.map(str::to_owned), "x".to_owned())];
        assert_eq!(names("\u{feff}[{\"file\": \"x\", \"more\": [{}]}]").unwrap(), both(None));
        assert_eq!(names("{\"a\": {\"file\": \"x\"}}\r\n").unwrap(), both(Some("a")));
        assert_eq!(names("[]").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let deep = format!("[{{\"file\": \"x\", \"more\": {}", "[".repeat(1000));
        let long = format!("[{{\"file\": \"{}\"}}]", "x".repeat(MAX_ELEMENT));
        let cases = [
            ("", "the file is empty"),
            ("3", "line 1: not the JSON"),
            ("[\n{\"file\": 3}]", "line 2: not the JSON"),
            ("[{\"file\": \"x\"}", "line 1: not the JSON"),
            ("[] []", "line 1: not the JSON"),
            (&deep, "line 1: not the JSON"),
            (&long, "line 1: an element of over"),
        ];
        for (text, want) in cases {
            let error = names(text).unwrap_err();
            assert!(error.starts_with(want), "{error}, not {want}");
        }
    }

    #[test]
    fn an_element_may_be_followed_by_any_number_of_others() {
        let element = format!("{{\"file\": \"{}\"}}", "x".repeat(MAX_ELEMENT / 3));
        let text = format!("[{}]", [element.as_str(); 8].join(","));
        assert_eq!(names(&text).unwrap().len(), 8);
    }

    #[test]
    fn segments_as_a_cell() {
        assert_eq!(cell(&[Segment(1.2, 3.4), Segment(5.0, 6.0)]).unwrap(), "1.2-3.4;5-6");
        assert_eq!(cell(&[]).unwrap(), "");
        for bad in [Segment(-1.0, 2.0), Segment(2.0, 1.0), Segment(f64::NAN, 1.0)] {
            cell(&[bad]).unwrap_err();
        }
    }
}
