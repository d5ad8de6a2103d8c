//! Order, bounds, panics and early termination of prefetching.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

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

/// A gate at which workers wait until it opens.
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
fn slow_first_item_keeps_its_order() {
    let gate = Arc::new(Gate::default());
    let (slow, fast) = (gate.clone(), gate);
    let results = Prefetch::new(0..8, 2, 4, move |&item| {
        match item {
            // Item 0 ends only after item 3, so the results are out of order by construction.
            0 => slow.wait(),
            3 => fast.open(),
            _ => {}
        }
        item * 10
    });
    let expected: Vec<(i32, i32)> = (0..8).map(|item| (item, item * 10)).collect();
    assert_eq!(results.collect::<Vec<_>>(), expected);
}

#[test]
fn workers_run_in_parallel() {
    // Each of the three waits for the other two; with fewer threads this would never end.
    let barrier = std::sync::Barrier::new(3);
    let results = Prefetch::new(0..3, 3, 0, move |_| {
        barrier.wait();
    });
    assert_eq!(results.count(), 3);
}

#[test]
fn unread_prefetcher_stops_at_its_bound() {
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
fn panic_resumes_in_order_without_affecting_other_items() {
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
fn drop_starts_no_other_item() {
    let started = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Gate::default());
    let (counter, worker_gate) = (started.clone(), gate.clone());
    let results = Prefetch::new(0..1000, 2, 100, move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        worker_gate.wait();
    });
    while started.load(Ordering::SeqCst) < 2 {
        thread::yield_now();
    }
    // Both workers hold an item, and a hundred wait. The gate opens only after the drop has
    // started.
    let opener = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        gate.open();
    });
    drop(results);
    opener.join().unwrap();
    assert_eq!(started.load(Ordering::SeqCst), 2);
}

#[test]
fn parts_are_in_order_and_bounded() {
    for workers in [0, 1, 3] {
        let produced = Arc::new(AtomicUsize::new(0));
        let counter = produced.clone();
        let mut streams = Streams::new(0..5_usize, workers, 1, move |&item, emit| {
            for part in 0..item * 100 {
                counter.fetch_add(1, Ordering::SeqCst);
                if emit((item, part)).is_break() {
                    return;
                }
            }
        });
        let mut returned = 0;
        for item in 0..5 {
            for part in 0..item * 100 {
                assert_eq!(streams.next(), Some(Event::Part((item, part))));
                returned += 1;
                if workers > 0 {
                    // Two parts wait and one is held for each item in progress.
                    assert!(produced.load(Ordering::SeqCst) <= returned + 3 * (workers + 1));
                }
            }
            assert_eq!(streams.next(), Some(Event::End(item)));
        }
        assert_eq!(streams.next(), None);
    }
}

#[test]
fn drop_stops_a_worker_that_waits() {
    let produced = Arc::new(AtomicUsize::new(0));
    let counter = produced.clone();
    let mut streams = Streams::new(0..3, 2, 1, move |_, emit| {
        while emit(()).is_continue() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert_eq!(streams.next(), Some(Event::Part(())));
    drop(streams);
    assert!(produced.load(Ordering::SeqCst) < 10);
}

#[test]
fn empty_source_ends_at_once() {
    for workers in [0, 3] {
        let mut results = Prefetch::new(std::iter::empty::<u8>(), workers, 2, |&item| item);
        assert_eq!((results.next(), results.next()), (None, None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn order_and_bound_hold_for_arbitrary_sizes(
        items in 0..200_usize,
        workers in 0..6_usize,
        prefetch in 0..8_usize,
        read in 0..250_usize,
    ) {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = taken.clone();
        let source = (0..items).inspect(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let (peak, in_progress) = (running.clone(), running.clone());
        let results = Prefetch::new(source, workers, prefetch, move |&item| {
            let now = in_progress.0.fetch_add(1, Ordering::SeqCst) + 1;
            peak.1.fetch_max(now, Ordering::SeqCst);
            if item % 7 == 0 {
                thread::yield_now();
            }
            in_progress.0.fetch_sub(1, Ordering::SeqCst);
            item * item
        });
        let mut returned = 0;
        for (item, square) in results.take(read) {
            prop_assert_eq!((item, square), (returned, returned * returned));
            returned += 1;
            prop_assert!(taken.load(Ordering::SeqCst) <= returned + workers + prefetch);
        }
        prop_assert_eq!(returned, items.min(read));
        prop_assert!(running.1.load(Ordering::SeqCst) <= workers.max(1));
    }
}
