//! Reads a file through FFmpeg: the index, the first frames, the audio, windows.
//!
//! FFmpeg itself is not instrumented. The target tests that the reader handles any answer of
//! FFmpeg.
#![no_main]

use std::{fs, ops::ControlFlow, path::PathBuf, sync::LazyLock};

use avff_data::{
    ClipSpec,
    pipeline::read_samples,
    spec::{Sampling, TrimSilence},
};
use avff_media::Decoder;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let path: PathBuf = FOLDER.path().join("clip");
    fs::write(&path, bytes).unwrap();
    let Ok(mut clip) = avff_media::open_with(&path, Decoder::Ffmpeg) else { return };
    let times = clip.frame_times();
    assert!(times.is_sorted() && times.iter().all(|time| time.is_finite()));
    let last = times.len() - 1;
    let info = clip.info();
    // Frames of megapixels are slow to decode in any file, and would only slow the fuzzer down.
    if info.width * info.height > 1 << 19 {
        return;
    }
    if let Ok(frames) = clip.frames_at(&[last.min(2), 0, last.min(7)]) {
        assert!(frames.iter().all(|frame| frame.rgb.len() == 3 * frame.width * frame.height));
    }
    if let Ok(audio) = clip.audio() {
        assert!(audio.channels.iter().all(|channel| channel.len() == audio.len()));
        assert!(audio.channels.iter().flatten().all(|sample| sample.is_finite()));
    }
    let mut spec = ClipSpec::open_avff();
    (spec.video.frames, spec.video.height, spec.video.width) = (4, 8, 8);
    (spec.audio.frames, spec.audio.mels) = (8, 8);
    spec.sampling = Sampling::Window { seconds: 0.8, fps: 5.0, stride: 0.4 };
    spec.trim_silence = Some(TrimSilence::default());
    let _ = read_samples(&mut *clip, &spec, &mut |sample| {
        assert!(sample.clip.audio.iter().all(|value| value.is_finite()));
        ControlFlow::Break(())
    });
});
