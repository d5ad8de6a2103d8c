//! Bounds the memory that sequence parameter sets of HEVC ask for, before anything is decoded.
//! Section numbers are those of ITU-T H.265.

use video_rs::ffmpeg::codec::Id;

use super::held_frames::{Layout, check_declared};
use crate::{
    bits::{Bits, unescape},
    error::MediaError,
    mp4::Fields,
};

/// The NAL unit type of a sequence parameter set (Table 7-1).
const SPS: u8 = 33;

/// Checks the sets of a decoder configuration record (ISO/IEC 14496-15 section 8.3.3.1). A record that
/// is not understood is FFmpeg's matter.
///
/// # Errors
///
/// `TooLarge`.
pub(super) fn check_record(record: &[u8]) -> Result<(), MediaError> {
    for set in record_sets(record).unwrap_or_default() {
        check_set(set)?;
    }
    Ok(())
}

fn record_sets(record: &[u8]) -> Result<Vec<&[u8]>, MediaError> {
    let mut fields = Fields::new("hvcC", record);
    fields.take(22)?;
    let mut sets = Vec::new();
    for _ in 0..fields.u8()? {
        fields.u8()?;
        for _ in 0..fields.u16()? {
            let length = usize::from(fields.u16()?);
            sets.push(fields.take(length)?);
        }
    }
    Ok(sets)
}

/// Checks the sets in a packet, whose NAL units follow start codes or length fields of four bytes.
///
/// # Errors
///
/// `TooLarge`.
pub(super) fn check_packet(data: &[u8]) -> Result<(), MediaError> {
    if data.starts_with(&[0, 0, 1]) || data.starts_with(&[0, 0, 0, 1]) {
        let mut rest = data;
        while let Some(at) = rest.windows(3).position(|window| window == [0, 0, 1]) {
            rest = rest.get(at + 3..).unwrap_or_default();
            check_set(rest)?;
        }
        return Ok(());
    }
    let mut rest = data;
    while let Some((length, unit)) = rest.split_first_chunk::<4>() {
        check_set(unit)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        rest = unit.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// Checks a NAL unit if it is a sequence parameter set. It may be followed by others.
fn check_set(nal: &[u8]) -> Result<(), MediaError> {
    /// No set needs more bytes up to the fields that are read.
    const MAX_BYTES: usize = 256;
    if nal.first().is_none_or(|header| header >> 1 & 0x3f != SPS) {
        return Ok(());
    }
    let head = nal.get(2..nal.len().min(MAX_BYTES)).unwrap_or_default();
    let Some((size, layout, frames)) = read(&unescape(head)) else { return Ok(()) };
    check_declared(Id::HEVC, size, layout, frames)
}

/// Reads size and layout of the frames, and how many the decoder holds (section 7.3.2.2.1).
fn read(rbsp: &[u8]) -> Option<([u64; 2], Layout, u64)> {
    let mut bits = Bits::new(rbsp);
    bits.bits(4)?;
    let layers = bits.bits(3)?;
    bits.flag()?;
    profile_tier_level(&mut bits, layers)?;
    bits.ue()?;
    let chroma = bits.ue()?;
    if chroma == 3 {
        bits.flag()?;
    }
    let size = [u64::from(bits.ue()?), u64::from(bits.ue()?)];
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?;
        }
    }
    let depth = bits.ue()?.max(bits.ue()?).checked_add(8)?;
    bits.ue()?;
    let first = if bits.flag()? { 0 } else { layers };
    let mut frames = 0;
    for _ in first..=layers {
        frames = frames.max(u64::from(bits.ue()?) + 1);
        bits.ue()?;
        bits.ue()?;
    }
    let quarters = match chroma {
        0 => 4,
        1 => 6,
        2 => 8,
        _ => 12,
    };
    Some((size, Layout { quarters, sample_bytes: if depth > 8 { 2 } else { 1 } }, frames))
}

/// Skips the profile, tier and level of all layers (section 7.3.3).
fn profile_tier_level(bits: &mut Bits<'_>, layers: u32) -> Option<()> {
    const PROFILE_BITS: u32 = 88;
    let skip = |bits: &mut Bits<'_>, count: u32| (0..count).try_for_each(|_| bits.flag().map(drop));
    skip(bits, PROFILE_BITS + 8)?;
    let mut present = Vec::new();
    for _ in 0..layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if layers > 0 {
        skip(bits, 2 * (8 - layers))?;
    }
    for (profile, level) in present {
        skip(bits, if profile { PROFILE_BITS } else { 0 })?;
        skip(bits, if level { 8 } else { 0 })?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::bit_writer::BitWriter;

    fn set(layers: u32, size: [u32; 2], chroma: u32, depth: u32, frames: u32) -> Vec<u8> {
        let mut writer = BitWriter::default().bits(4, 0).bits(3, layers).bits(1, 1).bits(96, 0);
        for _ in 0..layers {
            writer = writer.bits(2, 0b11);
        }
        if layers > 0 {
            writer = writer.bits(16 - 2 * layers, 0);
        }
        for _ in 0..layers {
            writer = writer.bits(96, 0);
        }
        writer = writer.ue(0).ue(chroma);
        if chroma == 3 {
            writer = writer.bits(1, 0);
        }
        writer = writer.ue(size[0]).ue(size[1]).bits(1, 0);
        writer = writer.ue(depth - 8).ue(depth - 8).ue(4).bits(1, 1);
        for layer in 0..=layers {
            writer = writer.ue(if layer == layers { frames - 1 } else { 0 }).ue(0).ue(0);
        }
        writer.unit(&[SPS << 1, 1])
    }

    #[test]
    fn size_layout_and_frames_are_read() {
        for layers in [0, 2] {
            for (chroma, quarters) in [(0, 4), (1, 6), (2, 8), (3, 12)] {
                for (depth, sample_bytes) in [(8, 1), (10, 2)] {
                    let nal = set(layers, [7680, 4320], chroma, depth, 5);
                    let expected = ([7680, 4320], Layout { quarters, sample_bytes }, 5);
                    assert_eq!(read(&unescape(&nal[2..])), Some(expected));
                }
            }
        }
        let nal = unescape(&set(0, [64, 64], 1, 8, 1)[2..]);
        for end in 0..nal.len() - 1 {
            assert_eq!(read(&nal[..end]), None);
        }
    }

    #[test]
    fn large_frames_of_many_references_are_refused() {
        let (small, large) = (set(0, [7680, 4320], 1, 8, 6), set(0, [8192, 4608], 1, 8, 9));
        let start = [0, 0, 0, 1];
        let of_lengths = |nals: &[&[u8]]| {
            let unit =
                |nal: &&[u8]| [&u32::try_from(nal.len()).unwrap().to_be_bytes(), *nal].concat();
            nals.iter().map(unit).collect::<Vec<_>>().concat()
        };
        let slice: &[u8] = &[0x02, 0x01, 0x80];
        assert!(check_packet(&of_lengths(&[&small, slice])).is_ok());
        assert!(check_packet(&of_lengths(&[slice, &small, &large])).is_err());
        assert!(check_packet(&[&start, &small[..], &start, slice].concat()).is_ok());
        let error = check_packet(&[&start, &small[..], &start, &large].concat()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "memory for the decoder's frames in bytes of 849346560 is over the limit of 671088640"
        );
        let record = |nal: &[u8]| {
            let length = u16::try_from(nal.len()).unwrap().to_be_bytes();
            [&[0; 22], &[1, 0xa1, 0, 1][..], &length, nal].concat()
        };
        assert!(check_record(&record(&small)).is_ok());
        assert!(check_record(&record(&large)).is_err());
        assert!(check_record(&record(&large)[..40]).is_ok(), "FFmpeg's matter");
    }
}
