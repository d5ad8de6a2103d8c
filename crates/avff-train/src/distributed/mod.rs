//! The processes of a data parallel run.
//!
//! Each process holds the whole network and computes a part of every batch. Gradients are summed in
//! the order of a tree, so every process takes an identical step and the weights stay equal.
//!
//! - [`Processes`]: the collective operations of a run; [`SingleProcess`] implements them for one
//!   process
//! - [`Launch`]: how this process was launched
//! - `Ranks`, with the feature `mpi`: the processes of an MPI job
//! - [`ProcessGroup`]: one of the two, depending on the launcher
//! - [`Replicas`]: the parts of a batch that are computed apart, and who computes them
//! - `tree`: the order of additions, with the same bits for any number of processes
//! - `buckets`: sums in the order of the tree, a part of the numbers at a time
//! - `nccl`, with the feature of this name: sums of gradients through NCCL, between NVIDIA GPUs
//! - `agreement`: whether all processes can use NCCL

#[cfg(any(test, feature = "nccl"))]
mod agreement;
mod buckets;
mod launch;
#[cfg(feature = "nccl")]
mod nccl;
mod process_group;
#[cfg(feature = "mpi")]
mod ranks;
mod replicas;
pub(crate) mod tree;

#[cfg(test)]
#[allow(unreachable_pub, reason = "tests of other crates share it")]
#[path = "../../tests/support/threads.rs"]
mod testing;

#[cfg(feature = "mpi")]
pub use self::ranks::Ranks;
pub use self::{launch::Launch, process_group::ProcessGroup, replicas::Replicas};
use crate::error::TrainError;

/// Collective operations of a training run. Every process makes equal calls in an equal order.
pub trait Processes {
    /// Returns the rank of this process, from 0.
    fn rank(&self) -> usize;

    /// Returns the number of processes.
    fn world(&self) -> usize;

    /// Replaces every number by its sum over all processes, added in rank order.
    ///
    /// # Errors
    /// [`TrainError::Processes`] if a process is lost.
    fn sum(&mut self, values: &mut [f32]) -> Result<(), TrainError>;

    /// Concatenates the numbers of all processes in rank order; all must pass equally many.
    ///
    /// # Errors
    /// [`TrainError::Processes`] if a process is lost.
    fn gather(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError>;

    /// Sends the n-th of as many equal segments as there are processes to process n, and returns
    /// the segments for this process, in rank order.
    ///
    /// # Errors
    /// [`TrainError::Processes`] if a process is lost.
    fn exchange(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError>;

    /// Sums numbers over all replicas, in the order of their tree. `own` are the sums of this
    /// process, one for each of the largest nodes of the tree that lie within its own replicas; all
    /// are equally long. Every implementation returns the same bits.
    ///
    /// # Errors
    /// [`TrainError::Processes`] if a process is lost.
    fn sum_replicas(
        &mut self,
        replicas: &Replicas,
        own: &[Vec<f32>],
    ) -> Result<Vec<f32>, TrainError> {
        buckets::sum(replicas, own, buckets::NUMBERS, &mut buckets::InMainMemory(self))
    }
}

/// A run of one process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SingleProcess;

impl Processes for SingleProcess {
    fn rank(&self) -> usize {
        0
    }

    fn world(&self) -> usize {
        1
    }

    fn sum(&mut self, _values: &mut [f32]) -> Result<(), TrainError> {
        Ok(())
    }

    fn gather(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        Ok(values.to_vec())
    }

    fn exchange(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        Ok(values.to_vec())
    }
}
