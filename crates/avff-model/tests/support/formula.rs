//! Weights and inputs from a formula that any language can implement; see
//! `tests/reference/README.md`.

use avff_model::{AvffConfig, positions};

/// Returns the top 24 bits of SplitMix64 outputs, in `[-1, 1)`; the FNV-1a hash of the name is the
/// seed.
pub fn stream(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (1..=count as u64)
        .map(|i| {
            let z = seed.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let z = z ^ (z >> 31);
            ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
        })
        .collect()
}

/// Returns the values of a parameter from its key without `module.`.
pub fn weight(key: &str, shape: &[usize], config: &AvffConfig) -> Vec<f32> {
    let count = shape.iter().product();
    if key.contains("pos_emb") {
        let width = shape[2];
        return if key.starts_with("visual_") {
            positions::interleaved_table(shape[1], width)
        } else {
            positions::audio_table(config.audio_grid(), width, config.audio_slices)
        };
    }
    let (scale, offset) = if shape.len() == 1 && key.contains("norm") && key.ends_with("weight") {
        (0.5, 1.0)
    } else if shape.len() == 1 || key.contains("modality") || key.contains("mask_token") {
        (0.1, 0.0)
    } else {
        ((3.0 / shape[1..].iter().product::<usize>() as f64).sqrt() as f32, 0.0)
    };
    let mut values = stream(key, count);
    for value in &mut values {
        *value = *value * scale + offset;
    }
    values
}

/// Returns `[batch, 1024, 128]`: a smooth pattern that differs by clip, plus noise.
pub fn audio(batch: usize) -> Vec<f32> {
    let noise = stream("input.audio", batch * 1024 * 128);
    let mut values = Vec::with_capacity(noise.len());
    for b in 0..batch {
        for t in 0..1024 {
            for f in 0..128 {
                let wave = 2.0 * (0.01 * (b as f64 + 1.0) * t as f64).sin();
                values.push((wave * (0.05 * f as f64).cos()) as f32);
            }
        }
    }
    add_noise(values, &noise)
}

/// Returns `[batch, 3, 16, 224, 224]`, likewise.
pub fn video(batch: usize) -> Vec<f32> {
    let noise = stream("input.video", batch * 3 * 16 * 224 * 224);
    let mut values = Vec::with_capacity(noise.len());
    for b in 0..batch {
        for c in 0..3 {
            for k in 0..16 {
                for y in 0..224 {
                    let column = (0.03 * y as f64 + c as f64).cos();
                    values.extend((0..224).map(|x| {
                        let phase = 0.05 * (b as f64 + 1.0) * (x as f64 + 3.0 * k as f64);
                        (2.0 * phase.sin() * column) as f32
                    }));
                }
            }
        }
    }
    add_noise(values, &noise)
}

fn add_noise(mut values: Vec<f32>, noise: &[f32]) -> Vec<f32> {
    for (value, noise) in values.iter_mut().zip(noise) {
        *value += noise * 0.5;
    }
    values
}
