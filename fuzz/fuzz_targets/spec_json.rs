//! Reads a clip spec as stored with a checkpoint.
#![no_main]

use avff_data::{ClipSpec, tensors::audio_tensor};
use avff_media::Audio;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(spec) = serde_json::from_slice::<ClipSpec>(bytes) else { return };
    if spec.validate().is_err() {
        return;
    }
    assert!(spec.video.values() <= 1 << 28);
    let json = serde_json::to_vec(&spec).unwrap();
    assert_eq!(serde_json::from_slice::<ClipSpec>(&json).unwrap(), spec);
    if spec.audio.values() <= 1 << 16 {
        let audio = Audio { rate: 8_000, channels: vec![vec![0.5; 400]] };
        assert_eq!(audio_tensor(&audio, &spec.audio).unwrap().len(), spec.audio.values());
    }
});
