//! The random numbers of a step. They depend only on the random seed and the step, so a resumed run
//! continues exactly as an uninterrupted one.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The use of random numbers. The values determine the numbers of a seed and must never change.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(super) enum Purpose {
    Mask = 0,
    ValidationMask = 1,
    Mixup = 2,
    Dropout = 3,
}

/// Returns the generator for one purpose of one step. Its key is seed, step and purpose,
/// little-endian. Replicas have streams of their own.
pub(super) fn generator(seed: u64, step: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    let words = [seed, step, purpose as u64, u64::from_le_bytes(*b"learner\0")];
    for (bytes, word) in key.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    ChaCha8Rng::from_seed(key)
}

/// Returns the dropout generator of the clip with this index in the whole batch, in whichever
/// process.
pub(super) fn of_clip(seed: u64, step: u64, place: usize) -> ChaCha8Rng {
    let mut rng = generator(seed, step, Purpose::Dropout);
    rng.set_stream(place as u64);
    rng
}
