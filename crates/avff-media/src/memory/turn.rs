//! Whose turn it is in a queue of clips.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

thread_local! {
    /// The turn of the clip that this thread reads; `None` outside of a queue.
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

/// The place of a clip in a queue whose results are taken in order.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicBool>);

impl Turn {
    /// Creates the place of a clip whose turn has not come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that a consumer waits for the clip. Returns whether that is new.
    pub(super) fn want(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// Reads the clip with `work` on this thread.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = TURN.replace(Some(self.clone()));
        let _restore = Restore(before);
        work()
    }
}

/// Restores the turn of an outer queue, also after a panic.
struct Restore(Option<Turn>);

impl Drop for Restore {
    fn drop(&mut self) {
        TURN.set(self.0.take());
    }
}

/// Returns whether someone waits for the clip that this thread reads.
pub(super) fn is_wanted() -> bool {
    TURN.with_borrow(|turn| turn.as_ref().is_none_or(|turn| turn.0.load(Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_outside_of_a_queue_is_wanted() {
        assert!(is_wanted());
        let turn = Turn::new();
        turn.run(|| {
            assert!(!is_wanted());
            Turn::new().run(|| assert!(!is_wanted()));
            turn.want();
            assert!(is_wanted());
        });
        assert!(is_wanted());
    }
}
