//! One category held out: does a detector find fakes of a kind it never saw?
//!
//! As DiMoDif's protocol for FakeAVCeleb: the category leaves the training set together with as many
//! reals, and the test is on the two.

use super::{
    error::SplitError, groups::Groups, parts::Split, random::refuse_empty, strata::Strata,
    table::Table,
};

/// Tests on the clips of one stratum and as many reals, by rank, trains on the rest.
///
/// At most `real_share` of the reals are taken for the test: FakeAVCeleb has 500 of them and up to
/// thousands of fakes in a category.
///
/// # Errors
/// [`SplitError::Number`] for a share outside of `(0, 1)`, [`SplitError::NoCategory`] for the stratum
/// of rows that say none, [`SplitError::OneClass`] where the category has no fake or a side is left
/// without reals, [`SplitError::EmptyPart`].
pub fn leave_out(
    table: &Table,
    groups: &Groups,
    strata: &Strata,
    stratum: usize,
    real_share: f64,
) -> Result<Split, SplitError> {
    if !(real_share > 0.0 && real_share < 1.0) {
        let (what, value) = ("the share of reals to test on", real_share.to_string());
        return Err(SplitError::Number { what, value, rule: "between 0 and 1" });
    }
    let name = strata.names().get(stratum).map_or("", String::as_str);
    let in_category = |row: u32| strata.of(row as usize) == stratum;
    let is_real = |row: u32| table.target(row as usize) == Some(0);
    let fakes = |row: &u32| in_category(*row) && table.target(*row as usize) == Some(1);
    let mut split = Split::empty(&["train".to_owned(), "test".to_owned()], table.len());
    let mut reals = Vec::new();
    let (mut category, mut category_fakes, mut all_reals) = (0, 0, 0);
    let mut unsaid = 0;
    for group in groups.iter() {
        all_reals += group.iter().filter(|&&row| is_real(row)).count();
        let is_unsaid = |row: &&u32| {
            strata.is_unsaid(strata.of(**row as usize)) && table.target(**row as usize) == Some(1)
        };
        unsaid += group.iter().filter(is_unsaid).count();
        if group.iter().any(|&row| in_category(row)) {
            category += group.len();
            category_fakes += group.iter().filter(|row| fakes(row)).count();
            split.put(group, 1);
        } else {
            split.put(group, 0);
            if group.iter().all(|&row| is_real(row)) {
                reals.push(group);
            }
        }
    }
    if strata.is_unsaid(stratum) && unsaid > 0 {
        return Err(SplitError::NoCategory { fakes: unsaid });
    }
    if category_fakes == 0 {
        return Err(SplitError::OneClass { what: format!("`{name}` has no fake") });
    }
    let most = (all_reals as f64 * real_share).floor() as usize;
    let wanted = category_fakes.min(most);
    let mut taken = 0;
    // Groups are in the order of their ranks.
    for group in reals {
        if taken + group.len() > wanted {
            break;
        }
        split.put(group, 1);
        taken += group.len();
    }
    if taken == 0 {
        let what = format!("no real clip can be spared to test with `{name}`");
        return Err(SplitError::OneClass { what });
    }
    refuse_empty(&split, groups)?;
    split
        .notes
        .push(format!("`{name}` is left out: {category} of its clips and {taken} reals test"));
    if taken < category_fakes {
        split.notes.push(format!(
            "fewer reals than fakes in the test: no more than {real_share} of all {all_reals} are \
             taken from training"
        ));
    }
    if unsaid > 0 {
        split.notes.push(format!(
            "{unsaid} fakes say no category and are trained on: some may be of `{name}` too"
        ));
    }
    Ok(split)
}
