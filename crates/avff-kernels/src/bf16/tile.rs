//! Tiles of 16 cache lines, the format of the matrix units.

/// Rows of a tile, and f32 numbers in each row.
pub(super) const SIDE: usize = 16;
/// Rows, and outputs, that are multiplied at once: two tiles of each keep the units busy.
pub(super) const BLOCK: usize = 2 * SIDE;
/// Inputs in a tile: twice the number of its lines.
pub(super) const INPUTS: usize = 32;

/// A cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Line<T, const N: usize>(pub(super) [T; N]);

/// A cache line of a packed operand. In a left operand it holds a row's inputs; in a right operand,
/// two inputs of each output, output by output.
pub(super) type Factors = Line<u16, INPUTS>;

impl Factors {
    pub(super) const ZERO: Self = Self([0; INPUTS]);
}

/// The accumulators of [`BLOCK`] rows and outputs: two halves of rows by two halves of outputs, one
/// tile each.
#[derive(Debug, Clone, PartialEq)]
#[repr(C)]
pub(super) struct Sums(pub(super) [[[Line<f32, SIDE>; SIDE]; 2]; 2]);

impl Sums {
    pub(super) const ZERO: Self = Self([[[Line([0.0; SIDE]); SIDE]; 2]; 2]);

    /// Returns both halves of a row.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> [&[f32; SIDE]; 2] {
        let [left, right] = &self.0[row / SIDE];
        [&left[row % SIDE].0, &right[row % SIDE].0]
    }

    /// Returns all numbers of a row.
    #[inline(always)]
    pub(super) fn numbers(&self, row: usize) -> [f32; BLOCK] {
        let mut numbers = [0.0; BLOCK];
        let [left, right] = self.row(row);
        numbers[..SIDE].copy_from_slice(left);
        numbers[SIDE..].copy_from_slice(right);
        numbers
    }
}

/// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
#[inline(always)]
pub(super) fn round(x: f32) -> u16 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    // The addition could overflow a NaN into a finite number.
    let bits = if x.is_nan() { bits | 0x0040_0000 } else { nearest };
    (bits >> 16) as u16
}

/// Consecutive rows whose columns are split into separate operands, such as the heads of q, k or v.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) numbers: &'a [f32],
    /// Length of a row.
    pub(super) stride: usize,
    /// The first column.
    pub(super) first: usize,
    pub(super) parts: usize,
    /// Columns of each part.
    pub(super) columns: usize,
}

impl<'a> Rows<'a> {
    /// Treats all columns as one part.
    pub(super) fn whole(numbers: &'a [f32], columns: usize) -> Self {
        Self { numbers, stride: columns, first: 0, parts: 1, columns }
    }

    /// Returns one part of a row, or `None` past the last row.
    #[inline(always)]
    fn get(&self, row: usize, part: usize) -> Option<&'a [f32]> {
        let start = row * self.stride + self.first + part * self.columns;
        self.numbers.get(start..start + self.columns)
    }

    /// Returns the number of lines of one part in a tile of rows.
    pub(super) fn lines(&self) -> usize {
        self.columns.div_ceil(INPUTS) * SIDE
    }

    /// Packs the rows, times `scale`, as a left operand: tiles of [`SIDE`] rows, each part by part
    /// and input tile by input tile. Missing rows and inputs become zeros.
    #[inline(always)]
    pub(super) fn to_left(self, scale: f32, lines: &mut [Factors]) {
        let length = self.lines();
        for (tile, lines) in lines.chunks_exact_mut(self.parts * length).enumerate() {
            // Read the numbers in memory order.
            for r in 0..SIDE {
                for (part, lines) in lines.chunks_exact_mut(length).enumerate() {
                    let row = self.get(tile * SIDE + r, part).unwrap_or_default();
                    let (whole, rest) = row.as_chunks::<INPUTS>();
                    for (block, lines) in lines.chunks_exact_mut(SIDE).enumerate() {
                        lines[r] = match whole.get(block) {
                            Some(inputs) => rounded(inputs, scale),
                            None if block == whole.len() => {
                                let mut inputs = [0.0; INPUTS];
                                inputs[..rest.len()].copy_from_slice(rest);
                                rounded(&inputs, scale)
                            }
                            None => Factors::ZERO,
                        };
                    }
                }
            }
        }
    }

    /// Packs the rows as a right operand, with the inputs of one output in each row: tiles of
    /// [`SIDE`] outputs, in the order of [`to_left`](Self::to_left).
    #[inline(always)]
    pub(super) fn to_right(self, lines: &mut [Factors]) {
        self.to_left(1.0, lines);
        for tile in lines.as_chunks_mut::<SIDE>().0 {
            // A pair of inputs stays together.
            let pairs: [[u32; SIDE]; SIDE] = std::array::from_fn(|r| bytemuck::cast(tile[r].0));
            for (input, line) in tile.iter_mut().enumerate() {
                let outputs: [u32; SIDE] = std::array::from_fn(|output| pairs[output][input]);
                line.0 = bytemuck::cast(outputs);
            }
        }
    }

    /// Packs columns as a right operand, with the inputs of one output in each column: a tile of up
    /// to [`INPUTS`] rows and [`SIDE`] columns of a part. [`pairs`] determines the pairing of
    /// inputs.
    #[inline(always)]
    pub(super) fn to_right_paired(self, part: usize, column: usize, lines: &mut [Factors]) {
        let columns = |row: usize| {
            let row = self.get(row, part).unwrap_or_default();
            let row = &row[column.min(row.len())..];
            let mut numbers = [0.0; SIDE];
            let count = row.len().min(SIDE);
            numbers[..count].copy_from_slice(&row[..count]);
            numbers.map(|x| u32::from(round(x)))
        };
        for (input, line) in lines.iter_mut().enumerate() {
            let (low, high) = (columns(input), columns(SIDE + input));
            line.0 = pairs(low, high);
        }
    }
}

/// Interleaves two halves: each number is followed by its counterpart in the other half.
#[inline(always)]
pub(super) fn pairs(low: [u32; SIDE], high: [u32; SIDE]) -> [u16; INPUTS] {
    let mut both = [0u32; SIDE];
    for (to, (low, high)) in both.iter_mut().zip(low.into_iter().zip(high)) {
        // On little-endian machines the low half of a `u32` comes first in memory.
        *to = if cfg!(target_endian = "little") { low | high << 16 } else { low << 16 | high };
    }
    bytemuck::cast(both)
}

#[inline(always)]
fn rounded(inputs: &[f32; INPUTS], scale: f32) -> Factors {
    let mut line = Factors::ZERO;
    for (to, x) in line.0.iter_mut().zip(inputs) {
        *to = round(x * scale);
    }
    line
}

/// Splits the lines of two tiles into the two tiles.
#[inline(always)]
pub(super) fn halves(lines: &[Factors]) -> [&[Factors]; 2] {
    let (first, second) = lines.split_at(lines.len() / 2);
    [first, second]
}
