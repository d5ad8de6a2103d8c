//! Decisions of labeled clips, counted.

use avff_calibration::Decision;
use serde::{Deserialize, Serialize};

/// How often each decision was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Clips that are called real.
    pub real: usize,
    /// Clips that are called fake.
    pub fake: usize,
    /// Clips that are undecided.
    pub undecided: usize,
    /// Clips that are unlike both classes.
    pub unlike_both: usize,
}

impl Counts {
    /// Adds a decision.
    pub fn add(&mut self, decision: Decision) {
        let count = match decision {
            Decision::Real => &mut self.real,
            Decision::Fake => &mut self.fake,
            Decision::Undecided => &mut self.undecided,
            Decision::UnlikeBoth => &mut self.unlike_both,
        };
        *count += 1;
    }

    /// The number of clips.
    #[must_use]
    pub fn clips(&self) -> usize {
        self.real + self.fake + self.undecided + self.unlike_both
    }

    /// The counts, in the order real, fake, undecided, unlike both.
    #[must_use]
    pub fn all(&self) -> [usize; 4] {
        [self.real, self.fake, self.undecided, self.unlike_both]
    }
}

/// The decisions of labeled clips: a confusion table with two more columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// The decisions of real clips.
    pub real: Counts,
    /// The decisions of fakes.
    pub fake: Counts,
}

impl Outcomes {
    /// Adds a clip.
    pub fn add(&mut self, is_fake: bool, decision: Decision) {
        if is_fake { self.fake.add(decision) } else { self.real.add(decision) }
    }
}

impl FromIterator<(bool, Decision)> for Outcomes {
    fn from_iter<I: IntoIterator<Item = (bool, Decision)>>(clips: I) -> Self {
        let mut outcomes = Self::default();
        for (is_fake, decision) in clips {
            outcomes.add(is_fake, decision);
        }
        outcomes
    }
}
