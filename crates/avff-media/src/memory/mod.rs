//! One budget of memory for all clips that a process reads.
//!
//! Several threads decode clips at a time, and the memory of a clip depends on its file. So a reader
//! reserves an estimate before it decodes, and waits while other clips hold the memory. A clip that
//! needs more than the whole budget is refused.
//!
//! # No deadlock
//! A clip that is decoded may itself wait for whoever uses its windows. Two rules keep such clips from
//! waiting for each other:
//!
//! - A thread that waits for a consumer, a result or memory is [`stalled`], and so is all memory that it
//!   holds. Memory of results in a queue is [`queued`](Reservation::queued), which is the same.
//! - A reservation that someone waits for is granted even beyond the budget if all held memory is
//!   stalled. Anything else could wait for ever. This is so for the clip whose [turn](Turn) it is in a
//!   queue, and for every clip that no queue reads.
//!
//! So for each consumer one clip at most is beyond the budget. What a budget refuses depends on the
//! clip alone, never on other clips, so scores do not depend on it.

mod budget;
mod machine;
mod turn;

use self::budget::{Budget, Reserved};
pub use self::turn::Turn;
use crate::error::MediaError;

/// Reserved memory of the process, until it is dropped.
#[derive(Debug)]
#[must_use = "the memory is free again when this is dropped"]
pub struct Reservation(Reserved<'static>);

impl Reservation {
    /// Changes the number of bytes. Waits for more as [`reserve`] does.
    ///
    /// # Errors
    ///
    /// [`MediaError::OverBudget`].
    pub fn resize(&mut self, what: &'static str, bytes: u64) -> Result<(), MediaError> {
        self.0.resize(what, bytes)
    }

    /// Marks the memory as that of a result in a queue, which no thread works on.
    pub fn queued(self) -> Self {
        Self(self.0.queued())
    }
}

/// The budget of the process.
static PROCESS: Budget = Budget::new();

/// Sets the budget of the process, in bytes. What is reserved stays reserved.
pub fn set_limit(bytes: u64) {
    PROCESS.set_limit(bytes);
}

/// Returns the budget of the process, in bytes: by default half of the memory of the machine, or of
/// the control group where that has a lower limit.
#[must_use]
pub fn limit() -> u64 {
    PROCESS.limit()
}

/// Reserves `bytes` for `what`, such as "the frames". Waits while other clips hold the memory.
///
/// # Errors
///
/// [`MediaError::OverBudget`] where the whole budget is smaller.
pub fn reserve(what: &'static str, bytes: u64) -> Result<Reservation, MediaError> {
    PROCESS.reserve(what, bytes).map(Reservation)
}

/// Says that a consumer waits for the clip of `turn`.
pub fn want(turn: &Turn) {
    if turn.want() {
        PROCESS.look_again();
    }
}

/// Runs `wait`, which waits for another thread. Meanwhile the memory that this thread holds is stalled, so
/// a thread that need not wait must not call this.
pub fn stalled<T>(wait: impl FnOnce() -> T) -> T {
    PROCESS.stalled(wait)
}
