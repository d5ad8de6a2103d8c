//! Which split each row is in.

use avff_datasets::protocol::{Strata, Table};

/// The name of the one split of a CSV that does not say.
const ALL: &str = "all";

/// Names of the splits and the number of each row's; none where its cell is empty.
///
/// Of several CSVs each is a split, called by its name without folder and ending, or by its whole
/// path where two would be called the same.
pub(super) fn splits(table: &Table, column: &str) -> (Vec<String>, Vec<Option<usize>>) {
    if table.files().len() > 1 {
        let stem = |path: &std::path::Path| {
            path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
        };
        let stems: Vec<String> = table.files().iter().map(|file| stem(&file.path)).collect();
        let name = |(index, own): (usize, &String)| {
            let twice = stems.iter().filter(|other| *other == own).count() > 1;
            let path = table.files().get(index).map(|file| file.path.display().to_string());
            path.filter(|_| twice).unwrap_or_else(|| own.clone())
        };
        let names = stems.iter().enumerate().map(name).collect();
        return (names, (0..table.len()).map(|row| Some(table.file_of(row))).collect());
    }
    let Ok(strata) = Strata::new(table, &[column]) else {
        return (vec![ALL.to_owned()], vec![Some(0); table.len()]);
    };
    // The empty value comes first where there is one.
    let unsaid = usize::from(strata.names().first().is_some_and(String::is_empty));
    let names = strata.names().iter().skip(unsaid).cloned().collect();
    (names, (0..table.len()).map(|row| strata.of(row).checked_sub(unsaid)).collect())
}
