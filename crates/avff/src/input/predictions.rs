//! Tables of predictions, of avff or of another detector.

use std::{collections::HashMap, path::Path};

use avff_datasets::manifest::{ManifestOptions, ManifestReader};

use super::{InputError, SCORE};

/// A clip with its score.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prediction {
    /// The line in the table, from 1.
    pub(crate) line: u64,
    pub(crate) name: String,
    pub(crate) target: Option<u8>,
    pub(crate) score: f64,
    /// The cells of the requested columns.
    pub(crate) cells: Vec<String>,
}

/// Which scores a table may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scores {
    Probabilities,
    Finite,
}

impl Scores {
    fn allow(self, score: f64) -> bool {
        match self {
            Self::Probabilities => (0.0..=1.0).contains(&score),
            Self::Finite => score.is_finite(),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Probabilities => "a number from 0 to 1",
            Self::Finite => "a finite number",
        }
    }
}

/// Reads a table with the cells of some columns, and counts the rows that repeat a clip. A clip that is listed twice
/// has one score and one target.
pub(crate) fn read(
    path: &Path,
    columns: &[&str],
    scores: Scores,
) -> Result<(Vec<Prediction>, usize), InputError> {
    let reader = ManifestReader::open(path, &ManifestOptions::default())?;
    let position = |name: &str| {
        let found = reader.columns().iter().position(|column| column == name);
        found.ok_or_else(|| InputError::unknown_column(path, name, reader.columns()))
    };
    let score = position(SCORE)?;
    let columns = columns.iter().map(|name| position(name)).collect::<Result<Vec<_>, _>>()?;
    let predictions = reader.map(|row| {
        let row = row?;
        let cell = |at: usize| row.extra.get(at).map_or("", String::as_str);
        let number = cell(score).trim().parse().ok().filter(|p| scores.allow(*p));
        let number = number.ok_or_else(|| InputError::Score {
            path: path.into(),
            line: row.line,
            cell: cell(score).chars().take(40).collect(),
            expected: scores.expected(),
        })?;
        let cells = columns.iter().map(|at| cell(*at).to_owned()).collect();
        Ok(Prediction { line: row.line, cells, name: row.name, target: row.target, score: number })
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

/// The labeled clips of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Labeled {
    pub(crate) scores: Vec<f64>,
    pub(crate) is_fake: Vec<bool>,
    /// The cells of the requested columns, for each clip.
    pub(crate) cells: Vec<Vec<String>>,
    /// The number of clips without a target.
    pub(crate) unlabeled: usize,
}

impl Labeled {
    /// Reads a table, as [`read`] does.
    pub(crate) fn read(path: &Path, columns: &[&str], scores: Scores) -> Result<Self, InputError> {
        let mut labeled = Self::default();
        for row in read(path, columns, scores)?.0 {
            let Some(target) = row.target else {
                labeled.unlabeled += 1;
                continue;
            };
            labeled.scores.push(row.score);
            labeled.is_fake.push(target == 1);
            labeled.cells.push(row.cells);
        }
        Ok(labeled)
    }
}
