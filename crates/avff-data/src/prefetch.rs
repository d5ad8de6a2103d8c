//! Processes items in advance on several threads, with results in the order of the items.
//!
//! [`Prefetch`] returns one result per item, [`Streams`] any number. A clip is one sample in the
//! first case and a series of windows in the second.

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

use avff_media::memory::{self, Turn};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Number of parts of an item that may wait for the consumer: a part and the end, so that an item
/// of one part never blocks its worker.
const QUEUE_LENGTH: usize = 2;

/// A worker's message: a part, the end of the item, or a panic of the function.
type Message<I, T> = Result<Event<I, T>, Box<dyn Any + Send>>;

/// An event of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<I, T> {
    /// A part of the current item.
    Part(T),
    /// The item has no more parts.
    End(I),
}

/// Receives the parts of an item. If it breaks, the function may stop.
pub type Emit<'a, T> = &'a mut dyn FnMut(T) -> ControlFlow<()>;

/// A function that splits an item into parts.
type Function<I, T> = dyn Fn(&I, Emit<'_, T>) + Send + Sync;

/// An item for a worker, with the channel for its parts.
struct Job<I, T> {
    item: I,
    turn: Turn,
    reply: Sender<Message<I, T>>,
}

/// An iterator over the parts of every item, in the order of the items, computed in advance by a
/// pool.
///
/// At most `workers + prefetch` items are in flight: taken from the source and not yet returned.
/// The source is not read beyond this limit, and few parts of each item wait, so memory is constant
/// for any number of items and parts. Items that reserve [`memory`] wait for it without blocking the
/// item whose turn it is.
///
/// A panic of the function resumes in the consumer when the item's turn comes. Dropping the
/// iterator lets every worker finish its current part, starts no other part, and waits for the
/// workers.
pub struct Streams<I, T> {
    source: Box<dyn Iterator<Item = I> + Send>,
    function: Arc<Function<I, T>>,
    /// `None` once the iterator is being dropped.
    jobs: Option<Sender<Job<I, T>>>,
    /// One channel per item, oldest first: reading them in turn restores the order.
    replies: VecDeque<(Turn, Receiver<Message<I, T>>)>,
    /// Events that the consumer computed itself, without workers.
    computed: VecDeque<Event<I, T>>,
    in_flight: usize,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

impl<I: Send + 'static, T: Send + 'static> Streams<I, T> {
    /// Starts `workers` threads that apply `function` to the items of `source`. Up to `prefetch`
    /// items wait for the consumer.
    ///
    /// Without workers, or if the system provides no threads, the consumer computes each item on
    /// request, with all parts at once.
    pub fn new(
        source: impl Iterator<Item = I> + Send + 'static,
        workers: usize,
        prefetch: usize,
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
        let in_flight = if workers.is_empty() { 0 } else { workers.len().saturating_add(prefetch) };
        let mut streams = Self {
            source: Box::new(source.fuse()),
            function,
            jobs: Some(sender),
            replies: VecDeque::new(),
            computed: VecDeque::new(),
            in_flight,
            stop,
            workers,
        };
        streams.fill();
        streams
    }

    /// Sends items to the workers until the limit is reached or the source is exhausted.
    fn fill(&mut self) {
        let Some(jobs) = &self.jobs else { return };
        while self.replies.len() < self.in_flight {
            let Some(item) = self.source.next() else { break };
            let (reply, receiver) = bounded(QUEUE_LENGTH);
            let turn = Turn::new();
            if jobs.send(Job { item, turn: turn.clone(), reply }).is_err() {
                break;
            }
            self.replies.push_back((turn, receiver));
        }
    }

    fn compute(&mut self) -> Option<Event<I, T>> {
        if self.computed.is_empty() {
            let item = self.source.next()?;
            (self.function)(&item, &mut |part| {
                self.computed.push_back(Event::Part(part));
                ControlFlow::Continue(())
            });
            self.computed.push_back(Event::End(item));
        }
        self.computed.pop_front()
    }
}

impl<I: Send + 'static, T: Send + 'static> Iterator for Streams<I, T> {
    type Item = Event<I, T>;

    fn next(&mut self) -> Option<Event<I, T>> {
        if self.in_flight == 0 {
            return self.compute();
        }
        let (turn, reply) = self.replies.front()?;
        memory::want(turn);
        let message = memory::stalled(|| reply.recv());
        if !matches!(message, Ok(Ok(Event::Part(_)))) {
            self.replies.pop_front();
            self.fill();
        }
        match message {
            Ok(Ok(event)) => Some(event),
            Ok(Err(panic)) => resume_unwind(panic),
            // No worker ends while the jobs channel is open, but waiting for a missing worker would
            // hang.
            Err(gone) => resume_unwind(Box::new(gone.to_string())),
        }
    }
}

impl<I, T> Drop for Streams<I, T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        // A worker that waits for memory must not wait for this thread.
        self.replies.drain(..).for_each(|(turn, _)| memory::want(&turn));
        for worker in self.workers.drain(..) {
            // The worker's panics were caught and sent, so the result carries no information.
            let _ = memory::stalled(|| worker.join());
        }
    }
}

fn work<I, T>(jobs: &Receiver<Job<I, T>>, function: &Function<I, T>, stop: &AtomicBool) {
    while let Ok(Job { item, turn, reply }) = jobs.recv() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        // After the consumer is dropped, nobody receives, which is not an error.
        let mut emit = |part| {
            let sent = match reply.try_send(Ok(Event::Part(part))) {
                Err(TrySendError::Full(part)) => memory::stalled(|| reply.send(part)).is_ok(),
                sent => sent.is_ok(),
            };
            if sent { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        // The closure is shared, so other items see the state after a panic. The consumer gets the
        // panic and decides, as with a scoped thread.
        let result = catch_unwind(AssertUnwindSafe(|| turn.run(|| function(&item, &mut emit))));
        let _ = reply.send(result.map(|()| Event::End(item)));
    }
}

/// An iterator over `(item, f(&item))` in the order of the items, computed in advance by a pool
/// like [`Streams`].
pub struct Prefetch<I, T>(Streams<I, T>);

impl<I: Send + 'static, T: Send + 'static> Prefetch<I, T> {
    /// Starts `workers` threads that apply `function` to the items of `source`. Up to `prefetch`
    /// results wait for the consumer. Without workers, the consumer computes each item itself.
    pub fn new(
        source: impl Iterator<Item = I> + Send + 'static,
        workers: usize,
        prefetch: usize,
        function: impl Fn(&I) -> T + Send + Sync + 'static,
    ) -> Self {
        Self(Streams::new(source, workers, prefetch, move |item, emit| {
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
