//! Groups of rows that must stay together: rows connected by a path and optionally by identity and
//! source.

use std::collections::{HashMap, hash_map::Entry};

use sha2::{Digest, Sha256};

use super::{
    error::SplitError,
    table::{Table, values},
};

/// Indivisible groups of rows. Groups are ordered by their random rank, independent of row order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// The rows of each group, in table order.
    rows: Vec<Vec<u32>>,
    /// Number of rows without any connecting value.
    unconnected: usize,
}

impl Groups {
    /// Groups rows by path.
    #[must_use]
    pub fn by_path(table: &Table, seed: u64) -> Self {
        Self::ranked(table, by_path(table), seed, 0)
    }

    /// Groups rows that are connected by a path or by any value of `columns`, directly or through
    /// other rows.
    ///
    /// # Errors
    /// [`SplitError::NoColumn`] if the table has none of the columns, [`SplitError::NoSubjects`] if
    /// all their cells are empty.
    pub fn connected(
        table: &Table,
        columns: &[impl AsRef<str>],
        seed: u64,
    ) -> Result<Self, SplitError> {
        let mut columns_present = Vec::new();
        let mut missing = None;
        for column in columns {
            match table.require(column.as_ref()) {
                Ok(column) => columns_present.push(column),
                // A data set may have identities without sources, or the reverse.
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        if let (true, Some(error)) = (columns_present.is_empty(), missing) {
            return Err(error);
        }
        let mut joined = by_path(table);
        let mut connected = vec![false; table.len()];
        for &column in &columns_present {
            let mut first: HashMap<&str, u32> = HashMap::new();
            for row in 0..table.len() {
                for value in values(table.cell(row, column)) {
                    if let Some(connected) = connected.get_mut(row) {
                        *connected = true;
                    }
                    match first.entry(value) {
                        Entry::Occupied(entry) => joined.join(*entry.get(), row as u32),
                        Entry::Vacant(entry) => {
                            entry.insert(row as u32);
                        }
                    }
                }
            }
        }
        let unconnected = connected.iter().filter(|&&connected| !connected).count();
        if unconnected == table.len() {
            let columns: Vec<&str> = columns.iter().map(AsRef::as_ref).collect();
            return Err(SplitError::NoSubjects { columns: columns.join(", ") });
        }
        Ok(Self::ranked(table, joined, seed, unconnected))
    }

    fn ranked(table: &Table, mut joined: UnionFind, seed: u64, unconnected: usize) -> Self {
        let mut members: HashMap<u32, Vec<u32>> = HashMap::new();
        for row in 0..table.len() as u32 {
            members.entry(joined.root(row)).or_default().push(row);
        }
        let mut groups: Vec<(Rank, Vec<u32>)> = members
            .into_values()
            .map(|rows| {
                let smallest = rows.iter().map(|&row| table.name(row as usize)).min();
                (rank(seed, smallest.unwrap_or_default()), rows)
            })
            .collect();
        // Rows with equal names form one group, so ranks are unique. The exception is a name under
        // two roots, whose order follows the manifests.
        groups.sort_unstable();
        Self { rows: groups.into_iter().map(|(_, rows)| rows).collect(), unconnected }
    }

    /// Iterates over the rows of each group, in rank order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.rows.iter().map(Vec::as_slice)
    }

    /// Returns the number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there are no groups, because there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the number of rows in the largest group.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// Returns the number of rows connected only by their path, whose persons are unknown.
    #[must_use]
    pub fn unconnected(&self) -> usize {
        self.unconnected
    }
}

/// The position of a group in the seed's order.
type Rank = [u8; 32];

fn rank(seed: u64, name: &str) -> Rank {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    hasher.update(name.as_bytes());
    hasher.finalize().into()
}

fn by_path(table: &Table) -> UnionFind {
    let mut joined = UnionFind { parents: (0..table.len() as u32).collect() };
    for (row, first) in table.first_of_path().into_iter().enumerate() {
        joined.join(first as u32, row as u32);
    }
    joined
}

/// Disjoint sets with path halving. The smaller root becomes the parent, which keeps trees flat.
struct UnionFind {
    parents: Vec<u32>,
}

impl UnionFind {
    fn parent(&self, row: u32) -> u32 {
        self.parents.get(row as usize).copied().unwrap_or(row)
    }

    fn root(&mut self, mut row: u32) -> u32 {
        loop {
            let parent = self.parent(row);
            if parent == row {
                return row;
            }
            let grandparent = self.parent(parent);
            if let Some(slot) = self.parents.get_mut(row as usize) {
                *slot = grandparent;
            }
            row = grandparent;
        }
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.parents.get_mut(high as usize) {
            *slot = low;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of `printf '\7\0\0\0\0\0\0\0clips/a.mp4' | sha256sum`
    /// (coreutils).
    #[test]
    fn rank_is_sha256() {
        let hex: String = rank(7, "clips/a.mp4").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "264d04e7ba5e9feaf97fee9a6f99721e73c747fff0cd5a13c41c322bb5c83e5b");
    }
}
