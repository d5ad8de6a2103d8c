//! Syntax elements by arithmetic codes (ITU-T H.264 section 9.3). Numbers of contexts are those of
//! Tables 9-11 and 9-34.

use rusty_h264_common::cabac_tables::{LAST8X8, SIG8X8};

use super::{
    around::{Around, Macroblock},
    elements::{Block, Elements, Stop},
    engine::{Engine, States},
    fault::Invalid,
    kinds::{Kind, Quarter},
    walk::corner,
};
use crate::access_units::header_rest::SliceType;

/// Bytes of a macroblock of samples: 256 of luma, 64 of each chroma plane.
pub(super) const SAMPLES: usize = 384;
/// The largest number of ones before the end of `mb_qp_delta`, that of 8 bit.
const MAX_DELTA_CODE: u32 = 2 * 51;
/// The largest size of a motion vector's difference that is kept; contexts tell apart up to 32.
const MAX_MOTION: u32 = 255;

/// Reads the syntax elements of a slice.
pub(super) struct Cabac<'a> {
    engine: Engine<'a>,
    states: States,
    /// The bits of the data up to the stop bit.
    length: usize,
}

impl<'a> Cabac<'a> {
    /// Starts with the data after the header of a slice; `length` counts its bits with the stop bit.
    pub(super) fn new(engine: Engine<'a>, states: States, length: usize) -> Self {
        Self { engine, states, length }
    }

    /// Reads a symbol in a context.
    #[inline]
    fn symbol(&mut self, context: usize) -> bool {
        self.states.get_mut(context).is_some_and(|state| self.engine.symbol(state))
    }

    /// Returns the bits left behind the ones read; `None` where more were read than there are.
    pub(super) fn left(&self) -> Option<usize> {
        self.length.checked_sub(self.engine.read())
    }

    /// Reads `mb_skip_flag`.
    pub(super) fn is_skipped(&mut self, around: &Around<'_>, slice: SliceType) -> bool {
        let first = if slice == SliceType::B { 24 } else { 11 };
        self.symbol(first + around.count(|of| of.is_there && !of.skipped))
    }

    /// Reads `end_of_slice_flag`.
    pub(super) fn is_end(&mut self) -> bool {
        self.engine.ends()
    }

    /// Reads the number of an intra type after the symbol that tells it from blocks. The contexts are
    /// those of the luma, of chroma twice, and of the two symbols of the mode.
    fn intra_number(&mut self, [luma, chroma, more, high, low]: [usize; 5]) -> u32 {
        if self.engine.ends() {
            return 25;
        }
        let mut number = 1;
        if self.symbol(luma) {
            number += 12;
        }
        if self.symbol(chroma) {
            number += if self.symbol(more) { 8 } else { 4 };
        }
        number += 2 * u32::from(self.symbol(high));
        number + u32::from(self.symbol(low))
    }

    /// Reads the number of an intra type in P or B slices.
    fn intra_number_between(&mut self, first: usize) -> u32 {
        if !self.symbol(first) {
            return 0;
        }
        self.intra_number([first + 1, first + 2, first + 2, first + 3, first + 3])
    }

    fn p_number(&mut self) -> u32 {
        if self.symbol(14) {
            return 5 + self.intra_number_between(17);
        }
        match self.symbol(15) {
            false => 3 * u32::from(self.symbol(16)),
            true => 2 - u32::from(self.symbol(17)),
        }
    }

    fn b_number(&mut self, around: &Around<'_>) -> u32 {
        if !self.symbol(27 + around.count(|of| of.is_there && !of.direct)) {
            return 0;
        }
        if !self.symbol(30) {
            return 1 + u32::from(self.symbol(32));
        }
        let mut bits = u32::from(self.symbol(31));
        for _ in 0..3 {
            bits = bits << 1 | u32::from(self.symbol(32));
        }
        match bits {
            0..=7 => bits + 3,
            13 => 23 + self.intra_number_between(32),
            14 => 11,
            15 => 22,
            _ => (bits << 1 | u32::from(self.symbol(32))) - 4,
        }
    }

    /// Reads a component of `mvd`, whose neighbors have the given sum.
    fn motion_of(&mut self, first: usize, sum: u32) -> Result<u8, Stop> {
        let increment = usize::from(sum > 2) + usize::from(sum > 32);
        if !self.symbol(first + increment) {
            return Ok(0);
        }
        let mut size = 1;
        while size < 9 && self.symbol(first + (2 + size as usize).min(6)) {
            size += 1;
        }
        if size == 9 {
            size += self.engine.exp_golomb(3).ok_or(Invalid::Mvd)?;
        }
        self.engine.even();
        Ok(size.min(MAX_MOTION) as u8)
    }

    /// Reads `coded_block_flag`, whose blocks to the left and above have coefficients or not.
    fn is_coded(&mut self, first: usize, [left, above]: [bool; 2]) -> bool {
        self.symbol(first + usize::from(left) + 2 * usize::from(above))
    }

    /// Reads the coefficients of a block. Returns how many are not 0.
    fn coefficients(&mut self, of: &Contexts, size: usize) -> Result<u8, Stop> {
        let mut engine = self.engine;
        let mut symbol = |engine: &mut Engine<'_>, context: usize| {
            self.states.get_mut(context).is_some_and(|state| engine.symbol(state))
        };
        let mut count = 0_u32;
        let mut at = 0;
        loop {
            if at == size - 1 {
                // The last one is not 0 where none was the last before.
                count += 1;
                break;
            }
            if symbol(&mut engine, of.is_not_0(at)) {
                count += 1;
                if symbol(&mut engine, of.is_last(at)) {
                    break;
                }
            }
            at += 1;
        }
        let (mut ones, mut larger) = (0, 0);
        for _ in 0..count {
            let first = if larger > 0 { 0 } else { (1 + ones).min(4) };
            if symbol(&mut engine, of.sizes + first) {
                let further = of.sizes + 5 + larger.min(of.most_larger);
                let mut size = 1;
                while size < 14 && symbol(&mut engine, further) {
                    size += 1;
                }
                if size == 14 {
                    engine.exp_golomb(0).ok_or(Invalid::Coefficients)?;
                }
                larger += 1;
            } else {
                ones += 1;
            }
            engine.even();
        }
        self.engine = engine;
        Ok(count as u8)
    }
}

/// The contexts of the coefficients of a kind of block.
struct Contexts {
    significance: usize,
    last: usize,
    sizes: usize,
    /// The most coefficients above 1 that contexts tell apart.
    most_larger: usize,
    places: Places,
}

/// How the place of a coefficient chooses contexts.
enum Places {
    /// Each its own.
    Each,
    /// The third one on, the same.
    First3,
    /// By a table, for blocks of 8x8.
    Of8,
}

impl Contexts {
    /// The contexts of a category of blocks (`ctxBlockCat`) from 0 to 4.
    const fn of(category: usize) -> Self {
        let [significance, sizes] = [[0, 0], [15, 10], [29, 20], [44, 30], [47, 39]][category];
        let is_chroma_means = category == 3;
        Self {
            significance: 105 + significance,
            last: 166 + significance,
            sizes: 227 + sizes,
            most_larger: if is_chroma_means { 3 } else { 4 },
            places: if is_chroma_means { Places::First3 } else { Places::Each },
        }
    }

    const LUMA_MEANS: Self = Self::of(0);
    const LUMA_REST: Self = Self::of(1);
    const LUMA: Self = Self::of(2);
    const CHROMA_MEANS: Self = Self::of(3);
    const CHROMA: Self = Self::of(4);
    const OF_8: Self =
        Self { significance: 402, last: 417, sizes: 426, most_larger: 4, places: Places::Of8 };

    fn is_not_0(&self, at: usize) -> usize {
        self.significance
            + match self.places {
                Places::Each => at,
                Places::First3 => at.min(2),
                Places::Of8 => usize::from(SIG8X8[at & 63]),
            }
    }

    fn is_last(&self, at: usize) -> usize {
        self.last
            + match self.places {
                Places::Each => at,
                Places::First3 => at.min(2),
                Places::Of8 => usize::from(LAST8X8[at & 63]),
            }
    }
}

impl Elements for Cabac<'_> {
    fn kind(&mut self, around: &Around<'_>, slice: SliceType) -> Result<Kind, Stop> {
        let kind = match slice {
            SliceType::I => {
                let first = 3 + around.count(|of| of.is_there && !of.of_blocks);
                let number =
                    if self.symbol(first) { self.intra_number([6, 7, 8, 9, 10]) } else { 0 };
                Kind::intra(number)
            }
            SliceType::P => Kind::of_p(self.p_number()),
            SliceType::B => Kind::of_b(self.b_number(around)),
        };
        Ok(kind.ok_or(Invalid::MbType)?)
    }

    fn quarter(&mut self, slice: SliceType) -> Result<Quarter, Stop> {
        let mut symbol = |context| u32::from(self.symbol(context));
        let quarter = if slice == SliceType::P {
            Quarter::of_p(if symbol(21) == 1 {
                0
            } else if symbol(22) == 0 {
                1
            } else {
                3 - symbol(23)
            })
        } else {
            Quarter::of_b(if symbol(36) == 0 {
                0
            } else if symbol(37) == 0 {
                1 + symbol(39)
            } else {
                match symbol(38) {
                    0 => 3 + 2 * symbol(39) + symbol(39),
                    _ if symbol(39) == 1 => 11 + symbol(39),
                    _ => 7 + 2 * symbol(39) + symbol(39),
                }
            })
        };
        Ok(quarter.ok_or(Invalid::SubMbType)?)
    }

    fn samples(&mut self) -> Result<(), Stop> {
        let end = self.engine.read().div_ceil(8) + SAMPLES;
        if 8 * end > self.length {
            return Err(Stop::Cut);
        }
        self.engine.restart(end);
        Ok(())
    }

    fn of_8(&mut self, around: &Around<'_>) -> Result<bool, Stop> {
        Ok(self.symbol(399 + around.count(|of| of.of_8)))
    }

    fn block_mode(&mut self) -> Result<(), Stop> {
        if !self.symbol(68) {
            for _ in 0..3 {
                self.symbol(69);
            }
        }
        Ok(())
    }

    fn chroma_mode(&mut self, around: &Around<'_>) -> Result<bool, Stop> {
        if !self.symbol(64 + around.count(|of| of.chroma_mode)) {
            return Ok(false);
        }
        if self.symbol(67) {
            self.symbol(67);
        }
        Ok(true)
    }

    fn reference(
        &mut self,
        around: &Around<'_>,
        list: usize,
        at: [usize; 2],
        count: u32,
    ) -> Result<u32, Stop> {
        let [left, above] = around.references(list, at).map(usize::from);
        let mut context = left + 2 * above;
        let mut index = 0;
        while self.symbol(54 + context) {
            index += 1;
            context = if index == 1 { 4 } else { 5 };
            if index >= count {
                return Err(Invalid::RefIdx.into());
            }
        }
        Ok(index)
    }

    fn motion(
        &mut self,
        around: &Around<'_>,
        list: usize,
        at: [usize; 2],
    ) -> Result<[u8; 2], Stop> {
        let [x, y] = around.motion(list, at);
        Ok([self.motion_of(40, x)?, self.motion_of(47, y)?])
    }

    fn pattern(&mut self, around: &Around<'_>) -> Result<u8, Stop> {
        // Whether a quarter without coefficients is to the left, above.
        let mut pattern = 0_u8;
        for quarter in 0..4_usize {
            let empty = |of: &Macroblock, bit: usize| {
                of.is_there && !of.of_samples && of.pattern >> bit & 1 == 0
            };
            let left = match quarter & 1 {
                0 => empty(around.left, quarter + 1),
                _ => pattern >> (quarter - 1) & 1 == 0,
            };
            let above = match quarter >> 1 {
                0 => empty(around.above, quarter + 2),
                _ => pattern >> (quarter - 2) & 1 == 0,
            };
            let context = 73 + usize::from(left) + 2 * usize::from(above);
            pattern |= u8::from(self.symbol(context)) << quarter;
        }
        let [left, above] = [around.left.pattern >> 4, around.above.pattern >> 4];
        let first = 77 + usize::from(left > 0) + 2 * usize::from(above > 0);
        if self.symbol(first) {
            let second = 81 + usize::from(left > 1) + 2 * usize::from(above > 1);
            pattern |= if self.symbol(second) { 0x20 } else { 0x10 };
        }
        Ok(pattern)
    }

    fn quantizer(&mut self, around: &Around<'_>) -> Result<bool, Stop> {
        let mut context = 60 + usize::from(around.requantized);
        let mut code = 0;
        while self.symbol(context) {
            context = if code == 0 { 62 } else { 63 };
            code += 1;
            if code > MAX_DELTA_CODE {
                return Err(Invalid::MbQpDelta.into());
            }
        }
        Ok(code > 0)
    }

    fn block(&mut self, around: &Around<'_>, block: Block) -> Result<u8, Stop> {
        // Outside the slice, blocks count as coded for intra prediction.
        let intra = around.current.intra;
        let coded = |counts: [Option<u8>; 2]| counts.map(|count| count.map_or(intra, |n| n > 0));
        let means = |of: &Macroblock, plane: usize| {
            if of.is_there { of.means[plane] } else { intra }
        };
        let all_means = |plane| [means(around.left, plane), means(around.above, plane)];
        let (flag, around, contexts, size) = match block {
            Block::LumaMeans => (85, all_means(0), &Contexts::LUMA_MEANS, 16),
            Block::LumaRest([x, y]) => (89, coded(around.luma(x, y)), &Contexts::LUMA_REST, 15),
            Block::Luma([x, y]) => (93, coded(around.luma(x, y)), &Contexts::LUMA, 16),
            Block::ChromaMeans(plane) => (97, all_means(1 + plane), &Contexts::CHROMA_MEANS, 4),
            Block::Chroma(plane, [x, y]) => {
                (101, coded(around.chroma(plane, x, y)), &Contexts::CHROMA, 15)
            }
        };
        if self.is_coded(flag, around) { self.coefficients(contexts, size) } else { Ok(0) }
    }

    fn block_of_8(&mut self, around: &mut Around<'_>, quarter: usize) -> Result<(), Stop> {
        self.coefficients(&Contexts::OF_8, 64)?;
        // Its four blocks count as coded, since no flag says otherwise.
        let [left, top] = corner(quarter);
        for [x, y] in [[0, 0], [1, 0], [0, 1], [1, 1]] {
            around.current.luma[4 * (top + y) + left + x] = 1;
        }
        Ok(())
    }
}
