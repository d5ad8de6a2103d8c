//! Compares filterbanks of synthetic waveforms with `torchaudio.compliance.kaldi.fbank`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap fails the test"
)]

use std::{collections::BTreeMap, f64::consts::TAU};

use avff_data::fbank::Fbank;
use avff_media::Audio;
use safetensors::SafeTensors;

/// Every 16th row of torchaudio's results; see `fixtures/fbank/README.md`.
const REFERENCE: &[u8] = include_bytes!("fixtures/fbank/formula_waves.safetensors");
const ROW_STEP: usize = 16;
const MELS: usize = 128;

/// An energy this close to the floor of the logarithm is mostly f32 rounding noise of the FFT.
const NEAR_FLOOR: f32 = 3.0;

/// SplitMix64 seeded with the FNV-1a hash of a name, as f32 in `[-1, 1)`.
fn stream(name: &str) -> impl Iterator<Item = f32> {
    let mut state = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
    })
}

/// Returns the waveform of a key such as `16000_1_3300ms` (rate, channels, duration).
fn formula_wave(key: &str) -> Audio {
    let mut parts = key.trim_end_matches("ms").split('_').map(|part| part.parse::<u32>().unwrap());
    let (rate, channels, milliseconds) =
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let samples = (rate as usize * milliseconds as usize) / 1000;
    let channels = (0..channels)
        .map(|channel| {
            stream(&format!("wave.{key}.{channel}"))
                .take(samples)
                .enumerate()
                .map(|(i, noise)| {
                    let t = i as f64 / f64::from(rate);
                    let tone = 0.4 * (TAU * (200.0 + 100.0 * f64::from(channel)) * t).sin();
                    let chirp = 0.2 * (TAU * 1234.0 * t * (1.0 + t)).sin();
                    0.1 * noise + (tone + chirp) as f32
                })
                .collect()
        })
        .collect();
    Audio { rate, channels }
}

fn tensors(bytes: &[u8]) -> BTreeMap<String, Vec<f32>> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    file.iter()
        .map(|(name, view)| {
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
            (name.to_owned(), values.collect())
        })
        .collect()
}

#[test]
fn stream_matches_its_definition() {
    let first: Vec<f32> = stream("x").take(4).collect();
    assert_eq!(first, [-0.597_583_53, 0.617_053_5, 0.286_647_2, 0.656_218_77]);
}

#[test]
fn formula_waves_match_torchaudio() {
    let reference = tensors(REFERENCE);
    assert_eq!(reference.len(), 12, "six waveforms, native and stretched");
    let mut failures = Vec::new();
    for (name, expected) in reference {
        let (key, kind) = name.split_once('.').unwrap();
        let audio = formula_wave(key);
        let fbank = Fbank::new(audio.rate, MELS).unwrap();
        let rows = match kind {
            "fbank" => fbank.compute(&audio).unwrap(),
            "fbank_1024" => fbank.stretched(&audio, 1024).unwrap(),
            other => panic!("unknown tensor {other}"),
        };
        let actual: Vec<f32> =
            rows.chunks_exact(MELS).step_by(ROW_STEP).flatten().copied().collect();
        assert_eq!(actual.len(), expected.len(), "{name}");
        let (mut worst, mut worst_low, mut total) = (0.0_f32, 0.0_f32, 0.0_f64);
        for (actual, expected) in actual.iter().zip(&expected) {
            let error = (actual - expected).abs();
            total += f64::from(error);
            let low = *expected < f32::EPSILON.ln() + NEAR_FLOOR;
            let worst = if low { &mut worst_low } else { &mut worst };
            *worst = worst.max(error);
        }
        let mean = total / expected.len() as f64;
        println!("{name}: max {worst:.2e}, near the floor {worst_low:.2e}, mean {mean:.2e}");
        let close = worst <= 1e-3 && worst_low <= 5e-3;
        if !close || mean.is_nan() {
            failures.push(name);
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
