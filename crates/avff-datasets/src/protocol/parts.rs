//! Names and shares of parts, and which row is in which.

use std::str::FromStr;

use super::error::SplitError;

/// The most parts: far over any number of folds in use, and their names become files.
const MAX_PARTS: usize = 1000;

/// Names of parts with the share of the rows that each is to get, such as `train=70,test=30`.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    names: Vec<String>,
    /// Sum to 1.
    shares: Vec<f64>,
}

impl Parts {
    /// Parts with weights, which need not sum to anything.
    ///
    /// # Errors
    /// [`SplitError::Parts`] for fewer than two parts, a name twice or one that is no file name, and
    /// a weight that is not positive.
    pub fn new(weights: &[(&str, f64)]) -> Result<Self, SplitError> {
        let fault = |why| {
            let parts: Vec<String> =
                weights.iter().take(20).map(|(name, weight)| format!("{name}={weight}")).collect();
            Err(SplitError::Parts { parts: parts.join(","), why })
        };
        if !(2..=MAX_PARTS).contains(&weights.len()) {
            return fault("there must be from 2 to 1000");
        }
        // Names that differ in case alone would be one file on some systems.
        let mut names: Vec<String> =
            weights.iter().map(|&(name, _)| name.to_ascii_lowercase()).collect();
        if names.iter().any(|name| !is_name(name)) {
            return fault("a name is made of letters, digits, `-` and `_`");
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.get(1)) {
            return fault("a name is there twice");
        }
        let sum: f64 = weights.iter().map(|&(_, weight)| weight).sum();
        if !sum.is_finite() || weights.iter().any(|&(_, weight)| weight.is_nan() || weight <= 0.0) {
            return fault("a share is not a positive number");
        }
        Ok(Self {
            names: weights.iter().map(|&(name, _)| name.to_owned()).collect(),
            shares: weights.iter().map(|&(_, weight)| weight / sum).collect(),
        })
    }

    /// `count` equal parts, `fold0` and so on.
    ///
    /// # Errors
    /// [`SplitError::Parts`] for fewer than two.
    pub fn folds(count: usize) -> Result<Self, SplitError> {
        let names: Vec<String> =
            (0..count.min(MAX_PARTS + 1)).map(|fold| format!("fold{fold}")).collect();
        Self::new(&names.iter().map(|name| (name.as_str(), 1.0)).collect::<Vec<_>>())
    }

    /// Their names, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Their shares, which sum to 1.
    #[must_use]
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }
}

impl FromStr for Parts {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        let part = |part: &str| {
            let (name, weight) = part.split_once('=')?;
            Some((name.trim().to_owned(), weight.trim().parse().ok()?))
        };
        let weights: Option<Vec<(String, f64)>> = text.split(',').map(part).collect();
        let Some(weights) = weights else {
            let why = "a part is a name, `=` and a number";
            return Err(SplitError::Parts { parts: text.to_owned(), why });
        };
        let weights: Vec<_> =
            weights.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        Self::new(&weights)
    }
}

/// Whether a part may be called so: its name becomes that of a file on any system.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// Which part each row is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The parts.
    pub names: Vec<String>,
    /// The number of each row's part; none for a row that is left out.
    pub of: Vec<Option<usize>>,
    /// What a person should know before using it.
    pub notes: Vec<String>,
}

impl Split {
    /// A split of `rows` rows that are all left out yet.
    #[must_use]
    pub fn empty(names: &[String], rows: usize) -> Self {
        Self { names: names.to_vec(), of: vec![None; rows], notes: Vec::new() }
    }

    /// Puts rows into a part.
    pub fn put(&mut self, rows: &[u32], part: usize) {
        for &row in rows {
            if let Some(slot) = self.of.get_mut(row as usize) {
                *slot = Some(part);
            }
        }
    }

    /// Rows in each part.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.names.len()];
        for part in self.of.iter().flatten() {
            if let Some(size) = sizes.get_mut(*part) {
                *size += 1;
            }
        }
        sizes
    }

    /// The split that tests on one part and trains on all others.
    #[must_use]
    pub fn hold_out(&self, part: usize) -> Self {
        let of = self.of.iter().map(|own| own.map(|own| usize::from(own == part))).collect();
        Self { names: vec!["train".into(), "test".into()], of, notes: Vec::new() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one() {
        let parts: Parts = "train=65, val=5,test=30".parse().unwrap();
        assert_eq!(parts.names(), ["train", "val", "test"]);
        assert_eq!(parts.shares(), [0.65, 0.05, 0.3]);
        assert_eq!(Parts::folds(4).unwrap().shares(), [0.25; 4]);
    }

    #[test]
    fn nonsense_is_refused() {
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
            assert!(matches!(text.parse::<Parts>(), Err(SplitError::Parts { .. })), "{text}");
        }
        assert!(Parts::folds(1).is_err() && Parts::folds(usize::MAX).is_err());
    }
}
