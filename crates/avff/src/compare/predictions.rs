//! Matches two tables of predictions clip by clip.

use std::{collections::HashMap, path::Path};

use super::CompareError;
use crate::input::predictions::{Prediction, Scores, read};

/// A clip with two scores.
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) is_fake: bool,
    pub(super) first: f64,
    pub(super) second: f64,
}

/// The clips of two tables, matched by name.
pub(super) struct Pairs {
    /// Labeled clips in both tables, in the first table's order.
    pub(super) shared: Vec<Pair>,
    pub(super) only_in_first: usize,
    pub(super) only_in_second: usize,
    /// The number of clips in both tables without a target in either.
    pub(super) unlabeled: usize,
    /// The number of rows that repeat a clip of an earlier row of their table.
    pub(super) repeated: usize,
}

pub(super) fn pairs(first: &Path, second: &Path) -> Result<Pairs, CompareError> {
    let ((first, again), (second, again_in_second)) =
        (read(first, &[], Scores::Probabilities)?, read(second, &[], Scores::Probabilities)?);
    let repeated = again + again_in_second;
    let mut others: HashMap<(String, usize), Prediction> = numbered(second).collect();
    let (mut shared, mut only_in_first, mut unlabeled) = (Vec::new(), 0, 0);
    for (key, Prediction { name, target, score, .. }) in numbered(first) {
        let Some(other) = others.remove(&key) else {
            only_in_first += 1;
            continue;
        };
        if let (Some(first), Some(second)) = (target, other.target)
            && first != second
        {
            return Err(CompareError::Labels { clip: name, first, second });
        }
        match target.or(other.target) {
            None => unlabeled += 1,
            Some(target) => {
                shared.push(Pair { name, is_fake: target == 1, first: score, second: other.score })
            }
        }
    }
    let only_in_second = others.len();
    if shared.is_empty() {
        let (first, second) = (only_in_first, only_in_second);
        return Err(CompareError::NoCommonClips { first, second, unlabeled });
    }
    Ok(Pairs { shared, only_in_first, only_in_second, unlabeled, repeated })
}

/// Keys each prediction by its name and by the number of earlier predictions with that name.
fn numbered(predictions: Vec<Prediction>) -> impl Iterator<Item = ((String, usize), Prediction)> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    predictions.into_iter().map(move |prediction| {
        let times = seen.entry(prediction.name.clone()).or_default();
        let key = (prediction.name.clone(), *times);
        *times += 1;
        (key, prediction)
    })
}
