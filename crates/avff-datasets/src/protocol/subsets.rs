//! Names and fractions of subsets, and the assignment of rows to subsets.

use std::str::FromStr;

use super::error::SplitError;

/// Maximum number of subsets: far more than any number of folds in use. Their names become file
/// names.
const MAX_SUBSETS: usize = 1000;

/// Names of subsets with their fraction of the rows, such as `train=70,test=30`.
#[derive(Debug, Clone, PartialEq)]
pub struct Subsets {
    names: Vec<String>,
    /// The fractions sum to 1.
    fractions: Vec<f64>,
}

impl Subsets {
    /// Creates subsets from weights with any sum.
    ///
    /// # Errors
    /// [`SplitError::InvalidSubsets`] for fewer than two subsets, a repeated name, a name that is
    /// not a file name, or a weight that is not positive.
    pub fn new(weights: &[(&str, f64)]) -> Result<Self, SplitError> {
        let invalid = |why| {
            let subsets: Vec<String> =
                weights.iter().take(20).map(|(name, weight)| format!("{name}={weight}")).collect();
            Err(SplitError::InvalidSubsets { subsets: subsets.join(","), why })
        };
        if !(2..=MAX_SUBSETS).contains(&weights.len()) {
            return invalid("between 2 and 1000 subsets are needed");
        }
        // Names that differ only in case would be one file on some systems.
        let mut names: Vec<String> =
            weights.iter().map(|&(name, _)| name.to_ascii_lowercase()).collect();
        if names.iter().any(|name| !is_name(name)) {
            return invalid("a name may contain only letters, digits, `-` and `_`");
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.get(1)) {
            return invalid("a name is repeated");
        }
        let sum: f64 = weights.iter().map(|&(_, weight)| weight).sum();
        if !sum.is_finite() || weights.iter().any(|&(_, weight)| weight.is_nan() || weight <= 0.0) {
            return invalid("a weight is not a positive number");
        }
        Ok(Self {
            names: weights.iter().map(|&(name, _)| name.to_owned()).collect(),
            fractions: weights.iter().map(|&(_, weight)| weight / sum).collect(),
        })
    }

    /// Creates `count` equal subsets, named `fold0` and so on.
    ///
    /// # Errors
    /// [`SplitError::InvalidSubsets`] for fewer than two.
    pub fn folds(count: usize) -> Result<Self, SplitError> {
        let names: Vec<String> =
            (0..count.min(MAX_SUBSETS + 1)).map(|fold| format!("fold{fold}")).collect();
        Self::new(&names.iter().map(|name| (name.as_str(), 1.0)).collect::<Vec<_>>())
    }

    /// Returns the names, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the fractions, which sum to 1.
    #[must_use]
    pub fn fractions(&self) -> &[f64] {
        &self.fractions
    }
}

impl FromStr for Subsets {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        let parse_subset = |subset: &str| {
            let (name, weight) = subset.split_once('=')?;
            Some((name.trim().to_owned(), weight.trim().parse().ok()?))
        };
        let weights: Option<Vec<(String, f64)>> = text.split(',').map(parse_subset).collect();
        let Some(weights) = weights else {
            let why = "a subset is a name, `=` and a number";
            return Err(SplitError::InvalidSubsets { subsets: text.to_owned(), why });
        };
        let weights: Vec<_> =
            weights.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        Self::new(&weights)
    }
}

/// Returns whether the name is valid for a subset: it becomes a file name on any system.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// The assignment of rows to subsets.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The names of the subsets.
    pub names: Vec<String>,
    /// For each row the index of its subset; `None` for a dropped row.
    pub assignment: Vec<Option<usize>>,
    /// Remarks for the user.
    pub notes: Vec<String>,
}

impl Split {
    /// Creates a split of `rows` rows without assignments.
    #[must_use]
    pub fn empty(names: &[String], rows: usize) -> Self {
        Self { names: names.to_vec(), assignment: vec![None; rows], notes: Vec::new() }
    }

    /// Assigns rows to a subset.
    pub fn assign(&mut self, rows: &[u32], subset: usize) {
        for &row in rows {
            if let Some(slot) = self.assignment.get_mut(row as usize) {
                *slot = Some(subset);
            }
        }
    }

    /// Returns the number of rows in each subset.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.names.len()];
        for subset in self.assignment.iter().flatten() {
            if let Some(size) = sizes.get_mut(*subset) {
                *size += 1;
            }
        }
        sizes
    }

    /// Returns the split that tests on one subset and trains on all others.
    #[must_use]
    pub fn hold_out(&self, subset: usize) -> Self {
        let assignment =
            self.assignment.iter().map(|own| own.map(|own| usize::from(own == subset))).collect();
        Self { names: vec!["train".into(), "test".into()], assignment, notes: Vec::new() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fractions_sum_to_one() {
        let subsets: Subsets = "train=65, val=5,test=30".parse().unwrap();
        assert_eq!(subsets.names(), ["train", "val", "test"]);
        assert_eq!(subsets.fractions(), [0.65, 0.05, 0.3]);
        assert_eq!(Subsets::folds(4).unwrap().fractions(), [0.25; 4]);
    }

    #[test]
    fn invalid_specifications_are_errors() {
        for text in [
            "",
            "train",
            "train=1",
            "a=1,a=2",
            "a=1,A=2",
            "a=1,b=0",
            "a=1,b=-2",
            "a=nan,b=1",
            "a=inf,b=1",
            "../x=1,b=1",
            "=1,b=1",
            "a=1,b=x",
        ] {
            assert!(
                matches!(text.parse::<Subsets>(), Err(SplitError::InvalidSubsets { .. })),
                "{text}"
            );
        }
        assert!(Subsets::folds(1).is_err() && Subsets::folds(usize::MAX).is_err());
    }
}
