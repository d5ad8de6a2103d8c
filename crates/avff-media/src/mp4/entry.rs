//! Sample entries (`stsd`): which codec a track holds, and its settings.

use super::{
    boxes::{Children, FourCc, malformed, show},
    fields::Fields,
};
use crate::error::MediaError;

/// The format code and settings of a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// Its four-character code, such as `avc1`.
    pub(crate) format: FourCc,
    /// Audio settings from the entry's own fields; zeros for pictures.
    pub(crate) sound: SoundFields,
    /// The boxes that follow the fields.
    pub(crate) boxes: &'a [u8],
}

/// What an audio sample entry says itself; codecs with a configuration of their own override it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SoundFields {
    /// Channels.
    pub(crate) channels: u32,
    /// Bits in a sample of one channel.
    pub(crate) bits: u32,
    /// Samples a second.
    pub(crate) rate: u32,
    /// The flags of an `lpcm` entry: 1 float, 2 big-endian, 4 signed.
    pub(crate) lpcm_flags: u32,
}

/// The fields every sample entry starts with: six reserved bytes and a data reference index.
const COMMON_BYTES: usize = 8;
/// The fields of a visual sample entry (ISO/IEC 14496-12 section 12.1.3) after those.
const VISUAL_BYTES: usize = 70;

/// The one sample entry of a picture track.
///
/// # Errors
///
/// `Malformed` where the box ends early or is empty.
pub(crate) fn visual(stsd: &[u8]) -> Result<Entry<'_>, MediaError> {
    let (format, body) = first(stsd)?;
    let mut fields = Fields::new("stsd", body);
    fields.take(COMMON_BYTES + VISUAL_BYTES)?;
    Ok(Entry { format, sound: SoundFields::default(), boxes: fields.rest() })
}

/// The one sample entry of a sound track, in any of QuickTime's three versions.
///
/// # Errors
///
/// `Malformed` where the box ends early, is empty or has an unknown version.
pub(crate) fn audio(stsd: &[u8]) -> Result<Entry<'_>, MediaError> {
    let (format, body) = first(stsd)?;
    let mut fields = Fields::new("stsd", body);
    fields.take(COMMON_BYTES)?;
    let version = fields.u16()?;
    fields.take(6)?;
    let mut sound = SoundFields {
        channels: u32::from(fields.u16()?),
        bits: u32::from(fields.u16()?),
        ..SoundFields::default()
    };
    fields.take(4)?;
    sound.rate = fields.u32()? >> 16;
    match version {
        0 => {}
        // Samples a packet, bytes a packet, a frame and a sample: told by the codec as well.
        1 => {
            fields.take(16)?;
        }
        2 => {
            fields.take(4)?;
            let rate = f64::from_bits(fields.u64()?);
            sound.channels = fields.u32()?;
            fields.take(4)?;
            sound.bits = fields.u32()?;
            sound.lpcm_flags = fields.u32()?;
            fields.take(8)?;
            // A float-to-integer `as` saturates and takes NaN to 0, which is refused later.
            sound.rate = rate as u32;
        }
        _ => return Err(malformed(format!("sound sample entry of version {version}"))),
    }
    Ok(Entry { format, sound, boxes: fields.rest() })
}

fn first(stsd: &[u8]) -> Result<(FourCc, &[u8]), MediaError> {
    let (mut fields, ..) = Fields::full("stsd", stsd)?;
    fields.u32()?;
    Children::new(fields.rest()).next().unwrap_or_else(|| Err(malformed("box 'stsd' is empty")))
}

/// What an `esds` box says about a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Esds<'a> {
    /// `objectTypeIndication` (ISO/IEC 14496-1 Table 5): 0x40 is MPEG-4 audio, 0x6b MP3.
    pub(crate) object_type: u8,
    /// The decoder's own configuration; empty where there is none.
    pub(crate) config: &'a [u8],
}

impl<'a> Esds<'a> {
    /// Finds the decoder descriptor of an audio sample entry, also inside QuickTime's `wave` box.
    ///
    /// # Errors
    ///
    /// `Malformed` where it is missing or ends early.
    pub(crate) fn of(boxes: &'a [u8]) -> Result<Self, MediaError> {
        let body = match Children::find(boxes, *b"esds")? {
            Some(body) => body,
            None => Children::need(Children::need(boxes, *b"wave")?, *b"esds")?,
        };
        let (mut fields, ..) = Fields::full("esds", body)?;
        let mut es = descriptor(&mut fields, 3)?;
        es.take(2)?;
        let flags = es.u8()?;
        if flags & 0x80 != 0 {
            es.take(2)?;
        }
        if flags & 0x40 != 0 {
            let url = usize::from(es.u8()?);
            es.take(url)?;
        }
        if flags & 0x20 != 0 {
            es.take(2)?;
        }
        let mut decoder = descriptor(&mut es, 4)?;
        let object_type = decoder.u8()?;
        decoder.take(12)?;
        let config =
            if decoder.rest().is_empty() { &[] } else { descriptor(&mut decoder, 5)?.rest() };
        Ok(Self { object_type, config })
    }
}

/// The body of the next descriptor, which must have this tag (ISO/IEC 14496-1 section 8.3.3).
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Result<Fields<'a>, MediaError> {
    let found = fields.u8()?;
    if found != tag {
        return Err(malformed(format!("box 'esds' has descriptor {found} in place of {tag}")));
    }
    let mut length = 0;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    // Writers disagree on whether trailing descriptors count; what is there is enough.
    let length = length.min(fields.rest().len());
    Ok(Fields::new("esds", fields.take(length)?))
}

/// The name under which people know a picture format.
pub(crate) fn visual_name(format: FourCc) -> String {
    match &format {
        b"avc1" | b"avc3" => "H.264",
        b"avc2" | b"avc4" | b"svc1" | b"mvc1" => "H.264 with extensions (SVC or MVC)",
        b"hvc1" | b"hev1" => "HEVC",
        b"dvh1" | b"dvhe" | b"dva1" | b"dvav" => "Dolby Vision",
        b"vvc1" | b"vvi1" => "VVC",
        b"av01" => "AV1",
        b"vp08" => "VP8",
        b"vp09" => "VP9",
        b"mp4v" => "MPEG-4 Part 2",
        b"mp1v" | b"m1v " => "MPEG-1",
        b"mp2v" | b"m2v1" | b"hdv1" | b"hdv2" | b"hdv3" => "MPEG-2",
        b"s263" | b"h263" | b"H263" => "H.263",
        b"jpeg" | b"mjpa" | b"mjpb" | b"mjpg" => "Motion JPEG",
        b"png " => "PNG",
        b"apch" | b"apcn" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "ProRes",
        b"AVdn" | b"AVdh" => "DNxHD",
        b"encv" => "encrypted video",
        _ => return format!("'{}'", show(format)),
    }
    .to_owned()
}

/// The name under which people know a sound format.
pub(crate) fn audio_name(format: FourCc) -> String {
    match &format {
        b"mp4a" => "AAC",
        b"Opus" => "Opus",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"ac-4" => "AC-4",
        b"dtsc" | b"dtse" | b"dtsh" | b"dtsl" | b"dtsx" => "DTS",
        b"mlpa" => "TrueHD",
        b"alac" => "ALAC",
        b"fLaC" => "FLAC",
        b"samr" | b"sawb" | b"sawp" => "AMR",
        b"mha1" | b"mhm1" => "MPEG-H",
        b"alaw" => "A-law",
        b"ulaw" => "mu-law",
        b"ima4" => "IMA ADPCM",
        b"enca" => "encrypted sound",
        _ => return format!("'{}'", show(format)),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn descriptors_with_long_lengths_are_read() {
        let mut body = vec![0, 0, 0, 0];
        body.extend([3, 0x80, 0x80, 0x80, 25, 0, 1, 0]);
        body.extend([4, 0x80, 0x80, 0x80, 17, 0x40]);
        body.extend([0; 12]);
        body.extend([5, 2, 0x12, 0x10]);
        let mut boxed = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
        boxed.extend(b"esds");
        boxed.extend(&body);
        let esds = Esds::of(&boxed).unwrap();
        assert_eq!(esds, Esds { object_type: 0x40, config: &[0x12, 0x10] });
        for length in 12..boxed.len() - 4 {
            let mut cut = boxed[..length].to_vec();
            cut.splice(..4, u32::try_from(length).unwrap().to_be_bytes());
            let read = Esds::of(&cut).map(|esds| esds.config.len());
            assert!(read.is_err() || read.unwrap() == 0, "{length} bytes gave a configuration");
        }
    }

    #[test]
    fn names() {
        assert_eq!(visual_name(*b"hev1"), "HEVC");
        assert_eq!(audio_name([0, b'a', 1, b'b']), "'?a?b'");
    }
}
