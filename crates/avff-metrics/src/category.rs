//! One report for each kind of forgery.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    bootstrap::BootstrapOptions,
    error::{MetricError, check_lengths},
    report::BinaryReport,
    scored::{Scored, labels},
};

/// What the clips of a category are told apart from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// Each other: the category holds both classes, or the set holds one alone.
    Itself,
    /// All reals of the set: the category holds fakes alone.
    AllReals,
    /// All fakes of the set: the category holds reals alone.
    AllFakes,
}

/// How well the clips of one category are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryReport {
    /// The category.
    pub category: String,
    /// Its clips, without those it is compared with.
    pub n: usize,
    /// What they are compared with.
    pub against: Against,
    /// Over its clips and those it is compared with: `metrics.n_fake` and `metrics.n_real` say how many.
    pub metrics: BinaryReport,
}

/// A [`BinaryReport`] for each category, sorted by name.
///
/// A kind of forgery has no reals of its own, so a category of fakes alone is compared with all reals of
/// the set, as papers report FakeAVCeleb's RVFA; one of reals alone with all fakes. A category that holds
/// both classes stands by itself. Rows of one table may share reals and are not independent; their
/// shares of fakes differ, so their AP and accuracy do not compare.
///
/// With `intervals` each report has them.
///
/// # Shapes
///
/// `categories`: one for each of `clips`.
///
/// # Errors
///
/// [`MetricError::LengthMismatch`] or [`MetricError::Empty`] for lists that do not pair up or have no
/// clip, [`MetricError::Target`] where a label is neither 0 nor 1, and what [`BinaryReport`] says of the
/// options.
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
        let (lacks, against) = match (has(true), has(false)) {
            (true, false) => (Some(false), Against::AllReals),
            (false, true) => (Some(true), Against::AllFakes),
            _ => (None, Against::Itself),
        };
        // All of the class that it lacks are other categories' clips.
        members.extend((0..clips.len()).filter(|&clip| Some(is_fake[clip]) == lacks));
        let against = if members.len() == n { Against::Itself } else { against };
        let chosen: Vec<Scored> = members.into_iter().map(|clip| clips[clip]).collect();
        let metrics = match intervals {
            Some(options) => BinaryReport::with_intervals(&chosen, options)?,
            None => BinaryReport::new(&chosen)?,
        };
        Ok(CategoryReport { category: category.to_owned(), n, against, metrics })
    });
    reports.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;
    use crate::metric::Metric;

    fn clips(rows: &[(f32, u8)]) -> Vec<Scored> {
        rows.iter().map(|&(fake, target)| Scored { fake, real: -fake, target }).collect()
    }

    #[test]
    fn a_category_of_one_class_is_compared_with_all_of_the_other() {
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
        // The real at 1 beats the fake at 0.5.
        assert_eq!(aucs, [1.0, 1.0, 5.0 / 6.0, 2.0 / 3.0]);
    }

    #[test]
    fn the_order_of_clips_does_not_matter() {
        let rows = [(0.5, 1), (2., 1), (1., 0), (-1., 0), (3., 1)];
        let categories = ["b", "a", "", "b", "c"];
        let forward = by_category(&clips(&rows), &categories, None).unwrap();
        let (mut rows, mut categories) = (rows, categories);
        rows.reverse();
        categories.reverse();
        assert_eq!(by_category(&clips(&rows), &categories, None).unwrap(), forward);
    }

    #[test]
    fn a_set_of_one_class_has_nothing_to_compare_with() {
        let table = by_category(&clips(&[(1., 1), (2., 1)]), &["a", "b"], None).unwrap();
        assert_eq!(table.len(), 2);
        for row in table {
            assert_eq!((row.against, row.metrics.get(Metric::AUC)), (Against::Itself, None));
            assert!(row.metrics.notes[0].contains("both classes are needed"));
        }
    }

    #[test]
    fn lists_that_do_not_pair_up_are_refused() {
        let one = clips(&[(1., 1)]);
        let mismatch = MetricError::LengthMismatch { scores: 1, labels: 2 };
        assert_eq!(by_category(&one, &["a", "b"], None), Err(mismatch));
        assert_eq!(by_category(&[], &["a"; 0], None), Err(MetricError::Empty));
    }
}
