//! Reads the box structure of ISO/IEC 14496-12 section 4.2: headers in a file, children in a slice.
//!
//! All input is treated as hostile. Sizes are checked before they are used, and a box always
//! consumes at least its own header.

use std::io::{Read, Seek, SeekFrom};

use crate::{allocate::zeros, error::MediaError};

/// A four-character box type.
pub(crate) type FourCc = [u8; 4];

/// The size of the shortest header: 32-bit size and type.
const SHORT_HEADER: u64 = 8;
/// The header size of a box with a 64-bit size after its type.
const LONG_HEADER: u64 = 16;

/// Returns the error for a structural fault of the container.
pub(crate) fn malformed(what: impl Into<String>) -> MediaError {
    MediaError::Malformed { container: "MP4", what: what.into() }
}

/// Formats a four-character code for messages: printable ASCII unchanged, other bytes as `?`.
pub(crate) fn show(code: FourCc) -> String {
    code.iter()
        .map(|&b| if b.is_ascii_graphic() || b == b' ' { char::from(b) } else { '?' })
        .collect()
}

/// The location of a box in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileBox {
    /// The box type.
    pub(crate) kind: FourCc,
    /// Offset of the header, in bytes from the start of the file.
    pub(crate) start: u64,
    /// Offset of the first body byte.
    pub(crate) body: u64,
    /// Offset of the first byte after the box; past the end of the file where the file is
    /// truncated.
    pub(crate) end: u64,
}

/// Reads the box header at offset `at`; returns `None` where the remaining bytes are too few for a
/// header.
///
/// # Errors
///
/// `Malformed` for a size smaller than the header, `Io` where reading fails.
pub(crate) fn box_at(
    file: &mut (impl Read + Seek),
    at: u64,
    file_size: u64,
) -> Result<Option<FileBox>, MediaError> {
    if file_size.saturating_sub(at) < SHORT_HEADER {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(at))?;
    let mut word = [0; 4];
    file.read_exact(&mut word)?;
    let size = u32::from_be_bytes(word);
    let mut kind = [0; 4];
    file.read_exact(&mut kind)?;
    let (header, size) = match size {
        0 => (SHORT_HEADER, file_size - at),
        1 => {
            if file_size - at < LONG_HEADER {
                return Ok(None);
            }
            let mut long = [0; 8];
            file.read_exact(&mut long)?;
            (LONG_HEADER, u64::from_be_bytes(long))
        }
        size => (SHORT_HEADER, u64::from(size)),
    };
    if size < header {
        return Err(malformed(format!("box '{}' of {size} bytes is too small", show(kind))));
    }
    let end = at
        .checked_add(size)
        .ok_or_else(|| malformed(format!("box '{}' has an invalid size", show(kind))))?;
    Ok(Some(FileBox { kind, start: at, body: at + header, end }))
}

/// Reads the body of a box, at most `limit` bytes.
///
/// # Errors
///
/// `TooLarge` over the limit, `Malformed` where the file ends before the box.
pub(crate) fn read_body(
    file: &mut (impl Read + Seek),
    file_box: FileBox,
    file_size: u64,
    what: &'static str,
    limit: u64,
) -> Result<Vec<u8>, MediaError> {
    let length = file_box.end - file_box.body;
    if file_box.end > file_size {
        return Err(malformed(format!(
            "the file ends at byte {file_size}, inside its '{}' box that ends at {}",
            show(file_box.kind),
            file_box.end
        )));
    }
    if length > limit {
        return Err(MediaError::TooLarge { what, value: length, limit });
    }
    let length =
        usize::try_from(length).map_err(|_| MediaError::TooLarge { what, value: length, limit })?;
    file.seek(SeekFrom::Start(file_box.body))?;
    let mut body = zeros(length, what)?;
    file.read_exact(&mut body)?;
    Ok(body)
}

/// Iterates over the boxes in a body.
#[derive(Debug, Clone)]
pub(crate) struct Children<'a> {
    rest: &'a [u8],
}

impl<'a> Children<'a> {
    /// Starts at the first byte of `body`.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// Returns the body of the first child of this type.
    ///
    /// # Errors
    ///
    /// `Malformed` where an earlier child is malformed.
    pub(crate) fn find(body: &'a [u8], kind: FourCc) -> Result<Option<&'a [u8]>, MediaError> {
        for child in Self::new(body) {
            let (child_kind, inner) = child?;
            if child_kind == kind {
                return Ok(Some(inner));
            }
        }
        Ok(None)
    }

    /// Like [`find`](Self::find), but a missing child is an error.
    pub(crate) fn need(body: &'a [u8], kind: FourCc) -> Result<&'a [u8], MediaError> {
        Self::find(body, kind)?.ok_or_else(|| malformed(format!("no '{}' box", show(kind))))
    }

    fn step(&mut self) -> Result<Option<(FourCc, &'a [u8])>, MediaError> {
        // QuickTime ends some lists with a zero word, so fewer bytes than a header mark the end.
        let Some((head, after)) = self.rest.split_first_chunk::<8>() else {
            return Ok(None);
        };
        let [s0, s1, s2, s3, k0, k1, k2, k3] = *head;
        let kind = [k0, k1, k2, k3];
        let (header, size) = match u32::from_be_bytes([s0, s1, s2, s3]) {
            0 => (8, self.rest.len()),
            1 => {
                let long = after
                    .first_chunk::<8>()
                    .ok_or_else(|| malformed(format!("box '{}' is truncated", show(kind))))?;
                (16, usize::try_from(u64::from_be_bytes(*long)).unwrap_or(usize::MAX))
            }
            size => (8, usize::try_from(size).unwrap_or(usize::MAX)),
        };
        let body = self.rest.get(header..size).ok_or_else(|| {
            malformed(format!("box '{}' of {size} bytes does not fit its parent", show(kind)))
        })?;
        self.rest = self.rest.get(size..).unwrap_or_default();
        Ok(Some((kind, body)))
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<(FourCc, &'a [u8]), MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.rest = &[];
        }
        step.transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::Cursor;

    use super::*;

    #[test]
    fn special_sizes_are_read_and_invalid_sizes_refused() {
        let mut bytes = vec![0, 0, 0, 1];
        bytes.extend(b"mdat");
        bytes.extend(20u64.to_be_bytes());
        bytes.extend([7; 4]);
        let mut file = Cursor::new(&bytes);
        let file_box = box_at(&mut file, 0, 20).unwrap().unwrap();
        assert_eq!((file_box.kind, file_box.body, file_box.end), (*b"mdat", 16, 20));
        assert_eq!(Children::find(&bytes, *b"mdat").unwrap().unwrap(), [7; 4]);

        let open_ended = [0, 0, 0, 0, b'm', b'd', b'a', b't', 1, 2];
        let file_box = box_at(&mut Cursor::new(&open_ended), 0, 10).unwrap().unwrap();
        assert_eq!((file_box.body, file_box.end), (8, 10));
        assert_eq!(Children::find(&open_ended, *b"mdat").unwrap().unwrap(), [1, 2]);

        for size in [2u8, 7] {
            let bytes = [0, 0, 0, size, b'f', b'r', b'e', b'e'];
            assert!(box_at(&mut Cursor::new(&bytes), 0, 8).is_err());
            assert!(Children::new(&bytes).next().unwrap().is_err());
        }
        let beyond = [0, 0, 0, 9, b'f', b'r', b'e', b'e'];
        let mut children = Children::new(&beyond);
        assert!(children.next().unwrap().is_err());
        assert!(children.next().is_none(), "an error ends the iteration");
    }
}
