//! Reads a folder with one frame. The first bytes, not the file name, decide between PNG and JPEG.
#![no_main]

use std::{fs, path::PathBuf, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let (_, folder) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        // A single 8-bit sample at 8 kHz.
        let wav = b"RIFF\x25\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x01\0\0\0\x80";
        fs::write(folder.path().join("sound.wav"), wav).unwrap();
        let path = folder.path().to_owned();
        (folder, path)
    });
    fs::write(folder.join("1.png"), bytes).unwrap();
    let Ok(mut clip) = avff_media::open(folder) else { return };
    let (width, height) = (clip.info().width, clip.info().height);
    if width * height > 1 << 20 {
        return;
    }
    if let Ok(frames) = clip.frames_at(&[0]) {
        assert_eq!((frames[0].width, frames[0].height), (width, height));
        assert_eq!(frames[0].rgb.len(), 3 * width * height);
    }
});
