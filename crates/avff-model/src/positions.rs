//! The analytic position tables of the reference. Each table is computed as in the reference (f32
//! frequencies, f64 angles for the audio table). A new model therefore starts from the values of a
//! model created in Python.

use crate::config::{AudioGrid, AudioSlices};

/// The base of all sine-cosine frequencies (Vaswani et al. 2017).
const BASE: f64 = 10_000.0;

/// Returns the 2-D table of the audio encoder, `[tokens, dim]` row-major, in the token order of
/// `slices`.
///
/// The first half of the features encodes the time column, and the second half the mel row. In each
/// half, all sines come before all cosines, with `omega_k = 10000^(-k / (dim / 4))`.
#[must_use]
pub fn audio_table(grid: AudioGrid, dim: usize, slices: AudioSlices) -> Vec<f32> {
    let quarter = dim / 4;
    let omega: Vec<f64> =
        (0..quarter).map(|k| 1.0 / BASE.powf(f64::from(k as f32 / quarter as f32))).collect();
    let mut table = Vec::with_capacity(grid.tokens() * dim);
    for token in 0..grid.tokens() {
        let (time, mel) = match slices {
            AudioSlices::Mel => (token % grid.time, token / grid.time),
            AudioSlices::Time => (token / grid.mel, token % grid.mel),
        };
        for position in [time, mel] {
            let angles = || omega.iter().map(|w| position as f64 * w);
            table.extend(angles().map(|a| a.sin() as f32));
            table.extend(angles().map(|a| a.cos() as f32));
        }
    }
    table
}

/// Returns the fixed table of the visual encoder and decoder, `[tokens, dim]` row-major. Even
/// features are `sin` and odd features `cos` of `position / 10000^(2 * floor(i / 2) / dim)`.
#[must_use]
pub fn interleaved_table(tokens: usize, dim: usize) -> Vec<f32> {
    let divisors: Vec<f32> =
        (0..dim).map(|i| (BASE as f32).powf((2 * (i / 2)) as f32 / dim as f32)).collect();
    let mut table = Vec::with_capacity(tokens * dim);
    for position in 0..tokens {
        table.extend(divisors.iter().enumerate().map(|(i, divisor)| {
            let angle = position as f32 / divisor;
            if i % 2 == 0 { angle.sin() } else { angle.cos() }
        }));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_table_halves_encode_time_and_mel() {
        let grid = AudioGrid { time: 4, mel: 3 };
        let table = audio_table(grid, 8, AudioSlices::Mel);
        // Token 6 is mel row 1, time column 2.
        let row = &table[6 * 8..7 * 8];
        let expected = [2f64.sin(), 0.02f64.sin(), 2f64.cos(), 0.02f64.cos()].into_iter().chain([
            1f64.sin(),
            0.01f64.sin(),
            1f64.cos(),
            0.01f64.cos(),
        ]);
        for (value, wanted) in row.iter().zip(expected) {
            assert!((f64::from(*value) - wanted).abs() < 1e-7, "{value} {wanted}");
        }
        let by_time = audio_table(grid, 8, AudioSlices::Time);
        // With time-major tokens, the position is token 2 * 3 + 1.
        assert_eq!(row, &by_time[7 * 8..8 * 8]);
    }

    #[test]
    fn interleaved_table_alternates() {
        let table = interleaved_table(3, 4);
        let expected = [2f32.sin(), 2f32.cos(), 0.02f32.sin(), 0.02f32.cos()];
        for (value, wanted) in table[8..].iter().zip(expected) {
            assert!((value - wanted).abs() < 1e-6);
        }
    }
}
