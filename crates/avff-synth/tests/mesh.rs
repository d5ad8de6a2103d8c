//! Tests of clips with heads as meshes.
#![allow(clippy::unwrap_used)]

use avff_datasets::layout::Split;
use avff_media::Frame;
use avff_synth::{Appearance, Head, SynthClip, SynthConfig};
use sha2::{Digest, Sha256};

fn config(mix: &str) -> SynthConfig {
    SynthConfig {
        seed: 7,
        size: 64,
        fps: 5.0,
        mix: format!("{mix}=1").parse().unwrap(),
        head: Head::Mesh,
        ..SynthConfig::default()
    }
}

fn clip(config: &SynthConfig, index: u64) -> SynthClip {
    SynthClip::new(config, Split::Train, index)
}

/// The shorter side is the requested one, and frames have several shapes.
#[test]
fn frames_have_the_requested_size() {
    let mut shapes = std::collections::BTreeSet::new();
    for index in 0..24 {
        let frame = clip(&config("real"), index).frame(3);
        assert_eq!(frame.width.min(frame.height), 64);
        assert_eq!(frame.rgb.len(), 3 * frame.width * frame.height);
        shapes.insert((frame.width, frame.height));
    }
    assert!(shapes.len() > 2, "{shapes:?}");
    let plain = SynthConfig { appearance: Appearance::Plain, ..config("real") };
    assert!((0..12).all(|index| clip(&plain, index).frame(0).width == 64));
}

/// Frames of a clip with another voice or time are those of the real clip, and a redrawn mouth
/// changes only a part of the frame.
#[test]
fn only_the_stated_stream_of_a_fake_differs() {
    for index in 0..3 {
        let real = clip(&config("real"), index);
        for mix in ["voice-swap", "time-shift"] {
            let fake = clip(&config(mix), index);
            assert_eq!(real.frame(7), fake.frame(7));
            assert_eq!(real.quality(), fake.quality());
            assert_ne!(real.audio(), fake.audio());
        }
        let swapped = clip(&config("mouth-swap"), index);
        assert_eq!(real.audio(), swapped.audio());
        let patched = clip(&config("mouth-swap-traces"), index);
        let (real, patched) = (real.frame(7), patched.frame(7));
        let changed = real.rgb.iter().zip(&patched.rgb).filter(|(a, b)| a.abs_diff(**b) > 24);
        let share = changed.count() as f64 / real.rgb.len() as f64;
        assert!(share < 0.5, "{share}");
    }
}

/// Over the frames of a plain clip, the middle of the lower face gets darker as the mouth opens.
#[test]
fn faces_move_with_the_utterance() {
    let config = SynthConfig { appearance: Appearance::Plain, size: 96, ..config("real") };
    let mut correlations = Vec::new();
    for index in 0..12 {
        let clip = clip(&config, index);
        let dark = |frame: &Frame| {
            let inside = |at: usize| {
                let (x, y) = (at % frame.width, at / frame.width);
                (30..66).contains(&x) && (50..90).contains(&y)
            };
            let pixels = frame.rgb.chunks_exact(3).enumerate().filter(|(at, _)| inside(*at));
            let mut luma: Vec<u32> = pixels
                .map(|(_, pixel)| pixel.iter().map(|&value| u32::from(value)).sum())
                .collect();
            luma.sort_unstable();
            // The mean of the darkest twentieth.
            let darkest = &luma[..luma.len() / 20];
            -f64::from(darkest.iter().sum::<u32>()) / darkest.len() as f64
        };
        let pairs: Vec<(f64, f64)> = (0..config.frames())
            .map(|at| (f64::from(clip.mouth_opening(at)), dark(&clip.frame(at))))
            .collect();
        correlations.push(correlation(&pairs));
    }
    let mean = correlations.iter().sum::<f64>() / correlations.len() as f64;
    assert!(mean > 0.3, "{correlations:?}");
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len() as f64;
    let (x, y) = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let away = |pair: &(f64, f64)| (pair.0 - x / count, pair.1 - y / count);
    let [xy, xx, yy] = pairs
        .iter()
        .map(away)
        .fold([0.0; 3], |[xy, xx, yy], (x, y)| [xy + x * y, xx + x * x, yy + y * y]);
    xy / (xx * yy).sqrt().max(1e-12)
}

/// A seed must always give the same bytes. The expected hash comes from this implementation, as
/// there is no other.
#[test]
fn seed_gives_the_expected_bytes() {
    let mut hash = Sha256::new();
    for (mix, index) in [("real", 11), ("lip-sync", 11), ("real", 12), ("both-swap", 13)] {
        let clip = clip(&config(mix), index);
        assert_eq!(clip.frame(3), clip.frame(3));
        hash.update(clip.frame(3).rgb);
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "2524af8fed9b2e36bbdb695259eaf02199c676fda5b6a5700acb6f684ed9f095");
}
