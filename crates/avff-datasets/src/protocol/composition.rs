//! What is in each part of a split.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::{
    CATEGORY_COLUMN, IDENTITY_COLUMN, SOURCE_COLUMN, leakage,
    table::{Table, values},
};

/// Rows of one part, target and category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The part; none for rows that are left out.
    pub split: Option<String>,
    /// 1 for fake, 0 for real, none where it is not said.
    pub target: Option<u8>,
    /// Empty where there is none.
    pub category: String,
    /// How many.
    pub rows: usize,
}

/// What is in each part, and what parts share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Composition {
    /// Rows by part, target and category, in that order.
    pub cells: Vec<Cell>,
    /// Identities in each part; none without such a column.
    pub identities: Option<BTreeMap<String, usize>>,
    /// Identities in more than one part; none without such a column.
    pub shared_identities: Option<usize>,
    /// Sources in more than one part; none without such a column.
    pub shared_sources: Option<usize>,
    /// Paths in more than one part.
    pub shared_paths: usize,
}

impl Composition {
    /// Counts what `parts` puts where; a part's number is its place in `names`.
    #[must_use]
    pub fn new(table: &Table, names: &[String], parts: &[Option<usize>]) -> Self {
        let shared =
            |column| leakage::by_column(table, parts, column).ok().map(|leaks| leaks.len());
        Self {
            cells: cells(table, names, parts),
            identities: table.column(IDENTITY_COLUMN).map(|column| {
                let mut people = vec![HashSet::new(); names.len()];
                for (row, part) in parts.iter().enumerate() {
                    if let Some(people) = part.and_then(|part| people.get_mut(part)) {
                        people.extend(values(table.cell(row, column)));
                    }
                }
                names.iter().cloned().zip(people.into_iter().map(|people| people.len())).collect()
            }),
            shared_identities: shared(IDENTITY_COLUMN),
            shared_sources: shared(SOURCE_COLUMN),
            shared_paths: leakage::by_path(table, parts, &table.first_of_path()).len(),
        }
    }
}

fn cells(table: &Table, names: &[String], parts: &[Option<usize>]) -> Vec<Cell> {
    let category = table.column(CATEGORY_COLUMN);
    let mut counts: BTreeMap<(usize, Option<u8>, &str), usize> = BTreeMap::new();
    for (row, part) in parts.iter().enumerate() {
        let category = category.map_or("", |column| table.value(row, column));
        // Rows that are left out come last.
        let part = part.unwrap_or(names.len());
        *counts.entry((part, table.target(row), category)).or_default() += 1;
    }
    let cell = |((part, target, category), rows): ((usize, Option<u8>, &str), usize)| Cell {
        split: names.get(part).cloned(),
        target,
        category: category.to_owned(),
        rows,
    };
    counts.into_iter().map(cell).collect()
}
