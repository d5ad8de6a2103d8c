//! Sums whose order of additions does not depend on who adds.
//!
//! The numbers 0 to `count` are the leaves of a balanced binary tree: a node's numbers are halved,
//! the first half taking the odd one. A sum is that of both halves, down to the leaves. A process
//! that has consecutive leaves adds all nodes that lie within them; the nodes above are added from
//! what the processes exchange. Any other grouping gives the same bits, because every addition has
//! the same two terms.

use std::ops::Range;

use super::Processes;
use crate::error::TrainError;

/// Numbers per process and exchange, which limits the size of the communication buffers.
const CHUNK: usize = 1 << 20;

fn halves(node: &Range<usize>) -> (Range<usize>, Range<usize>) {
    let middle = node.start + node.len().div_ceil(2);
    (node.start..middle, middle..node.end)
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Returns the largest nodes of a tree of `count` leaves that lie within `own`, in order.
pub(crate) fn nodes(count: usize, own: &Range<usize>) -> Vec<Range<usize>> {
    fn collect(node: Range<usize>, own: &Range<usize>, found: &mut Vec<Range<usize>>) {
        if node.is_empty() || node.end <= own.start || own.end <= node.start {
        } else if within(&node, own) {
            found.push(node);
        } else {
            let (first, second) = halves(&node);
            collect(first, own, found);
            collect(second, own, found);
        }
    }
    let mut found = Vec::new();
    collect(0..count, own, &mut found);
    found
}

/// Adds the leaves of one process as they come, keeping as few terms as possible: at most two for
/// each level of the tree.
pub(crate) struct Partial<T> {
    count: usize,
    terms: Vec<(Range<usize>, T)>,
}

impl<T> Partial<T> {
    /// Starts the sum over some leaves of a tree of `count` leaves.
    pub(crate) fn new(count: usize) -> Self {
        Self { count, terms: Vec::new() }
    }

    /// Adds the next leaf. Leaves come in order, without gaps.
    pub(crate) fn push(&mut self, leaf: usize, value: T, add: impl Fn(T, T) -> T) {
        let mut term = (leaf..leaf + 1, value);
        while let Some((range, value)) =
            self.terms.pop_if(|(range, _)| is_node(self.count, range, &term.0))
        {
            term = (range.start..term.0.end, add(value, term.1));
        }
        self.terms.push(term);
    }

    /// Returns the sums of the [`nodes`] of the leaves.
    pub(crate) fn finish(self) -> Vec<T> {
        self.terms.into_iter().map(|(_, value)| value).collect()
    }
}

/// Returns whether the two ranges are the halves of a node.
fn is_node(count: usize, first: &Range<usize>, second: &Range<usize>) -> bool {
    let both = first.start..second.end;
    let mut node = 0..count;
    while node.len() > both.len() {
        let (left, right) = halves(&node);
        node = if within(&both, &left) { left } else { right };
    }
    node == both && halves(&node) == (first.clone(), second.clone())
}

/// Sums numbers over the nodes of all processes. `own` are those of this process's nodes. Every
/// process adds a stretch of the numbers and sends the sums to all others.
pub(super) fn sum_over_processes(
    count: usize,
    nodes: &[Vec<Range<usize>>],
    own: &[Vec<f32>],
    peers: &mut dyn Processes,
) -> Result<Vec<f32>, TrainError> {
    if nodes.len() == 1 {
        // All leaves are this process's, so there is one node: the root.
        return Ok(own.first().cloned().unwrap_or_default());
    }
    let most = nodes.iter().map(Vec::len).max().unwrap_or_default();
    let length = own.first().map_or(0, Vec::len);
    let mut sums = Vec::with_capacity(length);
    while sums.len() < length {
        let chunk = (length - sums.len()).min(CHUNK * nodes.len());
        let stretch = chunk.div_ceil(nodes.len());
        let mut sent = vec![0.0; nodes.len() * most * stretch];
        for (to, segment) in sent.chunks_exact_mut(most * stretch).enumerate() {
            for (values, place) in own.iter().zip(segment.chunks_exact_mut(stretch)) {
                let from = (sums.len() + to * stretch).min(length);
                let end = (from + stretch).min(sums.len() + chunk);
                let values = values.get(from..end).unwrap_or_default();
                place.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
            }
        }
        let received = peers.exchange(&sent)?;
        let segments = received.chunks_exact(most * stretch).zip(nodes);
        let terms: Vec<(&Range<usize>, &[f32])> = segments
            .flat_map(|(segment, nodes)| nodes.iter().zip(segment.chunks_exact(stretch)))
            .collect();
        let sum = sum_of(0..count, &terms);
        let all = peers.gather(&sum)?;
        sums.extend(all.into_iter().take(chunk));
    }
    Ok(sums)
}

/// Adds the terms of a node.
fn sum_of(node: Range<usize>, terms: &[(&Range<usize>, &[f32])]) -> Vec<f32> {
    if let Some((_, values)) = terms.iter().find(|(range, _)| **range == node) {
        return values.to_vec();
    }
    let (first, second) = halves(&node);
    let mut sum = sum_of(first, terms);
    sum.iter_mut().zip(sum_of(second, terms)).for_each(|(sum, value)| *sum += value);
    sum
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::distributed::{Replicas, testing::in_threads};

    #[test]
    fn nodes_are_the_largest() {
        let found = |count, own| -> Vec<(usize, usize)> {
            nodes(count, &own).into_iter().map(|node| (node.start, node.end)).collect()
        };
        assert_eq!(found(8, 0..8), [(0, 8)]);
        assert_eq!(found(8, 2..4), [(2, 4)]);
        assert_eq!(found(8, 1..7), [(1, 2), (2, 4), (4, 6), (6, 7)]);
        assert_eq!(found(7, 0..7), [(0, 7)]);
        assert_eq!(found(7, 4..7), [(4, 7)]);
        assert_eq!(found(7, 3..6), [(3, 4), (4, 6)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Any number of processes adds in the same order.
        #[test]
        fn sums_have_the_same_bits_for_any_number_of_processes(
            rows in proptest::collection::vec(proptest::collection::vec(-1e3_f32..1e3, 5), 1..12),
            world in 1..6_usize,
        ) {
            let count = rows.len();
            let add = |mut a: Vec<f32>, b: Vec<f32>| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            };
            let all = in_threads(world.min(count), |mut peers| {
                let replicas = Replicas::new(count, &*peers);
                let mut partial = Partial::new(count);
                for leaf in replicas.own() {
                    partial.push(leaf, rows[leaf].clone(), add);
                }
                let own = partial.finish();
                assert_eq!(own.len(), nodes(count, &replicas.own()).len());
                replicas.sum(&own, &mut *peers).unwrap()
            });
            let terms: Vec<_> = (0..count).map(|leaf| leaf..leaf + 1).collect();
            let terms: Vec<_> = terms.iter().zip(rows.iter().map(Vec::as_slice)).collect();
            let expected = sum_of(0..count, &terms);
            for sums in all {
                prop_assert_eq!(&sums, &expected);
            }
        }
    }
}
