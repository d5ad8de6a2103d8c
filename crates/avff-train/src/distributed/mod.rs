//! The processes of a data-parallel run.
//!
//! Each holds the whole network and computes a part of every batch. Gradients are summed in the order
//! of ranks, so every process takes the same step and weights never drift apart.
//!
//! - [`Processes`]: what a run needs of the others, [`Alone`] without any
//! - [`Launch`]: what the launcher says to the processes that it starts
//! - `Ranks`, with the feature `mpi`: the processes of an MPI job
//! - [`Team`]: either, as the launcher says

mod launch;
#[cfg(feature = "mpi")]
mod ranks;
mod team;

#[cfg(feature = "mpi")]
pub use self::ranks::Ranks;
pub use self::{launch::Launch, team::Team};
use crate::error::TrainError;

/// What a training run needs of the others. Every process makes the same calls in the same order.
pub trait Processes {
    /// This process, from 0.
    fn rank(&self) -> usize;

    /// All of them.
    fn world(&self) -> usize;

    /// Replaces every number by its sum over all processes, added in the order of ranks.
    ///
    /// # Errors
    /// [`TrainError::Processes`] where a process is lost.
    fn sum(&mut self, values: &mut [f32]) -> Result<(), TrainError>;

    /// The numbers of every process, one after the other in the order of ranks; each gives as many.
    ///
    /// # Errors
    /// [`TrainError::Processes`] where a process is lost.
    fn gather(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError>;
}

/// A run of one process.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Processes for Alone {
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
}
