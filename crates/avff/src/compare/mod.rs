//! Compares the scores of two detectors on the same clips: whether one has a significantly higher AUC.

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
    /// A table cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The two tables label a clip differently.
    #[error(
        "{clip} is labeled {first} in one file and {second} in the other (1 is fake, 0 is real)"
    )]
    Labels {
        /// The clip's name.
        clip: String,
        /// The label in the first file.
        first: u8,
        /// The label in the second file.
        second: u8,
    },
    /// The tables share no labeled clip.
    #[error(
        "no clip is in both files with a target: {first} clips are only in the first file, {second} only in \
         the second, and {unlabeled} are in both without a target; clips are matched by video_name"
    )]
    NoCommonClips {
        /// The number of clips only in the first file.
        first: usize,
        /// The number of clips only in the second file.
        second: usize,
        /// The number of clips in both files without a target.
        unlabeled: usize,
    },
    /// The test cannot be computed from the scores.
    #[error(transparent)]
    Metric(#[from] MetricError),
}

/// Options of [`compare`].
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// Predictions of the first detector, as `avff eval` writes them.
    pub first: PathBuf,
    /// Predictions of the second detector.
    pub second: PathBuf,
    /// The level of the confidence intervals, within `(0, 1)`.
    pub level: f64,
    /// How many of the clips with the largest changes are listed.
    pub moved: usize,
}

/// Compares the AUCs of two tables of predictions with DeLong's paired test.
///
/// The test uses all clips that are in both tables and have a target. Clips are matched by `video_name`;
/// repeated names are matched in order.
///
/// # Errors
/// Fails if a table cannot be read, lacks `y_pred`, has a score that is not a number from 0 to 1, or lists a clip again
/// with another score or target. Fails if labels contradict each other, or if the tables share no labeled clip. Returns [`CompareError::Metric`] if a
/// class has fewer than two clips.
pub fn compare(options: &CompareOptions) -> Result<Comparison, CompareError> {
    let Pairs { shared, only_in_first, only_in_second, unlabeled, repeated } =
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
    // The sort is stable: clips with equal changes stay in the first file's order.
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
        unlabeled,
        repeated,
        level: options.level,
        first_interval: of_first.interval(options.level)?,
        second_interval: of_second.interval(options.level)?,
        difference_interval: test.interval(options.level)?,
        test,
        n_moved,
        moved,
    })
}
