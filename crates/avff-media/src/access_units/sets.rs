//! What slice headers need from the parameter sets of a stream.
//!
//! The decoders judge the sets themselves, so a set that cannot be read is passed over. Section
//! numbers are those of ITU-T H.264.

use std::collections::BTreeMap;

use crate::{
    avc::nal_type,
    bits::{Bits, unescape},
    sps::{HIGH_PROFILES, skip_scaling_list},
};

/// The largest identifiers of sequence and picture parameter sets (sections 7.4.2.1 and 7.4.2.2).
const MAX_IDS: [u32; 2] = [31, 255];
/// The largest side of a picture in macroblocks, that of level 6.2.
const MAX_SIDE: u32 = 1055;

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
    /// Whether pictures have chroma planes.
    pub(super) chroma: bool,
    /// How the display order is coded.
    pub(super) order: Order,
    /// Pictures whose macroblocks can be read; `None` for other kinds of pictures.
    pub(super) picture: Option<Picture>,
}

/// The size of pictures of 8 bit, 4:2:0 whose macroblocks are no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picture {
    /// Macroblocks of a row.
    pub(super) columns: u32,
    /// Rows of macroblocks.
    pub(super) rows: u32,
    /// Whether motion that is derived is the same for a quarter of a macroblock
    /// (`direct_8x8_inference_flag`).
    pub(super) direct_by_quarters: bool,
}

impl Picture {
    /// Reads the rest of the fields. Rows of pictures that may be fields are counted in fields.
    fn read(bits: &mut Bits<'_>, sides: [u32; 2], frames_only: bool) -> Option<Self> {
        let per_row = if frames_only { 1 } else { 2 };
        let side = |count: u32| count.checked_add(1).filter(|&count| count <= MAX_SIDE);
        let [columns, rows] = [side(sides[0])?, side(sides[1])? * per_row];
        // Frames whose macroblocks may be fields.
        if !frames_only && bits.flag()? {
            return None;
        }
        Some(Self { columns, rows, direct_by_quarters: bits.flag()? })
    }
}

/// How slices state the display order of a picture (`pic_order_cnt_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// By a number of so many bits.
    Bits(u32),
    /// By differences to a cycle, which slices state or not.
    Cycle { stated: bool },
    /// As they are decoded.
    Decoded,
}

impl Numbering {
    /// Reads the identifier and the fields of a sequence parameter set without its NAL header.
    fn read(bits: &mut Bits<'_>) -> Option<(u32, Self)> {
        let profile = u8::try_from(bits.bits(8)?).ok()?;
        bits.bits(16)?;
        let id = bits.ue()?;
        let (mut separate_planes, mut chroma, mut usual) = (false, true, true);
        if HIGH_PROFILES.contains(&profile) {
            let format = bits.ue()?;
            chroma = format != 0;
            if format == 3 {
                separate_planes = bits.flag()?;
            }
            // 4:2:0, 8 bit of luma and of chroma, and not lossless.
            usual = [format, bits.ue()?, bits.ue()?, u32::from(bits.flag()?)] == [1, 0, 0, 0];
            if bits.flag()? {
                for list in 0..if format == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        let frame_num_bits = bits.ue()?.checked_add(4).filter(|&count| count <= 16)?;
        let order = match bits.ue()? {
            0 => Order::Bits(bits.ue()?.checked_add(4).filter(|&count| count <= 16)?),
            1 => {
                let stated = !bits.flag()?;
                bits.se()?;
                bits.se()?;
                for _ in 0..bits.ue().filter(|&cycle| cycle <= 255)? {
                    bits.se()?;
                }
                Order::Cycle { stated }
            }
            _ => Order::Decoded,
        };
        bits.ue()?;
        let gaps_allowed = bits.flag()?;
        let (columns, rows) = (bits.ue()?, bits.ue()?);
        let frames_only = bits.flag()?;
        let picture = Picture::read(bits, [columns, rows], frames_only).filter(|_| usual);
        Some((
            id,
            Self {
                bits: frame_num_bits,
                gaps_allowed,
                frames_only,
                separate_planes,
                chroma,
                order,
                picture,
            },
        ))
    }
}

/// The fields of a picture parameter set that slices depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PictureSet {
    /// The identifier of the sequence parameter set.
    sequence: u32,
    /// Which fields slices have; `None` where groups of slices make them differ.
    slices: Option<SliceFields>,
}

/// Which fields of slices are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SliceFields {
    /// Whether slices state the display order of both fields of a frame.
    pub(super) order_of_fields: bool,
    /// The usual number of reference pictures of each list.
    pub(super) references: [u32; 2],
    /// Whether P slices have weights.
    pub(super) weighted: bool,
    /// Whether B slices have weights.
    pub(super) weighted_both: bool,
    /// Whether slices may be copies of others.
    pub(super) redundant: bool,
    /// Whether macroblocks are coded by arithmetic codes (CABAC) instead of variable-length codes (CAVLC).
    pub(super) arithmetic: bool,
    /// The quantizer before the difference that a slice states.
    pub(super) quantizer: i32,
    /// Whether slices have the settings of the deblocking filter.
    pub(super) filter: bool,
    /// Whether macroblocks may have blocks of 8x8.
    pub(super) blocks_of_8: bool,
}

impl PictureSet {
    /// Reads the identifier and the fields of a picture parameter set without its NAL header.
    fn read(bits: &mut Bits<'_>) -> Option<(u32, Self)> {
        let (id, sequence) = (bits.ue()?, bits.ue()?);
        let arithmetic = bits.flag()?;
        let order_of_fields = bits.flag()?;
        let groups = bits.ue()?;
        let mut slices = None;
        if groups == 0 {
            let references = [bits.ue()?.checked_add(1)?, bits.ue()?.checked_add(1)?];
            let (weighted, weighted_both) = (bits.flag()?, bits.bits(2)? == 1);
            let quantizer = bits.se()?.checked_add(26)?;
            bits.se()?;
            bits.se()?;
            let filter = bits.flag()?;
            bits.flag()?;
            let redundant = bits.flag()?;
            // The further fields may be absent.
            let blocks_of_8 = bits.has_more() && bits.flag()?;
            slices = Some(SliceFields {
                order_of_fields,
                references,
                weighted,
                weighted_both,
                redundant,
                arithmetic,
                quantizer,
                filter,
                blocks_of_8,
            });
        }
        Some((id, Self { sequence, slices }))
    }
}

/// The parameter sets that were read so far.
#[derive(Debug, Clone, Default)]
pub(super) struct ParameterSets {
    sequences: BTreeMap<u32, Numbering>,
    pictures: BTreeMap<u32, PictureSet>,
}

impl ParameterSets {
    /// Adds a NAL unit if it is a parameter set (Table 7-1).
    pub(super) fn add(&mut self, nal: &[u8]) {
        match nal_type(nal) {
            Some(7) => self.add_sequence(nal),
            Some(8) => self.add_picture(nal),
            _ => {}
        }
    }

    /// Adds a sequence parameter set.
    fn add_sequence(&mut self, nal: &[u8]) {
        let rbsp = unescape(nal.get(1..).unwrap_or_default());
        let read = Numbering::read(&mut Bits::new(&rbsp));
        self.sequences.extend(read.filter(|(id, _)| *id <= MAX_IDS[0]));
    }

    /// Adds a picture parameter set.
    fn add_picture(&mut self, nal: &[u8]) {
        let rbsp = unescape(nal.get(1..).unwrap_or_default());
        let read = PictureSet::read(&mut Bits::new(&rbsp));
        self.pictures.extend(read.filter(|(id, _)| *id <= MAX_IDS[1]));
    }

    /// Returns how the frames of a picture parameter set are numbered, and which fields their slices
    /// have.
    pub(super) fn of(&self, picture_set: u32) -> Option<(Numbering, Option<SliceFields>)> {
        let picture = self.pictures.get(&picture_set)?;
        self.sequences.get(&picture.sequence).map(|&numbering| (numbering, picture.slices))
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
        let (numbering, slices) = sets.of(0).unwrap();
        assert!(slices.is_some_and(|slices| !slices.redundant));
        let expected = Numbering {
            bits: numbering.bits,
            gaps_allowed: false,
            frames_only: true,
            separate_planes: false,
            chroma: true,
            order: numbering.order,
            picture: Some(Picture { columns: 40, rows: 23, direct_by_quarters: true }),
        };
        assert_eq!(numbering, expected);
        assert!(slices.is_some_and(|slices| slices.arithmetic && slices.blocks_of_8));
        assert!((4..=16).contains(&numbering.bits));
        for length in 0..8 {
            let mut cut = ParameterSets::default();
            cut.add_sequence(sequence.get(..length).unwrap());
            cut.add_picture(&[0x68]);
            assert_eq!(cut.of(0), None, "{length} bytes");
        }
    }
}
