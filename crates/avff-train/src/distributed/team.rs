//! The processes that this one was started with, whatever was built in.

use super::{Alone, Processes, launch::Launch};
use crate::error::TrainError;

/// The processes that this one was started with: itself alone, or those of an MPI job.
pub struct Team {
    #[cfg(feature = "mpi")]
    ranks: Option<super::Ranks>,
}

#[cfg(feature = "mpi")]
impl Team {
    /// Joins the others, where there are any.
    ///
    /// # Errors
    /// [`TrainError::Launch`].
    pub fn join(launch: Option<&Launch>) -> Result<Self, TrainError> {
        Ok(Self { ranks: launch.map(super::Ranks::start).transpose()? })
    }

    /// For a run; each is the same process.
    #[must_use]
    pub fn peers(&self) -> Box<dyn Processes> {
        match &self.ranks {
            Some(ranks) => Box::new(ranks.clone()),
            None => Box::new(Alone),
        }
    }

    /// To be called when there is nothing left that others wait for. Who goes without it ends them all.
    pub fn leave(self) {
        if let Some(ranks) = &self.ranks {
            ranks.leave();
        }
    }

    /// Ends all the others at once, which would wait for ever for one that cannot go on. The launcher
    /// ends with `code`. Comes back where there are none.
    pub fn abort(self, code: u8) {
        if let Some(ranks) = &self.ranks {
            ranks.abort(code.into());
        }
    }
}

#[cfg(not(feature = "mpi"))]
impl Team {
    /// Joins the others, where there are any.
    ///
    /// # Errors
    /// [`TrainError::Launch`].
    pub fn join(launch: Option<&Launch>) -> Result<Self, TrainError> {
        match launch {
            None => Ok(Self {}),
            // All of them would do the same work, into the same folder.
            Some(Launch { processes, said_by, .. }) => Err(TrainError::Launch {
                reason: format!(
                    "{processes} processes were started, as {said_by} says, but this build trains in one alone"
                ),
            }),
        }
    }

    /// For a run.
    #[must_use]
    pub fn peers(&self) -> Box<dyn Processes> {
        Box::new(Alone)
    }

    /// To be called when there is nothing left that others wait for.
    pub fn leave(self) {}

    /// Ends all the others at once. Comes back where there are none.
    pub fn abort(self, _code: u8) {}
}
