//! When the audio after a damaged packet is right again.
//!
//! A new decoder goes on after a damaged packet. Codecs with a memory return other audio than before
//! for a while. The old decoder therefore decodes the next packets as well: where both return the same
//! audio, what they decoded earlier no longer matters.

/// The bytes of packets after which no data of the bit reservoir of MP3 is older than the damage: the
/// largest `main_data_begin` of 511 bytes (ISO/IEC 11172-3), and as much again for headers.
const RESERVOIR: usize = 1024;

/// In how many packets the decoders may differ. Beyond that, a decoder has a memory that never ends, such
/// as the random numbers of the noise in AAC.
const SETTLING: usize = 16;

/// How far audio may be from the time stamp of its packet, in seconds: by jitter, and by the delay of
/// an encoder.
pub(crate) const AUDIO_MARGIN: f64 = 0.1;

/// What the audio after a damaged packet depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the audio of the undamaged track.
    Intact,
    /// It depends on what was lost.
    Dependent,
    /// It and all later audio may depend on what was lost.
    Endless,
}

/// Counts the packets after a damaged packet.
#[derive(Debug, Clone)]
pub(crate) struct Settling {
    packets: usize,
    /// In how many of them the decoders differ.
    different: usize,
    /// How many packets cannot be right, whatever the decoders return.
    least: usize,
    /// The bytes of packets that have to pass before.
    bytes: usize,
}

impl Settling {
    /// Starts after a packet whose audio overlaps that of the next packet.
    pub(crate) fn of_overlap() -> Self {
        Self { packets: 0, different: 0, least: 1, bytes: 0 }
    }

    /// Starts after a packet of MP3: after the reservoir, two more packets for the overlap and the
    /// filterbank.
    pub(crate) fn of_mp3() -> Self {
        Self { packets: 0, different: 0, least: 2, bytes: RESERVOIR }
    }

    /// Judges the audio of the next packet, which has `bytes` bytes. `equal` says whether both decoders
    /// return it.
    pub(crate) fn judge(&mut self, equal: bool, bytes: usize) -> Verdict {
        if self.bytes > 0 {
            self.bytes = self.bytes.saturating_sub(bytes);
            return Verdict::Dependent;
        }
        self.packets += 1;
        self.different += usize::from(!equal);
        match equal {
            true if self.packets > self.least => Verdict::Intact,
            _ if self.different <= SETTLING => Verdict::Dependent,
            _ => Verdict::Endless,
        }
    }
}

/// Returns whether the samples of all channels have equal bits.
pub(crate) fn equal(a: &[Vec<f32>], b: &[Vec<f32>]) -> bool {
    let same = |(a, b): (&Vec<f32>, &Vec<f32>)| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_is_intact_once_both_decoders_agree() {
        let mut overlap = Settling::of_overlap();
        let seen = [true, true, false, true].map(|equal| overlap.judge(equal, 100));
        use Verdict::{Dependent, Endless, Intact};
        assert_eq!(seen, [Dependent, Intact, Dependent, Intact]);
        (0..99).for_each(|_| _ = overlap.judge(true, 100));
        assert!((0..15).all(|_| overlap.judge(false, 100) == Dependent));
        assert_eq!([true, false].map(|equal| overlap.judge(equal, 100)), [Intact, Endless]);
    }

    #[test]
    fn the_reservoir_of_mp3_has_to_pass() {
        let mut mp3 = Settling::of_mp3();
        let first = (0..20).position(|_| mp3.judge(true, 400) == Verdict::Intact);
        assert_eq!(first, Some(3 + 2));
    }

    #[test]
    fn bits_are_compared() {
        assert!(equal(&[vec![0.5, f32::NAN]], &[vec![0.5, f32::NAN]]));
        assert!(!equal(&[vec![0.0]], &[vec![-0.0]]) && !equal(&[vec![0.0]], &[vec![0.0, 0.0]]));
        assert!(!equal(&[vec![0.0]], &[]));
    }
}
