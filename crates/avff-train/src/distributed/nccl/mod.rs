//! Sums of gradients through NCCL, between NVIDIA GPUs.
//!
//! MPI starts the processes, moves all small values, and hands out NCCL's identifier. Only
//! [`Processes::sum_replicas`] goes through NCCL.

mod gpu;
mod library;

use self::gpu::{Gpu, Streams};
use super::{
    Processes, Replicas,
    agreement::{Refusal, agree, hand_out},
    buckets,
};
use crate::error::TrainError;

/// Processes whose gradients are summed through NCCL.
struct ThroughNccl {
    /// Dropped before the other operations, which end the job after a failure.
    gpu: Gpu,
    peers: Box<dyn Processes>,
}

/// Sums gradients through NCCL if all processes can use it, and otherwise as before; the first
/// process says so in the log. `cuda` is the number of this process's CUDA device, if it has one.
///
/// # Errors
/// [`TrainError::Processes`].
pub(super) fn join(
    mut peers: Box<dyn Processes>,
    cuda: Option<usize>,
) -> Result<Box<dyn Processes>, TrainError> {
    let first = peers.rank() == 0;
    match connect(&mut *peers, cuda)? {
        Ok(gpu) => {
            if first {
                tracing::info!("gradients are summed through NCCL");
            }
            Ok(Box::new(ThroughNccl { gpu, peers }))
        }
        Err(refusal) => {
            if first {
                tracing::warn!("gradients are summed through MPI, not NCCL: {refusal}");
            }
            Ok(peers)
        }
    }
}

/// Connects the GPUs of all processes, or of none.
fn connect(
    peers: &mut dyn Processes,
    cuda: Option<usize>,
) -> Result<Result<Gpu, Refusal>, TrainError> {
    // A process that does not come along would let the others wait in NCCL forever, so all agree
    // before each step.
    let streams = match agree(peers, library::find(cuda).and_then(Streams::open))? {
        Ok(streams) => streams,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (rank, world) = (peers.rank(), peers.world());
    let id = match agree(peers, library::identifier(rank))? {
        Ok(id) => hand_out(peers, &id)?,
        Err(refusal) => return Ok(Err(refusal)),
    };
    agree(peers, streams.connect(rank, world, id))
}

impl Processes for ThroughNccl {
    fn rank(&self) -> usize {
        self.peers.rank()
    }

    fn world(&self) -> usize {
        self.peers.world()
    }

    fn sum(&mut self, values: &mut [f32]) -> Result<(), TrainError> {
        self.peers.sum(values)
    }

    fn gather(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        self.peers.gather(values)
    }

    fn exchange(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        self.peers.exchange(values)
    }

    fn sum_replicas(
        &mut self,
        replicas: &Replicas,
        own: &[Vec<f32>],
    ) -> Result<Vec<f32>, TrainError> {
        buckets::sum(replicas, own, buckets::NUMBERS, &mut self.gpu)
    }
}
