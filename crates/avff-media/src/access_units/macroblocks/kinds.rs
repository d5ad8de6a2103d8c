//! The types of macroblocks and how they are predicted (ITU-T H.264 Tables 7-11, 7-13, 7-14, 7-17
//! and 7-18).

/// The type of a macroblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Intra prediction of blocks of 4x4 or 8x8.
    Blocks,
    /// Intra prediction of the whole; luma and chroma as in `coded_block_pattern`.
    Whole { pattern: u8 },
    /// Samples without compression.
    Samples,
    /// Motion that is derived.
    Direct,
    /// One or two parts with motion.
    Parts(Split, [Lists; 2]),
    /// Four quarters that are split each; whether they all refer to the first picture of list 0.
    Quarters { first_picture: bool },
}

/// Which lists of reference pictures are used: bit 0 for list 0, bit 1 for list 1.
pub(super) type Lists = u8;

/// How a macroblock or a quarter of one is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    None,
    /// Into an upper and a lower half.
    Rows,
    /// Into a left and a right half.
    Columns,
    /// Into four.
    Four,
}

/// A quarter of a macroblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quarter {
    /// Motion that is derived.
    Direct,
    Parts(Split, Lists),
}

impl Kind {
    /// Returns an intra type by its number in I slices (Table 7-11).
    pub(super) fn intra(number: u32) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        match number {
            0 => Some(Self::Blocks),
            1..=24 => {
                let luma = if number > 12 { 15 } else { 0 };
                Some(Self::Whole { pattern: luma | ((number - 1) / 4 % 3) << 4 })
            }
            25 => Some(Self::Samples),
            _ => None,
        }
    }

    /// Returns a type by its number in P slices (Table 7-13); intra types follow from 5 on.
    pub(super) fn of_p(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Parts(Split::None, [1, 0]),
            1 => Self::Parts(Split::Rows, [1, 1]),
            2 => Self::Parts(Split::Columns, [1, 1]),
            3 | 4 => Self::Quarters { first_picture: number == 4 },
            _ => Self::intra(number - 5)?,
        })
    }

    /// Returns a type by its number in B slices (Table 7-14); intra types follow from 23 on.
    pub(super) fn of_b(number: u32) -> Option<Self> {
        /// The lists of the two parts, of types 4 to 21 by pairs.
        const LISTS: [[Lists; 2]; 9] =
            [[1, 1], [2, 2], [1, 2], [2, 1], [1, 3], [2, 3], [3, 1], [3, 2], [3, 3]];
        Some(match number {
            0 => Self::Direct,
            1..=3 => Self::Parts(Split::None, [u8::try_from(number).ok()?, 0]),
            4..=21 => {
                let split = if number.is_multiple_of(2) { Split::Rows } else { Split::Columns };
                Self::Parts(split, *LISTS.get((number as usize - 4) / 2)?)
            }
            22 => Self::Quarters { first_picture: false },
            _ => Self::intra(number - 23)?,
        })
    }

    /// Returns whether the macroblock has intra prediction.
    pub(super) fn is_intra(self) -> bool {
        matches!(self, Self::Blocks | Self::Whole { .. } | Self::Samples)
    }
}

impl Quarter {
    /// Returns a type by its number in P slices (Table 7-17).
    pub(super) fn of_p(number: u32) -> Option<Self> {
        let split = [Split::None, Split::Rows, Split::Columns, Split::Four];
        Some(Self::Parts(*split.get(number as usize)?, 1))
    }

    /// Returns a type by its number in B slices (Table 7-18).
    pub(super) fn of_b(number: u32) -> Option<Self> {
        use Split::{Columns, Four, None, Rows};
        const TYPES: [(Split, Lists); 12] = [
            (None, 1),
            (None, 2),
            (None, 3),
            (Rows, 1),
            (Columns, 1),
            (Rows, 2),
            (Columns, 2),
            (Rows, 3),
            (Columns, 3),
            (Four, 1),
            (Four, 2),
            (Four, 3),
        ];
        match number {
            0 => Some(Self::Direct),
            _ => TYPES.get(number as usize - 1).map(|&(split, lists)| Self::Parts(split, lists)),
        }
    }

    /// Returns the lists that are used.
    pub(super) fn lists(self) -> Lists {
        match self {
            Self::Direct => 0,
            Self::Parts(_, lists) => lists,
        }
    }
}

/// A rectangle in blocks of 4x4: left, top, width, height.
pub(super) type Area = [usize; 4];

impl Split {
    /// Returns the parts of a square at `left`, `top` of `side` blocks.
    pub(super) fn areas(self, [left, top]: [usize; 2], side: usize) -> ([Area; 4], usize) {
        let half = side / 2;
        let at = |x, y, width, height| [left + x, top + y, width, height];
        let empty = [left, top, 0, 0];
        match self {
            Self::None => ([at(0, 0, side, side), empty, empty, empty], 1),
            Self::Rows => ([at(0, 0, side, half), at(0, half, side, half), empty, empty], 2),
            Self::Columns => ([at(0, 0, half, side), at(half, 0, half, side), empty, empty], 2),
            Self::Four => (
                [
                    at(0, 0, half, half),
                    at(half, 0, half, half),
                    at(0, half, half, half),
                    at(half, half, half, half),
                ],
                4,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_tables() {
        assert_eq!(Kind::intra(1), Some(Kind::Whole { pattern: 0 }));
        assert_eq!(Kind::intra(12), Some(Kind::Whole { pattern: 0x20 }));
        assert_eq!(Kind::intra(13), Some(Kind::Whole { pattern: 15 }));
        assert_eq!(Kind::intra(24), Some(Kind::Whole { pattern: 0x2f }));
        assert_eq!(Kind::of_b(12), Some(Kind::Parts(Split::Rows, [1, 3])));
        assert_eq!(Kind::of_b(19), Some(Kind::Parts(Split::Columns, [3, 2])));
        assert_eq!((Kind::of_p(5), Kind::of_b(48)), (Some(Kind::Blocks), Some(Kind::Samples)));
        assert_eq!((Kind::of_p(31), Kind::of_b(49), Kind::intra(26)), (None, None, None));
        assert_eq!(Quarter::of_b(9), Some(Quarter::Parts(Split::Columns, 3)));
        assert_eq!((Quarter::of_b(13), Quarter::of_p(4)), (None, None));
        assert_eq!(Split::Columns.areas([2, 0], 2).0[1], [3, 0, 1, 2]);
    }
}
