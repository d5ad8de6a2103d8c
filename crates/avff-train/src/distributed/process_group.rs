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

    /// Leaves the group once no other process waits for this one.
    pub fn leave(self) {}

    /// Ends all other processes immediately. Returns if this is the only process.
    pub fn abort(self, _code: u8) {}
}
