//! Work on items ahead of their consumer, on several threads, results in the order of the items.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded};

/// What a worker sends back: the item with its result, or the panic of the function.
type Outcome<I, T> = Result<(I, T), Box<dyn Any + Send>>;

/// An item on its way to a worker, and where its outcome goes.
struct Job<I, T> {
    item: I,
    reply: Sender<Outcome<I, T>>,
}

/// An iterator over `(item, f(&item))` in the order of the items, computed ahead by a pool.
///
/// At most `workers + ahead` items are in flight: taken from the source and not yet handed out.
/// So the source is read no further than that ahead, which keeps memory constant on any length.
/// A panic in `f` is resumed in the consumer when its item's turn comes. Dropping the iterator
/// lets every worker finish the item it is on, starts no other, and waits for them.
pub struct Prefetch<I, T> {
    source: Box<dyn Iterator<Item = I> + Send>,
    function: Arc<dyn Fn(&I) -> T + Send + Sync>,
    /// None once the iterator is being dropped.
    jobs: Option<Sender<Job<I, T>>>,
    /// One reply a job, oldest first: taking them in turn is what restores the order.
    replies: VecDeque<Receiver<Outcome<I, T>>>,
    in_flight: usize,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

impl<I: Send + 'static, T: Send + 'static> Prefetch<I, T> {
    /// Starts `workers` threads that apply `function` to the items of `source`, with up to `ahead`
    /// results waiting for the consumer.
    ///
    /// Without workers, or where the system gives no threads, the consumer itself computes each
    /// item as it asks for it.
    pub fn new(
        source: impl Iterator<Item = I> + Send + 'static,
        workers: usize,
        ahead: usize,
        function: impl Fn(&I) -> T + Send + Sync + 'static,
    ) -> Self {
        let function: Arc<dyn Fn(&I) -> T + Send + Sync> = Arc::new(function);
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = crossbeam_channel::unbounded::<Job<I, T>>();
        let workers: Vec<_> = (0..workers)
            .map_while(|index| {
                let (jobs, function, stop) = (receiver.clone(), function.clone(), stop.clone());
                Builder::new()
                    .name(format!("prefetch-{index}"))
                    .spawn(move || work(&jobs, &*function, &stop))
                    .ok()
            })
            .collect();
        let in_flight = if workers.is_empty() { 0 } else { workers.len().saturating_add(ahead) };
        let mut prefetch = Self {
            source: Box::new(source.fuse()),
            function,
            jobs: Some(sender),
            replies: VecDeque::new(),
            in_flight,
            stop,
            workers,
        };
        prefetch.fill();
        prefetch
    }

    /// Hands out items until the limit is reached or the source is dry.
    fn fill(&mut self) {
        let Some(jobs) = &self.jobs else { return };
        while self.replies.len() < self.in_flight {
            let Some(item) = self.source.next() else { break };
            let (reply, receiver) = bounded(1);
            if jobs.send(Job { item, reply }).is_err() {
                break;
            }
            self.replies.push_back(receiver);
        }
    }
}

impl<I: Send + 'static, T: Send + 'static> Iterator for Prefetch<I, T> {
    type Item = (I, T);

    fn next(&mut self) -> Option<(I, T)> {
        if self.in_flight == 0 {
            let item = self.source.next()?;
            let result = (self.function)(&item);
            return Some((item, result));
        }
        let outcome = self.replies.pop_front()?.recv();
        self.fill();
        match outcome {
            Ok(Ok(pair)) => Some(pair),
            Ok(Err(panic)) => resume_unwind(panic),
            // No worker ends while jobs are open, but waiting for one that did would be a hang.
            Err(gone) => resume_unwind(Box::new(gone.to_string())),
        }
    }
}

impl<I, T> Drop for Prefetch<I, T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        self.replies.clear();
        for worker in self.workers.drain(..) {
            // Its panics were caught and sent; there is nothing left to learn.
            let _ = worker.join();
        }
    }
}

fn work<I, T>(
    jobs: &Receiver<Job<I, T>>,
    function: &(dyn Fn(&I) -> T + Send + Sync),
    stop: &AtomicBool,
) {
    while let Ok(Job { item, reply }) = jobs.recv() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        // The closure is shared, so after a panic other items see whatever state it left behind:
        // the consumer gets the panic and decides, as with a scoped thread.
        let outcome = catch_unwind(AssertUnwindSafe(|| function(&item)));
        // No one receives once the consumer is gone, which is no fault.
        let _ = reply.send(outcome.map(|result| (item, result)));
    }
}
