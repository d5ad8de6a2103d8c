//! Checks MP3 frames (ISO/IEC 11172-3 and 13818-3, layer 3). In MP4, each packet is one frame.
//!
//! The coded samples of a frame may start in earlier frames, in the bit reservoir. Each frame states
//! where its data starts and how long it is. A lost or damaged frame breaks this chain.

use symphonia::core::{checksum::Crc16Ansi, io::Monitor as _};

use crate::bits::Bits;

/// The largest distance back to the start of a frame's data, in bytes.
const MAX_BEGIN: u64 = 511;

/// Bit rates by index, in bits per second: MPEG-1, and MPEG-2 with MPEG-2.5.
const BIT_RATES: [[usize; 15]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// The position in the coded samples of all frames together.
#[derive(Debug, Default)]
pub(super) struct Reservoir {
    /// The bytes of coded samples in all frames before.
    total: u64,
    /// Where the data of the frame before ends.
    end: u64,
}

impl Reservoir {
    /// Checks a frame and returns its number of samples per channel.
    ///
    /// # Errors
    ///
    /// What is wrong with the frame.
    pub(super) fn check(&mut self, frame: &[u8]) -> Result<usize, String> {
        let header = Header::read(frame).ok_or("it does not begin with an MP3 frame")?;
        if header.size != frame.len() {
            let (stated, actual) = (header.size, frame.len());
            return Err(format!("it has {actual} bytes, but its MP3 frame states {stated}"));
        }
        let side = header.side_info(frame).ok_or("it is shorter than its header")?;
        if let Some(stated) = header.crc(frame) {
            let mut crc = Crc16Ansi::new(0xffff);
            crc.process_buf_bytes(frame.get(2..4).unwrap_or_default());
            crc.process_buf_bytes(side);
            let actual = crc.crc();
            if stated != actual {
                return Err(format!("its CRC-16 is {actual:04x}, but it states {stated:04x}"));
            }
        }
        let (begin, bits) = header.main_data(side).ok_or("it is shorter than its header")?;
        let own = frame.len().saturating_sub(header.data_start()) as u64;
        let (start, before) = (self.total.checked_sub(begin), self.total);
        self.total += own;
        let Some(start) = start else {
            // A stream that was cut starts with frames whose data lies before the cut.
            if before >= MAX_BEGIN {
                return Err("its data starts before the stream".to_owned());
            }
            return Ok(header.samples);
        };
        if start < self.end {
            return Err("its data starts inside that of the frame before".to_owned());
        }
        self.end = start.saturating_add(bits.div_ceil(8));
        if self.end > self.total {
            return Err("its data ends after the frame".to_owned());
        }
        Ok(header.samples)
    }
}

/// The header of a frame.
struct Header {
    mpeg1: bool,
    mono: bool,
    has_crc: bool,
    /// The bytes of the frame.
    size: usize,
    /// Samples per channel.
    samples: usize,
}

impl Header {
    fn read(frame: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(frame);
        if bits.bits(11)? != 0x7ff {
            return None;
        }
        // The version, then the layer, of which 1 is the third.
        let (halved, mpeg1) = match bits.bits(2)? {
            0 => (2, false),
            2 => (1, false),
            3 => (0, true),
            _ => return None,
        };
        if bits.bits(2)? != 1 {
            return None;
        }
        let has_crc = !bits.flag()?;
        let rates = if mpeg1 { BIT_RATES.first() } else { BIT_RATES.last() }?;
        let bit_rate = rates.get(bits.bits(4)? as usize).filter(|&&rate| rate > 0)?;
        let rate = [44_100_usize, 48_000, 32_000].get(bits.bits(2)? as usize)? >> halved;
        let padding = usize::from(bits.flag()?);
        bits.flag()?;
        let mono = bits.bits(2)? == 3;
        let samples = if mpeg1 { 1152 } else { 576 };
        let size = samples / 8 * 1000 * bit_rate / rate + padding;
        Some(Self { mpeg1, mono, has_crc, size, samples })
    }

    /// Returns where the side information starts.
    fn side_start(&self) -> usize {
        if self.has_crc { 6 } else { 4 }
    }

    /// Returns where the coded samples start.
    fn data_start(&self) -> usize {
        let length = match (self.mpeg1, self.mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        self.side_start() + length
    }

    fn side_info<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        frame.get(self.side_start()..self.data_start())
    }

    /// Returns the checksum of the header and the side information, if there is one.
    fn crc(&self, frame: &[u8]) -> Option<u16> {
        frame.get(4..6).filter(|_| self.has_crc)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// Returns how many bytes before the frame's own its data starts, and its length in bits.
    fn main_data(&self, side: &[u8]) -> Option<(u64, u64)> {
        let mut bits = Bits::new(side);
        let begin = bits.bits(if self.mpeg1 { 9 } else { 8 })?;
        // Private bits and, in MPEG-1, which scale factors are shared.
        bits.bits(match (self.mpeg1, self.mono) {
            (true, false) => 3 + 8,
            (true, true) => 5 + 4,
            (false, false) => 2,
            (false, true) => 1,
        })?;
        let channels = if self.mono { 1 } else { 2 };
        let (granules, rest) = if self.mpeg1 { (2, 59 - 12) } else { (1, 63 - 12) };
        let mut length = 0;
        for _ in 0..granules * channels {
            length += u64::from(bits.bits(12)?);
            bits.bits(32)?;
            bits.bits(rest - 32)?;
        }
        Some((u64::from(begin), length))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// The bytes of a frame of 64 kbit/s, stereo at 48 kHz.
    const SIZE: usize = 192;
    /// The bytes of its coded samples.
    const OWN: u32 = 192 - 36;

    /// A frame whose data starts `begin` bytes earlier and has `length` bytes.
    fn frame(begin: u32, length: u32) -> Vec<u8> {
        let mut frame = vec![0xff, 0xfb, 0x54, 0];
        // The start, private and shared bits, and the lengths of the first granule's first channel.
        let side: u64 = u64::from(begin) << 55 | u64::from(length * 8) << 32;
        frame.extend(side.to_be_bytes());
        frame.resize(SIZE, 0);
        frame
    }

    fn with_crc(mut frame: Vec<u8>) -> Vec<u8> {
        frame[1] &= 0xfe;
        let mut crc = Crc16Ansi::new(0xffff);
        crc.process_buf_bytes(&frame[2..36]);
        frame.splice(4..4, crc.crc().to_be_bytes());
        frame.truncate(SIZE);
        frame
    }

    #[test]
    fn chain_of_frames_is_followed() {
        let mut reservoir = Reservoir::default();
        // The first frame keeps half of its bytes for the second.
        assert_eq!(reservoir.check(&frame(0, OWN / 2)), Ok(1152));
        assert_eq!(reservoir.check(&frame(OWN / 2, OWN)), Ok(1152));
        assert_eq!(reservoir.check(&frame(OWN / 2, OWN + OWN / 2)), Ok(1152));
        let error = reservoir.check(&frame(1, 8)).unwrap_err();
        assert_eq!(error, "its data starts inside that of the frame before");
        let error = reservoir.check(&frame(0, OWN + 1)).unwrap_err();
        assert_eq!(error, "its data ends after the frame");
    }

    #[test]
    fn lost_frame_is_detected() {
        let mut frames = vec![frame(0, OWN - 50)];
        frames.resize(9, frame(50, OWN));
        let check = |frames: &[Vec<u8>]| {
            let mut reservoir = Reservoir::default();
            frames.iter().try_for_each(|frame| reservoir.check(frame).map(drop))
        };
        assert_eq!(check(&frames), Ok(()));
        frames[4] = frame(0, OWN);
        assert!(check(&frames).is_err());
    }

    #[test]
    fn cut_stream_may_start_with_data_from_before() {
        let mut reservoir = Reservoir::default();
        for _ in 0..4 {
            assert_eq!(reservoir.check(&frame(511, 20)), Ok(1152));
        }
        assert_eq!(reservoir.check(&frame(OWN * 3, 20)), Ok(1152));
        assert!(Reservoir { total: 511, end: 0 }.check(&frame(500, 20)).is_ok());
        assert!(Reservoir { total: 510, end: 0 }.check(&frame(511, 20)).is_ok());
        // MPEG-2 has 8 bits for the start, so nothing starts 511 bytes before 256.
        assert_eq!(Reservoir { total: 511, end: 0 }.check(&frame(511, 20)), Ok(1152));
    }

    #[test]
    fn checksum_is_compared() {
        let good = with_crc(frame(0, 20));
        assert_eq!(Reservoir::default().check(&good), Ok(1152));
        for byte in [2, 5, 6, 37] {
            let mut bad = good.clone();
            // The copyright bit, or a bit of the checksum or the side information.
            bad[byte] ^= if byte == 2 { 1 } else { 8 };
            let error = Reservoir::default().check(&bad).unwrap_err();
            assert!(error.contains("CRC-16"), "byte {byte}: {error}");
        }
    }

    #[test]
    fn frame_has_the_size_of_its_header() {
        let mut reservoir = Reservoir::default();
        let error = reservoir.check(&frame(0, 0)[..100]).unwrap_err();
        assert_eq!(error, "it has 100 bytes, but its MP3 frame states 192");
        // MPEG-2 and MPEG-2.5 have half of the samples.
        for (header, size, samples) in [
            ([0xff, 0xf3, 0x84, 0xc0], 64 * 3, 576),
            ([0xff, 0xe3, 0x82, 0], 417 + 1, 576),
            ([0xff, 0xfb, 0x90, 0], 417, 1152),
        ] {
            let mut frame = header.to_vec();
            frame.resize(size, 0);
            assert_eq!(reservoir.check(&frame), Ok(samples), "{header:x?}");
        }
        for header in [[0xff, 0xfb, 0xf4, 0], [0xff, 0xfb, 4, 0], [0xff, 0xeb, 0x54, 0], [0; 4]] {
            assert!(reservoir.check(&header).unwrap_err().contains("MP3 frame"), "{header:x?}");
        }
    }
}
