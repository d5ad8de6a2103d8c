//! The processes of an MPI job.

use std::{cell::Cell, rc::Rc};

use mpi::{
    Threading,
    environment::Universe,
    topology::SimpleCommunicator,
    traits::{Communicator, CommunicatorCollectives},
};

use super::{Processes, launch::Launch};
use crate::error::TrainError;

/// Numbers per reduction, which limits the size of the communication buffers.
const CHUNK: usize = 4 << 20;

/// Exit code of an MPI job whose process left unexpectedly.
const LOST: i32 = 1;

/// The processes of this MPI job. Clones refer to the same process.
///
/// If the last clone is dropped without [`leave`](Self::leave), as after an error or a panic, the
/// whole job ends. The other processes would otherwise wait forever.
#[derive(Clone)]
pub struct Ranks(Rc<Job>);

struct Job {
    world: SimpleCommunicator,
    left: Cell<bool>,
    /// Finalizes MPI when it is dropped, so it must be the last field.
    _universe: Universe,
}

impl Ranks {
    /// Joins the job. Call it once per process, on the thread that will use it.
    ///
    /// # Errors
    /// [`TrainError::Launch`] if MPI cannot be used, or if its process count differs from the
    /// launcher's.
    pub fn start(launch: &Launch) -> Result<Self, TrainError> {
        let failed = |reason: String| TrainError::Launch { reason };
        // Other threads read clips, but only this thread calls MPI.
        let (universe, threading) = mpi::initialize_with_threading(Threading::Funneled)
            .ok_or_else(|| failed("MPI was already initialized in this process".into()))?;
        let world = universe.world();
        let counted = world.size() as usize;
        let ranks = Self(Rc::new(Job { world, left: Cell::new(false), _universe: universe }));
        let reason = if threading < Threading::Funneled {
            "this MPI library does not support processes with threads".into()
        } else if counted != launch.processes {
            format!(
                "{} reports {} processes, but MPI counts {counted}: the launcher belongs to \
                 another MPI library than this build (with Slurm, use srun --mpi=pmix)",
                launch.variable, launch.processes
            )
        } else {
            return Ok(ranks);
        };
        ranks.leave();
        Err(failed(reason))
    }

    /// Declares that no other process waits for this one any more.
    pub fn leave(&self) {
        self.0.left.set(true);
    }

    /// Ends all processes of the job immediately; the launcher exits with `code`.
    pub fn abort(&self, code: i32) -> ! {
        self.0.world.abort(code)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.left.get() {
            let (rank, world) = (self.world.rank(), self.world.size());
            tracing::error!("process {rank} of {world} failed, so the whole job ends");
            self.world.abort(LOST);
        }
    }
}

impl Processes for Ranks {
    fn rank(&self) -> usize {
        self.0.world.rank() as usize
    }

    fn world(&self) -> usize {
        self.0.world.size() as usize
    }

    /// Each process receives one segment of all numbers, sums it in rank order, and sends the sum
    /// to all. A process sends and receives twice the buffer, which is the minimum for any
    /// algorithm. Each sum is computed by a single process, so all processes get bit-identical
    /// results. `MPI_Allreduce` may add in any order, even a different one in each call.
    fn sum(&mut self, values: &mut [f32]) -> Result<(), TrainError> {
        let world = self.world();
        let mut chunks = values.chunks_mut(CHUNK);
        let Some(first) = chunks.next() else { return Ok(()) };
        let stretch = first.len().div_ceil(world);
        let mut own = vec![0.0; stretch * world];
        let mut others = own.clone();
        for chunk in std::iter::once(first).chain(chunks) {
            let stretch = chunk.len().div_ceil(world);
            let (own, others) = (&mut own[..stretch * world], &mut others[..stretch * world]);
            own[..chunk.len()].copy_from_slice(chunk);
            own[chunk.len()..].fill(0.0);
            self.0.world.all_to_all_into(&*own, others);
            let (sum, rest) = others.split_at_mut(stretch);
            for part in rest.chunks_exact(stretch) {
                for (sum, value) in sum.iter_mut().zip(part) {
                    *sum += value;
                }
            }
            self.0.world.all_gather_into(&*sum, own);
            chunk.copy_from_slice(&own[..chunk.len()]);
        }
        Ok(())
    }

    fn gather(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        let count = values.len() * self.world();
        // MPI counts in 32 bits.
        if i32::try_from(count).is_err() {
            let what = format!("{count} numbers exceed what MPI can gather at once");
            return Err(TrainError::Processes { what });
        }
        let mut all = vec![0.0; count];
        self.0.world.all_gather_into(values, &mut all[..]);
        Ok(all)
    }

    fn exchange(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        let mut received = vec![0.0; values.len()];
        self.0.world.all_to_all_into(values, &mut received[..]);
        Ok(received)
    }
}
