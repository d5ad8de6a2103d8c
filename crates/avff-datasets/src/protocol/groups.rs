//! Rows that must stay together: connected by a path, and where asked by identity and source.

use std::collections::{HashMap, hash_map::Entry};

use sha2::{Digest, Sha256};

use super::{
    error::SplitError,
    table::{Table, values},
};

/// Rows joined into groups; a group is numbered by the order of its rank, so by chance and not by
/// where its rows stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// The rows of each group, in the order of the table.
    rows: Vec<Vec<u32>>,
    /// Rows that have none of the values that join.
    alone: usize,
}

impl Groups {
    /// Rows of one path.
    #[must_use]
    pub fn by_path(table: &Table, seed: u64) -> Self {
        Self::ranked(table, by_path(table), seed, 0)
    }

    /// Rows that are connected through a path or any value of `columns`, however many steps apart.
    ///
    /// # Errors
    /// [`SplitError::NoColumn`] where the table has none of the columns, and
    /// [`SplitError::NoSubjects`] where all their cells are empty.
    pub fn connected(
        table: &Table,
        columns: &[impl AsRef<str>],
        seed: u64,
    ) -> Result<Self, SplitError> {
        let mut places = Vec::new();
        let mut missing = None;
        for column in columns {
            match table.require(column.as_ref()) {
                Ok(place) => places.push(place),
                // A data set may know identities and no sources, or the other way round.
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        if let (true, Some(error)) = (places.is_empty(), missing) {
            return Err(error);
        }
        let mut joined = by_path(table);
        let mut known = vec![false; table.len()];
        for &place in &places {
            let mut first: HashMap<&str, u32> = HashMap::new();
            for row in 0..table.len() {
                for value in values(table.cell(row, place)) {
                    if let Some(known) = known.get_mut(row) {
                        *known = true;
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
        let alone = known.iter().filter(|&&known| !known).count();
        if alone == table.len() {
            let columns: Vec<&str> = columns.iter().map(AsRef::as_ref).collect();
            return Err(SplitError::NoSubjects { columns: columns.join(", ") });
        }
        Ok(Self::ranked(table, joined, seed, alone))
    }

    fn ranked(table: &Table, mut joined: UnionFind, seed: u64, alone: usize) -> Self {
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
        // Equal ranks would need equal names, and rows of one name are of one group; the one
        // exception is a name under two roots, whose order follows the manifests'.
        groups.sort_unstable();
        Self { rows: groups.into_iter().map(|(_, rows)| rows).collect(), alone }
    }

    /// The rows of each group, in the order of ranks.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.rows.iter().map(Vec::as_slice)
    }

    /// Groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no groups, as there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows in the largest group.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// Rows that nothing but their path connects: who is in them is not known.
    #[must_use]
    pub fn alone(&self) -> usize {
        self.alone
    }
}

/// Where a group stands in the seed's order.
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

/// Disjoint sets with path halving; the smaller root wins, which keeps trees flat enough.
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

    /// `printf '\7\0\0\0\0\0\0\0clips/a.mp4' | sha256sum`, by coreutils.
    #[test]
    fn ranks_are_those_of_sha256() {
        let hex: String = rank(7, "clips/a.mp4").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "264d04e7ba5e9feaf97fee9a6f99721e73c747fff0cd5a13c41c322bb5c83e5b");
    }
}
