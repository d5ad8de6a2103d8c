//! A file that FFmpeg reads: the index, first pictures, the sound, windows.
//!
//! FFmpeg itself is not instrumented; what is tried is that our reader takes whatever it says.
#![no_main]

use std::{fs, ops::ControlFlow, path::PathBuf, sync::LazyLock};

use avff_data::{pipeline::read_samples, spec::{Sampling, TrimSilence}, ClipSpec};
use avff_media::{self, Decoder};
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
    // A picture of megapixels takes its time whatever the file.
    if info.width * info.height > 1 << 19 {
        return;
    }
    if let Ok(pictures) = clip.frames_at(&[last.min(2), 0, last.min(7)]) {
        assert!(pictures.iter().all(|one| one.rgb.len() == 3 * one.width * one.height));
    }
    if let Ok(sound) = clip.audio() {
        assert!(sound.channels.iter().all(|channel| channel.len() == sound.len()));
        assert!(sound.channels.iter().flatten().all(|sample| sample.is_finite()));
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
