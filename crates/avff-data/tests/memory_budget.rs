//! Items of a queue that reserve memory, in a process of their own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use avff_data::prefetch::{Event, Prefetch, Streams};
use avff_media::memory;

/// Counts how many items hold memory at once.
#[derive(Default)]
struct Holders {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Holders {
    /// Reserves memory of which two do not fit, and runs `work`.
    fn hold(&self, work: impl FnOnce()) {
        let memory = memory::reserve("items", 60).unwrap();
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        work();
        self.now.fetch_sub(1, Ordering::SeqCst);
        drop(memory);
    }
}

#[test]
fn items_wait_for_memory_without_a_deadlock() {
    memory::set_limit(100);
    let holders = Arc::new(Holders::default());
    let of_worker = Arc::clone(&holders);
    let items = Prefetch::new(0..40, 4, 4, move |_| {
        of_worker.hold(|| {
            thread::sleep(Duration::from_millis(1));
            // A second reservation that fits makes nobody else exceed the budget.
            drop(memory::reserve("a part", 10).unwrap());
        });
    });
    assert_eq!(items.count(), 40);
    assert_eq!(holders.most.load(Ordering::SeqCst), 1);

    // Items with more parts than their channel holds wait for the consumer while they hold memory. The
    // item whose turn it is may exceed the budget then, and no other.
    let holders = Arc::new(Holders::default());
    let of_worker = Arc::clone(&holders);
    let parts = Streams::new(0..40, 4, 4, move |&item, emit| {
        if item % 3 == 0 {
            // Later items reserve first.
            thread::sleep(Duration::from_millis(3));
        }
        of_worker.hold(|| {
            for part in 0..5 {
                if emit(5 * item + part) == ControlFlow::Break(()) {
                    break;
                }
            }
        });
    });
    let parts: Vec<i32> = parts
        .filter_map(|event| match event {
            Event::Part(part) => Some(part),
            Event::End(_) => None,
        })
        .collect();
    assert_eq!(parts, (0..200).collect::<Vec<_>>());
    assert!(holders.most.load(Ordering::SeqCst) <= 2);

    // A consumer that stops early does not wait for workers that wait for memory.
    let holders = Arc::new(Holders::default());
    let mut parts = Streams::new(0..40, 4, 4, move |_, emit| {
        holders.hold(|| while emit(()) == ControlFlow::Continue(()) {});
    });
    assert_eq!(parts.next(), Some(Event::Part(())));
    drop(parts);
}
