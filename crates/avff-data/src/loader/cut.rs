//! Batches in parts: which clips belong together, and which of them this process reads.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// Cuts every batch into contiguous parts of equal size, the last one smaller if need be, and reads
/// some of them. PyTorch's `DataParallel` cuts a batch for its devices alike (`torch.chunk`).
///
/// The clips of a part depend neither on the number of processes nor on which of them reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Number of parts.
    pub parts: usize,
    /// The parts that this process reads.
    pub own: Range<usize>,
}

impl Default for Cut {
    /// A batch in one part, read by this process.
    fn default() -> Self {
        Self { parts: 1, own: 0..1 }
    }
}

impl Cut {
    /// Returns whether this process reads whole batches.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.own == (0..self.parts)
    }

    /// Returns the places of this process's parts in a batch of `clips`. Parts without a clip are
    /// left out.
    pub fn ranges(&self, clips: usize) -> impl Iterator<Item = Range<usize>> {
        let size = clips.div_ceil(self.parts.max(1)).max(1);
        let parts = self.own.clone().map(move |part| part.saturating_mul(size).min(clips));
        parts.map(move |start| start..(start + size).min(clips)).filter(|range| !range.is_empty())
    }

    /// Returns the places of this process's clips in a batch of `clips`.
    #[must_use]
    pub fn places(&self, clips: usize) -> Range<usize> {
        let mut ranges = self.ranges(clips);
        let Some(first) = ranges.next() else { return 0..0 };
        first.start..ranges.last().map_or(first.end, |last| last.end)
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        if self.parts == 0 || self.own.is_empty() || self.own.end > self.parts {
            let value = format!("{} to {} of {}", self.own.start, self.own.end, self.parts);
            return Err(DataError::setting("cut", value, "some of at least one part"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sizes from `torch.chunk(torch.arange(clips), parts)`, PyTorch 2.9.1.
    #[test]
    fn parts_are_those_of_torch_chunk() {
        let cases: [(usize, usize, &[usize]); 5] = [
            (128, 8, &[16; 8]),
            (42, 7, &[6; 7]),
            (5, 4, &[2, 2, 1]),
            (3, 8, &[1, 1, 1]),
            (10, 4, &[3, 3, 3, 1]),
        ];
        for (clips, parts, sizes) in cases {
            let ranges: Vec<_> = Cut { parts, own: 0..parts }.ranges(clips).collect();
            assert_eq!(ranges.iter().map(Range::len).collect::<Vec<_>>(), sizes);
        }
    }

    proptest! {
        #[test]
        fn processes_share_a_batch_without_gaps(
            clips in 0..100_usize, parts in 1..12_usize, first in 1..12_usize
        ) {
            let first = first.min(parts);
            let all: Vec<_> = Cut { parts, own: 0..parts }.ranges(clips).collect();
            let cut = |own: Range<usize>| -> Vec<_> { Cut { parts, own }.ranges(clips).collect() };
            prop_assert_eq!([cut(0..first), cut(first..parts)].concat(), all.clone());
            prop_assert_eq!(all.iter().map(Range::len).sum::<usize>(), clips);
            let (upper, lower) =
                (Cut { parts, own: 0..first }.places(clips), Cut { parts, own: first..parts }.places(clips));
            prop_assert_eq!(upper.len() + lower.len(), clips);
        }
    }
}
