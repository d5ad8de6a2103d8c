//! The subset of FlatBuffers that Arrow message headers need: tables, vectors and strings.
//!
//! Offsets come from the file and may point anywhere. Every read is checked, and none allocates.
//! <https://flatbuffers.dev/internals/>

/// A table in a buffer. Absent and invalid fields are `None`; the caller reports a required field
/// that is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    /// Start of the table.
    start: usize,
}

/// A vector of tables or structs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vector<'a> {
    buffer: &'a [u8],
    /// Start of the first element.
    start: usize,
    len: usize,
}

impl<'a> Table<'a> {
    /// Returns the root table of a buffer.
    pub(super) fn root(buffer: &'a [u8]) -> Option<Self> {
        Some(Self { buffer, start: follow(buffer, 0)? })
    }

    pub(super) fn u8(self, field: usize) -> Option<u8> {
        self.buffer.get(self.position(field)?).copied()
    }

    pub(super) fn i16(self, field: usize) -> Option<i16> {
        Some(i16::from_le_bytes(bytes(self.buffer, self.position(field)?)?))
    }

    pub(super) fn i64(self, field: usize) -> Option<i64> {
        Some(i64::from_le_bytes(bytes(self.buffer, self.position(field)?)?))
    }

    pub(super) fn table(self, field: usize) -> Option<Self> {
        Some(Self { buffer: self.buffer, start: follow(self.buffer, self.position(field)?)? })
    }

    pub(super) fn string(self, field: usize) -> Option<&'a str> {
        let vector = self.vector(field)?;
        let end = vector.start.checked_add(vector.len)?;
        str::from_utf8(self.buffer.get(vector.start..end)?).ok()
    }

    pub(super) fn vector(self, field: usize) -> Option<Vector<'a>> {
        let start = follow(self.buffer, self.position(field)?)?;
        let len = u32::from_le_bytes(bytes(self.buffer, start)?);
        Some(Vector {
            buffer: self.buffer,
            start: start.checked_add(4)?,
            len: usize::try_from(len).ok()?,
        })
    }

    /// Returns the position of a field according to the table's vtable.
    fn position(self, field: usize) -> Option<usize> {
        let distance = i32::from_le_bytes(bytes(self.buffer, self.start)?);
        let vtable =
            self.start.checked_add_signed(isize::try_from(distance).ok()?.checked_neg()?)?;
        let size = usize::from(u16::from_le_bytes(bytes(self.buffer, vtable)?));
        // The sizes of the vtable and of the table precede the offsets.
        let at = field.checked_mul(2)?.checked_add(4)?;
        if at.checked_add(2)? > size {
            return None;
        }
        match u16::from_le_bytes(bytes(self.buffer, vtable.checked_add(at)?)?) {
            0 => None,
            offset => self.start.checked_add(usize::from(offset)),
        }
    }
}

impl<'a> Vector<'a> {
    /// Iterates over the tables, up to the first invalid one.
    pub(super) fn tables(self) -> impl Iterator<Item = Table<'a>> {
        (0..self.len).map_while(move |index| {
            let at = index.checked_mul(4)?.checked_add(self.start)?;
            Some(Table { buffer: self.buffer, start: follow(self.buffer, at)? })
        })
    }

    /// Returns a struct of two 64-bit integers.
    pub(super) fn pair(self, index: usize) -> Option<(i64, i64)> {
        if index >= self.len {
            return None;
        }
        let at = index.checked_mul(16)?.checked_add(self.start)?;
        let second = bytes(self.buffer, at.checked_add(8)?)?;
        Some((i64::from_le_bytes(bytes(self.buffer, at)?), i64::from_le_bytes(second)))
    }
}

/// Resolves the relative offset stored at `at`.
fn follow(buffer: &[u8], at: usize) -> Option<usize> {
    let offset = usize::try_from(u32::from_le_bytes(bytes(buffer, at)?)).ok()?;
    at.checked_add(offset)
}

fn bytes<const N: usize>(buffer: &[u8], at: usize) -> Option<[u8; N]> {
    buffer.get(at..at.checked_add(N)?)?.try_into().ok()
}
