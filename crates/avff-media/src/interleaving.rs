//! What lies near damage in a file.
//!
//! Frames and audio are stored side by side. Bytes that were lost or changed together may belong to
//! both, and a decoder notices only some damage. So whatever lies near damage counts as damaged.

use std::ops::Range;

/// How far damage may reach unnoticed in both directions, in bytes: a page of memory, and a sector of
/// most disks.
const REACH: u64 = 4096;

/// Where the samples of both streams lie, and when what depends on them is presented.
#[derive(Debug, Default)]
pub(crate) struct Interleaving(Vec<(Range<u64>, (f64, f64))>);

impl Interleaving {
    /// Adds samples: their bytes, and their time spans in seconds on the clip's clock.
    pub(crate) fn add(&mut self, samples: impl IntoIterator<Item = (Range<u64>, (f64, f64))>) {
        self.0.extend(samples);
    }

    /// Extends a time span to all samples that lie near `bytes`.
    pub(crate) fn extend(&self, bytes: &Range<u64>, (start, end): (f64, f64)) -> (f64, f64) {
        let (from, to) = (bytes.start.saturating_sub(REACH), bytes.end.saturating_add(REACH));
        let near = self.0.iter().filter(|(sample, _)| sample.start < to && from < sample.end);
        near.fold((start, end), |(start, end), (_, span)| (start.min(span.0), end.max(span.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_reach_over_what_lies_near() {
        let mut places = Interleaving::default();
        places.add((0..8_u32).map(|at| {
            let start = u64::from(at) * 3000;
            (start..start + 3000, (f64::from(at), f64::from(at + 1)))
        }));
        // The bytes 9,000 to 9,010 reach from 4,904 to 13,106.
        assert_eq!(places.extend(&(9_000..9_010), (3.0, 3.5)), (1.0, 5.0));
        assert_eq!(places.extend(&(90_000..90_010), (3.0, 3.5)), (3.0, 3.5));
    }
}
