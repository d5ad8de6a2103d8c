//! Subject-independent splits: no person occurs in more than one subset.
//!
//! The groups of [`Groups::connected`] are assigned greedily, the largest first and groups of equal
//! size by rank. Each group goes to the subset with the smallest increase of `sum over strata of
//! (rows / rows in all)^2 / fraction`. The sum includes a stratum of all rows. It is minimal if
//! every subset has its fraction of every stratum.

use super::{
    IDENTITY_COLUMN,
    error::SplitError,
    groups::Groups,
    random::check_not_empty,
    strata::Strata,
    subsets::{Split, Subsets},
    table::{Table, values},
};

/// A group with a larger fraction of all rows leaves too few rows for the other subsets.
const LARGE_GROUP: f64 = 0.5;

/// Checks that persons are known where `columns` include [`IDENTITY_COLUMN`].
///
/// Every clip has a source, if only itself, so sources alone do not separate persons.
///
/// # Errors
/// [`SplitError::NoIdentities`].
pub fn expect_identities(table: &Table, columns: &[impl AsRef<str>]) -> Result<(), SplitError> {
    if columns.iter().all(|column| column.as_ref() != IDENTITY_COLUMN) {
        return Ok(());
    }
    let identity = table.column(IDENTITY_COLUMN);
    let known = |row: usize| {
        identity.is_some_and(|column| values(table.cell(row, column)).next().is_some())
    };
    if (0..table.len()).any(known) {
        return Ok(());
    }
    Err(SplitError::NoIdentities { column: IDENTITY_COLUMN })
}

/// Splits connected groups. Sizes and strata approach the fractions as closely as indivisible
/// groups allow.
///
/// # Errors
/// [`SplitError::EmptySubset`].
pub fn subjects(
    groups: &Groups,
    strata: &Strata,
    subsets: &Subsets,
    rows: usize,
) -> Result<Split, SplitError> {
    let mut split = Split::empty(subsets.names(), rows);
    let kinds = strata.names().len();
    // Stratum `kinds` contains all rows.
    let totals: Vec<f64> =
        strata.sizes().into_iter().chain([rows]).map(|size| size.max(1) as f64).collect();
    let mut assigned = vec![vec![0.0_f64; kinds + 1]; subsets.fractions().len()];
    let mut order: Vec<&[u32]> = groups.iter().collect();
    // The sort is stable, so ranks order groups of equal size.
    order.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut counts = vec![0.0_f64; kinds + 1];
    for group in order {
        counts.fill(0.0);
        for &row in group {
            for stratum in [strata.stratum_of(row as usize), kinds] {
                if let Some(count) = counts.get_mut(stratum) {
                    *count += 1.0;
                }
            }
        }
        let mut best = (f64::INFINITY, 0);
        for (subset, (assigned, fraction)) in assigned.iter().zip(subsets.fractions()).enumerate() {
            let cost: f64 = counts
                .iter()
                .zip(assigned)
                .zip(&totals)
                .map(|((count, assigned), total)| {
                    count * (2.0 * assigned + count) / (total * total)
                })
                .sum();
            if cost / fraction < best.0 {
                best = (cost / fraction, subset);
            }
        }
        split.assign(group, best.1);
        if let Some(assigned) = assigned.get_mut(best.1) {
            assigned.iter_mut().zip(&counts).for_each(|(assigned, count)| *assigned += count);
        }
    }
    check_not_empty(&split, groups)?;
    let (size, stratum) = imbalance(&assigned, &totals, subsets.fractions());
    split.notes.push(format!(
        "{} groups without shared persons; subset sizes deviate by at most {:.1} percentage points, classes \
         by at most {:.1}",
        groups.len(),
        size * 100.0,
        stratum * 100.0
    ));
    if groups.largest() as f64 > LARGE_GROUP * rows as f64 {
        split.notes.push(format!(
            "{} of {rows} rows are connected: group by fewer columns, or remove \
             clips that connect many persons",
            groups.largest()
        ));
    }
    if groups.unconnected() > 0 {
        split.notes.push(format!(
            "{} rows name no person and were split by their paths",
            groups.unconnected()
        ));
    }
    Ok(split)
}

/// Returns the largest deviation of a subset from its fraction: of all rows, and of any stratum.
fn imbalance(assigned: &[Vec<f64>], totals: &[f64], fractions: &[f64]) -> (f64, f64) {
    let (mut size, mut stratum) = (0.0_f64, 0.0_f64);
    for (assigned, fraction) in assigned.iter().zip(fractions) {
        let deviation = |(assigned, total): (&f64, &f64)| (assigned / total - fraction).abs();
        let mut deviations: Vec<f64> = assigned.iter().zip(totals).map(deviation).collect();
        size = size.max(deviations.pop().unwrap_or_default());
        stratum = deviations.into_iter().fold(stratum, f64::max);
    }
    (size, stratum)
}
