//! Balances classes by down-sampling, to equal counts or to a given ratio.

use super::{error::SplitError, groups::Groups, strata::Strata, subsets::Split};

/// Keeps an equal number of rows of every stratum, limited by the smallest one and selected by
/// rank.
///
/// With a `ratio` of (stratum, weight) pairs, the counts are proportional to the weights, and
/// strata without a weight are dropped. A group that spans several strata counts in the first.
///
/// # Errors
/// [`SplitError::Number`] for a weight that is not positive, [`SplitError::NothingLeft`] for a
/// stratum that would lose all rows.
pub fn balance(
    groups: &Groups,
    strata: &Strata,
    ratio: Option<&[(usize, f64)]>,
    rows: usize,
) -> Result<Split, SplitError> {
    let mut lists: Vec<Vec<&[u32]>> = vec![Vec::new(); strata.names().len()];
    for group in groups.iter() {
        let stratum =
            group.iter().map(|&row| strata.stratum_of(row as usize)).min().unwrap_or_default();
        if let Some(list) = lists.get_mut(stratum) {
            list.push(group);
        }
    }
    let equal: Vec<(usize, f64)>;
    let ratio = match ratio {
        Some(ratio) => ratio,
        None => {
            // A stratum without groups of its own has nothing to keep.
            let own =
                |(stratum, list): (usize, &Vec<_>)| (!list.is_empty()).then_some((stratum, 1.0));
            equal = lists.iter().enumerate().filter_map(own).collect();
            &equal
        }
    };
    let size = |stratum: usize| -> usize {
        lists.get(stratum).map_or(0, |list| list.iter().map(|group| group.len()).sum())
    };
    let mut unit = f64::INFINITY;
    for &(stratum, weight) in ratio {
        if !(weight > 0.0 && weight.is_finite()) {
            let (what, value) = ("a weight of the ratio", weight.to_string());
            return Err(SplitError::Number { what, value, rule: "a positive number" });
        }
        unit = unit.min(size(stratum) as f64 / weight);
    }
    let mut split = Split::empty(&["balanced".to_owned()], rows);
    for &(stratum, weight) in ratio {
        let target = ((unit * weight).round() as usize).min(size(stratum));
        let mut selected = 0;
        for group in lists.get(stratum).into_iter().flatten() {
            if selected + group.len() <= target {
                split.assign(group, 0);
                selected += group.len();
            }
        }
        let value = strata.names().get(stratum).cloned().unwrap_or_default();
        if selected == 0 {
            return Err(SplitError::NothingLeft { value, rows: size(stratum) });
        }
        let value = if value.is_empty() { "(empty)" } else { &value };
        split.notes.push(format!("{selected} of {} rows of {value} kept", size(stratum)));
    }
    Ok(split)
}
