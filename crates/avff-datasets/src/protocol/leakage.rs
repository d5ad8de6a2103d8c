//! What two parts of a split have in common, and should not.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use super::{
    error::SplitError,
    table::{Table, values},
};

/// A value that rows of more than one part have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The identity, source, path or content.
    pub key: String,
    /// The rows that have it, in the order of the table.
    pub rows: Vec<usize>,
}

/// The values of a column, several in a cell joined by `;`, that rows of more than one part have, in
/// the order of the values.
///
/// # Errors
/// [`SplitError::NoColumn`].
pub fn by_column(
    table: &Table,
    parts: &[Option<usize>],
    column: &str,
) -> Result<Vec<Leak>, SplitError> {
    let place = table.require(column)?;
    Ok(shared(parts, |row| values(table.cell(row, place))))
}

/// The paths that rows of more than one part have. The key is the name of the first row.
#[must_use]
pub fn by_path(table: &Table, parts: &[Option<usize>], first_of_path: &[usize]) -> Vec<Leak> {
    let mut leaks = shared(parts, |row| first_of_path.get(row).copied().into_iter());
    for leak in &mut leaks {
        leak.key = leak.rows.first().map_or_else(String::new, |&row| table.name(row).to_owned());
    }
    leaks
}

/// The keys that rows of more than one part have, in the order of the keys.
///
/// Two passes: only rows of keys that leak are held.
pub fn shared<K: Ord + std::hash::Hash + ToString, I: Iterator<Item = K>>(
    parts: &[Option<usize>],
    keys: impl Fn(usize) -> I,
) -> Vec<Leak> {
    // None once a second part has it.
    let mut seen: HashMap<K, Option<usize>> = HashMap::new();
    let in_parts = || parts.iter().enumerate().filter_map(|(row, part)| Some((row, (*part)?)));
    for (row, part) in in_parts() {
        for key in keys(row) {
            match seen.entry(key) {
                Entry::Occupied(mut entry) if *entry.get() != Some(part) => {
                    entry.insert(None);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => {
                    entry.insert(Some(part));
                }
            }
        }
    }
    let mut leaks: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (row, _) in in_parts() {
        for key in keys(row) {
            if seen.get(&key) == Some(&None) {
                let rows = leaks.entry(key).or_default();
                if rows.last() != Some(&row) {
                    rows.push(row);
                }
            }
        }
    }
    leaks.into_iter().map(|(key, rows)| Leak { key: key.to_string(), rows }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_leaks_once_two_parts_have_it() {
        let cells = ["a;b", "b", "b;b", "c", "a", "a"];
        let parts = [Some(0), Some(0), Some(1), Some(1), None, Some(0)];
        let leaks = shared(&parts, |row| values(cells[row]));
        // `a` is in part 0 alone: the other row that has it is left out.
        assert_eq!(leaks, [Leak { key: "b".into(), rows: vec![0, 1, 2] }]);
    }
}
