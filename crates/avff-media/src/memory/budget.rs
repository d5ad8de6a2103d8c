//! A counting semaphore of bytes.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
};

use super::{machine, turn};
use crate::error::MediaError;

/// A number of bytes that reservations share.
#[derive(Debug)]
pub(super) struct Budget {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// `None` until the first use.
    limit: Option<u64>,
    held: Vec<Held>,
    /// The identifier of the next reservation.
    next: u64,
}

/// The memory of a reservation.
#[derive(Debug)]
struct Held {
    id: u64,
    bytes: u64,
    /// The thread that reserved it; `None` for memory in a queue.
    thread: Option<ThreadId>,
    /// How often its thread waits, one call within another.
    waits: usize,
}

impl State {
    fn limit(&mut self) -> u64 {
        *self.limit.get_or_insert_with(machine::half)
    }

    fn used(&self) -> u64 {
        self.held.iter().fold(0, |sum, held| sum.saturating_add(held.bytes))
    }

    fn bytes(&self, id: u64) -> u64 {
        self.held.iter().find(|held| held.id == id).map_or(0, |held| held.bytes)
    }

    fn all_stalled(&self) -> bool {
        self.held.iter().all(|held| held.thread.is_none() || held.waits > 0)
    }

    /// Marks the memory of this thread as stalled.
    fn stall(&mut self) {
        self.of_this_thread().for_each(|held| held.waits += 1);
    }

    /// Takes back one [`stall`](Self::stall).
    fn resume(&mut self) {
        self.of_this_thread().for_each(|held| held.waits = held.waits.saturating_sub(1));
    }

    fn of_this_thread(&mut self) -> impl Iterator<Item = &mut Held> {
        let this = Some(thread::current().id());
        self.held.iter_mut().filter(move |held| held.thread == this)
    }
}

impl Budget {
    pub(super) const fn new() -> Self {
        let state = State { limit: None, held: Vec::new(), next: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A panic elsewhere leaves the state valid, because every change to it is complete.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_limit(&self, bytes: u64) {
        self.state().limit = Some(bytes);
        self.changed.notify_all();
    }

    pub(super) fn limit(&self) -> u64 {
        self.state().limit()
    }

    /// See [`reserve`](super::reserve).
    pub(super) fn reserve<'a>(
        &'a self,
        what: &'static str,
        bytes: u64,
    ) -> Result<Reserved<'a>, MediaError> {
        let id = self.grant(None, what, bytes)?;
        Ok(Reserved { budget: self, id })
    }

    /// Waits until `bytes` are free, or are those of the reservation `own` already, and returns the
    /// identifier of the reservation.
    fn grant(&self, own: Option<u64>, what: &'static str, bytes: u64) -> Result<u64, MediaError> {
        let mut state = self.state();
        let mut waits = false;
        let granted = loop {
            let budget = state.limit();
            if bytes > budget {
                break Err(MediaError::OverBudget { what, needed: bytes, budget });
            }
            let before = own.map_or(0, |own| state.bytes(own));
            let others = state.used().saturating_sub(before);
            let fits = bytes <= before || others.saturating_add(bytes) <= budget;
            if fits || (waits && turn::is_wanted() && state.all_stalled()) {
                break Ok(());
            }
            // Only a thread that really waits is stalled: for others, memory would be granted twice.
            if !waits {
                waits = true;
                state.stall();
                self.changed.notify_all();
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        if waits {
            state.resume();
        }
        granted?;
        if let Some(held) = state.held.iter_mut().find(|held| Some(held.id) == own) {
            held.bytes = bytes;
            let id = held.id;
            drop(state);
            self.changed.notify_all();
            return Ok(id);
        }
        let (id, thread) = (state.next, Some(thread::current().id()));
        state.next += 1;
        state.held.push(Held { id, bytes, thread, waits: 0 });
        Ok(id)
    }

    /// See [`stalled`](super::stalled).
    pub(super) fn stalled<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.state().stall();
        self.changed.notify_all();
        let _wait = Wait(self);
        wait()
    }

    /// Lets waiting threads look again at whose turn it is.
    pub(super) fn look_again(&self) {
        // No thread is between a look and its wait while the state is locked.
        drop(self.state());
        self.changed.notify_all();
    }
}

/// Ends a wait, also after a panic.
struct Wait<'a>(&'a Budget);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.0.state().resume();
    }
}

/// Reserved memory, until it is dropped.
#[derive(Debug)]
#[must_use = "the memory is free again when this is dropped"]
pub(super) struct Reserved<'a> {
    budget: &'a Budget,
    id: u64,
}

impl Reserved<'_> {
    /// Changes the number of bytes. Waits for more as for a new reservation.
    pub(super) fn resize(&mut self, what: &'static str, bytes: u64) -> Result<(), MediaError> {
        self.budget.grant(Some(self.id), what, bytes).map(drop)
    }

    /// Marks the memory as that of a result in a queue, which no thread works on.
    pub(super) fn queued(self) -> Self {
        let mut state = self.budget.state();
        if let Some(held) = state.held.iter_mut().find(|held| held.id == self.id) {
            held.thread = None;
        }
        drop(state);
        self.budget.changed.notify_all();
        self
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.budget.state().held.retain(|held| held.id != self.id);
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::{
        sync::mpsc::{Receiver, channel},
        time::Duration,
    };

    use super::{super::Turn, *};

    fn budget(bytes: u64) -> &'static Budget {
        let budget = Box::leak(Box::new(Budget::new()));
        budget.set_limit(bytes);
        budget
    }

    /// Reserves on another thread, which sends a message when it has the memory, and holds it until the
    /// returned sender is dropped.
    fn elsewhere(
        budget: &'static Budget,
        bytes: u64,
        turn: &Turn,
    ) -> (Receiver<()>, std::sync::mpsc::Sender<()>) {
        let (granted, grants) = channel();
        let (holder, hold) = channel::<()>();
        let turn = turn.clone();
        thread::spawn(move || {
            turn.run(|| {
                let held = budget.reserve("frames", bytes).unwrap();
                granted.send(()).unwrap();
                let _ = hold.recv();
                drop(held);
            });
        });
        (grants, holder)
    }

    fn want(budget: &Budget, turn: &Turn) {
        assert!(turn.want());
        budget.look_again();
    }

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_secs(60);

    #[test]
    fn more_than_the_budget_is_refused() {
        let budget = budget(100 << 20);
        let error = budget.reserve("the frames", (100 << 20) + 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the frames need 101 MiB of memory, over the budget of 100 MiB"
        );
        let all = budget.reserve("the frames", 100 << 20).unwrap();
        assert_eq!(budget.state().used(), 100 << 20);
        drop(all);
        assert_eq!(budget.state().used(), 0);
    }

    #[test]
    fn a_reservation_waits_until_the_memory_is_free() {
        let budget = budget(10);
        let (first, holder) = elsewhere(budget, 6, &Turn::new());
        first.recv_timeout(LATE).unwrap();
        let (second, _second_holder) = elsewhere(budget, 5, &Turn::new());
        assert!(second.recv_timeout(SOON).is_err(), "5 of 4 free bytes");
        let (small, small_holder) = elsewhere(budget, 4, &Turn::new());
        small.recv_timeout(LATE).unwrap();
        drop(holder);
        second.recv_timeout(LATE).unwrap();
        drop(small_holder);
    }

    #[test]
    fn an_error_or_a_panic_frees_the_memory() {
        let budget = budget(10);
        let failing = || -> Result<(), MediaError> {
            let _held = budget.reserve("frames", 10)?;
            Err(MediaError::Empty)
        };
        assert!(failing().is_err());
        let panicking = std::panic::catch_unwind(|| {
            let _held = budget.reserve("frames", 10);
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicking.is_err());
        assert!(budget.reserve("frames", 10).is_ok());
    }

    #[test]
    fn a_reservation_grows_and_shrinks() {
        let budget = budget(10);
        let mut held = budget.reserve("frames", 6).unwrap();
        held.resize("frames", 10).unwrap();
        assert_eq!(budget.state().used(), 10);
        let error = held.resize("frames", 11).unwrap_err();
        assert!(matches!(error, MediaError::OverBudget { needed: 11, budget: 10, .. }));
        let (granted, _holder) = elsewhere(budget, 5, &Turn::new());
        assert!(granted.recv_timeout(SOON).is_err());
        held.resize("frames", 5).unwrap();
        granted.recv_timeout(LATE).unwrap();
        assert_eq!(budget.state().used(), 10);
    }

    #[test]
    fn a_thread_does_not_wait_for_itself() {
        let budget = budget(10);
        let _video = budget.reserve("frames", 8).unwrap();
        drop(budget.reserve("audio", 2).unwrap());
        let audio = budget.reserve("audio", 8).unwrap();
        assert_eq!(budget.state().used(), 16);
        drop(audio);
        assert!(budget.state().held.iter().all(|held| held.waits == 0));
    }

    #[test]
    fn the_clip_whose_turn_it_is_does_not_wait_for_clips_that_wait_for_it() {
        let budget = budget(10);
        // A later clip is decoded first, and waits for its consumer.
        let (held, is_held) = channel();
        let (consumer, consumed) = channel::<()>();
        let later = thread::spawn(move || {
            Turn::new().run(|| {
                let _memory = budget.reserve("frames", 8).unwrap();
                held.send(()).unwrap();
                budget.stalled(|| consumed.recv().unwrap());
            });
        });
        is_held.recv_timeout(LATE).unwrap();
        let turn = Turn::new();
        let (granted, holder) = elsewhere(budget, 8, &turn);
        assert!(granted.recv_timeout(SOON).is_err(), "its turn has not come");
        want(budget, &turn);
        granted.recv_timeout(LATE).unwrap();
        // Another clip waits, because the first is decoded.
        let third = Turn::new();
        want(budget, &third);
        let (granted, _third_holder) = elsewhere(budget, 8, &third);
        assert!(granted.recv_timeout(SOON).is_err());
        drop(holder);
        consumer.send(()).unwrap();
        later.join().unwrap();
        granted.recv_timeout(LATE).unwrap();
    }

    #[test]
    fn results_in_a_queue_count_but_do_not_block() {
        let budget = budget(10);
        let queued = budget.reserve("a result", 9).unwrap().queued();
        assert_eq!(budget.state().used(), 9);
        let turn = Turn::new();
        let (granted, _holder) = elsewhere(budget, 5, &turn);
        assert!(granted.recv_timeout(SOON).is_err());
        want(budget, &turn);
        granted.recv_timeout(LATE).unwrap();
        drop(queued);
    }
}
