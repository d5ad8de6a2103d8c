//! The buffer pool of the kernels.
//!
//! The first touch of a page is as expensive as several passes over it, because the system fills
//! the page with zeros. A training step that allocates all its memory anew spends a fifth of its
//! time on that. Therefore the pool keeps the buffers that a backward pass releases for the next
//! forward pass. When no buffer fits, all threads touch the fresh memory at once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use rayon::prelude::*;

/// Numbers written at once.
const RUN: usize = 64;
/// Runs per task.
const TASK_RUNS: usize = 1 << 8;
/// Smallest length that is pooled; shorter vectors are not worth it.
const MIN_POOLED: usize = 4 * RUN * TASK_RUNS;

static POOL: Mutex<Pool> = Mutex::new(Pool::new());

/// Maximum age of a length, as a multiple of the pool's peak size that is handed out after a buffer
/// of this length last came back. A training step hands out two to three times the peak size.
const MAX_AGE: usize = 4;

/// Unused vectors, and statistics about their lengths.
struct Pool {
    /// The unused vectors, in the order in which they came back.
    vectors: VecDeque<Vec<f32>>,
    /// Numbers in all unused vectors.
    pooled: usize,
    /// Largest value of `pooled` so far.
    peak: usize,
    /// Numbers in all vectors that were ever requested.
    handed_out: usize,
    /// The value of `handed_out` when a vector of each length last came back.
    last_returned: BTreeMap<usize, usize>,
}

impl Pool {
    const fn new() -> Self {
        Self {
            vectors: VecDeque::new(),
            pooled: 0,
            peak: 0,
            handed_out: 0,
            last_returned: BTreeMap::new(),
        }
    }

    /// Takes a vector of this length from the pool, if there is one.
    fn take(&mut self, count: usize) -> Option<Vec<f32>> {
        self.handed_out += count;
        let at = self.vectors.iter().rposition(|numbers| numbers.len() == count)?;
        self.pooled -= count;
        self.vectors.remove(at)
    }

    /// Frees the oldest vectors to make room for a vector of length `count`, unless this length is
    /// in use.
    ///
    /// A new length means that the old lengths are no longer needed. For a length in use, some
    /// vectors never come back because code outside this crate drops them. Evicting other vectors
    /// for those would force new allocations within the same step.
    fn evict_for(&mut self, count: usize) {
        let unused = |at: usize| self.handed_out - at > MAX_AGE * self.peak;
        if self.last_returned.get(&count).is_some_and(|at| !unused(*at)) {
            return;
        }
        self.last_returned.remove(&count);
        let mut evicted = 0;
        while evicted < count
            && let Some(numbers) = self.vectors.pop_front()
        {
            evicted += numbers.len();
        }
        self.pooled -= evicted;
    }

    fn put(&mut self, numbers: Vec<f32>) {
        self.pooled += numbers.len();
        self.peak = self.peak.max(self.pooled);
        self.last_returned.insert(numbers.len(), self.handed_out);
        self.vectors.push_back(numbers);
    }
}

/// Returns `count` zeros.
#[must_use]
pub fn zeros(count: usize) -> Vec<f32> {
    if count < MIN_POOLED {
        return vec![0.0; count];
    }
    let mut numbers = scratch(count);
    numbers.par_chunks_mut(RUN * TASK_RUNS).for_each(|part| part.fill(0.0));
    numbers
}

/// Returns `count` unspecified numbers, for output that is overwritten completely.
#[must_use]
pub fn scratch(count: usize) -> Vec<f32> {
    if count < MIN_POOLED {
        return vec![0.0; count];
    }
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(numbers) = pool.take(count) {
        return numbers;
    }
    pool.evict_for(count);
    drop(pool);
    let runs = rayon::iter::repeat_n([0.0; RUN], capacity(count) / RUN).with_min_len(TASK_RUNS);
    let mut numbers = runs.collect::<Vec<_>>().into_flattened();
    numbers.truncate(count);
    numbers
}

/// Bytes of a cache line, to which packed operands are aligned.
pub(crate) const LINE: usize = 64;

/// Returns the index of the first cache-line boundary in `numbers`, which must be one line longer
/// than needed. If the alignment is unknown, the result lies anywhere within that line.
pub(crate) fn first_line(numbers: &[f32]) -> usize {
    numbers.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>())
}

/// Capacity of a vector from [`scratch`]: one run more than needed, which marks the vector as
/// pooled.
fn capacity(count: usize) -> usize {
    (count.div_ceil(RUN) + 1) * RUN
}

/// Returns a vector of [`scratch`] to the pool for the next request of its length; drops other
/// vectors.
///
/// [`scratch`] allocates only while the pool has no vector of the requested length. The pool
/// therefore never holds more vectors of a length than were in use at once. Vectors from elsewhere
/// would pile up.
pub fn recycle(numbers: Vec<f32>) {
    if numbers.len() >= MIN_POOLED && numbers.capacity() == capacity(numbers.len()) {
        POOL.lock().unwrap_or_else(PoisonError::into_inner).put(numbers);
    }
}

/// Returns a copy of the numbers.
#[must_use]
pub fn copy(numbers: &[f32]) -> Vec<f32> {
    if numbers.len() < MIN_POOLED {
        return numbers.to_vec();
    }
    let mut copy = scratch(numbers.len());
    let part = RUN * TASK_RUNS;
    copy.par_chunks_mut(part)
        .zip(numbers.par_chunks(part))
        .for_each(|(to, from)| to.copy_from_slice(from));
    copy
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::numbers;

    #[test]
    fn buffers_have_requested_length_and_contents() {
        for count in [
            0,
            1,
            MIN_POOLED - 1,
            MIN_POOLED,
            MIN_POOLED + 1,
            MIN_POOLED + RUN - 1,
            2 * MIN_POOLED + 5,
        ] {
            let numbers = numbers(1, count);
            let copied = copy(&numbers);
            assert_eq!(copied, numbers);
            recycle(copied);
            assert_eq!(scratch(count).len(), count);
            recycle(copy(&vec![1.0; count]));
            assert_eq!(zeros(count), vec![0.0; count]);
        }
    }

    /// Requests a vector as [`scratch`] does; a new vector is zero.
    fn ask(pool: &mut Pool, count: usize) -> Vec<f32> {
        pool.take(count).unwrap_or_else(|| {
            pool.evict_for(count);
            vec![0.0; count]
        })
    }

    #[test]
    fn vector_is_reused_until_evicted() {
        let mut pool = Pool::new();
        let mut numbers = ask(&mut pool, 8);
        numbers.fill(7.0);
        pool.put(numbers);
        let numbers = ask(&mut pool, 8);
        assert_eq!(numbers[7], 7.0);
        pool.put(numbers);
        drop(ask(&mut pool, 9));
        assert_eq!(ask(&mut pool, 8)[7], 0.0, "the vector was not evicted");
        assert_eq!(pool.pooled, 0);
    }

    /// A lost vector of a length in use evicts no other vectors.
    #[test]
    fn lost_vector_evicts_no_others() {
        let mut pool = Pool::new();
        let mut numbers = ask(&mut pool, 8);
        numbers.fill(7.0);
        pool.put(numbers);
        let small = ask(&mut pool, 2);
        assert_eq!(pool.pooled, 0, "a new length");
        pool.put(vec![7.0; 8]);
        pool.put(small);
        for _ in 0..4 {
            // The second vector is lost each time.
            let pair = [ask(&mut pool, 2), ask(&mut pool, 2)];
            assert_eq!(pool.pooled, 8);
            pool.put(pair.into_iter().next().unwrap());
        }
        let numbers = ask(&mut pool, 8);
        assert_eq!(numbers[7], 7.0);
        pool.put(numbers);
        // After enough requests the length counts as unused.
        pool.handed_out += 60;
        let pair = [ask(&mut pool, 2), ask(&mut pool, 2)];
        assert_eq!((pair.len(), pool.pooled), (2, 0));
    }

    #[test]
    fn foreign_vectors_are_not_pooled() {
        recycle(vec![7.0; 8 * MIN_POOLED + 1]);
        assert_eq!(scratch(8 * MIN_POOLED + 1)[0], 0.0);
    }
}
