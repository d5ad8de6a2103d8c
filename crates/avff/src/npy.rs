//! Arrays in NumPy's format `.npy`, version 1.0.

use std::{
    io::{self, Write},
    path::Path,
};

/// The values of an array, row-major.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    F32(&'a [f32]),
    Bool(&'a [bool]),
}

/// Writes an array, replacing an existing file.
///
/// # Errors
/// Returns the I/O error of the operating system.
pub(crate) fn write(path: &Path, shape: &[usize], values: Values<'_>) -> io::Result<()> {
    avff_files::write_with(path, |out| {
        out.write_all(&header(shape, values))?;
        match values {
            Values::F32(values) => {
                values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
            }
            Values::Bool(values) => {
                values.iter().try_for_each(|&value| out.write_all(&[u8::from(value)]))
            }
        }
    })
}

/// Returns everything before the values, padded so that they start at a multiple of 64 bytes.
fn header(shape: &[usize], values: Values<'_>) -> Vec<u8> {
    let number_format = match values {
        Values::F32(_) => "<f4",
        Values::Bool(_) => "|b1",
    };
    // A comma after the last size, because a tuple of one item needs it.
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut dict =
        format!("{{'descr': '{number_format}', 'fortran_order': False, 'shape': ({sizes}), }}");
    const START: &[u8] = b"\x93NUMPY\x01\x00";
    let unpadded = START.len() + 2 + dict.len() + 1;
    dict.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    dict.push('\n');
    // A header has well under 65,536 bytes: an array has at most four axes here.
    let length = u16::try_from(dict.len()).unwrap_or(u16::MAX);
    [START, &length.to_le_bytes(), dict.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Bytes that `numpy.save` writes for the array, except for spaces within the shape.
    #[test]
    fn arrays_have_numpys_layout() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write(&path, &[2, 3], Values::F32(&[0.0, 1.0, 2.0, 3.0, 4.0, -5.5])).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let text = str::from_utf8(&bytes[10..128]).unwrap();
        let dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }";
        assert!(text.starts_with(dict) && text.ends_with(" \n"), "{text:?}");
        assert_eq!(bytes.len(), 128 + 24);
        assert_eq!(bytes[124 + 24..], (-5.5_f32).to_le_bytes());
        write(&path, &[3], Values::Bool(&[true, false, true])).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains("'descr': '|b1'"));
        assert!(String::from_utf8_lossy(&bytes).contains("'shape': (3, ), }"));
        assert_eq!(bytes[128..], [1, 0, 1]);
    }
}
