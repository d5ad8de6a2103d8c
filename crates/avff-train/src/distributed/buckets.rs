//! Sums over replicas, a bucket of numbers at a time.
//!
//! Each process receives a segment of every bucket from all others, adds it in the order of the
//! [tree](super::tree), and sends the sum to all. Every addition is done by one process, on its
//! host, so neither the transport nor the size of a bucket changes a bit.

use std::{collections::VecDeque, ops::Range};

use super::{Processes, Replicas, tree};
use crate::error::TrainError;

/// Numbers of a bucket for each process, which limits the size of the communication buffers.
pub(super) const NUMBERS: usize = 1 << 20;

/// Moves the numbers of a sum between processes. Every process makes equal calls in an equal order.
pub(super) trait Transport {
    /// Buckets that may still be moving when the next one is started. With 1, one bucket moves
    /// while the host adds another.
    const AHEAD: usize;
    /// Numbers that are moving.
    type Moving;

    /// Starts [`Processes::exchange`].
    ///
    /// # Errors
    /// [`TrainError::Processes`].
    fn exchange(&mut self, values: Vec<f32>) -> Result<Self::Moving, TrainError>;

    /// Starts [`Processes::gather`].
    ///
    /// # Errors
    /// [`TrainError::Processes`].
    fn gather(&mut self, values: Vec<f32>) -> Result<Self::Moving, TrainError>;

    /// Waits until numbers have arrived. Those that were started first are waited for first, within
    /// exchanges and within gathers.
    ///
    /// # Errors
    /// [`TrainError::Processes`].
    fn wait(&mut self, moving: Self::Moving) -> Result<Vec<f32>, TrainError>;
}

/// The collective operations of [`Processes`], which return when the numbers have arrived.
pub(super) struct InMainMemory<'a, P: ?Sized>(pub(super) &'a mut P);

impl<P: Processes + ?Sized> Transport for InMainMemory<'_, P> {
    const AHEAD: usize = 0;
    type Moving = Vec<f32>;

    fn exchange(&mut self, values: Vec<f32>) -> Result<Vec<f32>, TrainError> {
        self.0.exchange(&values)
    }

    fn gather(&mut self, values: Vec<f32>) -> Result<Vec<f32>, TrainError> {
        self.0.gather(&values)
    }

    fn wait(&mut self, arrived: Vec<f32>) -> Result<Vec<f32>, TrainError> {
        Ok(arrived)
    }
}

/// Sums numbers over all replicas of all processes. `own` are the sums of this process for each of
/// its [nodes](Replicas::nodes); all are equally long. A bucket has `numbers` for each process.
///
/// # Errors
/// The errors of the transport.
pub(super) fn sum<T: Transport>(
    replicas: &Replicas,
    own: &[Vec<f32>],
    numbers: usize,
    transport: &mut T,
) -> Result<Vec<f32>, TrainError> {
    let nodes = replicas.nodes();
    if nodes.len() == 1 {
        // All replicas are this process's, so there is one node: the root.
        return Ok(own.first().cloned().unwrap_or_default());
    }
    let order = Order { count: replicas.count(), nodes };
    let length = own.first().map_or(0, Vec::len);
    let size = numbers.max(1) * order.nodes.len();
    let mut starts = (0..length).step_by(size);
    let (mut exchanges, mut gathers) = (VecDeque::new(), VecDeque::new());
    let mut sums = Vec::with_capacity(length);
    loop {
        let next = starts.next().map(|start| start..(start + size).min(length));
        let most = if next.is_some() { T::AHEAD } else { 0 };
        if let Some(bucket) = &next {
            let moving = transport.exchange(order.segments(own, bucket))?;
            exchanges.push_back((bucket.len(), moving));
        }
        while exchanges.len() > most
            && let Some((length, moving)) = exchanges.pop_front()
        {
            let sum = order.add(&transport.wait(moving)?);
            gathers.push_back((length, transport.gather(sum)?));
        }
        while gathers.len() > most
            && let Some((length, moving)) = gathers.pop_front()
        {
            sums.extend(transport.wait(moving)?.into_iter().take(length));
        }
        if next.is_none() {
            return Ok(sums);
        }
    }
}

/// The order in which replicas are added, and the processes that have them.
struct Order {
    count: usize,
    /// The nodes of each process.
    nodes: Vec<Vec<Range<usize>>>,
}

impl Order {
    /// Returns the most nodes that a process has. All segments have places for as many.
    fn most(&self) -> usize {
        self.nodes.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// Returns a bucket as segments for all processes: for each the numbers that it adds, of each
    /// node of this process. Places without a number are 0.
    fn segments(&self, own: &[Vec<f32>], bucket: &Range<usize>) -> Vec<f32> {
        let stretch = bucket.len().div_ceil(self.nodes.len());
        let segment = self.most() * stretch;
        let mut sent = vec![0.0; self.nodes.len() * segment];
        for (to, places) in sent.chunks_exact_mut(segment).enumerate() {
            let start = (bucket.start + to * stretch).min(bucket.end);
            let end = (start + stretch).min(bucket.end);
            for (values, place) in own.iter().zip(places.chunks_exact_mut(stretch)) {
                let values = values.get(start..end).unwrap_or_default();
                place.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
            }
        }
        sent
    }

    /// Adds the segments of all processes.
    fn add(&self, received: &[f32]) -> Vec<f32> {
        let stretch = received.len() / (self.nodes.len() * self.most());
        let segments = received.chunks_exact(self.most() * stretch).zip(&self.nodes);
        let terms: Vec<(&Range<usize>, &[f32])> = segments
            .flat_map(|(segment, nodes)| nodes.iter().zip(segment.chunks_exact(stretch)))
            .collect();
        tree::sum_of(0..self.count, &terms)
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use std::{
        collections::HashMap,
        sync::{Arc, Condvar, Mutex},
        time::Duration,
    };

    use proptest::prelude::*;

    use super::*;
    use crate::distributed::{testing::in_threads, tree::Partial};

    /// A collective operation, as one process has queued it.
    #[derive(Debug, Clone, PartialEq)]
    enum Call {
        Exchange(Vec<f32>),
        Gather(Vec<f32>),
    }

    /// What the processes have queued, by process and place in the queue.
    #[derive(Default)]
    struct Queues {
        calls: Mutex<HashMap<(usize, usize), Call>>,
        queued: Condvar,
    }

    /// A communicator that queues operations as NCCL does: a call returns at once, and the
    /// operations of all processes belong together by their places in the queues.
    struct Queued<'a, const AHEAD: usize> {
        rank: usize,
        world: usize,
        queues: &'a Queues,
        next: usize,
        /// Operations in flight, and the most there were.
        moving: usize,
        most: usize,
    }

    impl<'a, const AHEAD: usize> Queued<'a, AHEAD> {
        fn new(peers: &dyn Processes, queues: &'a Queues) -> Self {
            let (rank, world) = (peers.rank(), peers.world());
            Self { rank, world, queues, next: 0, moving: 0, most: 0 }
        }

        fn queue(&mut self, call: Call) -> usize {
            let place = self.next;
            self.next += 1;
            self.moving += 1;
            self.most = self.most.max(self.moving);
            self.queues.calls.lock().unwrap().insert((self.rank, place), call);
            self.queues.queued.notify_all();
            place
        }
    }

    impl<const AHEAD: usize> Transport for Queued<'_, AHEAD> {
        const AHEAD: usize = AHEAD;
        type Moving = usize;

        fn exchange(&mut self, values: Vec<f32>) -> Result<usize, TrainError> {
            assert_eq!(values.len() % self.world, 0);
            Ok(self.queue(Call::Exchange(values)))
        }

        fn gather(&mut self, values: Vec<f32>) -> Result<usize, TrainError> {
            Ok(self.queue(Call::Gather(values)))
        }

        fn wait(&mut self, place: usize) -> Result<Vec<f32>, TrainError> {
            self.moving -= 1;
            let calls = self.queues.calls.lock().unwrap();
            let all_queued = |calls: &mut HashMap<(usize, usize), Call>| {
                (0..self.world).any(|rank| !calls.contains_key(&(rank, place)))
            };
            let (calls, waited) = self
                .queues
                .queued
                .wait_timeout_while(calls, Duration::from_secs(60), all_queued)
                .unwrap();
            assert!(!waited.timed_out(), "a process waits for an operation that another skips");
            let mut received = Vec::new();
            let own = &calls[&(self.rank, place)];
            for rank in 0..self.world {
                match (own, &calls[&(rank, place)]) {
                    (Call::Exchange(own), Call::Exchange(sent)) => {
                        assert_eq!(own.len(), sent.len());
                        let segment = sent.len() / self.world;
                        let start = self.rank * segment;
                        received.extend_from_slice(&sent[start..start + segment]);
                    }
                    (Call::Gather(own), Call::Gather(sent)) => {
                        assert_eq!(own.len(), sent.len());
                        received.extend_from_slice(sent);
                    }
                    (own, other) => panic!("{own:?} meets {other:?}"),
                }
            }
            Ok(received)
        }
    }

    fn own(rows: &[Vec<f32>], replicas: &Replicas) -> Vec<Vec<f32>> {
        let mut partial = Partial::new(rows.len());
        for leaf in replicas.own() {
            partial.push(leaf, rows[leaf].clone(), |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            });
        }
        partial.finish()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// Returns the sums in the order of the tree, added in one place.
    fn expected(rows: &[Vec<f32>]) -> Vec<u32> {
        let leaves: Vec<_> = (0..rows.len()).map(|leaf| leaf..leaf + 1).collect();
        let terms: Vec<_> = leaves.iter().zip(rows.iter().map(Vec::as_slice)).collect();
        bits(&tree::sum_of(0..rows.len(), &terms))
    }

    /// Sums through queues and through main memory, in `world` processes.
    fn sums<const AHEAD: usize>(
        rows: &[Vec<f32>],
        world: usize,
        numbers: usize,
    ) -> Vec<(Vec<u32>, Vec<u32>, usize)> {
        let queues = Arc::new(Queues::default());
        in_threads(world, |mut peers| {
            let replicas = Replicas::new(rows.len(), &*peers);
            let own = own(rows, &replicas);
            assert_eq!(own.len(), replicas.nodes()[peers.rank()].len());
            let mut queued = Queued::<AHEAD>::new(&*peers, &queues);
            let through_queues = sum(&replicas, &own, numbers, &mut queued).unwrap();
            assert_eq!(queued.moving, 0);
            let in_memory = peers.sum_replicas(&replicas, &own).unwrap();
            (bits(&through_queues), bits(&in_memory), queued.most)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        /// Numbers of processes, sizes of buckets and buckets in flight do not change a bit.
        #[test]
        fn sums_have_the_same_bits_by_any_transport(
            rows in (0..40_usize).prop_flat_map(|length| proptest::collection::vec(
                // Sums of these sizes depend on the order of additions.
                proptest::collection::vec(prop_oneof![-1e3_f32..1e3, -1e-3_f32..1e-3, -1e8_f32..1e8], length),
                1..12,
            )),
            world in 1..7_usize,
            numbers in 1..12_usize,
        ) {
            let world = world.min(rows.len());
            let expected = expected(&rows);
            let all = [
                sums::<0>(&rows, world, numbers),
                sums::<1>(&rows, world, numbers),
                sums::<3>(&rows, world, numbers),
            ];
            for (through_queues, in_memory, _) in all.into_iter().flatten() {
                prop_assert_eq!(&through_queues, &expected);
                prop_assert_eq!(&in_memory, &expected);
            }
        }
    }

    #[test]
    fn order_of_additions_shows_in_the_bits() {
        // Otherwise the test above would pass with any order.
        let rows = [[33_554_432.0], [-33_554_432.0], [1.0]].map(Vec::from);
        let in_turn: f32 = rows.iter().rev().map(|row| row[0]).sum();
        assert_ne!(expected(&rows)[0], in_turn.to_bits());
    }

    /// One bucket moves while another is added, and the last ones are not forgotten.
    #[test]
    fn buckets_overlap() {
        let rows = vec![vec![0.5; 100]; 2];
        for (_, _, most) in sums::<0>(&rows, 2, 5) {
            assert_eq!(most, 1);
        }
        for (sums, _, most) in sums::<1>(&rows, 2, 5) {
            // Two exchanges at the start; later an exchange and two gathers.
            assert_eq!(most, 3);
            assert_eq!(sums, vec![1_f32.to_bits(); 100]);
        }
    }
}
