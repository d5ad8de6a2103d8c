//! The start of a slice header (ITU-T H.264 section 7.3.3).

use super::sets::ParameterSets;
use crate::bits::{Bits, unescape};

/// The most bytes that the start of a slice header takes, escapes included.
const MAX_BYTES: usize = 40;

/// The fields of a slice that all slices of a picture share, and its place in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SliceHeader {
    /// The first macroblock.
    pub(super) first: u32,
    /// The identifier of the picture parameter set.
    pub(super) picture_set: u32,
    /// The number of the frame.
    pub(super) frame_num: u32,
    /// Whether the slice belongs to a field.
    pub(super) field: bool,
    /// Whether the picture is an IDR picture.
    pub(super) idr: bool,
    /// Whether other pictures may refer to the picture.
    pub(super) reference: bool,
}

/// Why a header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The slice ends before its header does.
    Cut,
    /// The parameter sets are unknown.
    NoSets,
}

impl SliceHeader {
    /// Reads the header of a slice from a NAL unit, or from the first bytes of one.
    pub(super) fn read(nal: &[u8], sets: &ParameterSets) -> Result<Self, Unreadable> {
        let (&header, payload) = nal.split_first().ok_or(Unreadable::Cut)?;
        let rbsp = unescape(payload.get(..MAX_BYTES).unwrap_or(payload));
        let mut bits = Bits::new(&rbsp);
        let mut number = || bits.ue().ok_or(Unreadable::Cut);
        let (first, _, picture_set) = (number()?, number()?, number()?);
        let (numbering, _) = sets.of(picture_set).ok_or(Unreadable::NoSets)?;
        if numbering.separate_planes {
            bits.bits(2).ok_or(Unreadable::Cut)?;
        }
        let frame_num = bits.bits(numbering.bits).ok_or(Unreadable::Cut)?;
        let field = !numbering.frames_only && bits.flag().ok_or(Unreadable::Cut)?;
        Ok(Self {
            first,
            picture_set,
            frame_num,
            field,
            idr: header & 0x1f == 5,
            reference: header & 0x60 != 0,
        })
    }
}
