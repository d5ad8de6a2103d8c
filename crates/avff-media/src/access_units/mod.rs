//! Finds frames of H.264 that are missing or repeated, pictures whose slices do not belong together,
//! and damage inside slices.
//!
//! A decoder goes on after a lost frame: it takes another frame for the reference. But frames have
//! numbers, `frame_num`, that count the reference frames (ITU-T H.264 section 7.4.3). Each picture
//! that is no IDR picture has the number after that of the last reference frame. Both readers check
//! every access unit here, also those that they need not decode. The macroblocks are read of those that
//! they decode.

mod annex_b;
mod header_rest;
mod macroblocks;
mod sets;
mod slice;

pub(crate) use self::annex_b::AnnexB;
use self::{
    macroblocks::Macroblocks,
    sets::{Numbering, ParameterSets},
    slice::{SliceHeader, Unreadable},
};
use crate::avc::{is_slice, nal_type};

/// The NAL unit types of slices that have a whole header (Table 7-1).
const WITH_HEADER: [u8; 3] = [1, 2, 5];

/// Checks the access units of a stream, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccessUnits {
    sets: ParameterSets,
    /// The number of the last reference frame; `None` where it is unknown.
    last_reference: Option<u32>,
    /// Whether that frame may have started the numbers anew.
    may_reset: bool,
    /// Whether the last fault was that of a number.
    misnumbered: bool,
}

impl AccessUnits {
    /// Starts a stream with its parameter sets, each after an Annex B start code.
    pub(crate) fn new(parameter_sets: &[u8]) -> Self {
        let mut units = Self::default();
        for nal in AnnexB::new(parameter_sets) {
            units.sets.add(nal);
        }
        units
    }

    /// Takes the number of the next picture as it is, as after lost pictures.
    pub(crate) fn restart(&mut self) {
        self.last_reference = None;
    }

    /// Returns whether the last fault was a wrong number: frames are missing, repeated or out of place.
    pub(crate) fn misnumbered(&self) -> bool {
        self.misnumbered
    }

    /// Checks the NAL units of the next access unit. The first bytes of each slice are enough.
    ///
    /// # Errors
    ///
    /// What is wrong, for a message.
    pub(crate) fn check<'a>(
        &mut self,
        nals: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), String> {
        self.misnumbered = false;
        let mut first: Option<SliceHeader> = None;
        let (mut slices, mut last_start) = (0_usize, 0);
        for nal in nals {
            if nal.first().is_some_and(|header| header & 0x80 != 0) {
                return Err("the header of a NAL unit is damaged (forbidden_zero_bit)".to_owned());
            }
            self.sets.add(nal);
            slices += usize::from(is_slice(nal));
            if !nal_type(nal).is_some_and(|kind| WITH_HEADER.contains(&kind)) {
                continue;
            }
            let slice = match SliceHeader::read(nal, &self.sets) {
                Ok(slice) => slice,
                Err(Unreadable::Cut) => return Err("a slice ends within its header".to_owned()),
                Err(Unreadable::NoSets) => {
                    self.last_reference = None;
                    continue;
                }
            };
            let Some((numbering, fields)) = self.sets.of(slice.picture_set) else { continue };
            match first {
                None => self.number(slice, numbering)?,
                // The second field of a frame may differ.
                Some(before) if slice.field || before.field => {
                    self.number(slice, numbering)?;
                }
                Some(before) => agree(before, slice)?,
            }
            let in_order = fields.is_some_and(|fields| !fields.redundant);
            let whole = in_order && !slice.field && !numbering.separate_planes;
            match first {
                None if whole && slice.first != 0 => {
                    return Err(format!(
                        "the first slice is missing (it begins at macroblock {})",
                        slice.first
                    ));
                }
                Some(_) if whole && slice.first <= last_start => {
                    return Err("the slices are not in order".to_owned());
                }
                _ => last_start = slice.first,
            }
            first = first.or(Some(slice));
        }
        if slices == 0 {
            return Err("contains no slice of a picture".to_owned());
        }
        Ok(())
    }

    /// Checks the number of a picture.
    fn number(&mut self, slice: SliceHeader, numbering: Numbering) -> Result<(), String> {
        let all = 1_u32 << numbering.bits;
        let frame_num = slice.frame_num;
        let before = (frame_num + all - 1) % all;
        if slice.idr && frame_num != 0 {
            return Err(format!("an IDR picture has frame_num {frame_num} instead of 0"));
        }
        if let Some(last) = self.last_reference.filter(|_| !slice.idr) {
            let follows = before == last % all;
            let is_second = !numbering.frames_only && frame_num == last;
            let is_reset = self.may_reset && frame_num <= 1;
            if !follows && !is_second && !is_reset && !numbering.gaps_allowed {
                self.misnumbered = true;
                return Err(format!(
                    "frames before it are missing or repeated (its frame_num is {frame_num} instead \
                     of {})",
                    (last + 1) % all
                ));
            }
        }
        self.last_reference = Some(if slice.reference { frame_num } else { before });
        if slice.reference {
            self.may_reset = slice.may_reset;
        }
        Ok(())
    }
}

/// Checks the macroblocks of access units, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct CodedPictures {
    sets: ParameterSets,
    macroblocks: Macroblocks,
}

impl CodedPictures {
    /// Starts a stream with its parameter sets, each after an Annex B start code. `is_strict` refuses
    /// data behind the codes of a slice, which only encoders that were tried are known not to write.
    pub(crate) fn new(parameter_sets: &[u8], is_strict: bool) -> Self {
        let mut pictures = Self::default();
        pictures.macroblocks.is_strict = is_strict;
        for nal in AnnexB::new(parameter_sets) {
            pictures.sets.add(nal);
        }
        pictures
    }

    /// Refuses data behind the codes of a slice from now on.
    #[cfg(feature = "ffmpeg")]
    pub(crate) fn be_strict(&mut self) {
        self.macroblocks.is_strict = true;
    }

    /// Checks the NAL units of the next access unit. Returns whether its macroblocks can be read.
    ///
    /// # Errors
    ///
    /// What is wrong, for a message.
    pub(crate) fn check<'a>(
        &mut self,
        nals: impl IntoIterator<Item = &'a [u8]> + Clone,
    ) -> Result<bool, String> {
        for nal in nals.clone() {
            self.sets.add(nal);
        }
        self.macroblocks.check(nals, &self.sets).map_err(|fault| fault.to_string())
    }
}

/// Returns whether supplemental information names x264 as the encoder, as it does in the first access
/// unit.
pub(crate) fn names_x264<'a>(nals: impl IntoIterator<Item = &'a [u8]>) -> bool {
    const SUPPLEMENTAL: u8 = 6;
    const NAME: &[u8] = b"x264 - core";
    nals.into_iter().any(|nal| {
        nal_type(nal) == Some(SUPPLEMENTAL) && nal.windows(NAME.len()).any(|text| text == NAME)
    })
}

/// Checks that two slices belong to one picture (section 7.4.1.2.4).
fn agree(first: SliceHeader, slice: SliceHeader) -> Result<(), String> {
    let same = [
        ("frame_num", first.frame_num == slice.frame_num),
        ("nal_ref_idc", first.reference == slice.reference),
        ("nal_unit_type", first.idr == slice.idr),
        ("pic_parameter_set_id", first.picture_set == slice.picture_set),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(format!("its slices are of different pictures (by {field})")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
