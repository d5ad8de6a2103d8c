//! What is wrong with the macroblocks of a slice.

use thiserror::Error;

/// A fault of coded macroblocks. `at` counts the macroblocks of the picture in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(in crate::access_units) enum Fault {
    /// The data holds a code without a meaning.
    #[error("the data of a slice is damaged at macroblock {at} of {count} ({what})")]
    Invalid {
        /// The macroblock.
        at: usize,
        /// The macroblocks of the picture.
        count: usize,
        /// The syntax element.
        what: Invalid,
    },
    /// The data ends before the macroblocks do.
    #[error("the data of a slice ends too early, at macroblock {at} of {count}")]
    Cut {
        /// The macroblock.
        at: usize,
        /// The macroblocks of the picture.
        count: usize,
    },
    /// Data follows the last macroblock of a picture.
    #[error("the data of a slice goes on after the last of {count} macroblocks")]
    GoesOn {
        /// The macroblocks of the picture.
        count: usize,
    },
    /// Bits are left after the last macroblock of a slice.
    #[error("{bits} bits are left after macroblock {at} of {count}, the last of its slice")]
    Left {
        /// The number of bits.
        bits: usize,
        /// The macroblock.
        at: usize,
        /// The macroblocks of the picture.
        count: usize,
    },
    /// A slice does not begin where the one before it ended.
    #[error("macroblocks are missing or repeated: a slice begins at {start} instead of {expected}")]
    Gap {
        /// The first macroblock of the slice.
        start: usize,
        /// The macroblock after the last one of the slice before.
        expected: usize,
    },
    /// The slices do not fill the picture.
    #[error("the picture ends at macroblock {at} of {count}")]
    Incomplete {
        /// The macroblock after the last one.
        at: usize,
        /// The macroblocks of the picture.
        count: usize,
    },
    /// Slices have a type that only another profile has.
    #[error("a slice is a data partition, which no supported profile has")]
    Partition,
    /// The header of a slice cannot be read.
    #[error("the header of a slice is invalid")]
    Header,
}

/// A syntax element without a valid value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub(in crate::access_units) enum Invalid {
    MbType,
    SubMbType,
    RefIdx,
    Mvd,
    IntraChromaPredMode,
    CodedBlockPattern,
    MbQpDelta,
    Coefficients,
    MbSkipRun,
    PcmAlignment,
}
