//! Assigns each row to a split.

use avff_datasets::protocol::{Strata, Table};

/// The name of the only split of a CSV without a split column.
const ALL: &str = "all";

/// Returns the names of the splits and the split index of each row, `None` for an empty cell.
///
/// With several CSVs, each CSV is a split. Its name is the file stem, or the whole path if two CSVs have
/// equal stems.
pub(super) fn splits(table: &Table, column: &str) -> (Vec<String>, Vec<Option<usize>>) {
    if table.files().len() > 1 {
        let stem = |path: &std::path::Path| {
            path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
        };
        let stems: Vec<String> = table.files().iter().map(|file| stem(&file.path)).collect();
        let name = |(index, own): (usize, &String)| {
            let ambiguous = stems.iter().filter(|other| *other == own).count() > 1;
            let path = table.files().get(index).map(|file| file.path.display().to_string());
            path.filter(|_| ambiguous).unwrap_or_else(|| own.clone())
        };
        let names = stems.iter().enumerate().map(name).collect();
        return (names, (0..table.len()).map(|row| Some(table.file_of(row))).collect());
    }
    let Ok(strata) = Strata::new(table, &[column]) else {
        return (vec![ALL.to_owned()], vec![Some(0); table.len()]);
    };
    // The empty value, if any, sorts first.
    let empty = usize::from(strata.names().first().is_some_and(String::is_empty));
    let names = strata.names().iter().skip(empty).cloned().collect();
    (names, (0..table.len()).map(|row| strata.stratum_of(row).checked_sub(empty)).collect())
}
