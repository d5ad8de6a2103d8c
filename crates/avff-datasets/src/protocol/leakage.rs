//! Detects values that several subsets of a split share.

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use super::{
    error::SplitError,
    table::{Table, values},
};

/// A value that occurs in more than one subset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The identity, source, path or content.
    pub key: String,
    /// The rows with the value, in table order.
    pub rows: Vec<usize>,
}

/// Returns the values of a column that occur in more than one subset, sorted. A cell may hold
/// several values, separated by `;`.
///
/// # Errors
/// [`SplitError::NoColumn`].
pub fn by_column(
    table: &Table,
    assignment: &[Option<usize>],
    column: &str,
) -> Result<Vec<Leak>, SplitError> {
    let column = table.require(column)?;
    Ok(shared(assignment, |row| values(table.cell(row, column))))
}

/// Returns the paths that occur in more than one subset. The key is the name of the first row.
#[must_use]
pub fn by_path(table: &Table, assignment: &[Option<usize>], first_of_path: &[usize]) -> Vec<Leak> {
    let mut leaks = shared(assignment, |row| first_of_path.get(row).copied().into_iter());
    for leak in &mut leaks {
        leak.key = leak.rows.first().map_or_else(String::new, |&row| table.name(row).to_owned());
    }
    leaks
}

/// Returns the keys that occur in more than one subset, sorted.
///
/// The function iterates twice, so that memory holds only the rows of leaking keys.
pub fn shared<K: Ord + std::hash::Hash + ToString, I: Iterator<Item = K>>(
    assignment: &[Option<usize>],
    keys: impl Fn(usize) -> I,
) -> Vec<Leak> {
    // `None` once a second subset contains the key.
    let mut seen: HashMap<K, Option<usize>> = HashMap::new();
    let assigned_rows =
        || assignment.iter().enumerate().filter_map(|(row, subset)| Some((row, (*subset)?)));
    for (row, subset) in assigned_rows() {
        for key in keys(row) {
            match seen.entry(key) {
                Entry::Occupied(mut entry) if *entry.get() != Some(subset) => {
                    entry.insert(None);
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => {
                    entry.insert(Some(subset));
                }
            }
        }
    }
    let mut leaks: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (row, _) in assigned_rows() {
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
    fn value_in_two_subsets_is_a_leak() {
        let cells = ["a;b", "b", "b;b", "c", "a", "a"];
        let assignment = [Some(0), Some(0), Some(1), Some(1), None, Some(0)];
        let leaks = shared(&assignment, |row| values(cells[row]));
        // `a` occurs only in subset 0: the other row is dropped.
        assert_eq!(leaks, [Leak { key: "b".into(), rows: vec![0, 1, 2] }]);
    }
}
