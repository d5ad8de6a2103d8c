//! Tests clips of recorded speech: a folder of voices with a loud hum wherever a vowel is.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{fs, path::Path};

use avff_datasets::layout::Split;
use avff_media::{Audio, SettingError, wav16};
use avff_synth::{
    Plan, SynthClip, SynthConfig, shortest_utterance,
    voices::{Library, RATE, VoicesError, audio_speaker},
};

/// The frames a second: enough to measure delays.
const FPS: f64 = 50.0;

fn config(method: &str, folder: &Path) -> SynthConfig {
    let mix = format!("{method}=1").parse().unwrap();
    let voices = Some(folder.to_owned());
    SynthConfig { seed: 3, size: 32, fps: FPS, mix, voices, ..SynthConfig::default() }
}

/// Writes a folder of voices: `speakers` with `utterances` each, of 7 s. Vowels of 150 to 400 ms are
/// loud, and the consonants and pauses between them silent.
fn write_voices(folder: &Path, speakers: u64, utterances: u64) {
    let mut table = "file,speaker,language,seconds\n".to_owned();
    fs::create_dir(folder.join("test")).unwrap();
    let mut state = 1_u64;
    let mut random = |count: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) % count
    };
    for speaker in 0..speakers {
        for utterance in 0..utterances {
            let (mut phones, mut samples, mut ms) = (String::new(), Vec::new(), 0);
            while ms < 7000 {
                let (quiet, loud) = (80 + random(250), 150 + random(250));
                let closed = if random(2) == 0 { "P" } else { "sil" };
                for (length, phone, level) in [(quiet, closed, 0.0), (loud, "AA", 0.4)] {
                    let seconds = |ms: u64| ms as f64 / 1000.0;
                    phones += &format!("{} {} {phone}\n", seconds(ms), seconds(ms + length));
                    let pitch = 0.05 + 0.01 * speaker as f64;
                    let count = length * u64::from(RATE) / 1000;
                    samples.extend((0..count).map(|at| level * (at as f64 * pitch).sin() as f32));
                    ms += length;
                }
            }
            let name = format!("test/{speaker}-{utterance}");
            let seconds = samples.len() as f64 / f64::from(RATE);
            table += &format!("{name}.wav,speaker-{speaker},en,{seconds}\n");
            let mut bytes = Vec::new();
            wav16(&Audio { rate: RATE, channels: vec![samples] }, &mut bytes).unwrap();
            fs::write(folder.join(format!("{name}.wav")), bytes).unwrap();
            fs::write(folder.join(format!("{name}.txt")), phones).unwrap();
        }
    }
    fs::write(folder.join("voices.csv"), table).unwrap();
}

/// The root mean square of the audio during each frame.
fn envelope(audio: &Audio) -> Vec<f64> {
    let size = (f64::from(audio.rate) / FPS) as usize;
    let power = |part: &[f32]| part.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    audio.channels[0].chunks_exact(size).map(|part| power(part).sqrt()).collect()
}

/// The correlation of `a` with `b` of `lag` frames earlier.
fn correlation(a: &[f64], b: &[f64], lag: i64) -> f64 {
    let pairs: Vec<(f64, f64)> = (0..a.len())
        .filter_map(|at| {
            let other = usize::try_from(at as i64 - lag).ok()?;
            Some((a[at], *b.get(other)?))
        })
        .collect();
    let count = pairs.len() as f64;
    let (sum_a, sum_b) =
        pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let moment = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let both = moment(&|pair| (pair.0 - mean_a) * (pair.1 - mean_b));
    let (square_a, square_b) =
        (moment(&|pair| (pair.0 - mean_a).powi(2)), moment(&|pair| (pair.1 - mean_b).powi(2)));
    both / (square_a * square_b).sqrt().max(1e-12)
}

/// The best correlation of audio and visible mouth where the audio is `shift` ms late, up to the lead
/// of lips, and the delay in ms where the correlation is best in a second to either side.
fn synchrony(config: &SynthConfig, library: &Library, index: u64) -> (f64, f64) {
    let clip = SynthClip::recorded(config, library, Split::Train, index).unwrap();
    let mouth: Vec<f64> =
        (0..config.frames()).map(|frame| f64::from(clip.mouth_opening(frame))).collect();
    let envelope = envelope(&clip.audio());
    let expected = (f64::from(clip.plan().shift_ms) / 1000.0 * FPS).round() as i64;
    let best = |lags: std::ops::RangeInclusive<i64>| {
        let all = lags.map(|lag| (correlation(&envelope, &mouth, lag), lag));
        all.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
    };
    let near = best(expected - 2..=expected + 5).0;
    let delay = (best(-50..=50).1 - expected).abs();
    (near, delay as f64 * 1000.0 / FPS)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Real clips are synchronous up to the habits' lead, shifted ones late or early, and clips with
/// another utterance follow no mouth.
#[test]
fn mouths_follow_their_own_audio_only() {
    let folder = tempfile::tempdir().unwrap();
    write_voices(folder.path(), 12, 3);
    let library = Library::read(folder.path(), 6.0).unwrap();
    let of = |method: &str| {
        let config = config(method, folder.path());
        let clips = (0..11).map(|at| synchrony(&config, &library, at));
        let (near, delays): (Vec<f64>, Vec<f64>) = clips.unzip();
        (median(near), median(delays))
    };
    for method in ["real", "time-shift", "lip-sync"] {
        let (likeness, delay) = of(method);
        assert!(likeness > 0.6 && delay <= 80.0, "{method}: {likeness} {delay}");
    }
    for method in ["voice-swap", "mouth-swap", "mouth-swap-traces", "both-swap"] {
        let (likeness, delay) = of(method);
        // The best of eight delays is above 0 for any two signals.
        assert!(likeness < 0.4 && delay > 100.0, "{method}: {likeness} {delay}");
    }
}

#[test]
fn clips_are_reproducible_and_speak_throughout() {
    let folder = tempfile::tempdir().unwrap();
    write_voices(folder.path(), 9, 2);
    let library = Library::read(folder.path(), 6.0).unwrap();
    for method in ["real", "time-shift", "voice-swap"] {
        let config = SynthConfig { rate: 22_050, ..config(method, folder.path()) };
        for index in 0..10 {
            let clip = |index| SynthClip::recorded(&config, &library, Split::Train, index).unwrap();
            let audio = clip(index).audio();
            assert_eq!((audio.rate, audio.len()), (22_050, config.samples()));
            assert_eq!(audio, clip(index).audio());
            assert_eq!(clip(index).frame(7), clip(index).frame(7));
            assert_ne!(audio, clip(index + 1).audio());
            // No half second is silent, in shifted clips neither.
            for part in audio.channels[0].chunks_exact(11_025) {
                assert!(part.iter().any(|sample| sample.abs() > 1e-3), "{method} {index}");
            }
        }
    }
}

#[test]
fn faults_of_a_folder_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let of = config("real", folder.path());
    let shortest = shortest_utterance(&of);
    assert!((shortest - 1.15 * 4.8).abs() < 1e-9, "{shortest}");
    let error = Library::read(folder.path(), shortest).unwrap_err();
    assert!(matches!(error, VoicesError::Io { .. }), "{error}");
    write_voices(folder.path(), 3, 1);
    let library = Library::read(folder.path(), shortest).unwrap();
    let error = SynthClip::recorded(&of, &library, Split::Test, 0).unwrap_err();
    assert!(matches!(error, VoicesError::TooFew { found: 1, .. }), "{error}");
    let plan = Plan::new(&of, Split::Test, 0);
    assert!(audio_speaker(&of, &library, &plan).is_err());
    let half = SynthConfig { half: 0.5, ..of };
    let SettingError { field, .. } = half.validate().unwrap_err();
    assert_eq!(field, "synth.half");
}
