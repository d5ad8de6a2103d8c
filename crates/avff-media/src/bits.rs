//! A bounded bit reader for the headers of H.264 and AAC, most significant bit first.

/// Reads bits of a slice. Reading past the end gives `None`, never a wrong value.
#[derive(Debug, Clone)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// Starts at the first bit.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Starts at a bit position.
    pub(crate) fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Reads one bit.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Reads an unsigned number of at most 32 bits.
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        let count = count.min(32) as usize;
        if count == 0 {
            return Some(0);
        }
        // At most five bytes hold the bits.
        let end = self.at.checked_add(count)?;
        let bytes = self.bytes.get(self.at / 8..end.div_ceil(8))?;
        let value = bytes.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        let behind = end.div_ceil(8) * 8 - end;
        self.at = end;
        Some((value >> behind & ((1 << count) - 1)) as u32)
    }

    /// Reads an unsigned Exp-Golomb code, `ue(v)` of ITU-T H.264 section 9.1.
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let suffix = self.bits(zeros)?;
        ((1_u32 << zeros) - 1).checked_add(suffix)
    }

    /// Reads a signed Exp-Golomb code, `se(v)`.
    pub(crate) fn se(&mut self) -> Option<i32> {
        let code = self.ue()?;
        let half = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 1 { half } else { -half })
    }

    /// Returns whether more follows than the stop bit and zeros (`more_rbsp_data`, section 7.2).
    pub(crate) fn has_more(&self) -> bool {
        stop_bit(self.bytes).is_some_and(|stop| self.at < stop)
    }

    /// Returns the number of bits that were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Returns the number of bits not yet read.
    pub(crate) fn remaining(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }
}

/// Returns the place of the last 1 bit, which ends the payload of a NAL unit of H.264.
pub(crate) fn stop_bit(payload: &[u8]) -> Option<usize> {
    let last = payload.iter().rposition(|&byte| byte != 0)?;
    let zeros = payload.get(last)?.trailing_zeros() as usize;
    Some(8 * last + 7 - zeros)
}

/// Removes the emulation prevention bytes (ITU-T H.264 section 7.4.1): 00 00 03 stands for 00 00.
pub(crate) fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_match_the_standard() {
        // Table 9-2: 1, 010, 011, 00100 are 0, 1, 2, 3; Table 9-3 maps 1, 2, 3 to 1, -1, 2.
        let bytes = [0b1010_0110, 0b0100_0000];
        let mut unsigned = Bits::new(&bytes);
        assert_eq!([(); 4].map(|()| unsigned.ue()), [Some(0), Some(1), Some(2), Some(3)]);
        let mut signed = Bits::new(&bytes);
        assert_eq!([(); 4].map(|()| signed.se()), [Some(0), Some(1), Some(-1), Some(2)]);
        assert_eq!(unsigned.ue(), None, "only zeros remain");
    }

    #[test]
    fn numbers_of_any_length_are_read_at_any_bit() {
        let bytes = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];
        for start in 0..16 {
            for count in 0..=32 {
                let mut bits = Bits::at(&bytes, start);
                let one_by_one = (0..count)
                    .fold(0_u64, |sum, _| sum << 1 | u64::from(bits.flag() == Some(true)));
                let mut at_once = Bits::at(&bytes, start);
                assert_eq!(
                    at_once.bits(count).map(u64::from),
                    Some(one_by_one),
                    "{count} at {start}"
                );
                assert_eq!(at_once.position(), bits.position());
            }
        }
    }

    #[test]
    fn reading_past_the_end_gives_none() {
        let mut bits = Bits::new(&[0xff]);
        assert_eq!(bits.bits(9), None);
        assert_eq!(Bits::new(&[0; 8]).ue(), None, "more zeros than any code has");
        assert_eq!(Bits::new(&[0xff; 4]).bits(32), Some(u32::MAX));
    }

    #[test]
    fn payload_ends_at_its_last_1_bit() {
        let ends =
            [&[0b1000_0000_u8][..], &[1, 0b0110_0000], &[1, 0, 0], &[0, 0], &[]].map(stop_bit);
        assert_eq!(ends, [Some(0), Some(10), Some(7), None, None]);
        let mut bits = Bits::new(&[0b1010_0000]);
        assert!(bits.has_more() && bits.bits(2).is_some());
        assert!(!bits.has_more() && bits.position() == 2);
    }

    #[test]
    fn emulation_prevention_bytes_are_removed() {
        assert_eq!(unescape(&[0, 0, 3, 0, 0, 3, 1, 3]), [0, 0, 0, 0, 1, 3]);
    }
}
