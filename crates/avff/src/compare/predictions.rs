//! Matches two tables of predictions clip by clip.

use std::{collections::HashMap, path::Path};

use avff_datasets::manifest::{ManifestOptions, ManifestReader};

use super::CompareError;
use crate::{evaluate::output::SCORE, input::InputError};

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

struct Prediction {
    line: u64,
    name: String,
    target: Option<u8>,
    score: f64,
}

pub(super) fn pairs(first: &Path, second: &Path) -> Result<Pairs, CompareError> {
    let ((first, again), (second, again_in_second)) = (read(first)?, read(second)?);
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

/// Reads a table, and counts the rows that repeat a clip. A clip that is listed twice has one score and one target.
fn read(path: &Path) -> Result<(Vec<Prediction>, usize), InputError> {
    let reader = ManifestReader::open(path, &ManifestOptions::default())?;
    let column = reader.columns().iter().position(|name| name == SCORE);
    let column = column.ok_or_else(|| InputError::unknown_column(path, SCORE, reader.columns()))?;
    let predictions = reader.map(|row| {
        let row = row?;
        let cell = row.extra.get(column).map_or("", String::as_str);
        let score = cell.trim().parse().ok().filter(|score: &f64| (0.0..=1.0).contains(score));
        let score = score.ok_or_else(|| InputError::Score {
            path: path.into(),
            line: row.line,
            cell: cell.chars().take(40).collect(),
        })?;
        Ok(Prediction { line: row.line, name: row.name, target: row.target, score })
    });
    let predictions = predictions.collect::<Result<Vec<_>, InputError>>()?;
    let mut firsts: HashMap<&str, &Prediction> = HashMap::new();
    let mut repeated = 0;
    for prediction in &predictions {
        let first = firsts.entry(&prediction.name).or_insert(prediction);
        repeated += usize::from(first.line != prediction.line);
        if first.score != prediction.score || first.target != prediction.target {
            return Err(InputError::Repeated {
                path: path.into(),
                line: prediction.line,
                first: first.line,
                clip: prediction.name.clone(),
            });
        }
    }
    Ok((predictions, repeated))
}
