//! The syntax elements of a macroblock, which CABAC and CAVLC code in two ways.

use super::{
    around::Around,
    fault::Invalid,
    kinds::{Kind, Quarter},
};
use crate::access_units::header_rest::SliceType;

/// Why a macroblock cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// A code has no meaning.
    Invalid(Invalid),
    /// The data ends.
    Cut,
}

impl From<Invalid> for Stop {
    fn from(what: Invalid) -> Self {
        Self::Invalid(what)
    }
}

/// A block of coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// The mean values of luma of a macroblock that is predicted as a whole.
    LumaMeans,
    /// The other values of the block of luma at a column and row.
    LumaRest([usize; 2]),
    /// A block of luma at a column and row.
    Luma([usize; 2]),
    /// The mean values of Cb (0) or Cr (1).
    ChromaMeans(usize),
    /// The other values of a block of Cb or Cr.
    Chroma(usize, [usize; 2]),
}

/// Reads the syntax elements of macroblocks (ITU-T H.264 sections 7.3.5 and 9).
pub(super) trait Elements {
    /// Reads `mb_type`.
    fn kind(&mut self, around: &Around<'_>, slice: SliceType) -> Result<Kind, Stop>;
    /// Reads `sub_mb_type`.
    fn quarter(&mut self, slice: SliceType) -> Result<Quarter, Stop>;
    /// Reads the samples of a macroblock without compression.
    fn samples(&mut self) -> Result<(), Stop>;
    /// Reads `transform_size_8x8_flag`.
    fn of_8(&mut self, around: &Around<'_>) -> Result<bool, Stop>;
    /// Reads the intra prediction of a block.
    fn block_mode(&mut self) -> Result<(), Stop>;
    /// Reads `intra_chroma_pred_mode`. Returns whether it is not the mean.
    fn chroma_mode(&mut self, around: &Around<'_>) -> Result<bool, Stop>;
    /// Reads `ref_idx` of the part at a column and row of blocks, below `count`.
    fn reference(
        &mut self,
        around: &Around<'_>,
        list: usize,
        at: [usize; 2],
        count: u32,
    ) -> Result<u32, Stop>;
    /// Reads `mvd` of the part at a column and row of blocks. Returns both sizes, at most 255.
    fn motion(&mut self, around: &Around<'_>, list: usize, at: [usize; 2])
    -> Result<[u8; 2], Stop>;
    /// Reads `coded_block_pattern`.
    fn pattern(&mut self, around: &Around<'_>) -> Result<u8, Stop>;
    /// Reads `mb_qp_delta`. Returns whether it is not 0.
    fn quantizer(&mut self, around: &Around<'_>) -> Result<bool, Stop>;
    /// Reads a block of coefficients. Returns how many are not 0.
    fn block(&mut self, around: &Around<'_>, block: Block) -> Result<u8, Stop>;
    /// Reads a quarter of luma that is one block of 8x8. Returns the coefficients of the four blocks of
    /// 4x4 there, as far as later blocks look at them.
    fn block_of_8(&mut self, around: &mut Around<'_>, quarter: usize) -> Result<(), Stop>;
}
