//! Order, bound, panics and early ends of the prefetcher.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use avff_data::prefetch::{Event, Prefetch, Streams};
use proptest::prelude::*;

/// A door that workers wait at until it is opened.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn wait(&self) {
        let open = self.open.lock().unwrap();
        drop(self.changed.wait_while(open, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

#[test]
fn a_slow_first_item_does_not_lose_its_place() {
    let gate = Arc::new(Gate::default());
    let (slow, fast) = (gate.clone(), gate);
    let results = Prefetch::new(0..8, 2, 4, move |&item| {
        match item {
            // Item 0 ends only after item 3 has: the results are out of order by construction.
            0 => slow.wait(),
            3 => fast.open(),
            _ => {}
        }
        item * 10
    });
    let want: Vec<(i32, i32)> = (0..8).map(|item| (item, item * 10)).collect();
    assert_eq!(results.collect::<Vec<_>>(), want);
}

#[test]
fn workers_work_side_by_side() {
    // Each of the three waits for the other two; with fewer threads this would never end.
    let barrier = std::sync::Barrier::new(3);
    let results = Prefetch::new(0..3, 3, 0, move |_| {
        barrier.wait();
    });
    assert_eq!(results.count(), 3);
}

#[test]
fn an_unread_prefetcher_stops_at_its_bound() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let source = std::iter::repeat_with(move || counter.fetch_add(1, Ordering::SeqCst));
    let mut results = Prefetch::new(source, 2, 3, |&item| item);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(taken.load(Ordering::SeqCst), 5);
    assert_eq!(results.next(), Some((0, 0)));
    assert_eq!(taken.load(Ordering::SeqCst), 6);
}

#[test]
fn a_panic_comes_out_in_its_turn_and_spoils_nothing_else() {
    let mut results = Prefetch::new(0..6, 2, 2, |&item| {
        assert_ne!(item, 2, "two is bad");
        item
    });
    assert_eq!(results.next(), Some((0, 0)));
    assert_eq!(results.next(), Some((1, 1)));
    let panic = catch_unwind(AssertUnwindSafe(|| results.next())).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("two is bad"));
    assert_eq!(results.collect::<Vec<_>>(), [(3, 3), (4, 4), (5, 5)]);
}

#[test]
fn dropping_starts_no_other_item() {
    let started = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Gate::default());
    let (counter, door) = (started.clone(), gate.clone());
    let results = Prefetch::new(0..1000, 2, 100, move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        door.wait();
    });
    while started.load(Ordering::SeqCst) < 2 {
        thread::yield_now();
    }
    // Both workers hold an item, a hundred wait. The door opens only once the drop has begun.
    let opener = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        gate.open();
    });
    drop(results);
    opener.join().unwrap();
    assert_eq!(started.load(Ordering::SeqCst), 2);
}

#[test]
fn parts_come_in_order_and_no_worker_runs_far_ahead() {
    for workers in [0, 1, 3] {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = made.clone();
        let mut streams = Streams::new(0..5_usize, workers, 1, move |&item, emit| {
            for part in 0..item * 100 {
                counter.fetch_add(1, Ordering::SeqCst);
                if emit((item, part)).is_break() {
                    return;
                }
            }
        });
        let mut given = 0;
        for item in 0..5 {
            for part in 0..item * 100 {
                assert_eq!(streams.next(), Some(Event::Part((item, part))));
                given += 1;
                if workers > 0 {
                    // Two wait and one is held for each item in work.
                    assert!(made.load(Ordering::SeqCst) <= given + 3 * (workers + 1));
                }
            }
            assert_eq!(streams.next(), Some(Event::End(item)));
        }
        assert_eq!(streams.next(), None);
    }
}

#[test]
fn dropping_streams_ends_a_worker_that_waits_with_a_part() {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = made.clone();
    let mut streams = Streams::new(0..3, 2, 1, move |_, emit| {
        while emit(()).is_continue() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_eq!(streams.next(), Some(Event::Part(())));
    drop(streams);
    assert!(made.load(Ordering::SeqCst) < 10);
}

#[test]
fn an_empty_source_ends_at_once() {
    for workers in [0, 3] {
        let mut results = Prefetch::new(std::iter::empty::<u8>(), workers, 2, |&item| item);
        assert_eq!((results.next(), results.next()), (None, None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn order_and_bound_hold_for_any_numbers(
        items in 0..200_usize,
        workers in 0..6_usize,
        ahead in 0..8_usize,
        read in 0..250_usize,
    ) {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = taken.clone();
        let source = (0..items).inspect(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let (most, in_work) = (running.clone(), running.clone());
        let results = Prefetch::new(source, workers, ahead, move |&item| {
            let now = in_work.0.fetch_add(1, Ordering::SeqCst) + 1;
            most.1.fetch_max(now, Ordering::SeqCst);
            if item % 7 == 0 {
                thread::yield_now();
            }
            in_work.0.fetch_sub(1, Ordering::SeqCst);
            item * item
        });
        let mut given = 0;
        for (item, square) in results.take(read) {
            prop_assert_eq!((item, square), (given, given * given));
            given += 1;
            prop_assert!(taken.load(Ordering::SeqCst) <= given + workers + ahead);
        }
        prop_assert_eq!(given, items.min(read));
        prop_assert!(running.1.load(Ordering::SeqCst) <= workers.max(1));
    }
}
