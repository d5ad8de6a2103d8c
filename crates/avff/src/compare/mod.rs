//! Two networks' scores of the same clips: whether one tells fake from real better than the other.

mod predictions;
mod report;

use std::path::PathBuf;

use avff_metrics::{DelongTest, MetricError, delong_test, placements};

use crate::input::InputError;
use predictions::{Pair, Pairs};
pub use report::{Comparison, Moved};

/// Why two tables of predictions cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A table that cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The tables label a clip differently.
    #[error("{clip} is labelled {first} in one file and {second} in the other: 1 is fake, 0 real")]
    Labels {
        /// Its name.
        clip: String,
        /// In the first file.
        first: u8,
        /// In the second file.
        second: u8,
    },
    /// The tables share no labelled clip.
    #[error(
        "no clip is in both files with a target: {first} are in the first alone, {second} in the second \
         alone, {unlabelled} in both without a target; clips are matched by video_name"
    )]
    NothingShared {
        /// In the first file alone.
        first: usize,
        /// In the second file alone.
        second: usize,
        /// In both, but without a target.
        unlabelled: usize,
    },
    /// Scores that the test cannot be computed of.
    #[error(transparent)]
    Metric(#[from] MetricError),
}

/// What to compare.
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// Predictions of the one, as `avff eval` writes them.
    pub first: PathBuf,
    /// Predictions of the other.
    pub second: PathBuf,
    /// Of the confidence intervals, within `(0, 1)`.
    pub level: f64,
    /// How many of the clips that moved most are named.
    pub moved: usize,
}

/// Compares the AUCs of two tables of predictions by DeLong's paired test, over the clips that are in
/// both and have a target.
///
/// Clips are matched by `video_name`; equal names in the order in which they come.
///
/// # Errors
/// A table that cannot be read, lacks `y_pred` or has one that is no number; labels that contradict
/// each other; no shared clip with a target; [`CompareError::Metric`] where a class has fewer than two.
pub fn compare(options: &CompareOptions) -> Result<Comparison, CompareError> {
    let Pairs { shared, only_in_first, only_in_second, unlabelled } =
        predictions::pairs(&options.first, &options.second)?;
    let column = |score: fn(&Pair) -> f64| -> Vec<f64> { shared.iter().map(score).collect() };
    let (first, second) = (column(|pair| pair.first), column(|pair| pair.second));
    let is_fake: Vec<bool> = shared.iter().map(|pair| pair.is_fake).collect();
    let test = delong_test(&first, &second, &is_fake)?;
    let DelongTest { first: of_first, second: of_second, .. } = test;
    let places = placements(&first, &is_fake)?.into_iter().zip(placements(&second, &is_fake)?);
    let n_fake = is_fake.iter().filter(|&&fake| fake).count();
    let mut moved: Vec<Moved> = shared
        .iter()
        .zip(places)
        .map(|(pair, (before, after))| Moved {
            video_name: pair.name.clone(),
            target: u8::from(pair.is_fake),
            first: pair.first,
            second: pair.second,
            gain: after - before,
        })
        .filter(|moved| moved.gain != 0.0)
        .collect();
    // Stable: those that moved as far stay in the first file's order.
    moved.sort_by(|a, b| b.gain.abs().total_cmp(&a.gain.abs()));
    let n_moved = moved.len();
    moved.truncate(options.moved);
    Ok(Comparison {
        first: options.first.clone(),
        second: options.second.clone(),
        n: shared.len(),
        n_fake,
        n_real: shared.len() - n_fake,
        only_in_first,
        only_in_second,
        unlabelled,
        level: options.level,
        first_interval: of_first.interval(options.level)?,
        second_interval: of_second.interval(options.level)?,
        difference_interval: test.interval(options.level)?,
        test,
        n_moved,
        moved,
    })
}
