//! Reproducible random numbers, keyed by seed, sample and purpose.
//!
//! Every random choice about a training sample has a generator of its own, keyed by seed, epoch,
//! row and purpose. The numbers are the same on every platform and thread, in any batch, and after
//! any interruption. Generators of different purposes are independent, so switching on one
//! augmentation changes no other random choice.
//!
//! The generator is ChaCha8. This crate itself defines how the generator's words become numbers.
//! Libraries change that conversion between versions, and a run that is resumed after an update
//! must continue with the same numbers.
//!
//! ```
//! use avff_rng::{Purpose, RngKey};
//!
//! let key = RngKey { seed: 7, epoch: 0, row: 3, occurrence: 0 };
//! assert_eq!(key.rng(Purpose::Crop).unit(), key.rng(Purpose::Crop).unit());
//! assert_ne!(key.rng(Purpose::Crop).unit(), key.rng(Purpose::Flip).unit());
//! ```

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use rand_distr::{Distribution as _, StandardNormal};

/// The purpose of a random number. The discriminants are part of the key, so they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[expect(missing_docs, reason = "the name says what is sampled")]
pub enum Purpose {
    Order = 0,
    Window = 1,
    Mix = 2,
    Crop = 3,
    Flip = 4,
    Resample = 5,
    Color = 6,
    Jpeg = 7,
    Gain = 8,
    WhiteNoise = 9,
    Masks = 10,
    Noise = 11,
    Lag = 12,
    // Not about training samples: numbers far from the others, so that neither range grows into the
    // other.
    Synth = 64,
    Bootstrap = 65,
    Folds = 66,
    Perturb = 67,
}

/// Identifies the sample that random numbers are generated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RngKey {
    /// The run's seed.
    pub seed: u64,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The row of the dataset, from 0.
    pub row: u64,
    /// How often the row occurred earlier in this epoch. It is above 0 only where rows are sampled
    /// with replacement or repeated to fill a shard.
    pub occurrence: u32,
}

impl RngKey {
    /// Returns the generator for one purpose.
    ///
    /// The ChaCha key is seed, epoch, row (8 bytes each), occurrence and purpose (4 bytes each),
    /// little-endian. Counter and nonce start at 0.
    #[must_use]
    pub fn rng(self, purpose: Purpose) -> Rng {
        let words = [self.seed, self.epoch, self.row];
        let last = u64::from(self.occurrence) | (purpose as u64) << 32;
        let mut key = [0; 32];
        for (bytes, word) in
            key.as_chunks_mut::<8>().0.iter_mut().zip(words.into_iter().chain([last]))
        {
            *bytes = word.to_le_bytes();
        }
        Rng(ChaCha8Rng::from_seed(key))
    }
}

/// A random number generator.
#[derive(Debug, Clone, PartialEq)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// Returns a uniform integer in `0..count`, or 0 where `count` is 0.
    ///
    /// The result is the upper half of word times count. Words that would bias the result are
    /// rejected (Lemire 2019, "Fast Random Integer Generation in an Interval").
    pub fn below(&mut self, count: u64) -> u64 {
        let mut product = u128::from(self.0.next_u64()) * u128::from(count);
        if (product as u64) < count {
            let threshold = count.wrapping_neg() % count;
            while (product as u64) < threshold {
                product = u128::from(self.0.next_u64()) * u128::from(count);
            }
        }
        (product >> 64) as u64
    }

    /// Returns a uniform index in `0..count`, as [`below`](Self::below).
    pub fn index(&mut self, count: usize) -> usize {
        // The result is below `count`, so it fits a usize.
        self.below(count as u64) as usize
    }

    /// Returns a uniform number in `[0, 1)`: the upper 53 bits of a word.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * 2.0_f64.powi(-53)
    }

    /// Returns a uniform number between `low` and `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Returns `true` with the given probability.
    pub fn bernoulli(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Returns a sample of the normal distribution with mean 0 and standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// Shuffles `values`; every order is equally likely (Fisher-Yates, from the last index down).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.index(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng(row: u64, purpose: Purpose) -> Rng {
        RngKey { seed: 3, epoch: 1, row, occurrence: 0 }.rng(purpose)
    }

    #[test]
    fn every_part_of_the_key_changes_the_numbers() {
        let base = RngKey { seed: 3, epoch: 1, row: 7, occurrence: 0 };
        let others = [
            RngKey { seed: 4, ..base },
            RngKey { epoch: 2, ..base },
            RngKey { row: 8, ..base },
            RngKey { occurrence: 1, ..base },
        ];
        let first = |key: RngKey, purpose| key.rng(purpose).below(u64::MAX);
        assert_eq!(first(base, Purpose::Crop), first(base, Purpose::Crop));
        assert_ne!(first(base, Purpose::Crop), first(base, Purpose::Flip));
        for other in others {
            assert_ne!(first(base, Purpose::Crop), first(other, Purpose::Crop), "{other:?}");
        }
    }

    /// 60,000 throws of a die: the count of each face has mean 10,000 and standard deviation 91.
    /// The test allows five standard deviations.
    #[test]
    fn numbers_are_uniform() {
        let mut rng = rng(1, Purpose::Order);
        let mut faces = [0_i32; 6];
        for _ in 0..60_000 {
            faces[rng.index(6)] += 1;
        }
        assert!(faces.iter().all(|count| (count - 10_000).abs() < 456), "{faces:?}");
        // For a count of 2^63 + 1, almost half of all words are rejected.
        let count = (1 << 63) + 1;
        let upper = (0..20_000).filter(|_| rng.below(count) >= count / 2).count();
        assert!((9_646..=10_354).contains(&upper), "{upper} of 20,000 in the upper half");
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
    }

    #[test]
    fn unit_stays_in_its_range() {
        let mut rng = rng(2, Purpose::Noise);
        let values: Vec<f64> = (0..40_000).map(|_| rng.unit()).collect();
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = values.iter().sum::<f64>() / 40_000.0;
        // Standard deviation of the mean: 1 / sqrt(12 * 40,000) = 0.00144.
        assert!((mean - 0.5).abs() < 0.0072, "{mean}");
    }

    #[test]
    fn all_orders_of_three_are_equally_likely() {
        let mut rng = rng(4, Purpose::Order);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut cards = [0, 1, 2];
            rng.shuffle(&mut cards);
            *seen.entry(cards).or_insert(0_i32) += 1;
        }
        assert_eq!(seen.len(), 6);
        // Mean 1,000, standard deviation 28.9; the test allows five standard deviations.
        assert!(seen.values().all(|count| (count - 1_000).abs() < 145), "{seen:?}");
    }
}
