//! Checks FLAC frames (RFC 9639 section 9). In MP4, each packet is one frame.

use symphonia::core::{checksum::Crc16Ansi, io::Monitor as _};

use crate::bits::Bits;

/// What the STREAMINFO block states (RFC 9639 section 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamInfo {
    /// Samples per second.
    pub(crate) rate: u32,
    /// The number of channels.
    pub(crate) channels: u32,
    /// Bits per sample.
    pub(crate) bits: u32,
}

impl StreamInfo {
    /// Reads the block without its header; returns `None` where it ends early.
    pub(crate) fn read(block: &[u8]) -> Option<Self> {
        // The sizes of blocks and frames precede.
        let mut bits = Bits::at(block, 80);
        let (rate, channels) = (bits.bits(20)?, bits.bits(3)? + 1);
        Some(Self { rate, channels, bits: bits.bits(5)? + 1 })
    }

    /// Checks a frame and returns its number of samples per channel.
    ///
    /// # Errors
    ///
    /// What is wrong with the frame.
    pub(super) fn check(&self, frame: &[u8]) -> Result<usize, String> {
        let header = Header::read(frame).ok_or("it does not begin with a FLAC frame")?;
        let (data, stated) = frame.split_last_chunk::<2>().ok_or("it is cut off")?;
        let mut crc = Crc16Ansi::new(0);
        crc.process_buf_bytes(data);
        let (stated, actual) = (u16::from_be_bytes(*stated), crc.crc());
        if stated != actual {
            return Err(format!("its CRC-16 is {actual:04x}, but the frame states {stated:04x}"));
        }
        if header.channels != self.channels {
            let (actual, expected) = (header.channels, self.channels);
            return Err(format!("it has {actual} channels, but the stream has {expected}"));
        }
        // The decoder panics.
        if header.side && header.bits.unwrap_or(self.bits) >= 32 {
            return Err("it has the difference of two channels of 32 bits".to_owned());
        }
        Ok(header.samples)
    }
}

/// The header of a frame.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    /// Samples per channel.
    samples: usize,
    channels: u32,
    /// Whether one of two channels is stored as the difference to the other.
    side: bool,
    /// Bits per sample; `None` for those of the stream.
    bits: Option<u32>,
}

impl Header {
    fn read(frame: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(frame);
        // The synchronization code and a reserved bit; whether blocks have different sizes.
        if bits.bits(15)? != 0x7ffc {
            return None;
        }
        bits.flag()?;
        let (size, _rate) = (bits.bits(4)?, bits.bits(4)?);
        let (channels, side) = match bits.bits(4)? {
            independent @ 0..=7 => (independent + 1, false),
            8..=10 => (2, true),
            _ => return None,
        };
        let depth = match bits.bits(3)? {
            0 => None,
            1 => Some(8),
            2 => Some(12),
            4 => Some(16),
            5 => Some(20),
            6 => Some(24),
            7 => Some(32),
            _ => return None,
        };
        bits.flag()?;
        // The number of the frame or of its first sample, coded as in UTF-8.
        let first: u8 = bits.bits(8)?.try_into().ok()?;
        for _ in 1..first.leading_ones().max(1) {
            bits.bits(8)?;
        }
        let samples = match size {
            0 => return None,
            1 => 192,
            2..=5 => 144 << size,
            6 => bits.bits(8)? + 1,
            7 => bits.bits(16)? + 1,
            _ => 1 << size,
        };
        Some(Self { samples: samples as usize, channels, side, bits: depth })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const INFO: StreamInfo = StreamInfo { rate: 48_000, channels: 2, bits: 16 };

    /// A frame with the checksum of its bytes.
    fn frame(header: &[u8]) -> Vec<u8> {
        let mut crc = Crc16Ansi::new(0);
        crc.process_buf_bytes(header);
        [header, &crc.crc().to_be_bytes()].concat()
    }

    #[test]
    fn stream_info_is_read() {
        let block = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b, 0xb8, 0x02, 0xf0];
        assert_eq!(StreamInfo::read(&block), Some(INFO));
        assert_eq!(StreamInfo::read(&block[..13]), None);
    }

    #[test]
    fn samples_of_every_size_are_read() {
        for (code, extra, samples) in [
            (1, &[][..], 192),
            (2, &[], 576),
            (5, &[], 4608),
            (6, &[99], 100),
            (7, &[0xff, 0xfe], 65_535),
            (8, &[], 256),
            (12, &[], 4096),
            (15, &[], 32_768),
        ] {
            let header = [&[0xff, 0xf8, code << 4, 0x10, 5], extra].concat();
            assert_eq!(INFO.check(&frame(&header)), Ok(samples), "code {code}");
        }
        // A number of the frame of three bytes.
        let header = [0xff, 0xf9, 0x60, 0x10, 0xe0, 0x80, 0x80, 9];
        assert_eq!(INFO.check(&frame(&header)), Ok(10));
    }

    #[test]
    fn faults_are_named() {
        let good = frame(&[0xff, 0xf8, 0xc0, 0x10, 5, 1, 2, 3, 4, 5, 6]);
        assert_eq!(INFO.check(&good), Ok(4096));
        for bit in 0..8 * good.len() {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(INFO.check(&bad).is_err(), "bit {bit}");
        }
        for length in 0..good.len() {
            assert!(INFO.check(&good[..length]).is_err(), "{length} bytes");
        }
        let error = |header: &[u8]| INFO.check(&frame(header)).unwrap_err();
        let mono = [0xff, 0xf8, 0xc0, 0x00, 5];
        assert_eq!(error(&mono), "it has 1 channels, but the stream has 2");
        assert!(error(&[0xff, 0xf8, 0xc0, 0x8e, 5]).contains("32 bits"));
        assert!(error(&[0xff, 0xf8, 0x00, 0x10, 5]).contains("FLAC frame"));
    }
}
