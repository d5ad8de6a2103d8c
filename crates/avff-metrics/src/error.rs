//! Why a metric has no value.

/// One of the two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Class {
    /// Manipulated; target 1.
    Fake,
    /// Untouched; target 0.
    Real,
}

/// Input on which a metric is not defined.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// No clips at all.
    #[error("there are no clips")]
    Empty,
    /// Two lists that must run in parallel do not.
    #[error("{scores} scores or predictions, but {labels} labels")]
    LengthMismatch {
        /// Length of the list of scores or predictions.
        scores: usize,
        /// Length of the list it must match.
        labels: usize,
    },
    /// A score that is NaN or infinite: its rank would be an accident.
    #[error("the score of clip {index} is {value}")]
    NotFinite {
        /// Position in the list, from 0.
        index: usize,
        /// The score.
        value: f64,
    },
    /// The metric compares two classes and only one is there.
    #[error("both classes are needed, all {count} clips are {class}")]
    OneClass {
        /// The class that is there.
        class: Class,
        /// How many clips it has, which is all of them.
        count: usize,
    },
    /// A label other than 0 (real) and 1 (fake).
    #[error("the target of clip {index} is {value}, neither 0 (real) nor 1 (fake)")]
    Target {
        /// Position in the list, from 0.
        index: usize,
        /// The label.
        value: u8,
    },
    /// No score is on either side of NaN.
    #[error("the threshold is NaN")]
    NanThreshold,
    /// Fewer clips of a class than the metric can do with.
    #[error("at least {needed} {class} clips are needed, there are {count}")]
    TooFew {
        /// The class.
        class: Class,
        /// How many clips it has.
        count: usize,
        /// How many it should have.
        needed: usize,
    },
    /// The end of a partial ROC curve outside `(0, 1]`.
    #[error("the largest false-positive rate is {value}, but must be above 0 and at most 1")]
    MaxFpr {
        /// The rate.
        value: f64,
    },
    /// The level of a confidence interval outside `(0, 1)`.
    #[error("the level of the interval is {value}, but must be above 0 and below 1")]
    Level {
        /// The level.
        value: f64,
    },
    /// A bootstrap without resamples.
    #[error("a bootstrap needs at least one resample")]
    NoReplicates,
    /// One pair or none: a lone item always finds its partner.
    #[error("retrieval needs at least 2 pairs, there are {count}")]
    TooFewPairs {
        /// How many there are.
        count: usize,
    },
    /// Two lists of embeddings that must pair up do not.
    #[error("{first} embeddings of one kind, but {second} of the other")]
    Unpaired {
        /// Length of the first list.
        first: usize,
        /// Length of the second list.
        second: usize,
    },
    /// A row of a matrix, or an embedding, of the wrong length.
    #[error("row {row} has {length} numbers, not {wanted}")]
    RowLength {
        /// Position of the row, from 0.
        row: usize,
        /// Its length.
        length: usize,
        /// The length it should have.
        wanted: usize,
    },
    /// A number in a matrix, or in a list of embeddings, that is NaN or infinite.
    #[error("the number in row {row}, column {column} is {value}")]
    EntryNotFinite {
        /// Position of the row, from 0.
        row: usize,
        /// Position in the row, from 0.
        column: usize,
        /// The number.
        value: f64,
    },
    /// An embedding of length 0, which points nowhere.
    #[error("embedding {row} is zero throughout and has no direction")]
    NoDirection {
        /// Position in the list, from 0.
        row: usize,
    },
    /// A metric that scores do not suffice for.
    #[error("`{key}` is measured in training, scores do not suffice for it")]
    InTraining {
        /// The metric's key.
        key: &'static str,
    },
    /// A number outside `[0, 1]` where a probability or a rate is wanted.
    #[error("{value} is not within 0 and 1")]
    NotARate {
        /// The number.
        value: f64,
    },
}

/// Refuses lists that are empty or not parallel.
pub(crate) fn check_lengths(scores: usize, labels: usize) -> Result<(), MetricError> {
    if scores != labels {
        return Err(MetricError::LengthMismatch { scores, labels });
    }
    if scores == 0 { Err(MetricError::Empty) } else { Ok(()) }
}

/// Widens scores to `f64`, refusing those that are not finite.
pub(crate) fn finite<S: Copy + Into<f64>>(scores: &[S]) -> Result<Vec<f64>, MetricError> {
    let widen = |(index, &score): (usize, &S)| {
        let value: f64 = score.into();
        if value.is_finite() { Ok(value) } else { Err(MetricError::NotFinite { index, value }) }
    };
    scores.iter().enumerate().map(widen).collect()
}

/// Counts fakes and reals, refusing a set that has only one of the two.
pub(crate) fn both_classes(is_fake: &[bool]) -> Result<(usize, usize), MetricError> {
    let fakes = is_fake.iter().filter(|&&fake| fake).count();
    match (fakes, is_fake.len() - fakes) {
        (0, 0) => Err(MetricError::Empty),
        (0, count) => Err(MetricError::OneClass { class: Class::Real, count }),
        (count, 0) => Err(MetricError::OneClass { class: Class::Fake, count }),
        counts => Ok(counts),
    }
}
