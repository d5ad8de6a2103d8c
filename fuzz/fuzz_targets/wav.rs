//! Reads a WAV file from memory, completely and in part, and computes its filterbank.
#![no_main]

use avff_data::{spec::AudioSpec, tensors::audio_tensor};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut wav) = avff_media::wav_bytes(bytes) else { return };
    let part = wav.between(0.01, 0.02);
    let Ok(audio) = wav.whole() else { return };
    let part = part.expect("reading a part succeeds if reading the complete file does");
    let from = (0.01 * f64::from(audio.rate)).round() as usize;
    for (part, whole) in part.channels.iter().zip(&audio.channels) {
        let from = from.min(whole.len());
        assert_eq!(part[..], whole[from..from + part.len()]);
    }
    let spec = AudioSpec { rate: Some(16_000), ..AudioSpec::kaldi(16, 16, [0.0, 1.0]) };
    if let Ok(fbank) = audio_tensor(&audio, &spec) {
        assert!(fbank.iter().all(|value| value.is_finite()));
    }
});
