//! Reads the sequence parameter set of H.264, in particular the parts that the decoder refuses or
//! ignores.
//!
//! The decoder reads no VUI, so the color space and the pixel aspect ratio are read here. It ignores the left and top crop, so
//! the offsets are kept here. It gives short reasons for refusing a stream, so the profile is named
//! here. Section numbers are those of ITU-T H.264.

use super::{
    bits::{Bits, unescape},
    color::ColorSpace,
    mp4::MAX_DIMENSION,
};
use crate::error::{MediaError, Stream};

/// Profiles whose SPS has chroma format, bit depths and scaling lists (section 7.3.2.1.1).
pub(crate) const HIGH_PROFILES: [u8; 13] =
    [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// The decoder's own limit on macroblocks in a picture: four times the limit of level 5.2.
pub(crate) const MAX_MACROBLOCKS: u64 = 4 * 36_864;

/// Limits on reference pictures and on macroblocks of all of them: `MaxDpbFrames` and `MaxDpbMbs`
/// of level 6.2 (sections A.3.1 and A.3.4.1, Table A-1). The decoder itself has no limit.
const MAX_REFERENCES: u64 = 16;
pub(crate) const MAX_REFERENCE_MACROBLOCKS: u64 = 696_320;

/// The properties of pictures in a sequence parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sps {
    /// Width and height of a decoded picture in pixels: the coded size minus the crop at the right
    /// and bottom.
    pub(crate) decoded: (usize, usize),
    /// Pixels to crop at the left and top of a decoded picture; even.
    pub(crate) origin: (usize, usize),
    /// Whether pictures may be coded as fields.
    pub(crate) fields_allowed: bool,
    /// The color matrix code of the VUI (2 where unspecified), if the VUI has a color description.
    pub(crate) matrix: Option<u8>,
    /// The range of the VUI, if it has one.
    pub(crate) full_range: Option<bool>,
    /// The width and height of a pixel in the VUI, if it has them.
    pub(crate) pixel_aspect: Option<(u32, u32)>,
}

impl Sps {
    /// Reads a sequence parameter set with its NAL header.
    ///
    /// # Errors
    ///
    /// `UnsupportedCodec` with the name of an unsupported feature; `TooLarge` for huge pictures;
    /// `Damaged` for a set that ends early or is inconsistent.
    pub(crate) fn read(nal: &[u8]) -> Result<Self, MediaError> {
        let rbsp = unescape(nal.get(1..).unwrap_or_default());
        let mut bits = Bits::new(&rbsp);
        let profile = profile_and_format(&mut bits).ok_or_else(damaged)??;
        let mut sps = geometry(&mut bits, profile).ok_or_else(damaged)??;
        // A VUI that ends early is treated as absent, since decoding does not need it.
        if bits.flag() == Some(true) {
            sps.pixel_aspect = vui_pixel_aspect(&mut bits).flatten();
            if let Some(color) = vui_color(&mut bits) {
                (sps.full_range, sps.matrix) = color;
            }
        }
        Ok(sps)
    }

    /// Returns the largest number of decoded pictures that wait for an earlier displayed one.
    pub(crate) fn max_reordered(&self) -> usize {
        max_reordered(self.decoded)
    }

    /// Returns the color space of the pictures, in FFmpeg's order: the VUI, then the container,
    /// then limited range BT.601.
    pub(crate) fn color(&self, container: Option<ColorSpace>) -> ColorSpace {
        let fallback = container.unwrap_or_default();
        ColorSpace {
            matrix: self.matrix.unwrap_or(fallback.matrix),
            full_range: self.full_range.unwrap_or(fallback.full_range),
        }
    }
}

/// Returns the largest number of decoded pictures that wait for an earlier displayed one:
/// `MaxDpbFrames` of level 6.2 (section A.3.1). `size` is their width and height in pixels.
pub(crate) fn max_reordered((width, height): (usize, usize)) -> usize {
    let macroblocks = (width.div_ceil(16) * height.div_ceil(16)).max(1) as u64;
    (MAX_REFERENCE_MACROBLOCKS / macroblocks).clamp(1, MAX_REFERENCES) as usize
}

fn damaged() -> MediaError {
    MediaError::Damaged {
        stream: Stream::Video,
        what: "the sequence parameter set is invalid".to_owned(),
    }
}

fn unsupported(codec: String) -> MediaError {
    MediaError::UnsupportedCodec { stream: Stream::Video, codec }
}

fn profile_name(profile: u8) -> String {
    match profile {
        66 => "Baseline".to_owned(),
        77 => "Main".to_owned(),
        88 => "Extended".to_owned(),
        100 => "High".to_owned(),
        110 => "High 10".to_owned(),
        122 => "High 4:2:2".to_owned(),
        244 => "High 4:4:4 Predictive".to_owned(),
        44 => "CAVLC 4:4:4 Intra".to_owned(),
        other => format!("profile {other}"),
    }
}

/// Reads up to the scaling lists. The outer `None` means the end of the data.
fn profile_and_format(bits: &mut Bits<'_>) -> Option<Result<u8, MediaError>> {
    let profile = u8::try_from(bits.bits(8)?).ok()?;
    bits.bits(16)?;
    bits.ue()?;
    if profile == 88 {
        return Some(Err(unsupported("H.264 Extended".to_owned())));
    }
    if !HIGH_PROFILES.contains(&profile) {
        return Some(Ok(profile));
    }
    let chroma = bits.ue()?;
    if chroma == 3 {
        bits.flag()?;
    }
    let (luma_depth, chroma_depth) = (bits.ue()?.checked_add(8)?, bits.ue()?.checked_add(8)?);
    let lossless = bits.flag()?;
    if chroma != 1 || luma_depth != 8 || chroma_depth != 8 {
        let chroma = match chroma {
            0 => "monochrome",
            1 => "4:2:0",
            2 => "4:2:2",
            3 => "4:4:4",
            _ => return None,
        };
        let name = profile_name(profile);
        return Some(Err(unsupported(format!("H.264 {name} ({luma_depth} bit, {chroma})"))));
    }
    if lossless {
        return Some(Err(unsupported(format!("H.264 {} (lossless)", profile_name(profile)))));
    }
    if bits.flag()? {
        for list in 0..8 {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(Ok(profile))
}

pub(crate) fn skip_scaling_list(bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.se()?.rem_euclid(256)) % 256;
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// Reads from the frame numbers up to the crop.
fn geometry(bits: &mut Bits<'_>, profile: u8) -> Option<Result<Sps, MediaError>> {
    bits.ue()?;
    match bits.ue()? {
        0 => {
            bits.ue()?;
        }
        1 => {
            bits.flag()?;
            bits.se()?;
            bits.se()?;
            let cycle = bits.ue()?;
            if cycle > 255 {
                return None;
            }
            for _ in 0..cycle {
                bits.se()?;
            }
        }
        _ => {}
    }
    let references = u64::from(bits.ue()?);
    bits.flag()?;
    let columns = u64::from(bits.ue()?) + 1;
    let map_rows = u64::from(bits.ue()?) + 1;
    let frames_only = bits.flag()?;
    let rows = if frames_only { map_rows } else { 2 * map_rows };
    if !frames_only && bits.flag()? {
        let name = profile_name(profile);
        return Some(Err(unsupported(format!("interlaced H.264 {name} (MBAFF)"))));
    }
    for (what, value) in [("frame width", columns * 16), ("frame height", rows * 16)] {
        if value > MAX_DIMENSION {
            return Some(Err(MediaError::TooLarge { what, value, limit: MAX_DIMENSION }));
        }
    }
    let macroblocks = columns * rows;
    if macroblocks > MAX_MACROBLOCKS {
        return Some(Err(MediaError::TooLarge {
            what: "picture size in macroblocks",
            value: macroblocks,
            limit: MAX_MACROBLOCKS,
        }));
    }
    for (what, value, limit) in [
        ("number of reference pictures", references, MAX_REFERENCES),
        ("reference pictures in macroblocks", references * macroblocks, MAX_REFERENCE_MACROBLOCKS),
    ] {
        if value > limit {
            return Some(Err(MediaError::TooLarge { what, value, limit }));
        }
    }
    bits.flag()?;
    let mut crop = [0; 4];
    if bits.flag()? {
        for side in &mut crop {
            *side = u64::from(bits.ue()?) * 2;
        }
    }
    let row_unit = if frames_only { 1 } else { 2 };
    let [left, right, top, bottom] = crop;
    let (top, bottom) = (top * row_unit, bottom * row_unit);
    let (width, height) = (columns * 16, rows * 16);
    if left + right >= width || top + bottom >= height {
        return None;
    }
    let size = |n: u64| usize::try_from(n).ok();
    Some(Ok(Sps {
        decoded: (size(width - right)?, size(height - bottom)?),
        origin: (size(left)?, size(top)?),
        fields_allowed: !frames_only,
        matrix: None,
        full_range: None,
        pixel_aspect: None,
    }))
}

/// The `aspect_ratio_idc` of an explicit ratio.
const EXTENDED_SAR: u32 = 255;
/// The ratios of `aspect_ratio_idc`, from 1 (Table E-1).
const PIXEL_ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Reads the start of the VUI (Annex E.1.1), the width and height of a pixel. The outer `None`
/// means the end of the data, the inner `None` an unspecified ratio.
fn vui_pixel_aspect(bits: &mut Bits<'_>) -> Option<Option<(u32, u32)>> {
    if !bits.flag()? {
        return Some(None);
    }
    match bits.bits(8)? {
        EXTENDED_SAR => Some(Some((bits.bits(16)?, bits.bits(16)?))),
        code => {
            Some(code.checked_sub(1).and_then(|code| PIXEL_ASPECTS.get(code as usize)).copied())
        }
    }
}

/// Reads range and matrix of the VUI, as far as present, after the size of a pixel.
fn vui_color(bits: &mut Bits<'_>) -> Option<(Option<bool>, Option<u8>)> {
    if bits.flag()? {
        bits.flag()?;
    }
    if !bits.flag()? {
        return None;
    }
    bits.bits(3)?;
    let full_range = bits.flag()?;
    if !bits.flag()? {
        return Some((Some(full_range), None));
    }
    bits.bits(16)?;
    let matrix = u8::try_from(bits.bits(8)?).ok()?;
    Some((Some(full_range), Some(matrix)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::bit_writer::BitWriter;

    fn high(profile: u32, chroma: u32, depth: u32) -> BitWriter {
        let writer = BitWriter::default().bits(8, profile).bits(16, 30).ue(0).ue(chroma);
        let writer = if chroma == 3 { writer.bits(1, 0) } else { writer };
        writer.ue(depth - 8).ue(depth - 8).bits(1, 0).bits(1, 0)
    }

    fn picture(writer: BitWriter, columns: u32, rows: u32, frames_only: bool) -> BitWriter {
        with_references(writer, 1, columns, rows, frames_only)
    }

    fn with_references(
        writer: BitWriter,
        references: u32,
        columns: u32,
        rows: u32,
        frames_only: bool,
    ) -> BitWriter {
        let writer = writer.ue(0).ue(2).ue(references).bits(1, 0).ue(columns - 1).ue(rows - 1);
        if frames_only { writer.bits(1, 1) } else { writer.bits(1, 0).bits(1, 0) }.bits(1, 1)
    }

    #[test]
    fn crop_and_color_are_read() {
        let writer = picture(high(100, 1, 8), 21, 16, true).bits(1, 1).ue(1).ue(6).ue(2).ue(5);
        // VUI: no aspect ratio, no overscan, signal type 5, full range, BT.709 primaries, transfer,
        // matrix.
        let nal = writer.bits(1, 1).bits(2, 0).bits(1, 1).bits(3, 5).bits(1, 1).bits(1, 1);
        let nal = nal.bits(8, 1).bits(8, 1).bits(8, 1).nal(&[0x67]);
        let sps = Sps::read(&nal).unwrap();
        assert_eq!(sps.decoded, (336 - 12, 256 - 10));
        assert_eq!(sps.origin, (2, 4));
        assert_eq!(sps.color(None), ColorSpace { matrix: 1, full_range: true });
        let fields =
            Sps::read(&picture(high(100, 1, 8), 20, 10, false).bits(2, 0).nal(&[0x67])).unwrap();
        assert_eq!((fields.decoded, fields.fields_allowed), ((320, 320), true));
        let bt601 = ColorSpace { matrix: 6, full_range: false };
        assert_eq!(fields.color(Some(bt601)), bt601);
    }

    #[test]
    fn pixel_aspect_is_read_before_the_color() {
        let vui = || picture(high(100, 1, 8), 45, 36, true).bits(1, 0).bits(1, 1);
        // No overscan; signal type 5, full range, no color description.
        let color =
            |writer: BitWriter| writer.bits(1, 0).bits(1, 1).bits(3, 5).bits(1, 1).bits(1, 0);
        let read = |writer: BitWriter| Sps::read(&color(writer).nal(&[0x67])).unwrap();
        for (code, expected) in [
            (0, None),
            (1, Some((1, 1))),
            (2, Some((12, 11))),
            (4, Some((16, 11))),
            (13, Some((160, 99))),
            (16, Some((2, 1))),
            (17, None),
            (254, None),
        ] {
            let sps = read(vui().bits(1, 1).bits(8, code));
            assert_eq!((sps.pixel_aspect, sps.full_range), (expected, Some(true)), "{code}");
        }
        let explicit = read(vui().bits(1, 1).bits(8, 255).bits(16, 64).bits(16, 45));
        assert_eq!((explicit.pixel_aspect, explicit.full_range), (Some((64, 45)), Some(true)));
        let absent = read(vui().bits(1, 0));
        assert_eq!((absent.pixel_aspect, absent.full_range), (None, Some(true)));
        let cut = Sps::read(&vui().bits(1, 1).bits(8, 255).bits(9, 64).nal(&[0x67])).unwrap();
        assert_eq!((cut.pixel_aspect, cut.full_range), (None, None));
    }

    #[test]
    fn unsupported_features_are_named() {
        for (profile, chroma, depth, name) in [
            (110, 1, 10, "H.264 High 10 (10 bit, 4:2:0)"),
            (122, 2, 8, "H.264 High 4:2:2 (8 bit, 4:2:2)"),
            (244, 3, 8, "H.264 High 4:4:4 Predictive (8 bit, 4:4:4)"),
            (100, 0, 8, "H.264 High (8 bit, monochrome)"),
        ] {
            let nal = picture(high(profile, chroma, depth), 20, 15, true).bits(2, 0).nal(&[0x67]);
            let Err(MediaError::UnsupportedCodec { codec, .. }) = Sps::read(&nal) else {
                panic!("{name} was accepted")
            };
            assert_eq!(codec, name);
        }
        let mbaff = high(100, 1, 8).ue(0).ue(2).ue(1).bits(1, 0).ue(19).ue(14).bits(2, 1);
        let error = Sps::read(&mbaff.nal(&[0x67])).unwrap_err();
        assert!(error.to_string().contains("interlaced H.264 High"), "{error}");
    }

    #[test]
    fn reference_pictures_are_limited_as_in_level_6_2() {
        let read = |references, columns, rows| {
            let writer = with_references(high(100, 1, 8), references, columns, rows, true);
            Sps::read(&writer.bits(2, 0).nal(&[0x67]))
        };
        // 1080p allows 16 reference pictures, 8192 x 4320 allows five.
        assert_eq!(read(16, 120, 68).unwrap().max_reordered(), 16);
        assert_eq!(read(5, 512, 270).unwrap().max_reordered(), 5);
        for (references, columns, rows) in [(17, 4, 4), (6, 512, 270), (30_000, 1, 1)] {
            let error = read(references, columns, rows).unwrap_err();
            assert!(matches!(error, MediaError::TooLarge { .. }), "{error}");
        }
    }

    #[test]
    fn invalid_sets_are_refused() {
        let wide = picture(high(100, 1, 8), 513, 10, true).bits(2, 0).nal(&[0x67]);
        assert!(matches!(Sps::read(&wide), Err(MediaError::TooLarge { .. })));
        let crop = picture(high(100, 1, 8), 1, 1, true).bits(1, 1).ue(4).ue(4).ue(0).ue(0);
        assert!(matches!(Sps::read(&crop.nal(&[0x67])), Err(MediaError::Damaged { .. })));
        let whole = picture(high(100, 1, 8), 20, 15, true).bits(2, 0).nal(&[0x67]);
        for length in 0..whole.len() - 1 {
            assert!(Sps::read(&whole[..length]).is_err(), "{length} bytes were enough");
        }
    }
}
