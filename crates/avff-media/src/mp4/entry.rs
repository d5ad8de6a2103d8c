//! Reads sample entries (`stsd`): the codec of a track and its settings.

use super::{
    boxes::{Children, FourCc, malformed, show},
    fields::Fields,
};
use crate::error::MediaError;

/// The format code and settings of a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The four-character code of the format, such as `avc1`.
    pub(crate) format: FourCc,
    /// The audio fields of the entry; zeros for video.
    pub(crate) audio: AudioFields,
    /// The boxes that follow the fields.
    pub(crate) boxes: &'a [u8],
}

/// The audio fields of a sample entry. A codec's own configuration overrides them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AudioFields {
    /// The number of channels.
    pub(crate) channels: u32,
    /// Bits per sample of one channel.
    pub(crate) bits: u32,
    /// Samples per second.
    pub(crate) rate: u32,
    /// The flags of an `lpcm` entry: 1 float, 2 big-endian, 4 signed.
    pub(crate) lpcm_flags: u32,
}

/// The size of the fields that every sample entry starts with: six reserved bytes and a data
/// reference index.
const COMMON_BYTES: usize = 8;
/// The size of the fields of a visual sample entry that follow (ISO/IEC 14496-12 section 12.1.3).
const VISUAL_BYTES: usize = 70;

/// Reads the first sample entry of a video track.
///
/// # Errors
///
/// `Malformed` where the box ends early or is empty.
pub(crate) fn visual(stsd: &[u8]) -> Result<Entry<'_>, MediaError> {
    let (format, body) = first(stsd)?;
    let mut fields = Fields::new("stsd", body);
    fields.take(COMMON_BYTES + VISUAL_BYTES)?;
    Ok(Entry { format, audio: AudioFields::default(), boxes: fields.rest() })
}

/// Returns width and height of the first sample entry of a video track, in pixels.
///
/// # Errors
///
/// `Malformed` where the box ends early or is empty.
#[cfg(feature = "ffmpeg")]
pub(crate) fn visual_size(stsd: &[u8]) -> Result<[u64; 2], MediaError> {
    let mut fields = Fields::new("stsd", first(stsd)?.1);
    fields.take(COMMON_BYTES + 16)?;
    Ok([u64::from(fields.u16()?), u64::from(fields.u16()?)])
}

/// Reads the first sample entry of an audio track, in any of QuickTime's three versions.
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
    let mut audio_fields = AudioFields {
        channels: u32::from(fields.u16()?),
        bits: u32::from(fields.u16()?),
        ..AudioFields::default()
    };
    fields.take(4)?;
    audio_fields.rate = fields.u32()? >> 16;
    match version {
        0 => {}
        // Samples per packet, bytes per packet, per frame and per sample; the codec states them as
        // well.
        1 => {
            fields.take(16)?;
        }
        2 => {
            fields.take(4)?;
            let rate = f64::from_bits(fields.u64()?);
            audio_fields.channels = fields.u32()?;
            fields.take(4)?;
            audio_fields.bits = fields.u32()?;
            audio_fields.lpcm_flags = fields.u32()?;
            fields.take(8)?;
            // `as` saturates and turns NaN into 0, which is refused later.
            audio_fields.rate = rate as u32;
        }
        _ => {
            return Err(malformed(format!(
                "the audio sample entry has the unknown version {version}"
            )));
        }
    }
    Ok(Entry { format, audio: audio_fields, boxes: fields.rest() })
}

fn first(stsd: &[u8]) -> Result<(FourCc, &[u8]), MediaError> {
    let (mut fields, ..) = Fields::full("stsd", stsd)?;
    fields.u32()?;
    Children::new(fields.rest()).next().unwrap_or_else(|| Err(malformed("box 'stsd' is empty")))
}

/// The contents of an `esds` box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Esds<'a> {
    /// `objectTypeIndication` (ISO/IEC 14496-1 Table 5): 0x40 is MPEG-4 audio, 0x6b MP3.
    pub(crate) object_type: u8,
    /// The configuration of the decoder; empty where there is none.
    pub(crate) config: &'a [u8],
}

impl<'a> Esds<'a> {
    /// Finds the decoder descriptor of an audio sample entry, directly or inside QuickTime's `wave`
    /// box.
    ///
    /// # Errors
    ///
    /// `Malformed` where the box is missing or ends early.
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

/// Reads the body of the next descriptor, which must have this tag (ISO/IEC 14496-1 section 8.3.3).
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Result<Fields<'a>, MediaError> {
    let actual = fields.u8()?;
    if actual != tag {
        return Err(malformed(format!("box 'esds' has descriptor {actual} instead of {tag}")));
    }
    let mut length = 0;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    // Writers disagree on whether trailing descriptors count towards the length, so a longer length
    // is cut.
    let length = length.min(fields.rest().len());
    Ok(Fields::new("esds", fields.take(length)?))
}

/// Returns whether players have a decoder for a format. They pass over tracks of other formats, such
/// as the spatial audio of phones.
pub(crate) fn is_playable(format: FourCc) -> bool {
    let unplayable =
        [*b"ac-4", *b"mha1", *b"mhm1", *b"enca", *b"encv", *b"vvc1", *b"vvi1", *b"apac"];
    let named = |name: String| !name.starts_with('\'');
    let pcm = [*b"raw ", *b"sowt", *b"twos", *b"in24", *b"in32", *b"fl32", *b"fl64", *b"lpcm"];
    let others = [*b"ipcm", *b"fpcm", *b".mp3", *b"ms\0\x55", *b"QDM2", *b"QDMC", *b"MAC3"];
    !unplayable.contains(&format)
        && (named(visual_name(format))
            || named(audio_name(format))
            || pcm.contains(&format)
            || others.contains(&format))
}

/// Returns whether a format is one of still pictures, which covers and thumbnails have.
pub(crate) fn is_still_picture(format: FourCc) -> bool {
    matches!(&format, b"jpeg" | b"png " | b"tiff" | b"gif ")
}

/// Returns the common name of a video format.
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

/// Returns the common name of an audio format.
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
        b"enca" => "encrypted audio",
        _ => return format!("'{}'", show(format)),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn descriptors_with_long_length_fields_are_read() {
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
    fn formats_have_names() {
        assert_eq!(visual_name(*b"hev1"), "HEVC");
        assert_eq!(audio_name([0, b'a', 1, b'b']), "'?a?b'");
    }
}
