//! Mean and deviation of values that come in pieces.

/// Count, mean and sum of squared deviations, in f64.
///
/// Pieces are joined by Chan, Golub and LeVeque's update (1979), which loses nothing to the distance
/// of the mean from zero as a sum of squares would. Joined in a fixed order the result is the same to
/// the last bit, however the pieces were computed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    /// Sum of squared deviations from the mean.
    squares: f64,
}

impl Moments {
    /// Of all values at once, in two passes.
    #[must_use]
    pub fn of(values: &[f32]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let wide = || values.iter().map(|&value| f64::from(value));
        let mean = wide().sum::<f64>() / values.len() as f64;
        let squares = wide().map(|value| (value - mean) * (value - mean)).sum();
        Self { count: values.len() as u64, mean, squares }
    }

    /// Adds the values that `other` was computed of.
    pub fn join(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (own, new) = (self.count as f64, other.count as f64);
        let (all, distance) = (own + new, other.mean - self.mean);
        self.count += other.count;
        self.mean += distance * (new / all);
        self.squares += other.squares + distance * distance * (own * (new / all));
    }

    /// Values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; none without values.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their standard deviation as a population; none without values.
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
    fn a_known_set() {
        // The textbook's: mean 5, population deviation 2.
        let all = Moments::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!((all.count(), all.mean(), all.std()), (8, Some(5.0), Some(2.0)));
        assert_eq!((Moments::default().mean(), Moments::default().std()), (None, None));
    }

    #[test]
    fn a_far_mean_costs_no_digits() {
        let mut all = Moments::default();
        for _ in 0..1000 {
            all.join(&Moments::of(&[1e6, 1e6 + 1.0]));
        }
        assert_eq!(all.mean(), Some(1e6 + 0.5));
        assert!((all.std().unwrap() - 0.5).abs() < 1e-12);
    }

    proptest! {
        /// Against sums of integers, which are exact.
        #[test]
        fn pieces_add_up(pieces in proptest::collection::vec(
            proptest::collection::vec(-1000_i32..1000, 0..20), 1..20)
        ) {
            let mut joined = Moments::default();
            for piece in &pieces {
                let floats: Vec<f32> = piece.iter().map(|&value| value as f32).collect();
                joined.join(&Moments::of(&floats));
            }
            let all: Vec<i64> = pieces.iter().flatten().map(|&value| i64::from(value)).collect();
            prop_assume!(!all.is_empty());
            let (count, sum) = (all.len() as i64, all.iter().sum::<i64>());
            let squares: i64 = all.iter().map(|value| value * value).sum();
            let variance = (count * squares - sum * sum) as f64 / (count * count) as f64;
            prop_assert_eq!(joined.count(), count as u64);
            prop_assert!((joined.mean().unwrap() - sum as f64 / count as f64).abs() < 1e-9);
            prop_assert!((joined.std().unwrap() - variance.sqrt()).abs() < 1e-6);
        }
    }
}
