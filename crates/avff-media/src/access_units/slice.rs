//! The start of a slice header (ITU-T H.264 section 7.3.3).

use super::{
    header_rest::{References, SliceType},
    sets::ParameterSets,
};
use crate::bits::{Bits, unescape};

/// The bytes of a slice that are looked at. Headers with many weights are longer.
const MAX_BYTES: usize = 64;

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
    /// Whether frame numbers may start anew after the picture.
    pub(super) may_reset: bool,
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
        let (first, kind, picture_set) = (number()?, number()?, number()?);
        let (numbering, slices) = sets.of(picture_set).ok_or(Unreadable::NoSets)?;
        if numbering.separate_planes {
            bits.bits(2).ok_or(Unreadable::Cut)?;
        }
        let frame_num = bits.bits(numbering.bits).ok_or(Unreadable::Cut)?;
        let field = !numbering.frames_only && bits.flag().ok_or(Unreadable::Cut)?;
        let (idr, reference) = (header & 0x1f == 5, header & 0x60 != 0);
        // Where that cannot be read, it is possible.
        let may_reset = reference && !idr && !field && {
            let read = slices.zip(SliceType::of(kind)).and_then(|(slices, kind)| {
                References::read(&mut bits, kind, (idr, reference), numbering, slices)
            });
            read.is_none_or(|references| references.resets)
        };
        Ok(Self { first, picture_set, frame_num, field, idr, reference, may_reset })
    }
}
