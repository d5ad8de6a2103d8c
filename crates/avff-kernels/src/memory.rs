//! What kernels write to.
//!
//! The first touch of a page costs as much as several passes over it, because the system fills it with
//! zeros; a training step that takes all its memory afresh spends a fifth of its time on that. So vectors
//! that a backward pass is done with are kept for the next forward pass, and where there is none all
//! threads touch fresh memory at once.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use rayon::prelude::*;

/// Numbers that are written at once.
const RUN: usize = 64;
/// Runs of a task.
const TASK_RUNS: usize = 1 << 8;
/// Fewer numbers than this are not worth the trouble.
const LEAST: usize = 4 * RUN * TASK_RUNS;

/// What was recycled, in that order.
static SPARE: Mutex<VecDeque<Vec<f32>>> = Mutex::new(VecDeque::new());

/// As many zeros.
#[must_use]
pub fn zeros(count: usize) -> Vec<f32> {
    if count < LEAST {
        return vec![0.0; count];
    }
    let mut numbers = scratch(count);
    numbers.par_chunks_mut(RUN * TASK_RUNS).for_each(|part| part.fill(0.0));
    numbers
}

/// As many numbers, whatever they are: for what is written to all over.
#[must_use]
pub fn scratch(count: usize) -> Vec<f32> {
    if count < LEAST {
        return vec![0.0; count];
    }
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(numbers) =
        spare.iter().rposition(|numbers| numbers.len() == count).and_then(|at| spare.remove(at))
    {
        return numbers;
    }
    // Other sizes are wanted now: what is taken afresh is given back by those that were not.
    let mut given_back = 0;
    while given_back < count
        && let Some(numbers) = spare.pop_front()
    {
        given_back += numbers.len();
    }
    drop(spare);
    let runs = rayon::iter::repeat_n([0.0; RUN], room(count) / RUN).with_min_len(TASK_RUNS);
    let mut numbers = runs.collect::<Vec<_>>().into_flattened();
    numbers.truncate(count);
    numbers
}

/// The capacity of a vector of [`scratch`]: a run more than it needs, which tells it from others.
fn room(count: usize) -> usize {
    (count.div_ceil(RUN) + 1) * RUN
}

/// Keeps numbers of [`scratch`] that nobody reads any more for whoever asks for as many; lets others go.
///
/// One is made only while none of its length is spare, so of no length there are ever more than were in use
/// at once. Vectors made elsewhere would pile up, step by step.
pub fn recycle(numbers: Vec<f32>) {
    if numbers.len() >= LEAST && numbers.capacity() == room(numbers.len()) {
        SPARE.lock().unwrap_or_else(PoisonError::into_inner).push_back(numbers);
    }
}

/// The same numbers.
#[must_use]
pub fn copy(numbers: &[f32]) -> Vec<f32> {
    if numbers.len() < LEAST {
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
    use super::*;
    use crate::testing::numbers;

    #[test]
    fn every_number_is_there() {
        for count in [0, 1, LEAST - 1, LEAST, LEAST + 1, LEAST + RUN - 1, 2 * LEAST + 5] {
            let numbers = numbers(1, count);
            let copied = copy(&numbers);
            assert_eq!(copied, numbers);
            recycle(copied);
            assert_eq!(scratch(count).len(), count);
            recycle(copy(&vec![1.0; count]));
            assert_eq!(zeros(count), vec![0.0; count]);
        }
    }

    /// No other test takes vectors of these lengths.
    #[test]
    fn a_vector_comes_back_until_others_are_wanted() {
        let (one, other) = (8 * LEAST + 1, 8 * LEAST + 2);
        // Those of others are not kept.
        recycle(vec![7.0; one]);
        let mut numbers = scratch(one);
        assert_eq!(numbers[one - 1], 0.0);
        numbers.fill(7.0);
        recycle(numbers);
        let numbers = scratch(one);
        assert_eq!(numbers[one - 1], 7.0);
        recycle(numbers);
        for _ in 0..100 {
            drop(scratch(other));
        }
        assert!(scratch(one)[0] == 0.0, "it was not given back");
    }
}
