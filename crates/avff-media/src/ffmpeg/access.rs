//! Inspects the first bytes of a coded picture: whether decoding can start there, and whether the
//! picture is displayed at all.
//!
//! The key frames of a container are not enough. They include pictures of open groups and of
//! gradual refreshes, where a decoder returns other frames than when it decodes from the start.

use video_rs::ffmpeg::codec::Id;

/// The properties of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PacketInfo {
    /// Whether decoding can start here: no picture after this one in decode and display order needs
    /// an earlier picture.
    pub(super) random_access: bool,
    /// Whether the picture is decoded but not displayed.
    pub(super) hidden: bool,
}

/// Returns whether each packet of a codec is one picture, unless [`inspect`] reports otherwise, and
/// [`inspect`] knows where decoding can start.
pub(super) fn one_to_one(codec: Id) -> bool {
    matches!(codec, Id::H264 | Id::HEVC | Id::AV1 | Id::VP9 | Id::VP8 | Id::MJPEG | Id::PRORES)
}

/// Inspects a packet of one of these codecs. `key` is the container's key frame flag.
pub(super) fn inspect(codec: Id, data: &[u8], key: bool) -> PacketInfo {
    let (first, rest) = data.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
    match codec {
        Id::H264 => PacketInfo { random_access: key && starts_with_idr(data), hidden: false },
        Id::HEVC => PacketInfo { random_access: key && starts_with_irap(data), hidden: false },
        // RFC 6386 section 9.1: inverse key frame bit, three of version, show_frame.
        Id::VP8 => PacketInfo { random_access: key && first & 1 == 0, hidden: first & 0x10 == 0 },
        // Of several frames in one packet, which the last byte marks, one is displayed.
        Id::VP9 => {
            let several = rest.last().is_some_and(|last| last & 0xe0 == 0xc0);
            PacketInfo { random_access: key, hidden: !several && vp9_hidden(first) }
        }
        _ => PacketInfo { random_access: key, hidden: false },
    }
}

/// Reads `uncompressed_header` of the VP9 bitstream specification: marker, profile,
/// `show_existing_frame`, `frame_type`, `show_frame`. Profile 3 has one more bit before the third.
fn vp9_hidden(first: u8) -> bool {
    let after_profile = if first & 0x30 == 0x30 { first << 5 } else { first << 4 };
    after_profile & 0x80 == 0 && after_profile & 0x20 == 0
}

/// Returns whether the first coded slice of H.264 is of an IDR picture: types 1 to 5 are slices.
fn starts_with_idr(data: &[u8]) -> bool {
    first_type(data, |header| {
        let kind = header & 0x1f;
        (1..=5).contains(&kind).then_some(kind == 5)
    })
}

/// Returns whether the first coded slice of HEVC is of a random access picture: types 0 to 31 are
/// slices, 16 to 23 are slices of IRAP pictures.
fn starts_with_irap(data: &[u8]) -> bool {
    first_type(data, |header| {
        let kind = header >> 1 & 0x3f;
        (kind < 32).then_some((16..=23).contains(&kind))
    })
}

/// Calls `classify` with the first byte of each NAL unit until it returns an answer. Units follow
/// start codes or, as in MP4, length fields of four bytes.
fn first_type(data: &[u8], classify: impl Fn(u8) -> Option<bool>) -> bool {
    let mut rest = data;
    if data.starts_with(&[0, 0, 1]) || data.starts_with(&[0, 0, 0, 1]) {
        while let Some(at) = rest.windows(3).position(|window| window == [0, 0, 1]) {
            rest = rest.get(at + 3..).unwrap_or_default();
            if let Some(answer) = rest.first().and_then(|header| classify(*header)) {
                return answer;
            }
        }
        return false;
    }
    while let Some((length, unit)) = rest.split_first_chunk::<4>() {
        if let Some(answer) = unit.first().and_then(|header| classify(*header)) {
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
    fn slices_are_found_after_other_units() {
        // An access unit delimiter, then an IDR slice; the same with a non-IDR slice.
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
        assert!(inspect(Id::VP8, &[0b0000_0001], false).hidden);
        assert!(!inspect(Id::VP8, &[0b0001_0001], false).hidden);
        // Marker 2, profile 0: a hidden inter frame, a displayed inter frame, and an existing
        // frame.
        assert!(inspect(Id::VP9, &[0b1000_0100, 0], false).hidden);
        assert!(!inspect(Id::VP9, &[0b1000_0110, 0], false).hidden);
        assert!(!inspect(Id::VP9, &[0b1000_1000], false).hidden);
        assert!(!inspect(Id::VP9, &[0b1000_0100, 0b1100_0001], false).hidden);
    }
}
