//! Smooth noise from integer hashes: the same on every platform.

use super::vector::Vec3;

/// Returns a hash of a lattice point, in `[-1, 1]`.
#[inline]
fn lattice(x: i32, y: i32, z: i32, seed: u32) -> f32 {
    let mut hash = seed
        ^ (x as u32).wrapping_mul(0x8DA6_B343)
        ^ (y as u32).wrapping_mul(0xD816_3841)
        ^ (z as u32).wrapping_mul(0xCB1A_B31F);
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x7FEB_352D);
    hash ^= hash >> 15;
    hash = hash.wrapping_mul(0x846C_A68B);
    hash ^= hash >> 16;
    (hash >> 8) as f32 * (2.0 / 16_777_215.0) - 1.0
}

/// Returns the largest integer that is not above a value. Casts saturate, and are faster than
/// [`f32::floor`] where the processor has no instruction for it.
fn floor(value: f32) -> i32 {
    let near = value as i32;
    near - i32::from(near as f32 > value)
}

/// Returns value noise at a point, in `[-1, 1]`, with features of size 1.
pub(super) fn noise(at: Vec3, seed: u32) -> f32 {
    let [x, y, z] = [floor(at[0]), floor(at[1]), floor(at[2])];
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let [u, v, w] = [ease(at[0] - x as f32), ease(at[1] - y as f32), ease(at[2] - z as f32)];
    let edge = |dy: i32, dz: i32| {
        let (a, b) = (lattice(x, y + dy, z + dz, seed), lattice(x + 1, y + dy, z + dz, seed));
        a + u * (b - a)
    };
    let face = |dz: i32| {
        let (a, b) = (edge(0, dz), edge(1, dz));
        a + v * (b - a)
    };
    let (a, b) = (face(0), face(1));
    a + w * (b - a)
}

/// Returns noise of several sizes: `count` octaves from frequency `low` up, each twice as fine and
/// half as strong as the one before. The sum lies in `[-1, 1]`.
pub(super) fn octaves(at: Vec3, low: f32, count: u32, seed: u32) -> f32 {
    let (mut sum, mut total, mut weight, mut frequency) = (0.0, 0.0, 1.0, low);
    for octave in 0..count {
        sum += weight * noise(at.map(|value| value * frequency), seed.wrapping_add(octave));
        total += weight;
        weight *= 0.5;
        frequency *= 2.0;
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_smooth_bounded_and_centered() {
        let at = |step: i32| noise([step as f32 * 0.01, 0.3, -7.2], 5);
        let values: Vec<f32> = (0..20_000).map(at).collect();
        assert!(values.iter().all(|value| value.abs() <= 1.0));
        assert!(values.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.04));
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        // 200 independent values of deviation 0.5 at most.
        assert!(mean.abs() < 0.12, "{mean}");
        assert_ne!(noise([0.5; 3], 1), noise([0.5; 3], 2));
    }
}
