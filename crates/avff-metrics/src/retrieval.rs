//! Audio-visual retrieval: whether each clip's audio is closest to its own frames, and the reverse.

use serde::{Deserialize, Serialize};

use crate::{
    better::Better,
    error::MetricError,
    metric::{Computed, Metric, Needs, Stage},
};

/// Retrieval accuracy: the fraction of items whose best match is their partner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// Number of pairs, at least 2.
    pub n: usize,
    /// Fraction of rows whose largest entry is on the diagonal.
    pub forward: f64,
    /// Fraction of columns whose largest entry is on the diagonal.
    pub backward: f64,
    /// Mean of both directions.
    pub mean: f64,
}

/// Computes the retrieval accuracy of a similarity matrix, in both directions.
///
/// Entry `[i][j]` is the similarity between item `i` of one kind and item `j` of the other.
/// Partners are on the diagonal. If `k` entries tie for the maximum, a diagonal entry among them
/// counts `1 / k`: the expected value of random tie-breaking.
///
/// A network that maps all inputs to one point therefore scores the chance level `1 / n`, and the
/// order of the pairs does not matter. With argmax, the score would be 0 or 1, depending on how
/// ties are broken.
///
/// # Shapes
///
/// `rows`: `n` rows of `n` values.
///
/// # Errors
///
/// - [`MetricError::TooFewPairs`] for fewer than 2 pairs, which cannot be confused.
/// - [`MetricError::RowLength`] if a row does not have `n` values.
/// - [`MetricError::EntryNotFinite`] for NaN and infinities.
pub fn retrieval_accuracy<S: Copy + Into<f64>>(
    rows: &[impl AsRef<[S]>],
) -> Result<Retrieval, MetricError> {
    let mut accumulator = Accumulator::new(rows.len())?;
    for (row, entries) in rows.iter().enumerate() {
        let entries = widen(row, entries.as_ref(), rows.len())?;
        accumulator.add(row, entries.into_iter());
    }
    Ok(accumulator.finish())
}

/// Computes [`retrieval_accuracy`] under cosine similarity without storing the matrix.
///
/// Embedding `i` of `first` and embedding `i` of `second` are partners. O(n^2 width) time, O(n
/// width) memory.
///
/// # Shapes
///
/// Both lists: `n` embeddings of equal width.
///
/// # Errors
///
/// - [`MetricError::TooFewPairs`], [`MetricError::Unpaired`], [`MetricError::RowLength`] or
///   [`MetricError::EntryNotFinite`] for lists that cannot be compared.
/// - [`MetricError::ZeroEmbedding`] for a zero vector.
pub fn embedding_retrieval_accuracy<S: Copy + Into<f64>>(
    first: &[impl AsRef<[S]>],
    second: &[impl AsRef<[S]>],
) -> Result<Retrieval, MetricError> {
    if first.len() != second.len() {
        return Err(MetricError::Unpaired { first: first.len(), second: second.len() });
    }
    let mut accumulator = Accumulator::new(first.len())?;
    let width = first.first().map_or(0, |embedding| embedding.as_ref().len());
    let second: Vec<Vec<f64>> = second
        .iter()
        .enumerate()
        .map(|(row, embedding)| unit_vector(row, embedding.as_ref(), width))
        .collect::<Result<_, _>>()?;
    for (row, embedding) in first.iter().enumerate() {
        let embedding = unit_vector(row, embedding.as_ref(), width)?;
        let dot = |other: &Vec<f64>| embedding.iter().zip(other).map(|(a, b)| a * b).sum();
        accumulator.add(row, second.iter().map(dot));
    }
    Ok(accumulator.finish())
}

fn widen<S: Copy + Into<f64>>(
    row: usize,
    entries: &[S],
    expected: usize,
) -> Result<Vec<f64>, MetricError> {
    if entries.len() != expected {
        return Err(MetricError::RowLength { row, length: entries.len(), expected });
    }
    let values = entries.iter().enumerate().map(|(column, &value)| {
        let value: f64 = value.into();
        let finite = value.is_finite().then_some(value);
        finite.ok_or(MetricError::EntryNotFinite { row, column, value })
    });
    values.collect()
}

/// Normalizes an embedding to unit length.
fn unit_vector<S: Copy + Into<f64>>(
    row: usize,
    embedding: &[S],
    width: usize,
) -> Result<Vec<f64>, MetricError> {
    let mut values = widen(row, embedding, width)?;
    // Scaled to a largest entry of 1 first, so that no square overflows or underflows f64.
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return Err(MetricError::ZeroEmbedding { row });
    }
    values.iter_mut().for_each(|value| *value /= largest);
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    values.iter_mut().for_each(|value| *value /= length);
    Ok(values)
}

/// Running maximum of a row or column, how often it occurs, and the entry on the diagonal.
#[derive(Clone, Copy)]
struct Best {
    value: f64,
    count: usize,
    partner: f64,
}

impl Best {
    const NONE: Self = Self { value: f64::NEG_INFINITY, count: 0, partner: f64::NEG_INFINITY };

    fn add(&mut self, value: f64, is_partner: bool) {
        if value > self.value {
            (self.value, self.count) = (value, 1);
        } else if value == self.value {
            self.count += 1;
        }
        if is_partner {
            self.partner = value;
        }
    }

    fn hit(self) -> f64 {
        if self.partner == self.value { 1.0 / self.count as f64 } else { 0.0 }
    }
}

/// Accumulates hits by row, and the running maximum of each column.
struct Accumulator {
    forward: f64,
    columns: Vec<Best>,
}

impl Accumulator {
    fn new(pairs: usize) -> Result<Self, MetricError> {
        if pairs < 2 {
            return Err(MetricError::TooFewPairs { count: pairs });
        }
        Ok(Self { forward: 0.0, columns: vec![Best::NONE; pairs] })
    }

    fn add(&mut self, row: usize, entries: impl Iterator<Item = f64>) {
        let mut best = Best::NONE;
        for (column, (entry, column_best)) in entries.zip(&mut self.columns).enumerate() {
            best.add(entry, column == row);
            column_best.add(entry, column == row);
        }
        self.forward += best.hit();
    }

    fn finish(self) -> Retrieval {
        let n = self.columns.len();
        let forward = self.forward / n as f64;
        let backward = self.columns.iter().map(|best| best.hit()).sum::<f64>() / n as f64;
        Retrieval { n, forward, backward, mean: (forward + backward) / 2.0 }
    }
}

impl Metric {
    /// Retrieval accuracy within a batch, in both directions. Training computes it with the
    /// contrastive loss, where the first of equal similarities wins.
    pub const RETRIEVAL: Self = Self {
        key: "retrieval",
        title: "retrieval accuracy",
        meaning: "the fraction of clips whose audio is closest to its own frames, averaged with the fraction whose frames are closest to their own audio",
        better: Better::Higher,
        range: [0.0, 1.0],
        needs: Needs::Pairs,
        stages: &[Stage::Pretrain],
        computed: Computed::InTraining,
        interval: None,
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn accuracies(rows: &[[f32; 3]]) -> (f64, f64, f64) {
        let got = retrieval_accuracy(rows).unwrap();
        (got.forward, got.backward, got.mean)
    }

    #[test]
    fn known_matrices() {
        assert_eq!(accuracies(&[[3., 1., 1.], [1., 3., 1.], [1., 1., 3.]]), (1.0, 1.0, 1.0));
        // Each row retrieves item 0; only column 0 is correct.
        let all_to_first = accuracies(&[[9., 1., 0.], [8., 3., 2.], [7., 4., 3.]]);
        assert_eq!((all_to_first.0, all_to_first.1), (1.0 / 3.0, 2.0 / 3.0));
        assert_eq!(all_to_first.2, 0.5);
    }

    #[test]
    fn ties_count_as_random_tie_breaking() {
        assert_eq!(accuracies(&[[0.5; 3]; 3]).2, 1.0 / 3.0);
        // Row 0 has a two-way tie, column 1 too, and so on cyclically.
        let two_ways = accuracies(&[[2., 2., 0.], [0., 2., 2.], [2., 0., 2.]]);
        assert_eq!(two_ways, (0.5, 0.5, 0.5));
        // Ties between non-partners do not matter.
        assert_eq!(accuracies(&[[0., 2., 2.], [0., 3., 0.], [0., 0., 3.]]).0, 2.0 / 3.0);
    }

    #[test]
    fn embeddings_are_compared_by_cosine_similarity() {
        let audio = [[100.0_f32, 0.0], [0.0, 1e-30]];
        let frames = [[1.0_f32, 0.1], [0.1, 1.0]];
        assert_eq!(embedding_retrieval_accuracy(&audio, &frames).unwrap().mean, 1.0);
        let swapped = [frames[1], frames[0]];
        assert_eq!(embedding_retrieval_accuracy(&audio, &swapped).unwrap().mean, 0.0);
        let collapsed = [[0.3_f64, 0.7]; 4];
        assert_eq!(embedding_retrieval_accuracy(&collapsed, &collapsed).unwrap().mean, 0.25);
    }

    #[test]
    fn invalid_inputs_are_errors() {
        let none: [[f64; 0]; 0] = [];
        assert_eq!(retrieval_accuracy(&none), Err(MetricError::TooFewPairs { count: 0 }));
        assert_eq!(retrieval_accuracy(&[[1.0]]), Err(MetricError::TooFewPairs { count: 1 }));
        let ragged = retrieval_accuracy(&[vec![1.0, 0.0], vec![1.0]]);
        assert_eq!(ragged, Err(MetricError::RowLength { row: 1, length: 1, expected: 2 }));
        let infinite = retrieval_accuracy(&[[1.0, 0.0], [f64::INFINITY, 1.0]]);
        let value = f64::INFINITY;
        assert_eq!(infinite, Err(MetricError::EntryNotFinite { row: 1, column: 0, value }));
        let zero = embedding_retrieval_accuracy(&[[1.0, 0.0], [0.0, 1.0]], &[[1.0, 0.0], [0.0; 2]]);
        assert_eq!(zero, Err(MetricError::ZeroEmbedding { row: 1 }));
        let unpaired = embedding_retrieval_accuracy(&[[1.0], [1.0]], &[[1.0]]);
        assert_eq!(unpaired, Err(MetricError::Unpaired { first: 2, second: 1 }));
        let widths = embedding_retrieval_accuracy(&[[1.0], [1.0]], &[vec![1.0], vec![1.0, 2.0]]);
        assert_eq!(widths, Err(MetricError::RowLength { row: 1, length: 2, expected: 1 }));
    }
}
