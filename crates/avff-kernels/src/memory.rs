//! What kernels write to.
//!
//! The first touch of a page costs as much as several passes over it, because the system fills it with
//! zeros; a training step that takes all its memory afresh spends a fifth of its time on that. So vectors
//! that a backward pass is done with are kept for the next forward pass, and where there is none all
//! threads touch fresh memory at once.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use rayon::prelude::*;

/// Numbers that are written at once.
const RUN: usize = 64;
/// Runs of a task.
const TASK_RUNS: usize = 1 << 8;
/// Fewer numbers than this are not worth the trouble.
const LEAST: usize = 4 * RUN * TASK_RUNS;

static SPARE: Mutex<Spare> = Mutex::new(Spare::new());

/// How many times what was spare at most is handed out until a length that did not come back meanwhile is one
/// of the past. A step of training hands it out two to three times.
const PAST: usize = 4;

/// Vectors that nobody uses, and what is known of lengths.
struct Spare {
    /// In the order in which they were brought back.
    vectors: VecDeque<Vec<f32>>,
    /// Numbers of all of them, now and at most.
    held: usize,
    most: usize,
    /// Numbers of all vectors that were ever asked for.
    handed_out: usize,
    /// What that was when a vector of this length last came back.
    returned: BTreeMap<usize, usize>,
}

impl Spare {
    const fn new() -> Self {
        Self {
            vectors: VecDeque::new(),
            held: 0,
            most: 0,
            handed_out: 0,
            returned: BTreeMap::new(),
        }
    }

    /// One of this length, if there is one.
    fn take(&mut self, count: usize) -> Option<Vec<f32>> {
        self.handed_out += count;
        let at = self.vectors.iter().rposition(|numbers| numbers.len() == count)?;
        self.held -= count;
        self.vectors.remove(at)
    }

    /// Makes room for one of this length, if it is new: others are wanted now, so those that were give back
    /// what it takes. Of a length that is in use some do not come back, dropped by those who know nothing of this; were
    /// others to make room for them, these would have to be made anew before the step ends, and so on.
    fn make_room(&mut self, count: usize) {
        let past = |at: usize| self.handed_out - at > PAST * self.most;
        if self.returned.get(&count).is_some_and(|at| !past(*at)) {
            return;
        }
        self.returned.remove(&count);
        let mut given_back = 0;
        while given_back < count
            && let Some(numbers) = self.vectors.pop_front()
        {
            given_back += numbers.len();
        }
        self.held -= given_back;
    }

    fn put(&mut self, numbers: Vec<f32>) {
        self.held += numbers.len();
        self.most = self.most.max(self.held);
        self.returned.insert(numbers.len(), self.handed_out);
        self.vectors.push_back(numbers);
    }
}

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
    if let Some(numbers) = spare.take(count) {
        return numbers;
    }
    spare.make_room(count);
    drop(spare);
    let runs = rayon::iter::repeat_n([0.0; RUN], room(count) / RUN).with_min_len(TASK_RUNS);
    let mut numbers = runs.collect::<Vec<_>>().into_flattened();
    numbers.truncate(count);
    numbers
}

/// Bytes of a line of cache: where what vectors are read from should begin.
pub(crate) const LINE: usize = 64;

/// Where the first line of cache begins in numbers that are a line more than is needed; where it cannot be told,
/// anywhere in that line.
pub(crate) fn first_line(numbers: &[f32]) -> usize {
    numbers.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>())
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
        SPARE.lock().unwrap_or_else(PoisonError::into_inner).put(numbers);
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
    #![allow(clippy::unwrap_used)]
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

    /// As [`scratch`] does; what it makes is zero.
    fn ask(spare: &mut Spare, count: usize) -> Vec<f32> {
        spare.take(count).unwrap_or_else(|| {
            spare.make_room(count);
            vec![0.0; count]
        })
    }

    #[test]
    fn a_vector_comes_back_until_others_are_wanted() {
        let mut spare = Spare::new();
        let mut numbers = ask(&mut spare, 8);
        numbers.fill(7.0);
        spare.put(numbers);
        let numbers = ask(&mut spare, 8);
        assert_eq!(numbers[7], 7.0);
        spare.put(numbers);
        drop(ask(&mut spare, 9));
        assert_eq!(ask(&mut spare, 8)[7], 0.0, "it was not given back");
        assert_eq!(spare.held, 0);
    }

    /// Of a length that is in use, what is dropped costs no others.
    #[test]
    fn what_does_not_come_back_takes_nothing_from_others() {
        let mut spare = Spare::new();
        let mut numbers = ask(&mut spare, 8);
        numbers.fill(7.0);
        spare.put(numbers);
        let small = ask(&mut spare, 2);
        assert_eq!(spare.held, 0, "a new length");
        spare.put(vec![7.0; 8]);
        spare.put(small);
        for _ in 0..4 {
            // The second one is lost each time.
            let pair = [ask(&mut spare, 2), ask(&mut spare, 2)];
            assert_eq!(spare.held, 8);
            spare.put(pair.into_iter().next().unwrap());
        }
        let numbers = ask(&mut spare, 8);
        assert_eq!(numbers[7], 7.0);
        spare.put(numbers);
        // Long after, the length is one of the past.
        spare.handed_out += 60;
        let pair = [ask(&mut spare, 2), ask(&mut spare, 2)];
        assert_eq!((pair.len(), spare.held), (2, 0));
    }

    #[test]
    fn vectors_of_others_are_not_kept() {
        recycle(vec![7.0; 8 * LEAST + 1]);
        assert_eq!(scratch(8 * LEAST + 1)[0], 0.0);
    }
}
