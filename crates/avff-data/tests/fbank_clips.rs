//! Compares complete clips, from MP4 files to tensors, with the reference's loader.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failed unwrap fails the test")]

use std::path::PathBuf;

use avff_data::{Clip, ClipSpec, load_clip};
use safetensors::SafeTensors;

/// Every 16th of 1,024 rows before normalization; see `fixtures/fbank/README.md`.
const REFERENCE: &[u8] = include_bytes!("fixtures/fbank/clips.safetensors");
const ROW_STEP: usize = 16;

/// A clip, and the mean and the unbiased standard deviation of the reference's video tensor.
const CLIPS: [(&str, f64, f64); 4] = [
    ("h264_aac_16k_mono", 0.17515119910240173, 2.087665319442749),
    ("h264_bframes_aac_48k_stereo", 0.42315444350242615, 1.391310691833496),
    ("h264_rotated90", 0.16721484065055847, 2.1059741973876953),
    ("h264_vfr", 0.17536453902721405, 2.0911569595336914),
];

fn load(name: &str) -> Clip {
    let folder = PathBuf::from("../avff-media/tests/fixtures/media");
    load_clip(&folder.join(format!("{name}.mp4")), &ClipSpec::open_avff()).unwrap()
}

#[test]
fn audio_matches_reference() {
    let references = SafeTensors::deserialize(REFERENCE).unwrap();
    let spec = ClipSpec::open_avff().audio;
    let mut failures = Vec::new();
    for (name, ..) in CLIPS {
        let rows = load(name).audio;
        assert_eq!(rows.len(), spec.values());
        let actual = rows.chunks_exact(spec.mels).step_by(ROW_STEP).flatten();
        let reference = references.tensor(name).unwrap();
        let expected =
            reference.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        assert_eq!(reference.shape(), [spec.frames / ROW_STEP, spec.mels]);
        let (mut worst, mut total) = (0.0_f64, 0.0);
        for (actual, expected) in actual.zip(expected) {
            let error = f64::from((actual * spec.std + spec.mean - expected).abs());
            worst = worst.max(error);
            total += error;
        }
        let mean = total / (reference.data().len() / 4) as f64;
        println!("{name}: max {worst:.2e}, mean {mean:.2e}");
        // AAC decoders differ by rounding, which the logarithm of a silent bin magnifies. The test
        // therefore bounds the mean and not the maximum.
        if mean.is_nan() || mean >= 1e-3 {
            failures.push(name);
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn frames_match_reference() {
    for (name, mean, deviation) in CLIPS {
        let video = load(name).video;
        assert_eq!(video.len(), ClipSpec::open_avff().video.values());
        let count = video.len() as f64;
        let actual_mean = video.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        let squares =
            video.iter().map(|&value| (f64::from(value) - actual_mean).powi(2)).sum::<f64>();
        let actual_deviation = (squares / (count - 1.0)).sqrt();
        println!("{name}: mean {actual_mean}, deviation {actual_deviation}");
        // One level in one value of a hundred would change the mean by 2e-4. torch's own f32 sums
        // are accurate to about 1e-7.
        assert!((actual_mean - mean).abs() < 2e-6, "{name}: mean {actual_mean}, expected {mean}");
        assert!((actual_deviation - deviation).abs() < 2e-6, "{name}: {actual_deviation}");
    }
}
