//! The start of a slice header (ITU-T H.264 section 7.3.3).

use super::{
    header_rest::{References, SliceType},
    sets::{Numbering, ParameterSets, SliceFields},
};
use crate::{
    avc::NAL_IDR,
    bits::{Bits, unescape},
};

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

/// The start of a header, up to the number of the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// The first macroblock.
    pub(super) first: u32,
    /// The type of the slice; `None` for switching slices.
    pub(super) kind: Option<SliceType>,
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
    /// How frames are numbered.
    pub(super) numbering: Numbering,
    /// Which fields follow; `None` where groups of slices make them differ.
    pub(super) fields: Option<SliceFields>,
}

impl Start {
    /// Reads the first fields of `bits`, which follow the byte `header` of a NAL unit.
    pub(super) fn read(
        header: u8,
        bits: &mut Bits<'_>,
        sets: &ParameterSets,
    ) -> Result<Self, Unreadable> {
        let mut number = || bits.ue().ok_or(Unreadable::Cut);
        let (first, kind, picture_set) = (number()?, number()?, number()?);
        let (numbering, fields) = sets.of(picture_set).ok_or(Unreadable::NoSets)?;
        if numbering.separate_planes {
            bits.bits(2).ok_or(Unreadable::Cut)?;
        }
        let frame_num = bits.bits(numbering.bits).ok_or(Unreadable::Cut)?;
        let field = !numbering.frames_only && bits.flag().ok_or(Unreadable::Cut)?;
        let (idr, reference) = (header & 0x1f == NAL_IDR, header & 0x60 != 0);
        let kind = SliceType::of(kind);
        Ok(Self { first, kind, picture_set, frame_num, field, idr, reference, numbering, fields })
    }

    /// Reads the fields up to the marking of reference pictures, where they are of a known kind.
    pub(super) fn references(&self, bits: &mut Bits<'_>) -> Option<References> {
        let nal = (self.idr, self.reference);
        References::read(bits, self.kind?, nal, self.numbering, self.fields?)
    }
}

impl SliceHeader {
    /// Reads the header of a slice from a NAL unit, or from the first bytes of one.
    pub(super) fn read(nal: &[u8], sets: &ParameterSets) -> Result<Self, Unreadable> {
        let (&header, payload) = nal.split_first().ok_or(Unreadable::Cut)?;
        let rbsp = unescape(payload.get(..MAX_BYTES).unwrap_or(payload));
        let mut bits = Bits::new(&rbsp);
        let start = Start::read(header, &mut bits, sets)?;
        let Start { first, picture_set, frame_num, field, idr, reference, .. } = start;
        // Where that cannot be read, it is possible.
        let may_reset = reference
            && !idr
            && !field
            && start.references(&mut bits).is_none_or(|references| references.resets);
        Ok(Self { first, picture_set, frame_num, field, idr, reference, may_reset })
    }
}
