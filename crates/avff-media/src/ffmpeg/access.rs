//! What the first bytes of a coded picture tell: whether decoding can start there, and whether it
//! is shown at all.
//!
//! A container's key frames are not enough. They include pictures of open groups and of gradual
//! refreshes, after which a decoder shows other pictures than after a walk from the start.

use video_rs::ffmpeg::codec::Id;

/// What is known of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether no picture that follows it in both orders needs anything before it.
    pub(super) clean: bool,
    /// Whether it is decoded but not shown.
    pub(super) hidden: bool,
}

/// Whether each packet of a codec is one picture, as far as [`look`] does not say otherwise, and
/// starts are known by [`look`].
pub(super) fn one_to_one(codec: Id) -> bool {
    matches!(codec, Id::H264 | Id::HEVC | Id::AV1 | Id::VP9 | Id::VP8 | Id::MJPEG | Id::PRORES)
}

/// Looks at a packet of one of these codecs, of which the container says that it is a key frame.
pub(super) fn look(codec: Id, data: &[u8], key: bool) -> Look {
    let (first, rest) = data.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
    match codec {
        Id::H264 => Look { clean: key && starts_with_idr(data), hidden: false },
        Id::HEVC => Look { clean: key && starts_with_irap(data), hidden: false },
        // RFC 6386 section 9.1: inverse key frame bit, three of version, show_frame.
        Id::VP8 => Look { clean: key && first & 1 == 0, hidden: first & 0x10 == 0 },
        // Of several frames in one packet, which the last byte marks, one is shown.
        Id::VP9 => {
            let several = rest.last().is_some_and(|last| last & 0xe0 == 0xc0);
            Look { clean: key, hidden: !several && vp9_hidden(first) }
        }
        _ => Look { clean: key, hidden: false },
    }
}

/// `uncompressed_header` of the VP9 bitstream specification: marker, profile, `show_existing_frame`,
/// `frame_type`, `show_frame`. Profile 3 has one more bit before the third.
fn vp9_hidden(first: u8) -> bool {
    let after_profile = if first & 0x30 == 0x30 { first << 5 } else { first << 4 };
    after_profile & 0x80 == 0 && after_profile & 0x20 == 0
}

/// Whether the first coded slice of H.264 is of an IDR picture: types 1 to 5 are slices.
fn starts_with_idr(data: &[u8]) -> bool {
    first_type(data, |header| {
        let kind = header & 0x1f;
        (1..=5).contains(&kind).then_some(kind == 5)
    })
}

/// Whether the first coded slice of HEVC is of a random access picture: types 0 to 31 are slices,
/// 16 to 23 those of IRAP pictures.
fn starts_with_irap(data: &[u8]) -> bool {
    first_type(data, |header| {
        let kind = header >> 1 & 0x3f;
        (kind < 32).then_some((16..=23).contains(&kind))
    })
}

/// Asks about each NAL unit's first byte until there is an answer. Units follow start codes or, as
/// in MP4, lengths of four bytes.
fn first_type(data: &[u8], ask: impl Fn(u8) -> Option<bool>) -> bool {
    let mut rest = data;
    if data.starts_with(&[0, 0, 1]) || data.starts_with(&[0, 0, 0, 1]) {
        while let Some(at) = rest.windows(3).position(|window| window == [0, 0, 1]) {
            rest = rest.get(at + 3..).unwrap_or_default();
            if let Some(answer) = rest.first().and_then(|header| ask(*header)) {
                return answer;
            }
        }
        return false;
    }
    while let Some((length, unit)) = rest.split_first_chunk::<4>() {
        if let Some(answer) = unit.first().and_then(|header| ask(*header)) {
            return answer;
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        rest = unit.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_found_behind_other_units() {
        // An access unit delimiter, then an IDR slice; the same with a plain one.
        assert!(starts_with_idr(b"\0\0\0\x02\x09\x10\0\0\0\x01\x65"));
        assert!(!starts_with_idr(b"\0\0\0\x02\x09\x10\0\0\0\x01\x41"));
        assert!(starts_with_idr(b"\0\0\0\x01\x09\x10\0\0\x01\x65"));
        assert!(!starts_with_idr(b"\xff\xff\xff\xff\x09"));
        // A parameter set, then a CRA picture; a trailing picture.
        assert!(starts_with_irap(b"\0\0\x01\x40\x01\0\0\x01\x2a\x01"));
        assert!(!starts_with_irap(b"\0\0\x01\x02\x01"));
        assert!(!starts_with_irap(b""));
    }

    #[test]
    fn alternate_references_are_hidden() {
        assert!(look(Id::VP8, &[0b0000_0001], false).hidden);
        assert!(!look(Id::VP8, &[0b0001_0001], false).hidden);
        // Marker 2, profile 0: an inter frame that is not shown, one that is, and an old one.
        assert!(look(Id::VP9, &[0b1000_0100, 0], false).hidden);
        assert!(!look(Id::VP9, &[0b1000_0110, 0], false).hidden);
        assert!(!look(Id::VP9, &[0b1000_1000], false).hidden);
        assert!(!look(Id::VP9, &[0b1000_0100, 0b1100_0001], false).hidden);
    }
}
