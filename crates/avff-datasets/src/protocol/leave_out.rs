//! Leave-one-category-out: does a detector generalize to an unseen kind of fake?
//!
//! This is DiMoDif's protocol for FakeAVCeleb. The category and an equal number of reals form the
//! test set; all other clips form the training set.

use super::{
    error::SplitError, groups::Groups, random::check_not_empty, strata::Strata, subsets::Split,
    table::Table,
};

/// Assigns one stratum and an equal number of reals, by rank, to the test set, and the rest to
/// training.
///
/// At most `real_fraction` of the reals are used for testing. FakeAVCeleb has 500 reals, but up to
/// thousands of fakes in a category.
///
/// # Errors
/// [`SplitError::Number`] for a fraction outside of `(0, 1)`. [`SplitError::NoCategory`] for the
/// stratum of rows without a category. [`SplitError::OneClass`] if the category has no fakes or a
/// subset has no reals. [`SplitError::EmptySubset`].
pub fn leave_out(
    table: &Table,
    groups: &Groups,
    strata: &Strata,
    stratum: usize,
    real_fraction: f64,
) -> Result<Split, SplitError> {
    if !(real_fraction > 0.0 && real_fraction < 1.0) {
        let (what, value) = ("the fraction of reals for testing", real_fraction.to_string());
        return Err(SplitError::Number { what, value, rule: "between 0 and 1" });
    }
    let name = strata.names().get(stratum).map_or("", String::as_str);
    let in_category = |row: u32| strata.stratum_of(row as usize) == stratum;
    let is_real = |row: u32| table.target(row as usize) == Some(0);
    let fakes = |row: &u32| in_category(*row) && table.target(*row as usize) == Some(1);
    let mut split = Split::empty(&["train".to_owned(), "test".to_owned()], table.len());
    let mut reals = Vec::new();
    let (mut category, mut category_fakes, mut all_reals) = (0, 0, 0);
    let mut uncategorized = 0;
    for group in groups.iter() {
        all_reals += group.iter().filter(|&&row| is_real(row)).count();
        let is_uncategorized = |row: &&u32| {
            strata.is_blank(strata.stratum_of(**row as usize))
                && table.target(**row as usize) == Some(1)
        };
        uncategorized += group.iter().filter(is_uncategorized).count();
        if group.iter().any(|&row| in_category(row)) {
            category += group.len();
            category_fakes += group.iter().filter(|row| fakes(row)).count();
            split.assign(group, 1);
        } else {
            split.assign(group, 0);
            if group.iter().all(|&row| is_real(row)) {
                reals.push(group);
            }
        }
    }
    if strata.is_blank(stratum) && uncategorized > 0 {
        return Err(SplitError::NoCategory { fakes: uncategorized });
    }
    if category_fakes == 0 {
        return Err(SplitError::OneClass { what: format!("`{name}` has no fake") });
    }
    let max = (all_reals as f64 * real_fraction).floor() as usize;
    let target = category_fakes.min(max);
    let mut taken = 0;
    // Groups are in rank order.
    for group in reals {
        if taken + group.len() > target {
            break;
        }
        split.assign(group, 1);
        taken += group.len();
    }
    if taken == 0 {
        let what = format!("no real clip is available to test with `{name}`");
        return Err(SplitError::OneClass { what });
    }
    check_not_empty(&split, groups)?;
    split.notes.push(format!(
        "`{name}` is held out: the test set has {category} of its clips and {taken} reals"
    ));
    if taken < category_fakes {
        split.notes.push(format!(
            "the test set has fewer reals than fakes: at most {real_fraction} of all {all_reals} reals are \
             removed from training"
        ));
    }
    if uncategorized > 0 {
        split.notes.push(format!(
            "{uncategorized} fakes have no category and are used for training: some may belong to `{name}`"
        ));
    }
    Ok(split)
}
