//! Writes the bits of NAL units, for tests.

/// Bits, most significant first.
#[derive(Debug, Default)]
pub(crate) struct BitWriter(pub(crate) Vec<bool>);

impl BitWriter {
    /// Appends the lowest `count` bits of a number.
    pub(crate) fn bits(mut self, count: u32, value: u32) -> Self {
        let bit = |bit| value.checked_shr(bit).is_some_and(|rest| rest & 1 == 1);
        self.0.extend((0..count).rev().map(bit));
        self
    }

    /// Appends an unsigned Exp-Golomb code.
    pub(crate) fn ue(self, value: u32) -> Self {
        let length = 32 - (value + 1).leading_zeros();
        self.bits(2 * length - 1, value + 1)
    }

    /// Fills up a byte.
    pub(crate) fn align(mut self, bit: bool) -> Self {
        while !self.0.len().is_multiple_of(8) {
            self.0.push(bit);
        }
        self
    }

    /// Appends the stop bit and returns a NAL unit.
    pub(crate) fn nal(self, header: &[u8]) -> Vec<u8> {
        self.bits(1, 1).unit(header)
    }

    /// Returns a NAL unit whose stop bit is written, with emulation prevention bytes.
    pub(crate) fn unit(self, header: &[u8]) -> Vec<u8> {
        let mut nal = header.to_vec();
        let mut zeros = 0;
        for chunk in self.align(false).0.chunks(8) {
            let byte = chunk.iter().fold(0, |sum, &bit| sum << 1 | u8::from(bit));
            if zeros >= 2 && byte <= 3 {
                nal.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            nal.push(byte);
        }
        nal
    }
}
