//! Tests synthetic clips from the outside: the mouth is measured in pixels, the voice in samples.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use avff_data::{
    ClipSpec, load_clip,
    spec::{Sampling, TrimSilence},
    windows::Silence,
};
use avff_datasets::layout::Split;
use avff_media::{Audio, Frame};
use avff_synth::{Plan, SynthClip, SynthConfig, columns};
use sha2::{Digest, Sha256};

/// Returns the configuration of small clips of 3.2 s at 5 frames per second, as a network sees
/// them.
fn config(mix: &str) -> SynthConfig {
    let mix = format!("{mix}=1").parse().unwrap();
    SynthConfig { seed: 7, size: 64, fps: 5.0, mix, ..SynthConfig::default() }
}

fn clip(config: &SynthConfig, index: u64) -> SynthClip {
    SynthClip::new(config, Split::Train, index)
}

/// Returns the fraction of the lower face that is much darker than its median: the open mouth.
fn darkness(frame: &Frame) -> f64 {
    let side = frame.width as f64;
    let within = |at: usize, low: f64, high: f64| (low..high).contains(&(at as f64 / side));
    let mut luma: Vec<u32> = Vec::new();
    for (at, pixel) in frame.rgb.chunks_exact(3).enumerate() {
        if within(at % frame.width, 0.25, 0.75) && within(at / frame.width, 0.58, 0.94) {
            luma.push(pixel.iter().map(|&value| u32::from(value)).sum());
        }
    }
    luma.sort_unstable();
    let median = luma[luma.len() / 2];
    luma.iter().filter(|&&value| 2 * value < median).count() as f64 / luma.len() as f64
}

/// Returns the RMS of 100 ms around a time in seconds.
fn loudness(audio: &Audio, seconds: f64) -> f64 {
    let rate = f64::from(audio.rate);
    let from = ((seconds - 0.05).max(0.0) * rate) as usize;
    let part = &audio.channels[0][from..((seconds + 0.05) * rate).max(1.0) as usize];
    let power: f64 = part.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (power / part.len() as f64).sqrt()
}

/// Returns pairs of the mouth's darkness and the loudness `late` seconds after it, for frames in
/// `span`.
fn pairs(config: &SynthConfig, index: u64, late: f64, span: (f64, f64)) -> Vec<(f64, f64)> {
    let clip = clip(config, index);
    let audio = clip.audio();
    let time = |frame: usize| (frame as f64 + 0.5) / config.fps;
    let in_span = |frame: &usize| {
        let at = time(*frame) + late;
        (span.0..span.1).contains(&time(*frame)) && (0.05..config.seconds - 0.06).contains(&at)
    };
    let pair = |frame| (darkness(&clip.frame(frame)), loudness(&audio, time(frame) + late));
    (0..config.frames()).filter(in_span).map(pair).collect()
}

const WHOLE: (f64, f64) = (0.0, 60.0);

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let (mouths, loudness): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (x, y) = (mean(&mouths), mean(&loudness));
    let product: f64 = pairs.iter().map(|pair| (pair.0 - x) * (pair.1 - y)).sum();
    let spread = deviation(&mouths) * deviation(&loudness) * (pairs.len() - 1) as f64;
    product / spread.max(1e-12)
}

fn correlations(config: &SynthConfig, clips: u64, late: f64) -> Vec<f64> {
    (0..clips).map(|index| correlation(&pairs(config, index, late, WHOLE))).collect()
}

#[test]
fn mouths_correlate_with_their_own_audio_only() {
    let clips = 40;
    for mix in ["real", "lip-sync"] {
        let own = mean(&correlations(&config(mix), clips, 0.0));
        assert!(own > 0.5, "{mix}: {own}");
    }
    for mix in ["voice-swap", "mouth-swap", "mouth-swap-traces", "both-swap"] {
        let others = correlations(&config(mix), clips, 0.0);
        // Four standard errors.
        let bound = 4.0 * deviation(&others) / (clips as f64).sqrt();
        assert!(
            mean(&others).abs() < bound,
            "{mix}: {}, four standard errors are {bound}",
            mean(&others)
        );
        assert!(bound < 0.25, "{mix}: {bound}");
    }
}

#[test]
fn shifted_audio_correlates_at_its_shift() {
    let config = SynthConfig { shift_ms: (400, 400), ..config("time-shift") };
    let at = |late: i32, shift: i32| {
        let clips =
            (0..80).filter(|&index| Plan::new(&config, Split::Train, index).shift_ms == shift);
        let late = f64::from(late) / 1000.0;
        let fits: Vec<f64> =
            clips.take(20).map(|index| correlation(&pairs(&config, index, late, WHOLE))).collect();
        assert_eq!(fits.len(), 20);
        mean(&fits)
    };
    for shift in [-400, 400] {
        let fits: Vec<f64> = (-2..=2).map(|step| at(shift + 60 * step, shift)).collect();
        let best = fits.iter().copied().fold(f64::MIN, f64::max);
        assert!(fits[2] > 0.5 && fits[0] < fits[2] - 0.1 && fits[4] < fits[2] - 0.1, "{fits:?}");
        assert!(best < fits[2] + 0.05, "{fits:?}");
        assert!(at(0, shift) < 0.3, "{shift}: {}", at(0, shift));
    }
}

/// Where one half is fake, the other half is real.
#[test]
fn halves_are_fake_where_the_manifest_says() {
    for mix in ["voice-swap", "time-shift", "mouth-swap", "mouth-swap-traces", "both-swap"] {
        let config = SynthConfig { half: 1.0, fps: 10.0, shift_ms: (400, 800), ..config(mix) };
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for index in 0..16 {
            let (from, to) = Plan::new(&config, Split::Train, index).fake.unwrap();
            let other = if from > 0.0 { (0.0, from) } else { (to, config.seconds) };
            inside.push(correlation(&pairs(&config, index, 0.0, (from, to))));
            outside.push(correlation(&pairs(&config, index, 0.0, other)));
        }
        let (inside, outside) = (mean(&inside), mean(&outside));
        assert!(outside > 0.5 && inside < 0.3, "{mix}: {inside} inside, {outside} outside");
    }
}

/// Every frame and its JPEG quality equal those of a real clip where the frames are real, and so
/// does the audio where the audio is real.
#[test]
fn real_streams_of_fakes_equal_those_of_real_clips() {
    for index in 0..6 {
        let real = clip(&config("real"), index);
        for mix in ["voice-swap", "time-shift"] {
            let fake = clip(&config(mix), index);
            for at in [0, 7, 15] {
                assert_eq!(real.frame(at), fake.frame(at));
            }
            assert_eq!(real.quality(), fake.quality());
            assert_ne!(real.audio(), fake.audio());
        }
        for mix in ["mouth-swap", "mouth-swap-traces"] {
            let fake = clip(&config(mix), index);
            assert_eq!(real.audio(), fake.audio());
            assert_ne!(real.frame(7), fake.frame(7));
        }
    }
}

/// Audio of another voice or another time has the distribution of real audio. The test compares
/// mean and standard deviation over a clip of loudness in dB and of brightness. A difference of
/// four standard errors has a probability of 1 in 16,000.
#[test]
fn fake_audio_has_the_distribution_of_real_audio() {
    let clips = 200;
    let features = |mix: &str, from: u64| -> Vec<[f64; 4]> {
        let config = SynthConfig { seconds: 2.0, ..config(mix) };
        let features = |index| {
            let audio = clip(&config, index).audio();
            let times = (1..20).map(|at| f64::from(at) * 0.1 - 0.05);
            let levels: Vec<f64> =
                times.map(|time| 20.0 * (loudness(&audio, time) + 1e-6).log10()).collect();
            let wave = &audio.channels[0];
            let steps = wave.windows(2).map(|pair| f64::from(pair[1] - pair[0]).powi(2));
            let power: f64 = wave.iter().map(|&sample| f64::from(sample).powi(2)).sum();
            let first = loudness(&audio, 0.05) / loudness(&audio, 0.15);
            [mean(&levels), deviation(&levels), (steps.sum::<f64>() / power).ln(), first.ln()]
        };
        (from..from + clips).map(features).collect()
    };
    // Different clip indices, since equal indices would share rooms and voices.
    let real = features("real", 10_000);
    for mix in ["voice-swap", "time-shift"] {
        let fake = features(mix, 0);
        for feature in 0..4 {
            let of = |all: &[[f64; 4]]| all.iter().map(|one| one[feature]).collect::<Vec<_>>();
            let (real, fake) = (of(&real), of(&fake));
            let error =
                ((deviation(&real).powi(2) + deviation(&fake).powi(2)) / clips as f64).sqrt();
            let away = (mean(&real) - mean(&fake)) / error;
            assert!(away.abs() < 4.0, "{mix}, feature {feature}: {away} standard errors");
            // The approximate standard deviation of a standard deviation.
            let spread = (deviation(&real) / deviation(&fake)).ln() * (clips as f64).sqrt();
            assert!(spread.abs() < 5.0, "{mix}, feature {feature}: {spread}");
        }
    }
}

/// A patch ends near the mouth: the rest of the frame is unchanged.
#[test]
fn patch_artifacts_are_limited_to_the_mouth() {
    for index in 0..6 {
        let (real, fake) =
            ["real", "mouth-swap-traces"].map(|mix| clip(&config(mix), index).frame(8)).into();
        let rows = real.rgb.chunks(3 * 64).zip(fake.rgb.chunks(3 * 64)).enumerate();
        let changed: Vec<usize> = rows.filter(|(_, (a, b))| a != b).map(|(row, _)| row).collect();
        assert!(changed.len() > 10 && changed[0] > 24, "{changed:?}");
        let outer = |frame: &Frame| {
            let row =
                frame.rgb.chunks(3 * 64).flat_map(|row| [&row[..12], &row[3 * 60..]].concat());
            row.collect::<Vec<u8>>()
        };
        assert_eq!(outer(&real), outer(&fake));
    }
}

#[test]
fn silence_traps_are_only_in_fakes_and_can_be_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    let leading = |clip: &SynthClip| Silence::measure(&clip.audio(), -60.0).leading_seconds(16_000);
    for index in 0..5 {
        let trap = |mix| SynthConfig { silence_trap: true, ..config(mix) };
        let fake = clip(&trap("voice-swap"), index);
        assert!((0.025..0.032).contains(&leading(&fake)), "{}", leading(&fake));
        for clip in [clip(&trap("real"), index), clip(&config("voice-swap"), index)] {
            assert!(leading(&clip) < 0.004, "{}", leading(&clip));
        }
        let path = folder.path().join(index.to_string());
        std::fs::create_dir(&path).unwrap();
        fake.write(&path).unwrap();
        let whole = ClipSpec::open_avff();
        let trimmed = ClipSpec { trim_silence: Some(TrimSilence::default()), ..whole.clone() };
        // The loudest band of the first row. In silence all bands are at the floor, -15.94 before
        // normalization.
        let loudest = |spec| {
            let audio = load_clip(&path, spec).unwrap().audio;
            audio[..128].iter().copied().fold(f32::MIN, f32::max)
        };
        assert!(loudest(&whole) < -2.42 && loudest(&trimmed) > -2.0, "{}", loudest(&trimmed));
    }
}

#[test]
fn written_clips_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let config = SynthConfig { fps: 25.0, ..config("real") };
    let written = clip(&config, 3);
    written.write(folder.path()).unwrap();
    let mut spec = ClipSpec::open_avff();
    let whole = load_clip(folder.path(), &spec).unwrap();
    assert_eq!((whole.audio.len(), whole.video.len()), (1024 * 128, 3 * 16 * 224 * 224));
    spec.sampling = Sampling::Window { seconds: 3.2, fps: 5.0, stride: 3.2 };
    (spec.video.height, spec.video.width) = (64, 64);
    let window = load_clip(folder.path(), &spec).unwrap();
    // A frame of the window is the clip's frame in the middle of 200 ms, up to JPEG compression.
    let (plane, frame) = (64 * 64, written.frame(5 * 5 + 2));
    for channel in 0..3 {
        let read = &window.video[(16 * channel + 5) * plane..][..plane];
        let rendered = frame.rgb.iter().skip(channel).step_by(3);
        let error: Vec<f64> = read
            .iter()
            .zip(rendered)
            .map(|(&read, &rendered)| {
                let value = read * spec.video.std[channel] + spec.video.mean[channel];
                f64::from(value * 255.0 - f32::from(rendered)).abs()
            })
            .collect();
        assert!(mean(&error) < 8.0, "{}", mean(&error));
    }
    // The fifth frame differs from a frame at another time.
    assert_ne!(frame, written.frame(5 * 6 + 2));
}

#[test]
fn splits_share_no_face_and_no_voice() {
    let config = SynthConfig { people: 20, ..SynthConfig::default() };
    let names: Vec<&str> = columns().collect();
    assert_eq!(names[..2], ["video_name", "target"]);
    let column = |name| names.iter().position(|column| *column == name).unwrap();
    let people = |split| -> [BTreeSet<String>; 2] {
        let rows: Vec<_> =
            (0..200).map(|index| Plan::new(&config, split, index).row(&config)).collect();
        ["identity", "voice"].map(|name| rows.iter().map(|row| row[column(name)].clone()).collect())
    };
    let splits = [Split::Train, Split::Val, Split::Test].map(people);
    for (at, [faces, voices]) in splits.iter().enumerate() {
        assert_eq!((faces.len(), voices.len()), (20, 20));
        for [others, other_voices] in &splits[..at] {
            assert!(faces.is_disjoint(others) && voices.is_disjoint(other_voices));
        }
    }
    // Apart from names, clips of two splits also differ in frames and audio.
    let [train, val] = [Split::Train, Split::Val].map(|split| SynthClip::new(&config, split, 0));
    assert_ne!(train.frame(0), val.frame(0));
    assert_ne!(train.audio(), val.audio());
}

/// A seed must always give the same bytes. The expected hash comes from this implementation, as
/// there is no other.
#[test]
fn seed_gives_the_expected_bytes() {
    let mut hash = Sha256::new();
    for mix in ["real", "lip-sync"] {
        let clip = clip(&config(mix), 11);
        hash.update(clip.frame(3).rgb);
        for sample in &clip.audio().channels[0] {
            hash.update(sample.to_le_bytes());
        }
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "b85c2c6e64567a99b21938b675fc265d32ad025b6d9ffc9bfdbe6c07b3e49da5");
}
