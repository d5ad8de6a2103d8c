//! Identifies the AAC variant of a stream, so that errors name a variant that the decoder lacks.
//!
//! Two facts are visible only in the packets. HE-AAC may be announced nowhere but in its own fill
//! elements; decoded as plain AAC it would have half its rate and lack its upper half band. And the
//! old encoder `libfaac` signs its first packet; FFmpeg then drops the encoder's delay.

use super::bits::Bits;

/// Samples per channel that FFmpeg drops from a stream that the encoder `libfaac` signed, where
/// no edit list says otherwise (libavcodec/aacdec_template.c, `decode_fill`).
pub(crate) const LIBFAAC_DELAY: usize = 1024;

/// The number of packets that are searched for spectral band replication. Half of them must have it
/// before a stream is called HE-AAC: single packets may match by accident, or lack it.
pub(crate) const SBR_PROBES: usize = 32;

/// Sampling rates by index (ISO/IEC 14496-3 Table 1.18).
const RATES: [u32; 13] =
    [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

/// Checks that a decoder configuration announces mono or stereo AAC-LC.
///
/// # Errors
///
/// Returns the name of the AAC variant where it is another one, such as `HE-AAC` or `AAC 5.1`.
pub(crate) fn check_config(config: &[u8]) -> Result<(), String> {
    audio_specific_config(&mut Bits::new(config))
        .unwrap_or_else(|| Err("AAC with a broken configuration".into()))
}

/// Returns the number of channels that a decoder configuration of mono or stereo announces.
pub(crate) fn channels(config: &[u8]) -> Option<usize> {
    let bits = &mut Bits::new(config);
    object_type(bits)?;
    rate(bits)?;
    bits.bits(4).filter(|channels| (1..=2).contains(channels)).map(|channels| channels as usize)
}

/// Reads an `AudioSpecificConfig` (ISO/IEC 14496-3 section 1.6.2.1).
fn audio_specific_config(bits: &mut Bits<'_>) -> Option<Result<(), String>> {
    /// `syncExtensionType`: announces an extension after the configuration of the core.
    const SYNC_EXTENSION: u32 = 0x2b7;
    let object_type_id = object_type(bits)?;
    rate(bits)?;
    let channels = bits.bits(4)?;
    let name = match object_type_id {
        2 => None,
        1 => Some("AAC Main"),
        3 => Some("AAC SSR"),
        4 => Some("AAC LTP"),
        5 => Some("HE-AAC"),
        29 => Some("HE-AAC v2"),
        23 => Some("AAC-LD"),
        39 => Some("AAC-ELD"),
        42 => Some("xHE-AAC"),
        _ => return Some(Err(format!("MPEG-4 audio of object type {object_type_id}"))),
    };
    if let Some(name) = name {
        return Some(Err(name.to_owned()));
    }
    let layout = match channels {
        1 | 2 => None,
        3 => Some("AAC 3.0"),
        4 => Some("AAC 4.0"),
        5 => Some("AAC 5.0"),
        6 => Some("AAC 5.1"),
        7 | 12 | 14 => Some("AAC 7.1"),
        11 => Some("AAC 6.1"),
        _ => Some("AAC with its own channel layout"),
    };
    if let Some(layout) = layout {
        return Some(Err(layout.to_owned()));
    }
    if bits.flag()? {
        return Some(Err("AAC-LC with frames of 960 samples".to_owned()));
    }
    if bits.flag()? {
        bits.bits(14)?;
    }
    bits.flag()?;
    let extended = bits.remaining() >= 16
        && bits.bits(11)? == SYNC_EXTENSION
        && object_type(bits)? == 5
        && bits.flag()?;
    Some(if extended { Err("HE-AAC".to_owned()) } else { Ok(()) })
}

fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.bits(5)? {
        31 => Some(32 + bits.bits(6)?),
        object_type_id => Some(object_type_id),
    }
}

fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.bits(4)? {
        15 => bits.bits(24).filter(|&rate| rate > 0),
        index => RATES.get(usize::try_from(index).ok()?).copied(),
    }
}

/// Returns whether a packet ends in a fill element with spectral band replication.
///
/// The position of a fill element is known only after the elements before it are decoded. So the
/// search tries every bit position: the element must lead exactly to the end element and its
/// padding.
pub(crate) fn ends_in_sbr(packet: &[u8]) -> bool {
    let total = packet.len() * 8;
    let first = total.saturating_sub(8 * 300);
    (first..total.saturating_sub(14)).any(|start| sbr_at(packet, start).unwrap_or(false))
}

fn sbr_at(packet: &[u8], start: usize) -> Option<bool> {
    /// `id_syn_ele` of a fill element and of the end (ISO/IEC 14496-3 Table 4.85).
    const FILL: u32 = 6;
    const END: u32 = 7;
    /// `extension_type` of SBR without and with a checksum (Table 4.121).
    const SBR: [u32; 2] = [0xd, 0xe];
    let mut bits = Bits::at(packet, start);
    if bits.bits(3)? != FILL {
        return Some(false);
    }
    let mut bytes = bits.bits(4)?;
    if bytes == 15 {
        bytes += bits.bits(8)?.checked_sub(1)?;
    }
    if bytes == 0 || !SBR.contains(&bits.clone().bits(4)?) {
        return Some(false);
    }
    for _ in 0..bytes {
        bits.bits(8)?;
    }
    if bits.bits(3)? != END {
        return Some(false);
    }
    let padding = bits.remaining();
    Some(padding < 8 && bits.bits(u32::try_from(padding).ok()?)? == 0)
}

/// Returns whether a packet holds the signature of `libfaac`, at any bit position.
pub(crate) fn signed_by_libfaac(packet: &[u8]) -> bool {
    const NAME: &[u8] = b"libfaac ";
    (0..8).any(|shift| {
        let shifted = packet.windows(2).map(|pair| match *pair {
            [a, b] => u8::try_from(u16::from_be_bytes([a, b]) >> (8 - shift) & 0xff).unwrap_or(0),
            _ => 0,
        });
        // The last byte is left out, as it has no successor to shift with; the signature never ends
        // there.
        let bytes: Vec<u8> = shifted.collect();
        bytes.windows(NAME.len()).any(|window| window == NAME)
    })
}

/// Returns whether a packet has no channel element: its first element is the end element.
pub(crate) fn has_no_channels(packet: &[u8]) -> bool {
    packet.first().is_none_or(|byte| byte >> 5 == 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_named() {
        // AAC-LC 44.1 kHz stereo; with the explicit "no SBR" of a sync extension; at an escaped
        // rate.
        assert_eq!(check_config(&[0x12, 0x10]), Ok(()));
        assert_eq!(check_config(&[0x12, 0x10, 0x56, 0xe5, 0x00]), Ok(()));
        assert_eq!(check_config(&[0x17, 0x80, 0x1f, 0x40, 0x08]), Ok(()));
        for (config, name) in [
            (&[0x12, 0x10, 0x56, 0xe5, 0x80][..], "HE-AAC"),
            (&[0x2b, 0x11, 0x88, 0x00], "HE-AAC"),
            (&[0xeb, 0x09, 0x88, 0x00], "HE-AAC v2"),
            (&[0x11, 0xb0], "AAC 5.1"),
            (&[0x12, 0x14], "AAC-LC with frames of 960 samples"),
            (&[0x0a, 0x10], "AAC Main"),
            (&[0xf8, 0xe6, 0x20], "AAC-ELD"),
            (&[0x12, 0x00], "AAC with its own channel layout"),
            (&[0x12], "AAC with a broken configuration"),
        ] {
            assert_eq!(check_config(config), Err(name.to_owned()), "{config:02x?}");
        }
    }

    /// Packs bits given as text, padded with zeros.
    fn pack(text: &str) -> Vec<u8> {
        let bits: Vec<u8> =
            text.bytes().filter(|b| matches!(b, b'0' | b'1')).map(|b| b & 1).collect();
        bits.chunks(8)
            .map(|chunk| chunk.iter().fold(0, |sum, bit| sum << 1 | bit) << (8 - chunk.len()))
            .collect()
    }

    #[test]
    fn sbr_is_detected_only_at_the_end_of_the_packet() {
        let sbr = pack("000 0000 101 110 0010 1101 0000 11111111 111");
        assert!(ends_in_sbr(&sbr));
        let other_fill = pack("000 0000 101 110 0010 0000 0000 11111111 111");
        assert!(!ends_in_sbr(&other_fill));
        let more_follows = pack("000 0000 101 110 0010 1101 0000 11111111 000 11111111");
        assert!(!ends_in_sbr(&more_follows));
        assert!(!ends_in_sbr(&[]));
    }

    #[test]
    fn signature_is_detected_at_any_bit_shift() {
        let plain = b"xlibfaac 1.28\0";
        for shift in 0..8 {
            let mut bits = "1".repeat(shift);
            bits.extend(plain.iter().map(|byte| format!("{byte:08b}")));
            assert!(signed_by_libfaac(&pack(&bits)), "shift {shift}");
        }
        assert!(!signed_by_libfaac(b"xlibfoac 1.28\0"));
    }

    #[test]
    fn packet_without_channels_is_detected() {
        assert!(
            has_no_channels(&[]) && has_no_channels(&[0xe0]) && !has_no_channels(&[0x21, 0x10])
        );
    }
}
