//! Reads the configuration of ALAC, its "magic cookie" (`ALACSpecificConfig` of Apple's
//! `ALACMagicCookieDescription.txt`).

/// The parts of the configuration that the container also states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cookie {
    /// Samples per channel of a packet.
    pub(crate) frame_length: u32,
    /// Bits per sample.
    pub(crate) bits: u32,
    /// The number of channels.
    pub(crate) channels: u32,
    /// Samples per second.
    pub(crate) rate: u32,
}

impl Cookie {
    /// Reads the configuration; returns `None` where it ends early.
    pub(crate) fn read(mut config: &[u8]) -> Option<Self> {
        // QuickTime repeats two boxes before it.
        for kind in [b"frma", b"alac"] {
            if config.get(4..8) == Some(kind) {
                config = config.get(12..)?;
            }
        }
        let (fields, _) = config.split_first_chunk::<24>()?;
        let [a, b, c, d, _, bits, _, _, _, channels, .., e, f, g, h] = *fields;
        Some(Self {
            frame_length: u32::from_be_bytes([a, b, c, d]),
            bits: u32::from(bits),
            channels: u32::from(channels),
            rate: u32::from_be_bytes([e, f, g, h]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: [u8; 24] =
        [0, 0, 16, 0, 0, 16, 40, 10, 14, 2, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbb, 0x80];

    #[test]
    fn fields_are_read() {
        let cookie = Cookie { frame_length: 4096, bits: 16, channels: 2, rate: 48_000 };
        assert_eq!(Cookie::read(&CONFIG), Some(cookie));
        let boxed = [b"\0\0\0\x0cfrmaalac\0\0\0\x24alac\0\0\0\0".as_slice(), &CONFIG].concat();
        assert_eq!(Cookie::read(&boxed), Some(cookie));
        for length in 0..24 {
            assert_eq!(Cookie::read(&CONFIG[..length]), None, "{length} bytes");
        }
    }
}
