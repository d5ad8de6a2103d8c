//! Whether the sound of a clip finds its own pictures among those of all clips, and the reverse.

use serde::{Deserialize, Serialize};

use crate::{
    better::Better,
    error::MetricError,
    metric::{Computed, Metric, Needs, Stage},
};

/// Shares of items whose best match is their partner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// Pairs, at least 2.
    pub n: usize,
    /// Of rows: the share whose largest entry is on the diagonal.
    pub forward: f64,
    /// Of columns: the same.
    pub backward: f64,
    /// The mean of the two.
    pub mean: f64,
}

/// Retrieval accuracy of a similarity matrix, in both directions.
///
/// Entry `[i][j]` says how alike item `i` of one kind and item `j` of the other are; partners are on the
/// diagonal. A diagonal entry that ties with others for the largest of `k` counts `1 / k`: what breaking
/// ties by lot gives on average. So a network that maps everything to one point scores `1 / n`, chance,
/// and not 0 or 1 by how an argmax breaks ties, and the order of the pairs does not matter.
///
/// # Shapes
///
/// `rows`: `n` rows of `n` numbers.
///
/// # Errors
///
/// [`MetricError::TooFewPairs`] below 2 pairs, where nothing could be mistaken;
/// [`MetricError::RowLength`] where a row is not `n` long, [`MetricError::EntryNotFinite`] for NaN and
/// infinities.
pub fn retrieval_accuracy<S: Copy + Into<f64>>(
    rows: &[impl AsRef<[S]>],
) -> Result<Retrieval, MetricError> {
    let mut matches = Matches::new(rows.len())?;
    for (row, entries) in rows.iter().enumerate() {
        let entries = widen(row, entries.as_ref(), rows.len())?;
        matches.add(row, entries.into_iter());
    }
    Ok(matches.finish())
}

/// [`retrieval_accuracy`] under cosine similarity, without holding the matrix.
///
/// Embedding `i` of `first` and embedding `i` of `second` are partners. O(n^2 width) time, O(n width)
/// memory.
///
/// # Shapes
///
/// Both lists: `n` embeddings of one width.
///
/// # Errors
///
/// [`MetricError::TooFewPairs`], [`MetricError::Unpaired`], [`MetricError::RowLength`] or
/// [`MetricError::EntryNotFinite`] for lists that cannot be compared; [`MetricError::NoDirection`] for
/// an embedding that is zero throughout.
pub fn embedding_retrieval_accuracy<S: Copy + Into<f64>>(
    first: &[impl AsRef<[S]>],
    second: &[impl AsRef<[S]>],
) -> Result<Retrieval, MetricError> {
    if first.len() != second.len() {
        return Err(MetricError::Unpaired { first: first.len(), second: second.len() });
    }
    let mut matches = Matches::new(first.len())?;
    let width = first.first().map_or(0, |embedding| embedding.as_ref().len());
    let second: Vec<Vec<f64>> = second
        .iter()
        .enumerate()
        .map(|(row, embedding)| direction(row, embedding.as_ref(), width))
        .collect::<Result<_, _>>()?;
    for (row, embedding) in first.iter().enumerate() {
        let embedding = direction(row, embedding.as_ref(), width)?;
        let dot = |other: &Vec<f64>| embedding.iter().zip(other).map(|(a, b)| a * b).sum();
        matches.add(row, second.iter().map(dot));
    }
    Ok(matches.finish())
}

fn widen<S: Copy + Into<f64>>(
    row: usize,
    entries: &[S],
    wanted: usize,
) -> Result<Vec<f64>, MetricError> {
    if entries.len() != wanted {
        return Err(MetricError::RowLength { row, length: entries.len(), wanted });
    }
    let finite = entries.iter().enumerate().map(|(column, &value)| {
        let value: f64 = value.into();
        let known = value.is_finite().then_some(value);
        known.ok_or(MetricError::EntryNotFinite { row, column, value })
    });
    finite.collect()
}

/// An embedding at length 1.
fn direction<S: Copy + Into<f64>>(
    row: usize,
    embedding: &[S],
    width: usize,
) -> Result<Vec<f64>, MetricError> {
    let mut values = widen(row, embedding, width)?;
    // Brought to largest entry 1 first, or the squares of far too large or small ones would leave f64.
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return Err(MetricError::NoDirection { row });
    }
    values.iter_mut().for_each(|value| *value /= largest);
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    values.iter_mut().for_each(|value| *value /= length);
    Ok(values)
}

/// The largest entry of a row or column so far, how often it occurs, and the entry on the diagonal.
#[derive(Clone, Copy)]
struct Best {
    value: f64,
    times: usize,
    partner: f64,
}

impl Best {
    const NONE: Self = Self { value: f64::NEG_INFINITY, times: 0, partner: f64::NEG_INFINITY };

    fn add(&mut self, value: f64, is_partner: bool) {
        if value > self.value {
            (self.value, self.times) = (value, 1);
        } else if value == self.value {
            self.times += 1;
        }
        if is_partner {
            self.partner = value;
        }
    }

    fn hit(self) -> f64 {
        if self.partner == self.value { 1.0 / self.times as f64 } else { 0.0 }
    }
}

/// Rows as they come; of columns only what decides.
struct Matches {
    forward: f64,
    columns: Vec<Best>,
}

impl Matches {
    fn new(pairs: usize) -> Result<Self, MetricError> {
        if pairs < 2 {
            return Err(MetricError::TooFewPairs { count: pairs });
        }
        Ok(Self { forward: 0.0, columns: vec![Best::NONE; pairs] })
    }

    fn add(&mut self, row: usize, entries: impl Iterator<Item = f64>) {
        let mut best = Best::NONE;
        for (column, (entry, of_column)) in entries.zip(&mut self.columns).enumerate() {
            best.add(entry, column == row);
            of_column.add(entry, column == row);
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
    /// Retrieval accuracy within a batch, in both directions. Training computes it with the contrastive
    /// loss, where of equal similarities the first is the answer.
    pub const RETRIEVAL: Self = Self {
        key: "retrieval",
        title: "retrieval",
        meaning: "the mean share of clips whose audio is closest to its own frames, and whose frames to their own audio",
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
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    fn shares(rows: &[[f32; 3]]) -> (f64, f64, f64) {
        let got = retrieval_accuracy(rows).unwrap();
        (got.forward, got.backward, got.mean)
    }

    #[test]
    fn known_matrices() {
        assert_eq!(shares(&[[3., 1., 1.], [1., 3., 1.], [1., 1., 3.]]), (1.0, 1.0, 1.0));
        // Each row finds item 0; column 0 alone is right.
        let all_to_first = shares(&[[9., 1., 0.], [8., 3., 2.], [7., 4., 3.]]);
        assert_eq!((all_to_first.0, all_to_first.1), (1.0 / 3.0, 2.0 / 3.0));
        assert_eq!(all_to_first.2, 0.5);
    }

    #[test]
    fn a_tie_counts_as_much_as_drawing_lots() {
        assert_eq!(shares(&[[0.5; 3]; 3]).2, 1.0 / 3.0);
        // Row 0 ties two ways; column 1 ties two ways, and so on around.
        let two_ways = shares(&[[2., 2., 0.], [0., 2., 2.], [2., 0., 2.]]);
        assert_eq!(two_ways, (0.5, 0.5, 0.5));
        // Ties among others do not matter.
        assert_eq!(shares(&[[0., 2., 2.], [0., 3., 0.], [0., 0., 3.]]).0, 2.0 / 3.0);
    }

    #[test]
    fn embeddings_are_compared_by_direction() {
        let sound = [[100.0_f32, 0.0], [0.0, 1e-30]];
        let pictures = [[1.0_f32, 0.1], [0.1, 1.0]];
        assert_eq!(embedding_retrieval_accuracy(&sound, &pictures).unwrap().mean, 1.0);
        let swapped = [pictures[1], pictures[0]];
        assert_eq!(embedding_retrieval_accuracy(&sound, &swapped).unwrap().mean, 0.0);
        let collapsed = [[0.3_f64, 0.7]; 4];
        assert_eq!(embedding_retrieval_accuracy(&collapsed, &collapsed).unwrap().mean, 0.25);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let none: [[f64; 0]; 0] = [];
        assert_eq!(retrieval_accuracy(&none), Err(MetricError::TooFewPairs { count: 0 }));
        assert_eq!(retrieval_accuracy(&[[1.0]]), Err(MetricError::TooFewPairs { count: 1 }));
        let ragged = retrieval_accuracy(&[vec![1.0, 0.0], vec![1.0]]);
        assert_eq!(ragged, Err(MetricError::RowLength { row: 1, length: 1, wanted: 2 }));
        let infinite = retrieval_accuracy(&[[1.0, 0.0], [f64::INFINITY, 1.0]]);
        let value = f64::INFINITY;
        assert_eq!(infinite, Err(MetricError::EntryNotFinite { row: 1, column: 0, value }));
        let zero = embedding_retrieval_accuracy(&[[1.0, 0.0], [0.0, 1.0]], &[[1.0, 0.0], [0.0; 2]]);
        assert_eq!(zero, Err(MetricError::NoDirection { row: 1 }));
        let unpaired = embedding_retrieval_accuracy(&[[1.0], [1.0]], &[[1.0]]);
        assert_eq!(unpaired, Err(MetricError::Unpaired { first: 2, second: 1 }));
        let widths = embedding_retrieval_accuracy(&[[1.0], [1.0]], &[vec![1.0], vec![1.0, 2.0]]);
        assert_eq!(widths, Err(MetricError::RowLength { row: 1, length: 2, wanted: 1 }));
    }
}
