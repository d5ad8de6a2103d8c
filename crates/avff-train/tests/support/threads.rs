//! Processes as threads, for tests.

use std::sync::{Arc, Barrier, Mutex, PoisonError};

use avff_train::{distributed::Processes, error::TrainError};

/// The threads of a test and what they send to each other.
struct Shared {
    barrier: Barrier,
    sent: Mutex<Vec<Vec<f32>>>,
}

/// One thread of a group.
struct Peer {
    rank: usize,
    world: usize,
    shared: Arc<Shared>,
}

/// Runs `run` once for each of `world` processes, each in a thread, and returns the results in rank
/// order.
///
/// # Panics
/// With a panic of a thread.
pub fn in_threads<T: Send>(world: usize, run: impl Fn(Box<dyn Processes>) -> T + Sync) -> Vec<T> {
    let (barrier, sent) = (Barrier::new(world), Mutex::new(vec![Vec::new(); world]));
    let shared = Arc::new(Shared { barrier, sent });
    let run = &run;
    std::thread::scope(|scope| {
        let start = |rank| {
            let peer = Peer { rank, world, shared: Arc::clone(&shared) };
            scope.spawn(move || run(Box::new(peer)))
        };
        let threads: Vec<_> = (0..world).map(start).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, T>| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().map(join).collect()
    })
}

impl Peer {
    /// Sends `values` to all and returns what all sent.
    fn all(&self, values: &[f32]) -> Vec<Vec<f32>> {
        let lock = || self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = lock().get_mut(self.rank) {
            *place = values.to_vec();
        }
        self.shared.barrier.wait();
        let all = lock().clone();
        self.shared.barrier.wait();
        all
    }
}

impl Processes for Peer {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world(&self) -> usize {
        self.world
    }

    fn sum(&mut self, values: &mut [f32]) -> Result<(), TrainError> {
        let mut all = self.all(values).into_iter();
        let mut sum = all.next().unwrap_or_default();
        for other in all {
            sum.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
        }
        values.copy_from_slice(&sum);
        Ok(())
    }

    fn gather(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        Ok(self.all(values).concat())
    }

    fn exchange(&mut self, values: &[f32]) -> Result<Vec<f32>, TrainError> {
        let segment = values.len() / self.world;
        let own = self.rank * segment..(self.rank + 1) * segment;
        let all = self.all(values);
        Ok(all.iter().flat_map(|sent| sent.get(own.clone()).unwrap_or_default()).copied().collect())
    }
}
