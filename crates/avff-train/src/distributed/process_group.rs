//! The process group of this launch, with or without MPI support.

use super::{Processes, SingleProcess, launch::Launch};
use crate::error::TrainError;

/// The processes of this launch: a single process, or an MPI job.
pub struct ProcessGroup {
    #[cfg(feature = "mpi")]
    ranks: Option<super::Ranks>,
}

#[cfg(feature = "mpi")]
impl ProcessGroup {
    /// Joins the process group.
    ///
    /// # Errors
    /// [`TrainError::Launch`].
    pub fn join(launch: Option<&Launch>) -> Result<Self, TrainError> {
        Ok(Self { ranks: launch.map(super::Ranks::start).transpose()? })
    }

    /// Returns the collective operations for a run. All returned objects refer to the same process.
    #[must_use]
    pub fn peers(&self) -> Box<dyn Processes> {
        match &self.ranks {
            Some(ranks) => Box::new(ranks.clone()),
            None => Box::new(SingleProcess),
        }
    }

    /// Returns the collective operations for a run on a CUDA device, given by its number, or on
    /// another kind of device. With the feature `nccl`, gradients are summed through NCCL if all
    /// processes can use it. Call it in all processes, before the run.
    ///
    /// # Errors
    /// [`TrainError::Processes`].
    #[cfg_attr(not(feature = "nccl"), allow(unused_variables))]
    pub fn peers_on(&self, cuda: Option<usize>) -> Result<Box<dyn Processes>, TrainError> {
        #[cfg(feature = "nccl")]
        if self.ranks.is_some() {
            return super::nccl::join(self.peers(), cuda);
        }
        Ok(self.peers())
    }

    /// Leaves the group once no other process waits for this one. Without this call, the whole job
    /// ends.
    pub fn leave(self) {
        if let Some(ranks) = &self.ranks {
            ranks.leave();
        }
    }

    /// Ends all processes immediately, because the others would wait forever for a failed process.
    /// The launcher exits with `code`. Returns if this is the only process.
    pub fn abort(self, code: u8) {
        if let Some(ranks) = &self.ranks {
            ranks.abort(code.into());
        }
    }
}

#[cfg(not(feature = "mpi"))]
impl ProcessGroup {
    /// Joins the process group.
    ///
    /// # Errors
    /// [`TrainError::Launch`].
    pub fn join(launch: Option<&Launch>) -> Result<Self, TrainError> {
        match launch {
            None => Ok(Self {}),
            // Every process would do the whole work and write to the same folder.
            Some(Launch { processes, variable, .. }) => Err(TrainError::Launch {
                reason: format!(
                    "{variable} reports {processes} processes, but this build only trains in one (feature `mpi` is off)"
                ),
            }),
        }
    }

    /// Returns the collective operations for a run.
    #[must_use]
    pub fn peers(&self) -> Box<dyn Processes> {
        Box::new(SingleProcess)
    }

    /// Returns the collective operations for a run on a CUDA device, or on another kind of device.
    ///
    /// # Errors
    /// None in a single process.
    pub fn peers_on(&self, _cuda: Option<usize>) -> Result<Box<dyn Processes>, TrainError> {
        Ok(self.peers())
    }

    /// Leaves the group once no other process waits for this one.
    pub fn leave(self) {}

    /// Ends all other processes immediately. Returns if this is the only process.
    pub fn abort(self, _code: u8) {}
}
