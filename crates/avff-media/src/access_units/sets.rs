//! What slice headers need from the parameter sets of a stream.
//!
//! The decoders judge the sets themselves, so a set that cannot be read is passed over. Section
//! numbers are those of ITU-T H.264.

use std::collections::BTreeMap;

use crate::{
    bits::{Bits, unescape},
    sps::{HIGH_PROFILES, skip_scaling_list},
};

/// The largest identifiers of sequence and picture parameter sets (sections 7.4.2.1 and 7.4.2.2).
const MAX_IDS: [u32; 2] = [31, 255];

/// The fields of a sequence parameter set that tell how frames are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbering {
    /// Bits of `frame_num`.
    pub(super) bits: u32,
    /// Whether numbers may be missing.
    pub(super) gaps_allowed: bool,
    /// Whether pictures cannot be fields.
    pub(super) frames_only: bool,
    /// Whether each slice holds one color plane.
    pub(super) separate_planes: bool,
}

impl Numbering {
    /// Reads the identifier and the fields of a sequence parameter set without its NAL header.
    fn read(bits: &mut Bits<'_>) -> Option<(u32, Self)> {
        let profile = u8::try_from(bits.bits(8)?).ok()?;
        bits.bits(16)?;
        let id = bits.ue()?;
        let mut separate_planes = false;
        if HIGH_PROFILES.contains(&profile) {
            let chroma = bits.ue()?;
            if chroma == 3 {
                separate_planes = bits.flag()?;
            }
            bits.ue()?;
            bits.ue()?;
            bits.flag()?;
            if bits.flag()? {
                for list in 0..if chroma == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        let frame_num_bits = bits.ue()?.checked_add(4).filter(|&count| count <= 16)?;
        match bits.ue()? {
            0 => {
                bits.ue()?;
            }
            1 => {
                bits.flag()?;
                bits.se()?;
                bits.se()?;
                for _ in 0..bits.ue().filter(|&cycle| cycle <= 255)? {
                    bits.se()?;
                }
            }
            _ => {}
        }
        bits.ue()?;
        let gaps_allowed = bits.flag()?;
        bits.ue()?;
        bits.ue()?;
        let frames_only = bits.flag()?;
        Some((id, Self { bits: frame_num_bits, gaps_allowed, frames_only, separate_planes }))
    }
}

/// The fields of a picture parameter set that slices depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PictureSet {
    /// The identifier of the sequence parameter set.
    sequence: u32,
    /// Whether slices follow each other in a picture: no groups of slices, and no redundant ones.
    in_order: bool,
}

impl PictureSet {
    /// Reads the identifier and the fields of a picture parameter set without its NAL header.
    fn read(bits: &mut Bits<'_>) -> Option<(u32, Self)> {
        let (id, sequence) = (bits.ue()?, bits.ue()?);
        bits.bits(2)?;
        let groups = bits.ue()?;
        let mut in_order = groups == 0;
        if in_order {
            bits.ue()?;
            bits.ue()?;
            bits.bits(3)?;
            for _ in 0..3 {
                bits.se()?;
            }
            bits.bits(2)?;
            in_order = !bits.flag()?;
        }
        Some((id, Self { sequence, in_order }))
    }
}

/// The parameter sets that were read so far.
#[derive(Debug, Clone, Default)]
pub(super) struct ParameterSets {
    sequences: BTreeMap<u32, Numbering>,
    pictures: BTreeMap<u32, PictureSet>,
}

impl ParameterSets {
    /// Adds a sequence parameter set.
    pub(super) fn add_sequence(&mut self, nal: &[u8]) {
        let rbsp = unescape(nal.get(1..).unwrap_or_default());
        let read = Numbering::read(&mut Bits::new(&rbsp));
        self.sequences.extend(read.filter(|(id, _)| *id <= MAX_IDS[0]));
    }

    /// Adds a picture parameter set.
    pub(super) fn add_picture(&mut self, nal: &[u8]) {
        let rbsp = unescape(nal.get(1..).unwrap_or_default());
        let read = PictureSet::read(&mut Bits::new(&rbsp));
        self.pictures.extend(read.filter(|(id, _)| *id <= MAX_IDS[1]));
    }

    /// Returns how the frames of a picture parameter set are numbered, and whether their slices
    /// follow each other.
    pub(super) fn of(&self, picture_set: u32) -> Option<(Numbering, bool)> {
        let picture = self.pictures.get(&picture_set)?;
        self.sequences.get(&picture.sequence).map(|&numbering| (numbering, picture.in_order))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn sets_of_an_encoder_are_read() {
        // Written by x264: High profile, 8 bit, without fields.
        let sequence = [
            0x67, 0x64, 0, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0, 0, 3, 3, 0xe9,
            0, 0, 0xea, 0x60, 0xf, 0x16, 0x2d, 0x96,
        ];
        let mut sets = ParameterSets::default();
        sets.add_sequence(&sequence);
        sets.add_picture(&[0x68, 0xeb, 0xe1, 0x12, 0xc8, 0xb0]);
        let (numbering, in_order) = sets.of(0).unwrap();
        assert!(in_order);
        let expected = Numbering {
            bits: numbering.bits,
            gaps_allowed: false,
            frames_only: true,
            separate_planes: false,
        };
        assert_eq!(numbering, expected);
        assert!((4..=16).contains(&numbering.bits));
        for length in 0..8 {
            let mut cut = ParameterSets::default();
            cut.add_sequence(sequence.get(..length).unwrap());
            cut.add_picture(&[0x68]);
            assert_eq!(cut.of(0), None, "{length} bytes");
        }
    }
}
