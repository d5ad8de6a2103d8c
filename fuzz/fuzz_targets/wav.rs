//! A WAV file in memory: whole, in part, and its filterbank.
#![no_main]

use avff_data::{spec::AudioSpec, tensors::audio_tensor};
use avff_media;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut wav) = avff_media::wav_bytes(bytes) else { return };
    let part = wav.between(0.01, 0.02);
    let Ok(sound) = wav.whole() else { return };
    let part = part.expect("the whole was read");
    let from = (0.01 * f64::from(sound.rate)).round() as usize;
    for (part, whole) in part.channels.iter().zip(&sound.channels) {
        let from = from.min(whole.len());
        assert_eq!(part[..], whole[from..from + part.len()]);
    }
    let spec = AudioSpec { rate: Some(16_000), ..AudioSpec::kaldi(16, 16, [0.0, 1.0]) };
    if let Ok(fbank) = audio_tensor(&sound, &spec) {
        assert!(fbank.iter().all(|value| value.is_finite()));
    }
});
