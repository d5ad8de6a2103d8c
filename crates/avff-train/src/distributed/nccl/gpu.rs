//! A GPU that sends and receives numbers through NCCL.

use std::{ffi::c_char, fmt::Debug, sync::Arc};

use cudarc::{
    driver::{CudaContext, CudaEvent, CudaSlice, CudaStream},
    nccl::{Comm, Id, group_end, group_start, result::NcclError},
};

use super::library::attempt;
use crate::{
    distributed::{
        agreement::{ID_BYTES, Obstacle},
        buckets::Transport,
    },
    error::TrainError,
};

/// The queues of a GPU: NCCL's operations in one, copies from and to the host in the other. Copies
/// of a bucket therefore run while another bucket moves between GPUs.
pub(super) struct Streams {
    context: Arc<CudaContext>,
    operations: Arc<CudaStream>,
    copies: Arc<CudaStream>,
}

impl Streams {
    pub(super) fn open(cuda: usize) -> Result<Self, Obstacle> {
        attempt(Obstacle::Gpu, || {
            // The device's primary context, which Burn uses as well.
            let context = CudaContext::new(cuda)?;
            let (operations, copies) = (context.new_stream()?, context.new_stream()?);
            Ok::<_, cudarc::driver::DriverError>(Self { context, operations, copies })
        })
    }

    /// Connects the GPUs of all processes.
    pub(super) fn connect(
        self,
        rank: usize,
        world: usize,
        id: [c_char; ID_BYTES],
    ) -> Result<Gpu, Obstacle> {
        let Self { context, operations, copies } = self;
        attempt(Obstacle::Gpu, || context.bind_to_thread())?;
        let id = Id::uninit(id);
        let connected = || Comm::from_rank(Arc::clone(&operations), rank, world, id);
        let communicator = attempt(Obstacle::Start, connected)?;
        Ok(Gpu { communicator, context, operations, copies, spare: Vec::new() })
    }
}

/// A GPU that is connected to those of all processes.
pub(super) struct Gpu {
    communicator: Comm,
    context: Arc<CudaContext>,
    operations: Arc<CudaStream>,
    copies: Arc<CudaStream>,
    /// Memory that no operation uses any more. Allocating it anew for every bucket would wait for
    /// the driver.
    spare: Vec<CudaSlice<f32>>,
}

/// Numbers that are moving between GPUs.
pub(super) struct Moving {
    received: CudaSlice<f32>,
    length: usize,
    arrived: CudaEvent,
    /// What the copy to the GPU and the operation read until then.
    sent: CudaSlice<f32>,
    _host: Vec<f32>,
}

fn failed(what: &str, error: impl Debug) -> TrainError {
    TrainError::Processes { what: format!("{what} failed: {error:?}") }
}

fn nccl(error: NcclError) -> TrainError {
    failed("NCCL", error.0)
}

fn cuda(error: cudarc::driver::DriverError) -> TrainError {
    failed("a copy between GPU and host", error)
}

impl Gpu {
    /// Returns memory for at least as many numbers.
    fn memory(&mut self, length: usize) -> Result<CudaSlice<f32>, TrainError> {
        let fits = self.spare.iter().enumerate().filter(|(_, memory)| memory.len() >= length);
        match fits.min_by_key(|(_, memory)| memory.len()).map(|(place, _)| place) {
            Some(place) => Ok(self.spare.swap_remove(place)),
            None => self.copies.alloc_zeros(length).map_err(cuda),
        }
    }

    /// Starts a copy to the GPU. NCCL's operations on this memory wait for it, by cudarc's events.
    fn upload(&mut self, values: &[f32]) -> Result<CudaSlice<f32>, TrainError> {
        let mut memory = self.memory(values.len())?;
        self.copies.memcpy_htod(values, &mut memory).map_err(cuda)?;
        Ok(memory)
    }

    /// Marks the end of the operation that was queued last. The events that cudarc records by
    /// itself come before the end of a group, and so before the operation.
    fn moving(
        &self,
        host: Vec<f32>,
        sent: CudaSlice<f32>,
        received: CudaSlice<f32>,
        length: usize,
    ) -> Result<Moving, TrainError> {
        let arrived = self.operations.record_event(None).map_err(cuda)?;
        Ok(Moving { received, length, arrived, sent, _host: host })
    }
}

impl Transport for Gpu {
    const AHEAD: usize = 1;
    type Moving = Moving;

    fn exchange(&mut self, values: Vec<f32>) -> Result<Moving, TrainError> {
        let length = values.len();
        let segment = length / self.communicator.world_size();
        let sent = self.upload(&values)?;
        let mut received = self.memory(length)?;
        self.context.bind_to_thread().map_err(cuda)?;
        group_start().map_err(nccl)?;
        let queued = (0..self.communicator.world_size()).try_for_each(|peer| {
            let range = peer * segment..(peer + 1) * segment;
            // NCCL counts ranks in 32 bits, as MPI does.
            let peer = peer as i32;
            self.communicator.send(&sent.slice(range.clone()), peer)?;
            self.communicator.recv(&mut received.slice_mut(range), peer)?;
            Ok(())
        });
        // An open group would take in all later operations.
        let ended = group_end();
        queued.and(ended.map(|_| ())).map_err(nccl)?;
        self.moving(values, sent, received, length)
    }

    fn gather(&mut self, values: Vec<f32>) -> Result<Moving, TrainError> {
        let length = values.len() * self.communicator.world_size();
        let sent = self.upload(&values)?;
        let mut received = self.memory(length)?;
        self.context.bind_to_thread().map_err(cuda)?;
        self.communicator
            .all_gather(&sent.slice(..values.len()), &mut received.slice_mut(..length))
            .map_err(nccl)?;
        self.moving(values, sent, received, length)
    }

    fn wait(&mut self, moving: Moving) -> Result<Vec<f32>, TrainError> {
        self.copies.wait(&moving.arrived).map_err(cuda)?;
        let values =
            self.copies.clone_dtoh(&moving.received.slice(..moving.length)).map_err(cuda)?;
        self.copies.synchronize().map_err(cuda)?;
        self.spare.extend([moving.received, moving.sent]);
        Ok(values)
    }
}
