//! Equal counts, or counts in a given ratio, by leaving rows out.

use super::{error::SplitError, groups::Groups, parts::Split, strata::Strata};

/// Keeps as many rows of every stratum as the scarcest allows, chosen by rank.
///
/// With a `ratio` of (stratum, weight) pairs the counts are in proportion to the weights, and the
/// strata it does not name are left out. A group that spans several strata counts in the first.
///
/// # Errors
/// [`SplitError::Number`] for a weight that is not positive, [`SplitError::NothingLeft`] for a
/// stratum that would lose all its rows.
pub fn balance(
    groups: &Groups,
    strata: &Strata,
    ratio: Option<&[(usize, f64)]>,
    rows: usize,
) -> Result<Split, SplitError> {
    let mut lists: Vec<Vec<&[u32]>> = vec![Vec::new(); strata.names().len()];
    for group in groups.iter() {
        let stratum = group.iter().map(|&row| strata.of(row as usize)).min().unwrap_or_default();
        if let Some(list) = lists.get_mut(stratum) {
            list.push(group);
        }
    }
    let equal: Vec<(usize, f64)>;
    let ratio = match ratio {
        Some(ratio) => ratio,
        None => {
            // A stratum whose every group counts elsewhere has nothing of its own to keep.
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
        let wanted = ((unit * weight).round() as usize).min(size(stratum));
        let mut kept = 0;
        for group in lists.get(stratum).into_iter().flatten() {
            if kept + group.len() <= wanted {
                split.put(group, 0);
                kept += group.len();
            }
        }
        let value = strata.names().get(stratum).cloned().unwrap_or_default();
        if kept == 0 {
            return Err(SplitError::NothingLeft { value, rows: size(stratum) });
        }
        let value = if value.is_empty() { "(empty)" } else { &value };
        split.notes.push(format!("{kept} of {} rows of {value} kept", size(stratum)));
    }
    Ok(split)
}
