//! NumPy's format of arrays, version 1.0: f32 in C order.

/// The start of every file.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Writes a matrix.
pub(super) fn write(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<u8> {
    let about =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // The header ends with a line break, at a multiple of 64 bytes.
    let length = (MAGIC.len() + 2 + about.len() + 1).next_multiple_of(64) - MAGIC.len() - 2;
    let mut out = MAGIC.to_vec();
    out.extend((length as u16).to_le_bytes());
    out.extend(about.as_bytes());
    out.resize(MAGIC.len() + 2 + length - 1, b' ');
    out.push(b'\n');
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    out
}

/// Reads a matrix that [`write`] wrote. Returns `None` for any other file.
pub(super) fn read(bytes: &[u8], shape: [usize; 2]) -> Option<Vec<f32>> {
    let empty = write(&[], shape);
    let values = bytes.strip_prefix(empty.as_slice())?;
    let (values, rest) = values.as_chunks::<4>();
    let [rows, columns] = shape;
    let complete = rest.is_empty() && Some(values.len()) == rows.checked_mul(columns);
    complete.then(|| values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The bytes that NumPy 2.4.6 writes: `np.save(f, np.float32([[1, 2, 3], [4, 5, 6]]))`.
    #[test]
    fn numpy_writes_the_same_bytes() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let written = write(&values, [2, 3]);
        assert_eq!(written.len(), 128 + 24);
        let header =
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        assert!(written.starts_with(header));
        assert_eq!((written[127], written[126]), (b'\n', b' '));
        assert_eq!(read(&written, [2, 3]).unwrap(), values);
        assert!(read(&written, [3, 2]).is_none());
        assert!(read(&written[..150], [2, 3]).is_none());
    }
}
