//! Syntax elements by variable-length codes (ITU-T H.264 sections 7.3.5, 9.1 and 9.2).

use rusty_h264_common::{
    BitReader,
    bit_reader::OutOfData,
    cavlc::{decode_residual_block, read_cbp_inter, read_cbp_intra},
};

use super::{
    around::Around,
    cabac::SAMPLES,
    elements::{Block, Elements, Stop},
    fault::Invalid,
    kinds::{Kind, Quarter},
    walk::corner,
};
use crate::access_units::header_rest::SliceType;

/// The limits of `mb_qp_delta` of 8 bit, twice as wide as the standard's.
const MAX_DELTA: i32 = 52;

/// Reads the syntax elements of a slice.
pub(super) struct Cavlc<'a> {
    bits: BitReader<'a>,
}

impl From<OutOfData> for Stop {
    fn from(_: OutOfData) -> Self {
        Self::Cut
    }
}

impl<'a> Cavlc<'a> {
    /// Starts at a bit of the payload of a slice.
    pub(super) fn new(payload: &'a [u8], at: usize) -> Result<Self, Stop> {
        let mut bits = BitReader::new(payload);
        bits.skip_bits(u32::try_from(at).map_err(|_| Stop::Cut)?)?;
        Ok(Self { bits })
    }

    /// Returns whether more follows than the stop bit.
    pub(super) fn has_more(&self) -> bool {
        self.bits.more_rbsp_data()
    }

    /// Returns the number of bits that were read.
    pub(super) fn position(&self) -> usize {
        self.bits.bit_pos()
    }

    /// Reads `mb_skip_run`.
    pub(super) fn skipped(&mut self) -> Result<u32, Stop> {
        self.number(Invalid::MbSkipRun)
    }

    /// Reads an unsigned number.
    fn number(&mut self, what: Invalid) -> Result<u32, Stop> {
        Ok(self.bits.read_ue().map_err(|_| what)?)
    }

    fn flag(&mut self) -> Result<bool, Stop> {
        Ok(self.bits.read_bit()?)
    }

    fn coefficients(&mut self, size: usize, near: i32) -> Result<u8, Stop> {
        let read = decode_residual_block(&mut self.bits, size, near);
        let (_, count) = read.map_err(|_| Invalid::Coefficients)?;
        Ok(count)
    }
}

/// Returns the mean of the coefficients to the left and above (section 9.2.1).
fn mean([left, above]: [Option<u8>; 2]) -> i32 {
    match (left, above) {
        (Some(left), Some(above)) => (i32::from(left) + i32::from(above) + 1) / 2,
        (one, other) => one.or(other).map_or(0, i32::from),
    }
}

impl Elements for Cavlc<'_> {
    fn kind(&mut self, _: &Around<'_>, slice: SliceType) -> Result<Kind, Stop> {
        let number = self.number(Invalid::MbType)?;
        let kind = match slice {
            SliceType::I => Kind::intra(number),
            SliceType::P => Kind::of_p(number),
            SliceType::B => Kind::of_b(number),
        };
        Ok(kind.ok_or(Invalid::MbType)?)
    }

    fn quarter(&mut self, slice: SliceType) -> Result<Quarter, Stop> {
        let number = self.number(Invalid::SubMbType)?;
        let quarter =
            if slice == SliceType::B { Quarter::of_b(number) } else { Quarter::of_p(number) };
        Ok(quarter.ok_or(Invalid::SubMbType)?)
    }

    fn samples(&mut self) -> Result<(), Stop> {
        while !self.bits.is_byte_aligned() {
            if self.flag()? {
                return Err(Invalid::PcmAlignment.into());
            }
        }
        Ok(self.bits.skip_bits(8 * SAMPLES as u32)?)
    }

    fn of_8(&mut self, _: &Around<'_>) -> Result<bool, Stop> {
        self.flag()
    }

    fn block_mode(&mut self) -> Result<(), Stop> {
        if !self.flag()? {
            self.bits.skip_bits(3)?;
        }
        Ok(())
    }

    fn chroma_mode(&mut self, _: &Around<'_>) -> Result<bool, Stop> {
        match self.number(Invalid::IntraChromaPredMode)? {
            mode @ 0..=3 => Ok(mode > 0),
            _ => Err(Invalid::IntraChromaPredMode.into()),
        }
    }

    fn reference(
        &mut self,
        _: &Around<'_>,
        _: usize,
        _: [usize; 2],
        count: u32,
    ) -> Result<u32, Stop> {
        // Of two pictures, one inverted bit tells.
        let index =
            if count == 2 { u32::from(!self.flag()?) } else { self.number(Invalid::RefIdx)? };
        if index < count { Ok(index) } else { Err(Invalid::RefIdx.into()) }
    }

    fn motion(&mut self, _: &Around<'_>, _: usize, _: [usize; 2]) -> Result<[u8; 2], Stop> {
        self.number(Invalid::Mvd)?;
        self.number(Invalid::Mvd)?;
        // No later code depends on motion.
        Ok([0; 2])
    }

    fn pattern(&mut self, around: &Around<'_>) -> Result<u8, Stop> {
        let intra = around.current.intra;
        let read = if intra { read_cbp_intra } else { read_cbp_inter }(&mut self.bits);
        Ok(read.map_err(|_| Invalid::CodedBlockPattern)? as u8)
    }

    fn quantizer(&mut self, _: &Around<'_>) -> Result<bool, Stop> {
        let delta = self.bits.read_se()?;
        if delta.abs() > MAX_DELTA { Err(Invalid::MbQpDelta.into()) } else { Ok(delta != 0) }
    }

    fn block(&mut self, around: &Around<'_>, block: Block) -> Result<u8, Stop> {
        match block {
            Block::LumaMeans => self.coefficients(16, mean(around.luma(0, 0))),
            Block::LumaRest([x, y]) => self.coefficients(15, mean(around.luma(x, y))),
            Block::Luma([x, y]) => self.coefficients(16, mean(around.luma(x, y))),
            Block::ChromaMeans(_) => self.coefficients(4, -1),
            Block::Chroma(plane, [x, y]) => self.coefficients(15, mean(around.chroma(plane, x, y))),
        }
    }

    fn block_of_8(&mut self, around: &mut Around<'_>, quarter: usize) -> Result<(), Stop> {
        // The coefficients are dealt out to four blocks of 4x4.
        let [left, top] = corner(quarter);
        for [x, y] in [[left, top], [left + 1, top], [left, top + 1], [left + 1, top + 1]] {
            let count = self.coefficients(16, mean(around.luma(x, y)))?;
            around.current.luma[4 * y + x] = count;
        }
        Ok(())
    }
}
