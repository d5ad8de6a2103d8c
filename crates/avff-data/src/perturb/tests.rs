//! Compares with OpenCV, NumPy and SoX; `tests/reference/perturb.py` writes the fixture.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use avff_media::MediaSource;
use avff_media::testing::TestClip;
use serde_json::Value;
use strum::VariantArray;

use super::*;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/perturb.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    numbers(value).into_iter().map(|number| number as u8).collect()
}

/// The largest and the mean difference of two frames.
fn difference(a: &[u8], b: &[u8]) -> (u8, f64) {
    assert_eq!(a.len(), b.len());
    let each = || a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (each().max().unwrap(), each().map(f64::from).sum::<f64>() / a.len() as f64)
}

#[test]
fn frames_match_opencv() {
    let fixture = fixture();
    let size = |key: &str| usize::try_from(fixture[key].as_u64().unwrap()).unwrap();
    let frame = Frame { width: size("width"), height: size("height"), rgb: bytes(&fixture["rgb"]) };
    for case in fixture["frames"].as_array().unwrap() {
        let name: Perturbation = case["name"].as_str().unwrap().parse().unwrap();
        let level = usize::try_from(case["level"].as_u64().unwrap()).unwrap();
        let mut actual = frame.clone();
        if name == Perturbation::Gnc {
            let mut normal = numbers(&fixture["normal"]).into_iter();
            frames::noise(&mut actual, name.parameter(level) as f32, || normal.next().unwrap());
        } else {
            Applied { perturbation: name, level, seed: 0, clip: 0 }.frame(&mut actual, 0);
        }
        let (most, mean) = difference(&actual.rgb, &bytes(&case["rgb"]));
        // OpenCV blurs and resizes 8-bit frames in fixed point, and rounds sums of floats in another order. A level that
        // wraps may be 255 levels off where a sum lies at the edge of an integer.
        // A frame that is resized twice is rounded twice.
        let most_allowed = match name {
            Perturbation::Cs => 255,
            Perturbation::Jpeg => 2,
            _ => 1,
        };
        assert!(most <= most_allowed && mean < 0.3, "{name} {level}: {most} {mean}");
    }
}

#[test]
fn audio_matches_numpy_and_sox() {
    let fixture = fixture();
    let audio = || Audio {
        rate: u32::try_from(fixture["rate"].as_u64().unwrap()).unwrap(),
        channels: vec![numbers(&fixture["wave"]).iter().map(|sample| *sample as f32).collect()],
    };
    let near = |actual: &Audio, expected: &Value, tolerance: f64| {
        for (actual, expected) in actual.channels[0].iter().zip(numbers(expected)) {
            assert!((f64::from(*actual) - expected).abs() < tolerance, "{actual} {expected}");
        }
    };
    let mut noisy = audio();
    let mut drawn = numbers(&fixture["drawn"]).into_iter();
    sound::noise(&mut noisy, 10.0, || drawn.next().unwrap());
    near(&noisy, &fixture["gn"], 1e-5);
    for case in fixture["rv"].as_array().unwrap() {
        let level = usize::try_from(case["level"].as_u64().unwrap()).unwrap();
        let mut room = audio();
        Applied { perturbation: Perturbation::Rv, level, seed: 0, clip: 0 }
            .audio(&mut room)
            .unwrap();
        near(&room, &case["wave"], 1e-4);
    }
}

#[test]
fn a_pitch_shift_moves_a_tone() {
    let rate = 16_000;
    let tone = |hertz: f64| -> Vec<f32> {
        let turn = std::f64::consts::TAU * hertz / f64::from(rate);
        (0..16_000).map(|at| (0.5 * (turn * f64::from(at)).sin()) as f32).collect()
    };
    for semitones in [12.0, -12.0, 4.0] {
        let mut audio = Audio { rate: u32::try_from(rate).unwrap(), channels: vec![tone(440.0)] };
        pitch::shift(&mut audio, semitones).unwrap();
        assert_eq!(audio.channels[0].len(), 16_000);
        // Crossings of 0 in the middle half give the frequency.
        let middle = &audio.channels[0][4_000..12_000];
        let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        let expected = 440.0 * 2.0_f64.powf(semitones / 12.0) / 2.0;
        assert!((crossings as f64 - expected).abs() <= 3.0, "{semitones}: {crossings} {expected}");
    }
}

#[test]
fn blocks_noise_and_offsets_follow_from_the_seed() {
    let frame = Frame { width: 300, height: 260, rgb: vec![7; 3 * 300 * 260] };
    let applied = |perturbation, clip| Applied { perturbation, level: 2, seed: 5, clip };
    for perturbation in [Perturbation::Bw, Perturbation::Blocks, Perturbation::Gnc] {
        let perturb = |clip: u64, index: usize| {
            let mut frame = frame.clone();
            applied(perturbation, clip).frame(&mut frame, index);
            frame.rgb
        };
        assert_eq!(perturb(1, 3), perturb(1, 3));
        assert_ne!(perturb(1, 3), perturb(2, 3));
        assert_ne!(perturb(1, 3), perturb(1, 4));
    }
    // Nothing happens below 256 pixels, as published; the fixed blocks are there.
    let small = Frame { width: 200, height: 200, rgb: vec![7; 3 * 200 * 200] };
    for (perturbation, changed) in [(Perturbation::Bw, false), (Perturbation::Blocks, true)] {
        let mut perturbed = small.clone();
        applied(perturbation, 0).frame(&mut perturbed, 0);
        assert_eq!(perturbed != small, changed, "{perturbation}");
    }
    let mut late = Audio { rate: 1_000, channels: vec![(0..500).map(|at| at as f32).collect()] };
    applied(Perturbation::Offset, 0).audio(&mut late).unwrap();
    assert_eq!(
        (late.channels[0][79], late.channels[0][80], late.channels[0][499]),
        (0.0, 0.0, 419.0)
    );
}

#[test]
fn a_held_clip_reads_as_its_source() {
    let plain = |source: &mut dyn MediaSource| {
        let audio = source.streams().1.between(0.1, 0.4).unwrap();
        let count = source.frame_times().len();
        (source.frames_at(&(0..count).collect::<Vec<_>>()).unwrap(), audio)
    };
    let expected = plain(&mut TestClip::new(5));
    let mut held = Held::new(Box::new(TestClip::new(5))).unwrap();
    assert_eq!(plain(&mut held), expected);
    assert_eq!(plain(&mut held), expected, "from memory");
    for perturbation in Perturbation::VARIANTS {
        held.perturb(Some(Applied { perturbation: *perturbation, level: 5, seed: 0, clip: 0 }))
            .unwrap();
        let perturbed = plain(&mut held);
        let frames = perturbed.0 != expected.0;
        assert!(!frames || perturbation.changes_frames(), "{perturbation}");
        assert_eq!(perturbed.1 != expected.1, !perturbation.changes_frames(), "{perturbation}");
    }
    held.perturb(None).unwrap();
    assert_eq!(plain(&mut held), expected, "the clip as it is");
}
