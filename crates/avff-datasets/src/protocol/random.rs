//! Parts by chance, as the 70/30 split that results on FakeAVCeleb are published for.

use super::{
    error::SplitError,
    groups::Groups,
    parts::{Parts, Split},
    strata::Strata,
};

/// Splits every stratum by itself: its groups in the order of their ranks, cut where the rounded
/// shares of its rows end.
///
/// A group that spans several strata counts in the first of them.
///
/// # Errors
/// [`SplitError::EmptyPart`].
pub fn random(
    groups: &Groups,
    strata: &Strata,
    parts: &Parts,
    rows: usize,
) -> Result<Split, SplitError> {
    let mut split = Split::empty(parts.names(), rows);
    let mut strata_groups: Vec<Vec<&[u32]>> = vec![Vec::new(); strata.names().len()];
    for group in groups.iter() {
        let stratum = group.iter().map(|&row| strata.of(row as usize)).min().unwrap_or_default();
        if let Some(list) = strata_groups.get_mut(stratum) {
            list.push(group);
        }
    }
    for list in strata_groups {
        let count: usize = list.iter().map(|group| group.len()).sum();
        let bounds = bounds(parts.shares(), count);
        let mut done = 0;
        for group in list {
            // The last bound is the count, so there always is such a part.
            split.put(group, bounds.partition_point(|&bound| bound <= done));
            done += group.len();
        }
    }
    refuse_empty(&split, groups)?;
    Ok(split)
}

/// Where each part's rows end among `count`.
fn bounds(shares: &[f64], count: usize) -> Vec<usize> {
    let mut sum = 0.0;
    let mut bounds: Vec<usize> = shares
        .iter()
        .map(|share| {
            sum += share;
            ((sum * count as f64).round() as usize).min(count)
        })
        .collect();
    if let Some(last) = bounds.last_mut() {
        *last = count;
    }
    bounds
}

/// A part without rows is no split.
pub(super) fn refuse_empty(split: &Split, groups: &Groups) -> Result<(), SplitError> {
    let sizes = split.sizes();
    match split.names.iter().zip(sizes).find(|(_, size)| *size == 0) {
        None => Ok(()),
        Some((part, _)) => Err(SplitError::EmptyPart {
            part: part.clone(),
            rows: split.of.len(),
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
    fn bounds_are_rounded_shares() {
        assert_eq!(bounds(&[0.7, 0.3], 21_544), [15_081, 21_544]);
        assert_eq!(bounds(&[0.65, 0.05, 0.3], 500), [325, 350, 500]);
        assert_eq!(bounds(&[0.5, 0.5], 1), [1, 1]);
        assert_eq!(bounds(&[0.1; 10], 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }
}
