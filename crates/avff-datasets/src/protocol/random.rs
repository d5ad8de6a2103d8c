//! Random splits, such as the 70/30 split of published results on FakeAVCeleb.

use super::{
    error::SplitError,
    groups::Groups,
    strata::Strata,
    subsets::{Split, Subsets},
};

/// Splits every stratum separately. Its groups are in rank order and are cut at the rounded
/// cumulative fractions of its rows.
///
/// A group that spans several strata counts in the first.
///
/// # Errors
/// [`SplitError::EmptySubset`].
pub fn random(
    groups: &Groups,
    strata: &Strata,
    subsets: &Subsets,
    rows: usize,
) -> Result<Split, SplitError> {
    let mut split = Split::empty(subsets.names(), rows);
    let mut strata_groups: Vec<Vec<&[u32]>> = vec![Vec::new(); strata.names().len()];
    for group in groups.iter() {
        let stratum =
            group.iter().map(|&row| strata.stratum_of(row as usize)).min().unwrap_or_default();
        if let Some(list) = strata_groups.get_mut(stratum) {
            list.push(group);
        }
    }
    for list in strata_groups {
        let count: usize = list.iter().map(|group| group.len()).sum();
        let bounds = bounds(subsets.fractions(), count);
        let mut assigned = 0;
        for group in list {
            // The last bound is the count, so such a subset always exists.
            split.assign(group, bounds.partition_point(|&bound| bound <= assigned));
            assigned += group.len();
        }
    }
    check_not_empty(&split, groups)?;
    Ok(split)
}

/// Returns the end of each subset among `count` rows.
fn bounds(fractions: &[f64], count: usize) -> Vec<usize> {
    let mut sum = 0.0;
    let mut bounds: Vec<usize> = fractions
        .iter()
        .map(|fraction| {
            sum += fraction;
            ((sum * count as f64).round() as usize).min(count)
        })
        .collect();
    if let Some(last) = bounds.last_mut() {
        *last = count;
    }
    bounds
}

/// Returns an error if a subset has no rows.
pub(super) fn check_not_empty(split: &Split, groups: &Groups) -> Result<(), SplitError> {
    let sizes = split.sizes();
    match split.names.iter().zip(sizes).find(|(_, size)| *size == 0) {
        None => Ok(()),
        Some((subset, _)) => Err(SplitError::EmptySubset {
            subset: subset.clone(),
            rows: split.assignment.len(),
            groups: groups.len(),
            largest: groups.largest(),
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_rounded_fractions() {
        assert_eq!(bounds(&[0.7, 0.3], 21_544), [15_081, 21_544]);
        assert_eq!(bounds(&[0.65, 0.05, 0.3], 500), [325, 350, 500]);
        assert_eq!(bounds(&[0.5, 0.5], 1), [1, 1]);
        assert_eq!(bounds(&[0.1; 10], 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
}
