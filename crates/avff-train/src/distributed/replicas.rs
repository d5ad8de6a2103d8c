//! Replicas: the parts of a batch that are computed apart from each other.

use std::ops::Range;

use super::{Processes, tree};
use crate::error::TrainError;

/// The replicas of a run and the processes that compute them.
///
/// A batch is cut into as many parts as there are replicas. Each has a contrastive loss, a mask and
/// attention across clips of its own, as on one of the reference's GPUs. Every process computes
/// consecutive replicas, one after the other. Sums over replicas are added in the order of one
/// tree, whichever process computes which, so they are bit-identical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replicas {
    count: usize,
    rank: usize,
    world: usize,
}

impl Replicas {
    /// Shares `count` replicas among the processes. There must be at least one for each.
    #[must_use]
    pub fn new(count: usize, peers: &dyn Processes) -> Self {
        Self { count, rank: peers.rank(), world: peers.world() }
    }

    /// One replica for each process.
    #[must_use]
    pub fn of_processes(peers: &dyn Processes) -> Self {
        Self::new(peers.world(), peers)
    }

    /// Returns the number of replicas of all processes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the replicas of this process.
    #[must_use]
    pub fn own(&self) -> Range<usize> {
        self.of(self.rank)
    }

    /// Returns the replicas of a process.
    fn of(&self, rank: usize) -> Range<usize> {
        let start = |rank: usize| self.count * rank / self.world;
        start(rank)..start(rank + 1)
    }

    /// Returns the largest nodes of the tree that each process adds alone, in rank order.
    pub(super) fn nodes(&self) -> Vec<Vec<Range<usize>>> {
        (0..self.world).map(|rank| tree::nodes(self.count, &self.of(rank))).collect()
    }

    /// Returns the means over all replicas of all processes, of values of which each replica has
    /// equally many. `own` has one list for each replica of this process.
    ///
    /// # Errors
    /// The errors of [`Processes`].
    pub(crate) fn means(
        &self,
        own: &[Vec<f64>],
        peers: &mut dyn Processes,
    ) -> Result<Vec<f64>, TrainError> {
        let values = own.first().map_or(0, Vec::len);
        // Processes may have one replica more or less, but all must send equally many numbers.
        let longest = self.count.div_ceil(self.world);
        let mut sent: Vec<f32> = own.iter().flatten().map(|&value| value as f32).collect();
        sent.resize(longest * values, 0.0);
        let all = peers.gather(&sent)?;
        let mut sums = vec![0.0; values];
        for (rank, received) in all.chunks(sent.len().max(1)).enumerate() {
            for replica in received.chunks(values.max(1)).take(self.of(rank).len()) {
                for (sum, &value) in sums.iter_mut().zip(replica) {
                    *sum += f64::from(value);
                }
            }
        }
        Ok(sums.into_iter().map(|sum| sum / self.count as f64).collect())
    }
}
