//! Tiles: 16 lines of cache, as the units read and write them.

/// Rows of a tile, and numbers of one in f32.
pub(super) const SIDE: usize = 16;
/// Rows, and outputs, that are multiplied at once: two tiles of each keep the units busy.
pub(super) const BOTH: usize = 2 * SIDE;
/// Inputs of a tile: twice as many as it has lines.
pub(super) const INPUTS: usize = 32;

/// A line of cache.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Line<T, const N: usize>(pub(super) [T; N]);

/// Of factors: a row's inputs on the left; on the right two inputs of each output, output by output.
pub(super) type Factors = Line<u16, INPUTS>;

impl Factors {
    pub(super) const ZERO: Self = Self([0; INPUTS]);
}

/// Of [`BOTH`] rows and outputs: two halves of rows, of outputs each, a tile each.
#[derive(Debug, Clone, PartialEq)]
#[repr(C)]
pub(super) struct Sums(pub(super) [[[Line<f32, SIDE>; SIDE]; 2]; 2]);

impl Sums {
    pub(super) const ZERO: Self = Self([[[Line([0.0; SIDE]); SIDE]; 2]; 2]);

    /// Both halves of a row.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> [&[f32; SIDE]; 2] {
        let [left, right] = &self.0[row / SIDE];
        [&left[row % SIDE].0, &right[row % SIDE].0]
    }

    /// All numbers of a row.
    #[inline(always)]
    pub(super) fn numbers(&self, row: usize) -> [f32; BOTH] {
        let mut numbers = [0.0; BOTH];
        let [left, right] = self.row(row);
        numbers[..SIDE].copy_from_slice(left);
        numbers[SIDE..].copy_from_slice(right);
        numbers
    }
}

/// The nearest bfloat16, ties to even; NaN stays NaN.
#[inline(always)]
pub(super) fn round(x: f32) -> u16 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    // What is no number could overflow into one.
    let bits = if x.is_nan() { bits | 0x0040_0000 } else { nearest };
    (bits >> 16) as u16
}

/// Columns of rows that lie one after the other, in parts that are operands of their own: the heads of q, k or v.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) numbers: &'a [f32],
    /// How long a row is.
    pub(super) stride: usize,
    /// The first column.
    pub(super) first: usize,
    pub(super) parts: usize,
    /// Of a part.
    pub(super) columns: usize,
}

impl<'a> Rows<'a> {
    /// All columns, as one part.
    pub(super) fn whole(numbers: &'a [f32], columns: usize) -> Self {
        Self { numbers, stride: columns, first: 0, parts: 1, columns }
    }

    /// A part of a row that is there.
    #[inline(always)]
    fn get(&self, row: usize, part: usize) -> Option<&'a [f32]> {
        let start = row * self.stride + self.first + part * self.columns;
        self.numbers.get(start..start + self.columns)
    }

    /// Lines of a part of a tile of rows.
    pub(super) fn lines(&self) -> usize {
        self.columns.div_ceil(INPUTS) * SIDE
    }

    /// As left factors, times `scale`: tiles of [`SIDE`] rows, each part by part, input tile by input tile; rows and
    /// inputs that are not there are zeros.
    #[inline(always)]
    pub(super) fn to_left(self, scale: f32, lines: &mut [Factors]) {
        let length = self.lines();
        for (tile, lines) in lines.chunks_exact_mut(self.parts * length).enumerate() {
            // In the order in which numbers lie.
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

    /// As right factors, a row the inputs of an output: tiles of [`SIDE`] outputs, in the order of
    /// [`to_left`](Self::to_left).
    #[inline(always)]
    pub(super) fn to_right(self, lines: &mut [Factors]) {
        self.to_left(1.0, lines);
        for tile in lines.as_chunks_mut::<SIDE>().0 {
            // Pairs of inputs stay together.
            let pairs: [[u32; SIDE]; SIDE] = std::array::from_fn(|r| bytemuck::cast(tile[r].0));
            for (input, line) in tile.iter_mut().enumerate() {
                let outputs: [u32; SIDE] = std::array::from_fn(|output| pairs[output][input]);
                line.0 = bytemuck::cast(outputs);
            }
        }
    }

    /// As right factors, a column the inputs of an output: a tile of up to [`INPUTS`] rows and [`SIDE`] columns of a part.
    /// Its inputs are paired as [`pairs`] pairs them.
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

/// Numbers of two halves, each with that of its place in the other.
#[inline(always)]
pub(super) fn pairs(low: [u32; SIDE], high: [u32; SIDE]) -> [u16; INPUTS] {
    let mut both = [0u32; SIDE];
    for (to, (low, high)) in both.iter_mut().zip(low.into_iter().zip(high)) {
        // The lower half of a number is the first of the two where numbers lie that way round.
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

/// Both halves of two tiles' lines.
#[inline(always)]
pub(super) fn halves(lines: &[Factors]) -> [&[Factors]; 2] {
    let (first, second) = lines.split_at(lines.len() / 2);
    [first, second]
}
