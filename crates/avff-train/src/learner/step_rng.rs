//! The random numbers of a step. They depend on seed and step alone, so an interrupted run continues as
//! it would have.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What is drawn. The numbers are part of what a seed means and never change.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(super) enum Purpose {
    Mask = 0,
    ValidationMask = 1,
    Mixup = 2,
    Dropout = 3,
}

/// The generator for one purpose of one step: its key is seed, step and purpose, little-endian.
pub(super) fn generator(seed: u64, step: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    let words = [seed, step, purpose as u64, u64::from_le_bytes(*b"learner\0")];
    for (bytes, word) in key.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    ChaCha8Rng::from_seed(key)
}

/// The generator of what is dropped of the clip in this place of the whole batch, wherever it is computed.
pub(super) fn of_clip(seed: u64, step: u64, place: usize) -> ChaCha8Rng {
    let mut rng = generator(seed, step, Purpose::Dropout);
    rng.set_stream(place as u64);
    rng
}
