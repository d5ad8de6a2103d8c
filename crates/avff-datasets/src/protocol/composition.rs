//! The composition of a split.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::{
    CATEGORY_COLUMN, IDENTITY_COLUMN, SOURCE_COLUMN, leakage,
    table::{Table, values},
};

/// The number of rows with one subset, target and category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The subset; `None` for dropped rows.
    pub split: Option<String>,
    /// 1 for fake, 0 for real, `None` if unknown.
    pub target: Option<u8>,
    /// Empty if unknown.
    pub category: String,
    /// Number of rows.
    pub rows: usize,
}

/// The rows of each subset, and the values that subsets share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Composition {
    /// Rows by subset, target and category, in that order.
    pub cells: Vec<Cell>,
    /// Identities in each subset; `None` without an identity column.
    pub identities: Option<BTreeMap<String, usize>>,
    /// Identities in more than one subset; `None` without an identity column.
    pub shared_identities: Option<usize>,
    /// Sources in more than one subset; `None` without a source column.
    pub shared_sources: Option<usize>,
    /// Paths in more than one subset.
    pub shared_paths: usize,
}

impl Composition {
    /// Counts the rows of each subset. `assignment` gives each row's index into `names`.
    #[must_use]
    pub fn new(table: &Table, names: &[String], assignment: &[Option<usize>]) -> Self {
        let shared =
            |column| leakage::by_column(table, assignment, column).ok().map(|leaks| leaks.len());
        Self {
            cells: cells(table, names, assignment),
            identities: table.column(IDENTITY_COLUMN).map(|column| {
                let mut people = vec![HashSet::new(); names.len()];
                for (row, subset) in assignment.iter().enumerate() {
                    if let Some(people) = subset.and_then(|subset| people.get_mut(subset)) {
                        people.extend(values(table.cell(row, column)));
                    }
                }
                names.iter().cloned().zip(people.into_iter().map(|people| people.len())).collect()
            }),
            shared_identities: shared(IDENTITY_COLUMN),
            shared_sources: shared(SOURCE_COLUMN),
            shared_paths: leakage::by_path(table, assignment, &table.first_of_path()).len(),
        }
    }
}

fn cells(table: &Table, names: &[String], assignment: &[Option<usize>]) -> Vec<Cell> {
    let category = table.column(CATEGORY_COLUMN);
    let mut counts: BTreeMap<(usize, Option<u8>, &str), usize> = BTreeMap::new();
    for (row, subset) in assignment.iter().enumerate() {
        let category = category.map_or("", |column| table.value(row, column));
        // Dropped rows come last.
        let subset = subset.unwrap_or(names.len());
        *counts.entry((subset, table.target(row), category)).or_default() += 1;
    }
    let cell = |((subset, target, category), rows): ((usize, Option<u8>, &str), usize)| Cell {
        split: names.get(subset).cloned(),
        target,
        category: category.to_owned(),
        rows,
    };
    counts.into_iter().map(cell).collect()
}
