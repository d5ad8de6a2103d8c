//! Work on items ahead of their consumer, on several threads, results in the order of the items.
//!
//! [`Prefetch`] gives one result an item, [`Streams`] any number: a clip is one sample to the one and
//! a window after the other to the other.

use std::{
    any::Any,
    collections::VecDeque,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Parts of an item that wait for the consumer before its worker does: a part and the end, so that
/// an item of one part never keeps its worker.
const WAITING: usize = 2;

/// What a worker sends back: parts, then the item or the panic of the function.
type Message<I, T> = Result<Event<I, T>, Box<dyn Any + Send>>;

/// What becomes of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<I, T> {
    /// A part of the current item.
    Part(T),
    /// There are no more parts of this item.
    End(I),
}

/// Where a function puts the parts of an item; told to break, it may stop.
pub type Emit<'a, T> = &'a mut dyn FnMut(T) -> ControlFlow<()>;

/// What turns an item into parts.
type Function<I, T> = dyn Fn(&I, Emit<'_, T>) + Send + Sync;

/// An item on its way to a worker, and where its parts go.
struct Job<I, T> {
    item: I,
    reply: Sender<Message<I, T>>,
}

/// An iterator over the parts of every item, in the order of the items, computed ahead by a pool.
///
/// At most `workers + ahead` items are in flight: taken from the source and not yet handed out.
/// So the source is read no further than that ahead, and of each item a few parts wait: memory is
/// constant on any number of items and parts. A panic of the function is resumed in the consumer when
/// its item's turn comes. Dropping the iterator lets every worker end the part it is on, starts no
/// other, and waits for them.
pub struct Streams<I, T> {
    source: Box<dyn Iterator<Item = I> + Send>,
    function: Arc<Function<I, T>>,
    /// None once the iterator is being dropped.
    jobs: Option<Sender<Job<I, T>>>,
    /// One channel an item, oldest first: emptying them in turn is what restores the order.
    replies: VecDeque<Receiver<Message<I, T>>>,
    /// Without workers, what the consumer computed itself and has not been handed.
    own: VecDeque<Event<I, T>>,
    in_flight: usize,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

impl<I: Send + 'static, T: Send + 'static> Streams<I, T> {
    /// Starts `workers` threads that apply `function` to the items of `source`, with up to `ahead`
    /// items waiting for the consumer.
    ///
    /// Without workers, or where the system gives no threads, the consumer itself computes each
    /// item as it asks for it, all parts at once.
    pub fn new(
        source: impl Iterator<Item = I> + Send + 'static,
        workers: usize,
        ahead: usize,
        function: impl Fn(&I, Emit<'_, T>) + Send + Sync + 'static,
    ) -> Self {
        let function: Arc<Function<I, T>> = Arc::new(function);
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
        let mut streams = Self {
            source: Box::new(source.fuse()),
            function,
            jobs: Some(sender),
            replies: VecDeque::new(),
            own: VecDeque::new(),
            in_flight,
            stop,
            workers,
        };
        streams.fill();
        streams
    }

    /// Hands out items until the limit is reached or the source is dry.
    fn fill(&mut self) {
        let Some(jobs) = &self.jobs else { return };
        while self.replies.len() < self.in_flight {
            let Some(item) = self.source.next() else { break };
            let (reply, receiver) = bounded(WAITING);
            if jobs.send(Job { item, reply }).is_err() {
                break;
            }
            self.replies.push_back(receiver);
        }
    }

    fn compute(&mut self) -> Option<Event<I, T>> {
        if self.own.is_empty() {
            let item = self.source.next()?;
            (self.function)(&item, &mut |part| {
                self.own.push_back(Event::Part(part));
                ControlFlow::Continue(())
            });
            self.own.push_back(Event::End(item));
        }
        self.own.pop_front()
    }
}

impl<I: Send + 'static, T: Send + 'static> Iterator for Streams<I, T> {
    type Item = Event<I, T>;

    fn next(&mut self) -> Option<Event<I, T>> {
        if self.in_flight == 0 {
            return self.compute();
        }
        let message = self.replies.front()?.recv();
        if !matches!(message, Ok(Ok(Event::Part(_)))) {
            self.replies.pop_front();
            self.fill();
        }
        match message {
            Ok(Ok(event)) => Some(event),
            Ok(Err(panic)) => resume_unwind(panic),
            // No worker ends while jobs are open, but waiting for one that did would be a hang.
            Err(gone) => resume_unwind(Box::new(gone.to_string())),
        }
    }
}

impl<I, T> Drop for Streams<I, T> {
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

fn work<I, T>(jobs: &Receiver<Job<I, T>>, function: &Function<I, T>, stop: &AtomicBool) {
    while let Ok(Job { item, reply }) = jobs.recv() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        // No one receives once the consumer is gone, which is no fault.
        let mut emit = |part| match reply.send(Ok(Event::Part(part))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        // The closure is shared, so after a panic other items see whatever state it left behind:
        // the consumer gets the panic and decides, as with a scoped thread.
        let outcome = catch_unwind(AssertUnwindSafe(|| function(&item, &mut emit)));
        let _ = reply.send(outcome.map(|()| Event::End(item)));
    }
}

/// An iterator over `(item, f(&item))` in the order of the items, computed ahead by a pool as
/// [`Streams`] are.
pub struct Prefetch<I, T>(Streams<I, T>);

impl<I: Send + 'static, T: Send + 'static> Prefetch<I, T> {
    /// Starts `workers` threads that apply `function` to the items of `source`, with up to `ahead`
    /// results waiting for the consumer. Without workers the consumer computes each item itself.
    pub fn new(
        source: impl Iterator<Item = I> + Send + 'static,
        workers: usize,
        ahead: usize,
        function: impl Fn(&I) -> T + Send + Sync + 'static,
    ) -> Self {
        Self(Streams::new(source, workers, ahead, move |item, emit| {
            let _ = emit(function(item));
        }))
    }
}

impl<I: Send + 'static, T: Send + 'static> Iterator for Prefetch<I, T> {
    type Item = (I, T);

    fn next(&mut self) -> Option<(I, T)> {
        let mut result = None;
        loop {
            match self.0.next()? {
                Event::Part(part) => result = Some(part),
                Event::End(item) => return Some((item, result?)),
            }
        }
    }
}
