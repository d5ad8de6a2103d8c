//! Errors of metrics.

/// The class of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Class {
    /// Manipulated; target 1.
    Fake,
    /// Authentic; target 0.
    Real,
}

/// An input for which a metric is not defined.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The list of clips is empty.
    #[error("there are no clips")]
    Empty,
    /// Two parallel lists differ in length.
    #[error("{scores} scores or predictions, but {labels} labels")]
    LengthMismatch {
        /// Length of the list of scores or predictions.
        scores: usize,
        /// Length of the other list.
        labels: usize,
    },
    /// A score is NaN or infinite, so it has no meaningful rank.
    #[error("the score of clip {index} is {value}")]
    NotFinite {
        /// Index in the list, from 0.
        index: usize,
        /// The score.
        value: f64,
    },
    /// The metric compares two classes, but only one is present.
    #[error("both classes are needed, but every clip is {class} (clips: {count})")]
    OneClass {
        /// The class that is present.
        class: Class,
        /// Number of clips, all of that class.
        count: usize,
    },
    /// A label is neither 0 (real) nor 1 (fake).
    #[error("the target of clip {index} is {value}, neither 0 (real) nor 1 (fake)")]
    Target {
        /// Index in the list, from 0.
        index: usize,
        /// The label.
        value: u8,
    },
    /// The threshold is NaN, so no score compares with it.
    #[error("the threshold is NaN")]
    NanThreshold,
    /// A class has fewer clips than the metric needs.
    #[error("at least {needed} {class} clips are needed, but there are {count}")]
    TooFew {
        /// The class.
        class: Class,
        /// Number of clips in the class.
        count: usize,
        /// Number of clips that the metric needs.
        needed: usize,
    },
    /// The upper end of a partial ROC curve is not in `(0, 1]`.
    #[error("the maximum false-positive rate is {value}, but must be above 0 and at most 1")]
    MaxFpr {
        /// The rate.
        value: f64,
    },
    /// The level of a confidence interval is not in `(0, 1)`.
    #[error("the confidence level is {value}, but must be above 0 and below 1")]
    Level {
        /// The level.
        value: f64,
    },
    /// The bootstrap has no resamples.
    #[error("the bootstrap needs at least 1 resample")]
    NoReplicates,
    /// There are fewer than 2 pairs: a single item always matches its partner.
    #[error("retrieval needs at least 2 pairs, but there are {count}")]
    TooFewPairs {
        /// Number of pairs.
        count: usize,
    },
    /// Two lists of paired embeddings differ in length.
    #[error("{first} embeddings of the first kind, but {second} of the second")]
    Unpaired {
        /// Length of the first list.
        first: usize,
        /// Length of the second list.
        second: usize,
    },
    /// A row of a matrix, or an embedding, has the wrong length.
    #[error("row {row} has {length} values, expected {expected}")]
    RowLength {
        /// Index of the row, from 0.
        row: usize,
        /// Actual length.
        length: usize,
        /// Expected length.
        expected: usize,
    },
    /// A value of a matrix, or of an embedding, is NaN or infinite.
    #[error("the value in row {row}, column {column} is {value}")]
    EntryNotFinite {
        /// Index of the row, from 0.
        row: usize,
        /// Index within the row, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// An embedding is zero, so its direction is undefined.
    #[error("embedding {row} is the zero vector and has no direction")]
    ZeroEmbedding {
        /// Index in the list, from 0.
        row: usize,
    },
    /// The metric cannot be computed from scores.
    #[error("`{key}` is measured in training and cannot be computed from scores")]
    InTraining {
        /// The metric's key.
        key: &'static str,
    },
    /// A probability or rate is not in `[0, 1]`.
    #[error("{value} is not between 0 and 1")]
    NotARate {
        /// The value.
        value: f64,
    },
}

/// Returns an error if the lists are empty or differ in length.
pub(crate) fn check_lengths(scores: usize, labels: usize) -> Result<(), MetricError> {
    if scores != labels {
        return Err(MetricError::LengthMismatch { scores, labels });
    }
    if scores == 0 { Err(MetricError::Empty) } else { Ok(()) }
}

/// Converts scores to `f64`. Returns an error if a score is not finite.
pub(crate) fn finite<S: Copy + Into<f64>>(scores: &[S]) -> Result<Vec<f64>, MetricError> {
    let widen = |(index, &score): (usize, &S)| {
        let value: f64 = score.into();
        if value.is_finite() { Ok(value) } else { Err(MetricError::NotFinite { index, value }) }
    };
    scores.iter().enumerate().map(widen).collect()
}

/// Counts fakes and reals. Returns an error if one class is absent.
pub(crate) fn both_classes(is_fake: &[bool]) -> Result<(usize, usize), MetricError> {
    let fakes = is_fake.iter().filter(|&&fake| fake).count();
    match (fakes, is_fake.len() - fakes) {
        (0, 0) => Err(MetricError::Empty),
        (0, count) => Err(MetricError::OneClass { class: Class::Real, count }),
        (count, 0) => Err(MetricError::OneClass { class: Class::Fake, count }),
        counts => Ok(counts),
    }
}
