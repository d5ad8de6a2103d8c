//! The end tag of AAC and ALAC packets: `ID_END` of ISO/IEC 14496-3 Table 4.85, three bits 111, then
//! zero bits up to a whole byte.

/// Returns whether a packet ends in the end tag. Zero bytes may follow, with which some encoders
/// pad.
pub(crate) fn ends_in_tag(packet: &[u8]) -> bool {
    let end = packet.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    ends_in_tag_without_padding(packet.get(..end).unwrap_or_default())
}

/// Returns whether a packet ends in the end tag, with less than a byte of zeros behind it.
pub(crate) fn ends_in_tag_without_padding(packet: &[u8]) -> bool {
    let [.., last] = *packet else { return false };
    let before = match *packet {
        [.., before, _] => before,
        _ => 0,
    };
    last != 0 && u16::from_be_bytes([before, last]) >> last.trailing_zeros() & 0b111 == 0b111
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_found_at_every_bit() {
        for shift in 0..8 {
            let [a, b] = (0b111_u16 << shift).to_be_bytes();
            assert!(ends_in_tag_without_padding(&[0x20, a, b]), "{shift} zero bits");
            assert!(!ends_in_tag_without_padding(&[0x20, a, b, 0]), "{shift} zero bits");
            assert!(ends_in_tag(&[0x20, a, b, 0, 0]), "{shift} zero bits");
            let [a, b] = (0b11_u16 << shift).to_be_bytes();
            assert!(!ends_in_tag(&[0x20, a, b]), "{shift} zero bits");
        }
        for packet in [&[][..], &[0], &[0, 0, 0], &[1], &[0x80]] {
            assert!(!ends_in_tag(packet), "{packet:?}");
            assert!(!ends_in_tag_without_padding(packet), "{packet:?}");
        }
        assert!(ends_in_tag_without_padding(&[0xe0]));
    }
}
