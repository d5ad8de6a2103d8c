//! Subject-independent parts: no one who is heard or seen in one is in another.
//!
//! The groups of [`Groups::connected`] are dealt out, the largest first, those of one size by rank.
//! Each goes to the part where it adds least to `sum over strata of (rows / rows in all)^2 / share`,
//! over the stratum of all rows and each of the given ones: that sum is smallest where every part
//! has its share of everything.

use super::{
    error::SplitError,
    groups::Groups,
    parts::{Parts, Split},
    random::refuse_empty,
    strata::Strata,
};

/// A group that holds more than this share of all rows leaves too little for the other parts.
const LARGE_GROUP: f64 = 0.5;

/// Splits connected groups, keeping sizes and strata as near to the shares as whole groups allow.
///
/// # Errors
/// [`SplitError::EmptyPart`].
pub fn subjects(
    groups: &Groups,
    strata: &Strata,
    parts: &Parts,
    rows: usize,
) -> Result<Split, SplitError> {
    let mut split = Split::empty(parts.names(), rows);
    let kinds = strata.names().len();
    // Stratum `kinds` is that of all rows.
    let totals: Vec<f64> =
        strata.sizes().into_iter().chain([rows]).map(|size| size.max(1) as f64).collect();
    let mut held = vec![vec![0.0_f64; kinds + 1]; parts.shares().len()];
    let mut order: Vec<&[u32]> = groups.iter().collect();
    // Stable: ranks order groups of one size.
    order.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut counts = vec![0.0_f64; kinds + 1];
    for group in order {
        counts.fill(0.0);
        for &row in group {
            for stratum in [strata.of(row as usize), kinds] {
                if let Some(count) = counts.get_mut(stratum) {
                    *count += 1.0;
                }
            }
        }
        let mut best = (f64::INFINITY, 0);
        for (part, (held, share)) in held.iter().zip(parts.shares()).enumerate() {
            let cost: f64 = counts
                .iter()
                .zip(held)
                .zip(&totals)
                .map(|((count, held), total)| count * (2.0 * held + count) / (total * total))
                .sum();
            if cost / share < best.0 {
                best = (cost / share, part);
            }
        }
        split.put(group, best.1);
        if let Some(held) = held.get_mut(best.1) {
            held.iter_mut().zip(&counts).for_each(|(held, count)| *held += count);
        }
    }
    refuse_empty(&split, groups)?;
    let (size, stratum) = imbalance(&held, &totals, parts.shares());
    split.notes.push(format!(
        "{} groups that share nobody; part sizes are within {:.1} points of their shares, classes \
         within {:.1}",
        groups.len(),
        size * 100.0,
        stratum * 100.0
    ));
    if groups.largest() as f64 > LARGE_GROUP * rows as f64 {
        split.notes.push(format!(
            "{} of {rows} rows are connected with each other: keep fewer columns together, or leave \
             out clips that connect many people",
            groups.largest()
        ));
    }
    if groups.alone() > 0 {
        split.notes.push(format!(
            "{} rows say nothing of who is in them and were split by their paths",
            groups.alone()
        ));
    }
    Ok(split)
}

/// The largest distance of a part's share from the wanted one: of all rows, and of any stratum.
fn imbalance(held: &[Vec<f64>], totals: &[f64], shares: &[f64]) -> (f64, f64) {
    let (mut size, mut stratum) = (0.0_f64, 0.0_f64);
    for (held, share) in held.iter().zip(shares) {
        let off = |(held, total): (&f64, &f64)| (held / total - share).abs();
        let mut offs: Vec<f64> = held.iter().zip(totals).map(off).collect();
        size = size.max(offs.pop().unwrap_or_default());
        stratum = offs.into_iter().fold(stratum, f64::max);
    }
    (size, stratum)
}
