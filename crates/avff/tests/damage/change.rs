//! Changes of bytes.

use std::ops::Range;

use super::random::Random;

/// How bytes change. Every change leaves other bytes than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Bit,
    Byte,
    /// Up to 16 bytes become 0.
    Zeros,
    /// The second half becomes 0.
    Half,
}

impl Change {
    pub const ALL: [Self; 4] = [Self::Bit, Self::Byte, Self::Zeros, Self::Half];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::Byte => "byte",
            Self::Zeros => "16 zeros",
            Self::Half => "half",
        }
    }

    /// Changes bytes in a range that is not empty.
    pub fn apply(self, file: &mut [u8], range: Range<usize>, random: &mut Random) {
        let at = range.start + random.below(range.len());
        let zeros = match self {
            Self::Bit => 0..0,
            Self::Byte => {
                let other = random.next() as u8;
                file[at] = if file[at] == other { !other } else { other };
                return;
            }
            Self::Zeros => at..range.end.min(at + 16),
            Self::Half => range.start + range.len() / 2..range.end,
        };
        if file[zeros.clone()].iter().any(|&byte| byte != 0) {
            file[zeros].fill(0);
        } else {
            file[at] ^= 1 << random.below(8);
        }
    }
}
