//! Reports by category of forgery.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    bootstrap::BootstrapOptions,
    error::{MetricError, check_lengths},
    report::BinaryReport,
    scored::{Scored, labels},
};

/// The clips that a category is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// The category's own clips: it holds both classes, or the whole set holds one class.
    Itself,
    /// All reals of the set: the category holds only fakes.
    AllReals,
    /// All fakes of the set: the category holds only reals.
    AllFakes,
}

/// The metrics of one category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryReport {
    /// The category.
    pub category: String,
    /// Number of clips in the category, without the clips it is compared with.
    pub n: usize,
    /// The clips that the category is compared with.
    pub against: Against,
    /// Metrics over the category's clips and the clips it is compared with. `metrics.n_fake` and
    /// `metrics.n_real` count them.
    pub metrics: BinaryReport,
}

/// Computes a [`BinaryReport`] for each category, sorted by name.
///
/// - A category that holds only fakes is compared with all reals of the set, because a forgery
///   method has no reals of its own. Papers report FakeAVCeleb's RVFA in this way.
/// - A category that holds only reals is compared with all fakes of the set.
/// - A category that holds both classes is evaluated on its own clips.
///
/// Rows of one table may share reals, so they are not independent. Their class balance differs, so
/// their AP and accuracy are not comparable.
///
/// With `intervals`, each report contains confidence intervals.
///
/// # Shapes
///
/// `categories`: one entry for each of `clips`.
///
/// # Errors
///
/// - [`MetricError::LengthMismatch`] if the lists differ in length.
/// - [`MetricError::Empty`] if there are no clips.
/// - [`MetricError::Target`] if a label is neither 0 nor 1.
/// - The errors of [`BinaryReport`] for invalid options.
pub fn by_category(
    clips: &[Scored],
    categories: &[impl AsRef<str>],
    intervals: Option<&BootstrapOptions>,
) -> Result<Vec<CategoryReport>, MetricError> {
    check_lengths(clips.len(), categories.len())?;
    let is_fake = labels(clips)?;
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (clip, category) in categories.iter().enumerate() {
        members.entry(category.as_ref()).or_default().push(clip);
    }
    let reports = members.into_iter().map(|(category, mut members)| {
        let n = members.len();
        let has = |class| members.iter().any(|&clip| is_fake[clip] == class);
        let (missing, against) = match (has(true), has(false)) {
            (true, false) => (Some(false), Against::AllReals),
            (false, true) => (Some(true), Against::AllFakes),
            _ => (None, Against::Itself),
        };
        // All clips of the missing class belong to other categories.
        members.extend((0..clips.len()).filter(|&clip| Some(is_fake[clip]) == missing));
        let against = if members.len() == n { Against::Itself } else { against };
        let selected: Vec<Scored> = members.into_iter().map(|clip| clips[clip]).collect();
        let metrics = match intervals {
            Some(options) => BinaryReport::with_intervals(&selected, options)?,
            None => BinaryReport::new(&selected)?,
        };
        Ok(CategoryReport { category: category.to_owned(), n, against, metrics })
    });
    reports.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::metric::Metric;

    fn clips(rows: &[(f32, u8)]) -> Vec<Scored> {
        rows.iter().map(|&(fake, target)| Scored { fake, real: -fake, target }).collect()
    }

    #[test]
    fn single_class_category_is_compared_with_the_other_class() {
        let clips = clips(&[(0.5, 1), (2., 1), (1., 0), (-1., 0), (3., 1), (-2., 0)]);
        let categories = ["wav2lip", "fsgan", "real", "real", "mixed", "mixed"];
        let table = by_category(&clips, &categories, None).unwrap();
        let rows: Vec<_> = table
            .iter()
            .map(|row| (&*row.category, row.n, row.against, row.metrics.n_fake, row.metrics.n_real))
            .collect();
        assert_eq!(
            rows,
            [
                ("fsgan", 1, Against::AllReals, 1, 3),
                ("mixed", 2, Against::Itself, 1, 1),
                ("real", 2, Against::AllFakes, 3, 2),
                ("wav2lip", 1, Against::AllReals, 1, 3),
            ]
        );
        let aucs: Vec<_> = table.iter().map(|row| row.metrics.get(Metric::AUC).unwrap()).collect();
        // The real with score 1 ranks above the fake with score 0.5.
        assert_eq!(aucs, [1.0, 1.0, 5.0 / 6.0, 2.0 / 3.0]);
    }

    #[test]
    fn report_does_not_depend_on_clip_order() {
        let rows = [(0.5, 1), (2., 1), (1., 0), (-1., 0), (3., 1)];
        let categories = ["b", "a", "", "b", "c"];
        let forward = by_category(&clips(&rows), &categories, None).unwrap();
        let (mut rows, mut categories) = (rows, categories);
        rows.reverse();
        categories.reverse();
        assert_eq!(by_category(&clips(&rows), &categories, None).unwrap(), forward);
    }

    #[test]
    fn single_class_set_is_compared_with_itself() {
        let table = by_category(&clips(&[(1., 1), (2., 1)]), &["a", "b"], None).unwrap();
        assert_eq!(table.len(), 2);
        for row in table {
            assert_eq!((row.against, row.metrics.get(Metric::AUC)), (Against::Itself, None));
            assert!(row.metrics.notes[0].contains("both classes are needed"));
        }
    }

    #[test]
    fn mismatched_lists_are_errors() {
        let one = clips(&[(1., 1)]);
        let mismatch = MetricError::LengthMismatch { scores: 1, labels: 2 };
        assert_eq!(by_category(&one, &["a", "b"], None), Err(mismatch));
        assert_eq!(by_category(&[], &["a"; 0], None), Err(MetricError::Empty));
    }
}
