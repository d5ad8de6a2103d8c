//! Arrays in NumPy's format `.npy`, version 1.0: the bytes that NumPy writes.

/// The start of every file.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// The values of an array, row-major.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Numbers.
    F32(&'a [f32]),
    /// Truth values, a byte each.
    Bool(&'a [bool]),
}

/// Returns the file of an array.
#[must_use]
pub fn bytes(shape: &[usize], values: Values<'_>) -> Vec<u8> {
    let number_format = match values {
        Values::F32(_) => "<f4",
        Values::Bool(_) => "|b1",
    };
    let mut file = header(number_format, shape);
    match values {
        Values::F32(values) => file.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Values::Bool(values) => file.extend(values.iter().map(|&value| u8::from(value))),
    }
    file
}

/// Reads an array of numbers of this shape. Returns `None` for any other file, also one with the
/// header of another writer.
#[must_use]
pub fn read(file: &[u8], shape: &[usize]) -> Option<Vec<f32>> {
    let (values, rest) = file.strip_prefix(header("<f4", shape).as_slice())?.as_chunks::<4>();
    let count = shape.iter().try_fold(1, |count: usize, &size| count.checked_mul(size));
    let is_whole = rest.is_empty() && Some(values.len()) == count;
    is_whole.then(|| values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

/// Returns everything before the values, padded so that they start at a multiple of 64 bytes.
fn header(number_format: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // A tuple of one item needs a comma.
    let comma = if shape.len() == 1 { "," } else { "" };
    let sizes = sizes.join(", ") + comma;
    let about =
        format!("{{'descr': '{number_format}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let whole = (MAGIC.len() + 2 + about.len() + 1).next_multiple_of(64);
    // A header has well under 65,536 bytes: an array has at most four axes here.
    let length = u16::try_from(whole - MAGIC.len() - 2).unwrap_or(u16::MAX);
    let mut header = [MAGIC, &length.to_le_bytes(), about.as_bytes()].concat();
    header.resize(whole - 1, b' ');
    header.push(b'\n');
    header
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The bytes that NumPy 2.4.6 writes: `np.save(f, np.float32([[1, 2, 3], [4, 5, 6]]))`, and its
    /// header of `np.array([True, False, True])`.
    #[test]
    fn files_are_numpys() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let file = bytes(&[2, 3], Values::F32(&values));
        let text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        let spaces = [b' '; 118 - 59 - 1];
        let header = [MAGIC, b"\x76\x00", text, &spaces, b"\n"].concat();
        assert_eq!((header.len(), file.len()), (128, 128 + 24));
        assert_eq!(file[..128], header);
        assert_eq!(file[148..], 6.0_f32.to_le_bytes());
        assert_eq!(read(&file, &[2, 3]).unwrap(), values);
        for (file, shape) in [(&file[..], [3, 2]), (&file[..150], [2, 3]), (&[][..], [2, 3])] {
            assert!(read(file, &shape).is_none());
        }
        let file = bytes(&[3], Values::Bool(&[true, false, true]));
        let text = b"{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }";
        assert!(file[10..].starts_with(text));
        assert_eq!(file[128..], [1, 0, 1]);
    }
}
