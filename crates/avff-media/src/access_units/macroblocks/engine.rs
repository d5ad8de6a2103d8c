//! The arithmetic decoder of CABAC (ITU-T H.264 section 9.3.1.2 and 9.3.3.2).

use rusty_h264_common::cabac_tables::{CTX_INIT, RANGE_LPS, STATE_TRANS};

/// The number of contexts, without those of fields and of 4:4:4.
const CONTEXTS: usize = CTX_INIT.len();

/// What a symbol does to the range and to the state of its context, by a quarter of the range and by
/// state. The lowest bit of a state is its more probable symbol.
static STEPS: [[Step; 128]; 4] = steps();

/// A step of the decoder (Tables 9-44 and 9-45).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    /// The range of the less probable symbol.
    less: u8,
    /// The states after the more probable and the less probable symbol.
    next: [u8; 2],
}

const fn steps() -> [[Step; 128]; 4] {
    let mut steps = [[Step { less: 0, next: [0; 2] }; 128]; 4];
    let mut at = 0;
    while at < 4 * 128 {
        let (quarter, state, symbol) = (at / 128, at % 128 / 2, (at % 2) as u8);
        let [after_less, after_more] = STATE_TRANS[state];
        // In the least certain state, the symbols change places.
        let changed = if state == 0 { 1 - symbol } else { symbol };
        let next = [2 * after_more + symbol, 2 * after_less + changed];
        steps[quarter][at % 128] = Step { less: RANGE_LPS[state][quarter], next };
        at += 1;
    }
    steps
}

/// Bits of the range.
const RANGE_BITS: u32 = 9;

/// The contexts of a slice.
pub(super) type States = [u8; CONTEXTS];

/// Returns the states of the contexts at the start of a slice (section 9.3.1.1).
pub(super) fn states(table: usize, quantizer: i32) -> States {
    CTX_INIT.map(|init| {
        let (slope, start) = init[table & 3];
        let sum = ((i32::from(slope) * quantizer) >> 4) + i32::from(start);
        let before = sum.clamp(1, 126);
        let [level, symbol] = if before <= 63 { [63 - before, 0] } else { [before - 64, 1] };
        (2 * level + symbol) as u8
    })
}

/// Decodes the symbols of a slice. Past the end of its data, it reads zeros; [`Engine::read`] tells.
/// Loops copy it, so that it stays in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Engine<'a> {
    data: &'a [u8],
    /// The next byte.
    at: usize,
    /// The offset into the range, and `spare` bits below it.
    offset: u64,
    range: u64,
    spare: u32,
}

impl<'a> Engine<'a> {
    /// Starts at a byte.
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        let mut engine = Self { data, at, offset: 0, range: 510, spare: 0 };
        for _ in 0..7 {
            engine.offset = engine.offset << 8 | engine.next_byte();
        }
        engine.spare = 56 - RANGE_BITS;
        engine
    }

    /// Starts anew at a byte, as after samples without compression.
    pub(super) fn restart(&mut self, at: usize) {
        *self = Self::new(self.data, at);
    }

    fn next_byte(&mut self) -> u64 {
        let byte = self.data.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        u64::from(byte)
    }

    #[inline(always)]
    fn refill(&mut self) {
        if self.spare < 16 {
            self.refill_now();
        }
    }

    fn refill_now(&mut self) {
        if let Some(&bytes) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<4>()) {
            self.at += 4;
            self.offset = self.offset << 32 | u64::from(u32::from_be_bytes(bytes));
            self.spare += 32;
        } else {
            while self.spare < 40 {
                self.offset = self.offset << 8 | self.next_byte();
                self.spare += 8;
            }
        }
    }

    /// Returns the number of bits that were read, from the start of the data.
    pub(super) fn read(&self) -> usize {
        8 * self.at - self.spare as usize
    }

    /// Decodes a symbol in the context of a state.
    #[inline(always)]
    pub(super) fn symbol(&mut self, state: &mut u8) -> bool {
        let at = usize::from(*state & 127);
        let Step { less, next } = STEPS[(self.range >> 6 & 3) as usize][at];
        let more = self.range - u64::from(less);
        let start = more << self.spare;
        let is_less = self.offset >= start;
        if is_less {
            self.offset -= start;
        }
        self.range = if is_less { u64::from(less) } else { more };
        *state = next[usize::from(is_less)];
        // The range returns to 256 and more.
        let shift = self.range.leading_zeros() - (u64::BITS - RANGE_BITS);
        self.range <<= shift;
        self.spare -= shift;
        self.refill();
        (at & 1 == 1) != is_less
    }

    /// Decodes a symbol whose values are equally probable.
    #[inline(always)]
    pub(super) fn even(&mut self) -> bool {
        self.spare -= 1;
        let range = self.range << self.spare;
        let symbol = self.offset >= range;
        if symbol {
            self.offset -= range;
        }
        self.refill();
        symbol
    }

    /// Decodes whether the arithmetic codes end here. If so, the next bit is at [`Engine::read`].
    pub(super) fn ends(&mut self) -> bool {
        self.range -= 2;
        if self.offset >= self.range << self.spare {
            return true;
        }
        if self.range < 256 {
            self.range <<= 1;
            self.spare -= 1;
            self.refill();
        }
        false
    }

    /// Decodes the suffix of an Exp-Golomb code of order `order` (section 9.3.2.3). `None` for codes
    /// that no value has.
    pub(super) fn exp_golomb(&mut self, order: u32) -> Option<u32> {
        let mut bits = order;
        let mut value = 0_u32;
        while self.even() {
            value += 1 << bits;
            bits += 1;
            if bits > 24 {
                return None;
            }
        }
        for bit in (0..bits).rev() {
            value += u32::from(self.even()) << bit;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_the_standard() {
        // Table 9-45: from state 0 the symbols change places; state 62 is the most certain.
        let next = |state: usize| STEPS[0][state].next;
        assert_eq!((next(0), next(1), next(2 * 62)), ([2, 1], [3, 0], [2 * 62, 2 * 38]));
        assert_eq!([0, 1, 2, 3].map(|quarter| STEPS[quarter][0].less), [128, 176, 208, 240]);
    }

    #[test]
    fn an_end_is_at_the_bit_after_the_first_nine() {
        // Offset 508 of range 510: the symbol is the end.
        let mut engine = Engine::new(&[0b1111_1110, 0b0000_0000], 0);
        assert!(engine.ends());
        assert_eq!(engine.read(), 9);
        let mut engine = Engine::new(&[0; 4], 0);
        assert!(!engine.ends());
        assert_eq!(engine.read(), 9, "the range is still 508");
    }

    #[test]
    fn equally_probable_symbols_are_the_bits_of_the_data() {
        // Offset 0 and range 256 give each further bit back; range 510 gives an offset compared.
        let mut engine = Engine::new(&[0, 0, 0, 0], 0);
        assert!((0..40).all(|_| !engine.even()), "zeros, also past the end");
        assert_eq!(engine.read(), 49);
        assert_eq!(engine.exp_golomb(0), Some(0));
        assert_eq!(Engine::new(&[0xff; 9], 0).exp_golomb(0), None);
    }
}
