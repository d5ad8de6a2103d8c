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

/// Numbers that are summed at a time: what is sent and received beside them is no larger.
const CHUNK: usize = 4 << 20;

/// What an MPI job ends with where a process left it without a word.
const LOST: i32 = 1;

/// All processes of the MPI job that this one belongs to. Clones are the same process.
///
/// Who is not seen to [`leave`](Self::leave) before the last clone is dropped - an error, a panic - ends the
/// whole job, as the others would wait for ever.
#[derive(Clone)]
pub struct Ranks(Rc<Job>);

struct Job {
    world: SimpleCommunicator,
    left: Cell<bool>,
    /// Ends MPI when it is dropped, so it is the last field.
    _universe: Universe,
}

impl Ranks {
    /// Joins the job. Once in a process, by the thread that will use it.
    ///
    /// # Errors
    /// [`TrainError::Launch`] where MPI cannot be used, or counts other processes than the launcher.
    pub fn start(launch: &Launch) -> Result<Self, TrainError> {
        let failed = |reason: String| TrainError::Launch { reason };
        // Clips are read by threads, but none of them calls MPI.
        let (universe, threading) = mpi::initialize_with_threading(Threading::Funneled)
            .ok_or_else(|| failed("MPI was started before in this process".into()))?;
        let world = universe.world();
        let counted = world.size() as usize;
        let ranks = Self(Rc::new(Job { world, left: Cell::new(false), _universe: universe }));
        let reason = if threading < Threading::Funneled {
            "this MPI library cannot be used by processes with threads".into()
        } else if counted != launch.processes {
            format!(
                "{} processes were started, as {} says, but MPI counts {counted}: the launcher is of \
                 another MPI library than this build (with Slurm: srun --mpi=pmix)",
                launch.processes, launch.said_by
            )
        } else {
            return Ok(ranks);
        };
        ranks.leave();
        Err(failed(reason))
    }

    /// Says that this process has done all that the others wait for.
    pub fn leave(&self) {
        self.0.left.set(true);
    }

    /// Ends all processes of the job at once; the launcher ends with `code`.
    pub fn abort(&self, code: i32) -> ! {
        self.0.world.abort(code)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.left.get() {
            let (rank, world) = (self.world.rank(), self.world.size());
            tracing::error!("process {rank} of {world} cannot go on, so none of them can");
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

    /// Each process gets one stretch of the numbers of all, adds it up, and sends the sum to all. A process
    /// sends and receives twice the buffer, the least that any way of summing does, whatever their number;
    /// and as each sum is computed once, by one process, all of them get the same bits. `MPI_Allreduce` may
    /// add in any order, even another one in each call.
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
            let what = format!("{count} numbers are more than MPI gathers at once");
            return Err(TrainError::Processes { what });
        }
        let mut all = vec![0.0; count];
        self.0.world.all_gather_into(values, &mut all[..]);
        Ok(all)
    }
}
