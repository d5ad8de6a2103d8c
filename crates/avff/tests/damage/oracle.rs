//! What a damaged file may do: be refused, carry a finding, or change nothing.

use std::path::Path;

use avff::{Detector, Device, Error, Preparation, Score};
use avff_media::Decoder;

/// The largest change of P(fake) that counts as no change.
const TOLERANCE: f64 = 1e-6;
/// The length of windows, in seconds: several fit into most fixtures.
const WINDOW: f64 = 0.8;
/// The small network that is in the repository.
pub const WEIGHTS: &str = "../../data/avff-tiny/avff-tiny.safetensors";

/// What a damaged file did.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// An error, with its code.
    Refused(String),
    /// A note on the clip that the healthy clip does not have.
    Finding,
    /// The result of the healthy file.
    Same,
    /// Another result, by this change of P(fake), or 1 where the result is no score.
    Changed(f64),
}

impl Observed {
    /// The graver of two results of one file.
    fn graver(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Changed(a), Self::Changed(b)) => Self::Changed(a.max(*b)),
            (Self::Changed(_), _) | (_, Self::Same) => self,
            (_, Self::Changed(_)) | (Self::Same, _) => other,
            _ => self,
        }
    }
}

/// Scores clips whole and in windows.
pub struct Oracle {
    whole: Detector,
    windows: Detector,
}

/// The scores of a healthy clip: whole, and in windows where it is long enough.
#[derive(Debug, Clone)]
pub struct Healthy {
    whole: Score,
    windows: Option<Score>,
}

impl Oracle {
    pub fn new(decoder: Decoder) -> Self {
        let detector = |window| {
            let preparation = Preparation {
                window: Some(window),
                decoder: Some(decoder),
                ..Preparation::default()
            };
            let builder = Detector::builder().device(Device::Cpu).preparation(preparation);
            builder.open(WEIGHTS).unwrap()
        };
        Self { whole: detector(None), windows: detector(Some(WINDOW)) }
    }

    pub fn healthy(&self, path: &Path) -> Healthy {
        let whole = self.whole.score(path).unwrap_or_else(|error| panic!("{error:?}"));
        Healthy { whole, windows: self.windows.score(path).ok() }
    }

    /// Compares a damaged clip with the healthy one.
    pub fn observe(&self, path: &Path, healthy: &Healthy) -> Observed {
        let whole = observe(self.whole.score(path), &healthy.whole);
        match &healthy.windows {
            Some(windows) => whole.graver(observe(self.windows.score(path), windows)),
            None => whole,
        }
    }
}

fn observe(damaged: Result<Score, Error>, healthy: &Score) -> Observed {
    let score = match damaged {
        Ok(score) => score,
        // A panic is a fault, too.
        Err(Error::Failed { failure, .. }) if failure.code == "internal" => {
            return Observed::Changed(1.0);
        }
        Err(Error::Failed { failure, .. }) => return Observed::Refused(failure.code),
        Err(error) => return Observed::Refused(error.to_string()),
    };
    if score.notes.iter().any(|note| !healthy.notes.contains(note)) {
        return Observed::Finding;
    }
    let change = |a: &avff::Logits, b: &avff::Logits| {
        f64::from(a.probability_fake() - b.probability_fake()).abs()
    };
    let mut largest = change(&score.logits, &healthy.logits);
    for (a, b) in score.windows.iter().zip(&healthy.windows) {
        largest = largest.max(change(&a.logits, &b.logits));
    }
    if largest <= TOLERANCE { Observed::Same } else { Observed::Changed(largest) }
}
