//! Reads the weights: boosted classifiers that propose windows, then levels of networks that
//! classify them.
//!
//! The file holds little-endian `i32` and `f32`: levels with their nodes. Each node has its stages
//! and the indices of the nodes of the previous level that provide its boxes.

use super::{
    lab::{Boosted, Feature},
    surf::{Layer, PATCH_VALUES, Patch, Perceptron, patches},
};

/// The limit on counts, so that a wrong count cannot exhaust memory. All counts of the published
/// model, except numbers of weights, are smaller.
const MAX_COUNT: usize = 1 << 12;

pub(super) type Stage = Perceptron;

pub(super) struct Model {
    /// The first level: classifiers for different views of a face.
    pub(super) proposers: Vec<Boosted>,
    pub(super) levels: Vec<Vec<Node>>,
}

pub(super) struct Node {
    /// Indices of nodes of the previous level.
    pub(super) sources: Vec<usize>,
    pub(super) stages: Vec<Stage>,
}

impl Model {
    /// Reads a model; returns `None` where the bytes are not a complete model.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { bytes, patches: patches() };
        let mut model = Self { proposers: Vec::new(), levels: Vec::new() };
        for level in 0..reader.count()? {
            let mut nodes = Vec::new();
            for _ in 0..reader.count()? {
                let mut node = Node { sources: Vec::new(), stages: Vec::new() };
                for _ in 0..reader.count()? {
                    match (reader.int()?, level) {
                        (0, 0) => model.proposers.push(reader.boosted()?),
                        (1, 1..) => node.stages.push(reader.perceptron()?),
                        _ => return None,
                    }
                }
                // The first level stores -1, as it has no sources.
                for _ in 0..reader.int()? {
                    node.sources.push(reader.count()?);
                }
                nodes.push(node);
            }
            if level > 0 {
                model.levels.push(nodes);
            }
        }
        reader.bytes.is_empty().then_some(model)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    patches: Vec<Patch>,
}

impl Reader<'_> {
    fn word(&mut self) -> Option<[u8; 4]> {
        let (word, rest) = self.bytes.split_first_chunk::<4>()?;
        self.bytes = rest;
        Some(*word)
    }

    fn int(&mut self) -> Option<i32> {
        self.word().map(i32::from_le_bytes)
    }

    fn float(&mut self) -> Option<f32> {
        self.word().map(f32::from_le_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.int()?).ok().filter(|&count| count <= MAX_COUNT)
    }

    fn floats(&mut self, count: usize) -> Option<Vec<f32>> {
        // Checked before memory is allocated.
        (count <= self.bytes.len() / 4).then(|| (0..count).map_while(|_| self.float()).collect())
    }

    fn boosted(&mut self) -> Option<Boosted> {
        let (count, bins) = (self.count()?, self.count()?);
        let mut positions = Vec::new();
        for _ in 0..count {
            positions.push((self.count()?, self.count()?));
        }
        let min_scores = self.floats(count)?;
        let mut features = Vec::new();
        for ((x, y), min_score) in positions.into_iter().zip(min_scores) {
            features.push(Feature { x, y, min_score, weights: self.floats(bins + 1)? });
        }
        Boosted::new(features)
    }

    fn perceptron(&mut self) -> Option<Perceptron> {
        let (layers, count) = (self.count()?, self.count()?);
        let mut selected = Vec::new();
        for _ in 0..count {
            // Indices start at 1.
            let index = self.count()?.checked_sub(1)?;
            selected.push(*self.patches.get(index)?);
        }
        let threshold = self.float()?;
        let mut inputs = self.count()?;
        if inputs != count * PATCH_VALUES {
            return None;
        }
        let mut network = Vec::new();
        for _ in 1..layers {
            let outputs = self.count()?;
            let (weights, biases) = (self.floats(inputs * outputs)?, self.floats(outputs)?);
            network.push(Layer { inputs, weights, biases });
            inputs = outputs;
        }
        Perceptron::new(selected, network, threshold)
    }
}
