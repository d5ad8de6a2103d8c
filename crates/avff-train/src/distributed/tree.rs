//! Sums whose order of additions does not depend on who adds.
//!
//! The numbers 0 to `count` are the leaves of a balanced binary tree: a node's numbers are halved,
//! the first half taking the odd one. A sum is that of both halves, down to the leaves. A process
//! that has consecutive leaves adds all nodes that lie within them; the nodes above are added from
//! what the processes exchange. Any other grouping gives the same bits, because every addition has
//! the same two terms.

use std::ops::Range;

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

/// Adds the terms of a node.
pub(super) fn sum_of(node: Range<usize>, terms: &[(&Range<usize>, &[f32])]) -> Vec<f32> {
    if let Some((_, values)) = terms.iter().find(|(range, _)| **range == node) {
        return values.to_vec();
    }
    let (first, second) = halves(&node);
    let mut sum = sum_of(first, terms);
    sum.iter_mut().zip(sum_of(second, terms)).for_each(|(sum, value)| *sum += value);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
