//! Mean and standard deviation of values in chunks.

/// Count, mean and sum of squared deviations, in f64.
///
/// Chunks are merged with the update of Chan, Golub and LeVeque (1979), which is numerically stable
/// for a mean far from zero, unlike a sum of squares. Merging in a fixed order gives a
/// bit-identical result, however the chunks were computed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    /// Sum of squared deviations from the mean.
    squares: f64,
}

impl Moments {
    /// Computes the moments of all values at once, in two passes.
    #[must_use]
    pub fn from_values(values: &[f32]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let widened = || values.iter().map(|&value| f64::from(value));
        let mean = widened().sum::<f64>() / values.len() as f64;
        let squares = widened().map(|value| (value - mean) * (value - mean)).sum();
        Self { count: values.len() as u64, mean, squares }
    }

    /// Merges the moments of other values.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (own, new) = (self.count as f64, other.count as f64);
        let (all, distance) = (own + new, other.mean - self.mean);
        self.count += other.count;
        self.mean += distance * (new / all);
        self.squares += other.squares + distance * distance * (own * (new / all));
    }

    /// Returns the number of values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the mean; `None` without values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Returns the population standard deviation; `None` without values.
    #[must_use]
    pub fn std(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.squares / self.count as f64).sqrt())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        // A textbook example: mean 5, population standard deviation 2.
        let all = Moments::from_values(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!((all.count(), all.mean(), all.std()), (8, Some(5.0), Some(2.0)));
        assert_eq!((Moments::default().mean(), Moments::default().std()), (None, None));
    }

    #[test]
    fn large_mean_keeps_precision() {
        let mut all = Moments::default();
        for _ in 0..1000 {
            all.merge(&Moments::from_values(&[1e6, 1e6 + 1.0]));
        }
        assert_eq!(all.mean(), Some(1e6 + 0.5));
        assert!((all.std().unwrap() - 0.5).abs() < 1e-12);
    }

    proptest! {
        /// Compares with exact sums of integers.
        #[test]
        fn merged_chunks_equal_the_complete_set(chunks in proptest::collection::vec(
            proptest::collection::vec(-1000_i32..1000, 0..20), 1..20)
        ) {
            let mut merged = Moments::default();
            for chunk in &chunks {
                let floats: Vec<f32> = chunk.iter().map(|&value| value as f32).collect();
                merged.merge(&Moments::from_values(&floats));
            }
            let all: Vec<i64> = chunks.iter().flatten().map(|&value| i64::from(value)).collect();
            prop_assume!(!all.is_empty());
            let (count, sum) = (all.len() as i64, all.iter().sum::<i64>());
            let squares: i64 = all.iter().map(|value| value * value).sum();
            let variance = (count * squares - sum * sum) as f64 / (count * count) as f64;
            prop_assert_eq!(merged.count(), count as u64);
            prop_assert!((merged.mean().unwrap() - sum as f64 / count as f64).abs() < 1e-9);
            prop_assert!((merged.std().unwrap() - variance.sqrt()).abs() < 1e-6);
        }
    }
}
