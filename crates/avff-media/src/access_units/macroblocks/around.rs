//! What a macroblock needs to know of those to the left of it and above.

use super::kinds::Area;

/// What later macroblocks need to know of one. Blocks of 4x4 are in rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Macroblock {
    /// Whether it belongs to the slice.
    pub(super) is_there: bool,
    pub(super) skipped: bool,
    pub(super) intra: bool,
    /// Whether it has intra prediction of blocks.
    pub(super) of_blocks: bool,
    /// Whether it holds samples without compression.
    pub(super) of_samples: bool,
    /// Whether all motion is derived.
    pub(super) direct: bool,
    /// Whether it has blocks of 8x8.
    pub(super) of_8: bool,
    /// Whether chroma has another intra prediction than the mean.
    pub(super) chroma_mode: bool,
    /// `coded_block_pattern`: luma in bits 0 to 3, chroma from bit 4.
    pub(super) pattern: u8,
    /// Which blocks of mean values have coefficients: luma, Cb, Cr.
    pub(super) means: [bool; 3],
    /// The coefficients of each block of luma.
    pub(super) luma: [u8; 16],
    /// The coefficients of each block of Cb and Cr.
    pub(super) chroma: [[u8; 4]; 2],
    /// Whether the index of the reference picture is above 0: by list and quarter.
    pub(super) references: [[bool; 4]; 2],
    /// Differences of motion vectors, without signs: by list and block.
    pub(super) motion: [[[u8; 2]; 16]; 2],
}

impl Macroblock {
    /// A macroblock that does not belong to the slice.
    pub(super) const fn outside() -> Self {
        Self {
            is_there: false,
            skipped: false,
            intra: false,
            of_blocks: false,
            of_samples: false,
            direct: false,
            of_8: false,
            chroma_mode: false,
            pattern: 0,
            means: [false; 3],
            luma: [0; 16],
            chroma: [[0; 4]; 2],
            references: [[false; 4]; 2],
            motion: [[[0; 2]; 16]; 2],
        }
    }

    /// A skipped macroblock.
    pub(super) fn skipped(direct: bool) -> Self {
        Self { is_there: true, skipped: true, direct, ..Self::outside() }
    }

    /// A macroblock of samples without compression.
    pub(super) fn of_samples() -> Self {
        Self {
            is_there: true,
            intra: true,
            of_samples: true,
            pattern: 0x2f,
            means: [true; 3],
            luma: [16; 16],
            chroma: [[16; 4]; 2],
            ..Self::outside()
        }
    }

    /// Returns the place of a block, if the macroblock belongs to the slice.
    fn block(&self, index: usize) -> Option<(&Self, usize)> {
        self.is_there.then_some((self, index))
    }

    /// Sets the index of the reference picture of an area.
    pub(super) fn refer(&mut self, list: usize, [left, top, width, height]: Area, index: u32) {
        for quarter in quarters([left, top, width, height]) {
            self.references[list & 1][quarter & 3] = index > 0;
        }
    }

    /// Sets the difference of the motion vector of an area.
    pub(super) fn move_by(&mut self, list: usize, [left, top, width, height]: Area, by: [u8; 2]) {
        for y in top..top + height {
            for x in left..left + width {
                self.motion[list & 1][(4 * y + x) & 15] = by;
            }
        }
    }
}

/// Returns the quarters that an area touches.
fn quarters([left, top, width, height]: Area) -> impl Iterator<Item = usize> {
    let [right, bottom] = [left + width, top + height];
    (top / 2..bottom.div_ceil(2))
        .flat_map(move |y| (left / 2..right.div_ceil(2)).map(move |x| 2 * y + x))
}

/// A macroblock and those around it.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) left: &'a Macroblock,
    pub(super) above: &'a Macroblock,
    pub(super) current: Macroblock,
    /// Whether the quantizer changed at the macroblock before.
    pub(super) requantized: bool,
}

/// A macroblock outside the slice.
static OUTSIDE: Macroblock = Macroblock::outside();

impl<'a> Around<'a> {
    /// Looks around the macroblock at a column. `row` holds those to the left, and those above from
    /// this column on.
    pub(super) fn new(row: &'a [Macroblock], column: usize, requantized: bool) -> Self {
        let left = column.checked_sub(1).and_then(|column| row.get(column)).unwrap_or(&OUTSIDE);
        let above = row.get(column).unwrap_or(&OUTSIDE);
        Self { left, above, current: Macroblock::outside(), requantized }
    }

    /// Counts where something is true: 1 for the left, 1 for above.
    pub(super) fn count(&self, is: impl Fn(&Macroblock) -> bool) -> usize {
        usize::from(is(self.left)) + usize::from(is(self.above))
    }

    /// Returns the coefficients of the blocks of luma to the left and above; `None` outside the slice.
    pub(super) fn luma(&self, x: usize, y: usize) -> [Option<u8>; 2] {
        let [left, above] = self.places(x, y, 4);
        [left, above].map(|place| place.map(|(macroblock, index)| macroblock.luma[index & 15]))
    }

    /// Returns the coefficients of the blocks of Cb (0) or Cr (1) to the left and above.
    pub(super) fn chroma(&self, plane: usize, x: usize, y: usize) -> [Option<u8>; 2] {
        let [left, above] = self.places(x, y, 2);
        [left, above]
            .map(|place| place.map(|(macroblock, index)| macroblock.chroma[plane & 1][index & 3]))
    }

    /// Returns whether the reference pictures of the quarters to the left and above have an index
    /// above 0.
    pub(super) fn references(&self, list: usize, [left, top]: [usize; 2]) -> [bool; 2] {
        self.places(left / 2, top / 2, 2).map(|place| {
            place.is_some_and(|(macroblock, index)| macroblock.references[list & 1][index & 3])
        })
    }

    /// Returns the sum of the differences of the motion vectors to the left and above.
    pub(super) fn motion(&self, list: usize, [x, y]: [usize; 2]) -> [u32; 2] {
        let [a, b] = self.places(x, y, 4).map(|place| {
            place.map_or([0; 2], |(macroblock, index)| macroblock.motion[list & 1][index & 15])
        });
        [u32::from(a[0]) + u32::from(b[0]), u32::from(a[1]) + u32::from(b[1])]
    }

    /// Returns where the blocks to the left and above are, of a square of `side` blocks.
    #[inline]
    fn places(&self, x: usize, y: usize, side: usize) -> [Option<(&Macroblock, usize)>; 2] {
        [
            match x {
                0 => self.left.block(side * y + side - 1),
                _ => Some((&self.current, side * y + x - 1)),
            },
            match y {
                0 => self.above.block(side * (side - 1) + x),
                _ => Some((&self.current, side * (y - 1) + x)),
            },
        ]
    }
}
