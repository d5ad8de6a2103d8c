//! Converts uncompressed audio to `f32`, scaled as in FFmpeg: integers are divided by their full
//! scale, floats stay unchanged.

/// The encoding of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Unsigned integers of 8 bits; 128 is silence.
    Unsigned8,
    /// Two's complement integers of 1 to 4 bytes.
    Signed,
    /// IEEE 754 floats of 4 or 8 bytes.
    Float,
}

/// The layout of interleaved samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pcm {
    /// The encoding of one sample.
    pub(crate) coding: Coding,
    /// Bytes per sample.
    pub(crate) bytes: u32,
    /// Whether the most significant byte comes first.
    pub(crate) big_endian: bool,
    /// The number of channels.
    pub(crate) channels: u32,
    /// Samples per second.
    pub(crate) rate: u32,
}

/// The largest accepted number of channels, in every format.
pub const MAX_CHANNELS: u32 = 64;

impl Pcm {
    /// Creates a layout; returns `None` where the values do not fit together.
    pub(crate) fn new(
        coding: Coding,
        bits: u32,
        big_endian: bool,
        channels: u32,
        rate: u32,
    ) -> Option<Self> {
        let fits = match coding {
            Coding::Unsigned8 => bits == 8,
            Coding::Signed => matches!(bits, 8 | 16 | 24 | 32),
            Coding::Float => matches!(bits, 32 | 64),
        };
        let fits = fits && (1..=MAX_CHANNELS).contains(&channels) && rate > 0;
        fits.then_some(Self { coding, bytes: bits / 8, big_endian, channels, rate })
    }

    /// Returns the bytes of one sample of every channel.
    pub(crate) fn frame_bytes(&self) -> u32 {
        self.bytes * self.channels
    }

    /// Returns how long the samples in `bytes` bytes last, in ticks of `timescale` a second.
    pub(crate) fn ticks(&self, bytes: u32, timescale: u32) -> i64 {
        let rate = u64::from(self.rate.max(1));
        let frames = u64::from(bytes / self.frame_bytes().max(1));
        let ticks = (frames * u64::from(timescale)).saturating_add(rate / 2) / rate;
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    /// Decodes interleaved samples and appends them to the channels. Trailing bytes that do not
    /// fill all channels are dropped.
    pub(crate) fn decode(&self, data: &[u8], channels: &mut [Vec<f32>]) {
        let (size, step) = (self.bytes as usize, self.frame_bytes() as usize);
        for frame in data.chunks_exact(step) {
            for (bytes, channel) in frame.chunks_exact(size).zip(channels.iter_mut()) {
                channel.push(self.sample(bytes));
            }
        }
    }

    fn sample(&self, bytes: &[u8]) -> f32 {
        // The bytes of the sample, most significant first, at the top of a word.
        let mut word = [0; 8];
        for (index, place) in word.iter_mut().enumerate().take(bytes.len()) {
            let at = if self.big_endian { index } else { bytes.len() - 1 - index };
            *place = bytes.get(at).copied().unwrap_or_default();
        }
        let [a, b, c, d, ..] = word;
        match (self.coding, self.bytes) {
            (Coding::Unsigned8, _) => (f32::from(a) - 128.0) / 128.0,
            (Coding::Signed, _) => i32::from_be_bytes([a, b, c, d]) as f32 / 2_147_483_648.0,
            (Coding::Float, 8) => f64::from_be_bytes(word) as f32,
            (Coding::Float, _) => f32::from_be_bytes([a, b, c, d]),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn one(coding: Coding, bits: u32, big_endian: bool, data: &[u8]) -> Vec<f32> {
        let pcm = Pcm::new(coding, bits, big_endian, 1, 8000).unwrap();
        let mut channels = [Vec::new()];
        pcm.decode(data, &mut channels);
        let [samples] = channels;
        samples
    }

    #[test]
    fn every_width_is_divided_by_its_full_scale() {
        assert_eq!(one(Coding::Unsigned8, 8, false, &[0, 128, 192]), [-1.0, 0.0, 0.5]);
        assert_eq!(one(Coding::Signed, 8, false, &[0x80, 0, 0x40]), [-1.0, 0.0, 0.5]);
        assert_eq!(one(Coding::Signed, 16, false, &[0, 0x80, 0, 0x40]), [-1.0, 0.5]);
        assert_eq!(one(Coding::Signed, 16, true, &[0x80, 0, 0x40, 0]), [-1.0, 0.5]);
        assert_eq!(
            one(Coding::Signed, 24, false, &[0, 0, 0x80, 1, 0, 0]),
            [-1.0, 1.0 / 8_388_608.0]
        );
        assert_eq!(one(Coding::Signed, 32, true, &[0xc0, 0, 0, 0]), [-0.5]);
        assert_eq!(one(Coding::Float, 32, false, &0.25_f32.to_le_bytes()), [0.25]);
        assert_eq!(one(Coding::Float, 64, true, &(-0.25_f64).to_be_bytes()), [-0.25]);
    }

    #[test]
    fn channels_are_separated_and_invalid_layouts_refused() {
        let pcm = Pcm::new(Coding::Unsigned8, 8, false, 2, 8000).unwrap();
        let mut channels = [Vec::new(), Vec::new()];
        pcm.decode(&[0, 128, 192, 64, 1], &mut channels);
        assert_eq!(channels, [[-1.0, 0.5], [0.0, -0.5]]);
        assert!(Pcm::new(Coding::Signed, 12, false, 1, 8000).is_none());
        assert!(Pcm::new(Coding::Signed, 16, false, 0, 8000).is_none());
        assert!(Pcm::new(Coding::Signed, 16, false, 65, 8000).is_none());
        assert!(Pcm::new(Coding::Signed, 16, false, 1, 0).is_none());
    }
}
