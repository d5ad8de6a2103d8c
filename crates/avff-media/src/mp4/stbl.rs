//! Reads the boxes of a sample table, each on its own.

use super::{
    boxes::{Children, malformed},
    fields::Fields,
};
use crate::error::MediaError;

fn first_word(entry: &[u8; 12]) -> u32 {
    let [a, b, c, d, ..] = *entry;
    u32::from_be_bytes([a, b, c, d])
}

/// Iterates over the values of run-length coded `(count, value)` pairs.
pub(super) struct Runs<'a> {
    entries: std::slice::Iter<'a, [u8; 8]>,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    /// Starts at the first pair.
    pub(super) fn new(entries: &'a [[u8; 8]]) -> Self {
        Self { entries: entries.iter(), left: 0, value: 1 }
    }

    /// Returns how many values were not taken.
    pub(super) fn left(&self) -> u64 {
        let counts =
            self.entries.clone().map(|[a, b, c, d, ..]| u32::from_be_bytes([*a, *b, *c, *d]));
        counts.map(u64::from).sum::<u64>() + u64::from(self.left)
    }

    /// Returns how many of the next `count` values are equal, and the value. The last value stands for
    /// all that are missing; an empty list stands for ones.
    pub(super) fn take_run(&mut self, count: u32) -> (u32, u32) {
        let taken = match self.next() {
            Some(_) => count.min(self.left.saturating_add(1)),
            None => count,
        };
        self.left = self.left.saturating_sub(taken.saturating_sub(1));
        (taken, self.value)
    }
}

impl Iterator for Runs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            let [a, b, c, d, e, f, g, h] = *self.entries.next()?;
            self.left = u32::from_be_bytes([a, b, c, d]);
            self.value = u32::from_be_bytes([e, f, g, h]);
        }
        self.left -= 1;
        Some(self.value)
    }
}

/// The sample sizes of `stsz`, or of its compact form `stz2`.
pub(super) struct Sizes<'a> {
    /// The number of samples in the track.
    pub(super) count: usize,
    form: SizeForm<'a>,
}

enum SizeForm<'a> {
    Constant(u32),
    Words(&'a [[u8; 4]]),
    Narrow { bits: u8, bytes: &'a [u8] },
}

impl<'a> Sizes<'a> {
    /// Finds and reads the box.
    pub(super) fn read(stbl: &'a [u8]) -> Result<Self, MediaError> {
        if let Some(body) = Children::find(stbl, *b"stsz")? {
            let mut fields = Fields::full("stsz", body)?.0;
            let constant = fields.u32()?;
            if constant == 0 {
                let words = fields.table()?;
                return Ok(Self { count: words.len(), form: SizeForm::Words(words) });
            }
            let count = usize::try_from(fields.u32()?).unwrap_or(usize::MAX);
            return Ok(Self { count, form: SizeForm::Constant(constant) });
        }
        let mut fields = Fields::full("stz2", Children::need(stbl, *b"stz2")?)?.0;
        let [.., bits] = fields.u32()?.to_be_bytes();
        if !matches!(bits, 4 | 8 | 16) {
            return Err(malformed(format!("box 'stz2' with {bits}-bit sizes")));
        }
        let count = usize::try_from(fields.u32()?).unwrap_or(usize::MAX);
        let bytes = count.checked_mul(usize::from(bits)).map_or(usize::MAX, |n| n.div_ceil(8));
        Ok(Self { count, form: SizeForm::Narrow { bits, bytes: fields.take(bytes)? } })
    }

    /// Returns the bytes of a sample, or `None` after the last.
    pub(super) fn get(&self, index: usize) -> Option<u32> {
        if index >= self.count {
            return None;
        }
        match self.form {
            SizeForm::Constant(size) => Some(size),
            SizeForm::Words(words) => words.get(index).map(|word| u32::from_be_bytes(*word)),
            SizeForm::Narrow { bits: 4, bytes } => bytes.get(index / 2).map(|&pair| {
                u32::from(if index.is_multiple_of(2) { pair >> 4 } else { pair & 15 })
            }),
            SizeForm::Narrow { bits: 8, bytes } => bytes.get(index).copied().map(u32::from),
            SizeForm::Narrow { bytes, .. } => {
                bytes.as_chunks::<2>().0.get(index).map(|pair| u32::from(u16::from_be_bytes(*pair)))
            }
        }
    }
}

/// Returns the number of sample descriptions.
fn descriptions(stbl: &[u8]) -> Result<u32, MediaError> {
    match Children::find(stbl, *b"stsd")? {
        Some(body) => Fields::full("stsd", body)?.0.u32(),
        None => Ok(1),
    }
}

/// The chunks of `stsc` with `stco` or `co64`.
pub(super) struct Chunks<'a> {
    runs: &'a [[u8; 12]],
    short: &'a [[u8; 4]],
    long: &'a [[u8; 8]],
}

impl<'a> Chunks<'a> {
    /// Finds and reads the box.
    pub(super) fn read(stbl: &'a [u8]) -> Result<Self, MediaError> {
        let runs: &[[u8; 12]] = Fields::full("stsc", Children::need(stbl, *b"stsc")?)?.0.table()?;
        if runs.windows(2).any(|pair| matches!(pair, [a, b] if first_word(a) >= first_word(b))) {
            return Err(malformed("box 'stsc' is not in order"));
        }
        let descriptions = descriptions(stbl)?;
        let named = |[.., a, b, c, d]: &[u8; 12]| u32::from_be_bytes([*a, *b, *c, *d]);
        if let Some(name) = runs.iter().map(named).find(|&name| name > descriptions) {
            return Err(malformed(format!(
                "box 'stsc' names sample description {name}, but box 'stsd' has {descriptions}"
            )));
        }
        if runs.iter().map(named).any(|name| name > 1) {
            return Err(MediaError::UnsupportedContainer {
                container: "MP4 with changing codec settings",
            });
        }
        let (mut short, mut long): (&[[u8; 4]], &[[u8; 8]]) = (&[], &[]);
        match Children::find(stbl, *b"stco")? {
            Some(body) => short = Fields::full("stco", body)?.0.table()?,
            None => long = Fields::full("co64", Children::need(stbl, *b"co64")?)?.0.table()?,
        }
        let count = short.len() + long.len();
        if let (Some(first), Some(last)) =
            (runs.first().map(first_word), runs.last().map(first_word))
            && (first != 1 || last as usize > count)
        {
            return Err(malformed(format!(
                "box 'stsc' describes chunks {first} to {last}, but box 'stco' has {count} chunks"
            )));
        }
        Ok(Self { runs, short, long })
    }

    /// Returns the number of samples in all chunks.
    pub(super) fn samples(&self) -> u64 {
        self.iter().map(|(_, count)| u64::from(count)).sum()
    }

    /// Iterates over the chunks: offset and number of samples.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u32)> {
        let mut runs = self.runs.iter().peekable();
        let mut count = 0;
        (1_u32..).zip(self.offsets()).map(move |(chunk, offset)| {
            while let Some(run) = runs.next_if(|run| first_word(run) <= chunk) {
                let [.., a, b, c, d, _, _, _, _] = *run;
                count = u32::from_be_bytes([a, b, c, d]);
            }
            (offset, count)
        })
    }

    fn offsets(&self) -> impl Iterator<Item = u64> {
        let short = self.short.iter().map(|entry| u64::from(u32::from_be_bytes(*entry)));
        short.chain(self.long.iter().map(|entry| u64::from_be_bytes(*entry)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn full(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let size = u32::try_from(12 + 4 * words.len()).unwrap();
        let mut out = size.to_be_bytes().to_vec();
        out.extend(kind);
        out.extend([0; 4]);
        out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        out
    }

    #[test]
    fn runs_are_taken_in_parts() {
        let pairs =
            [[3, 10], [0, 99], [1, 20]].map(|[count, value]| [0, 0, 0, count, 0, 0, 0, value]);
        let mut runs = Runs::new(&pairs);
        let taken = [2, 2, 1, 5].map(|count| runs.take_run(count));
        assert_eq!(taken, [(2, 10), (1, 10), (1, 20), (5, 20)]);
        assert_eq!(Runs::new(&[]).take_run(7), (7, 1));
    }

    #[test]
    fn compact_sizes_are_read() {
        let mut table = full(b"stz2", &[4, 3]);
        table.extend([0x12, 0x30]);
        table.splice(..4, u32::try_from(table.len()).unwrap().to_be_bytes());
        let sizes = Sizes::read(&table).unwrap();
        assert_eq!(
            [sizes.get(0), sizes.get(1), sizes.get(2), sizes.get(3)],
            [Some(1), Some(2), Some(3), None]
        );
    }
}
