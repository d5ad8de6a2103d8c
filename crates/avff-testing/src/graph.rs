//! Cycles of a directed graph.

use std::collections::{BTreeMap, BTreeSet};

/// For each node the nodes that it points to.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// Returns the groups of more than one node in which every node reaches every other one (strongly
/// connected components).
pub(crate) fn cycles(graph: &Graph) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|node| (node, reachable(graph, node))).collect();
    let reaches =
        |from: &String, to: &String| reached.get(from).is_some_and(|set| set.contains(to));
    let mut groups: Vec<Vec<String>> = Vec::new();
    for node in graph.keys() {
        if groups.iter().any(|group| group.contains(node)) {
            continue;
        }
        let both_ways = |other: &&String| reaches(node, other) && reaches(other, node);
        let others: Vec<String> = graph.keys().filter(both_ways).cloned().collect();
        if others.len() > 1 {
            groups.push(others);
        }
    }
    groups
}

/// Returns the nodes that are reachable from a node by at least one step.
fn reachable<'g>(graph: &'g Graph, node: &String) -> BTreeSet<&'g String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = graph.get(node).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(graph.get(next).into_iter().flatten());
        }
    }
    reached
}
