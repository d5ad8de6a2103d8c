//! Reads damaged copies of clips with FFmpeg. Whatever the damage, reading ends soon with a result
//! or an error.

#![cfg(feature = "ffmpeg")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; measurements are printed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use avff_media::Decoder;

/// SplitMix64, so that every machine tests the same mutants.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

/// Returns the stage at which reading failed: 0 opening, 1 frames, 2 audio, 3 none.
fn read(path: &Path) -> usize {
    let Ok(mut clip) = avff_media::open_with(path, Decoder::Ffmpeg) else { return 0 };
    let last = clip.frame_count() - 1;
    if clip.frames_at(&[last / 2, 0, last.min(3)]).is_err() {
        return 1;
    }
    if clip.audio().is_err() { 2 } else { 3 }
}

fn run(name: &str, mutate: impl Fn(&mut SplitMix64, &mut Vec<u8>)) -> [usize; 4] {
    let folder = PathBuf::from("tests/fixtures/ffmpeg");
    let file = fs::read(folder.join(name)).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("mutant");
    let (mut rng, mut stages, mut slowest) = (SplitMix64(7), [0; 4], Duration::ZERO);
    for number in 0..25 {
        let mut mutant = file.clone();
        mutate(&mut rng, &mut mutant);
        fs::write(&path, mutant).unwrap();
        let started = Instant::now();
        stages[read(&path)] += 1;
        slowest = slowest.max(started.elapsed());
        assert!(slowest < Duration::from_secs(5), "{name}: mutant {number} is slow");
    }
    println!("{name}: failed at opening, frames, audio, not at all: {stages:?}, {slowest:?}");
    stages
}

const NAMES: [&str; 8] = [
    "av1_mp3.mp4",
    "h264_10bit_ac3.mkv",
    "h264_interlaced_mp2.ts",
    "hevc_opengop_full.mp4",
    "mjpeg_444_odd_u8.mov",
    "mpeg2_mp2.mpg",
    "mpeg4_aac51.mp4",
    "vp8_altref_opus.webm",
];

#[test]
fn flipped_bits_anywhere() {
    let mut detected = 0;
    for name in NAMES {
        let stages = run(name, |rng, file| {
            for _ in 0..=rng.below(20) {
                let at = rng.below(file.len());
                file[at] ^= 1 << rng.below(8);
            }
        });
        detected += stages[..3].iter().sum::<usize>();
    }
    assert!(detected > 100, "damage was detected in {detected} of 200");
}

#[test]
fn extreme_fields_at_both_ends() {
    for name in NAMES {
        // The index is at the start or at the end of a file.
        run(name, |rng, file| {
            let at = rng.below(1500);
            let at = if rng.below(2) == 0 { at } else { file.len() - 4 - at };
            let value = [0, 1, 0x7fff_ffff, u32::MAX, 0x0001_0000][rng.below(5)];
            file[at..at + 4].copy_from_slice(&value.to_be_bytes());
        });
    }
}

#[test]
fn truncated_files() {
    for name in NAMES {
        let stages = run(name, |rng, file| file.truncate(rng.below(file.len())));
        // These containers have no length, so a cut between packets cannot be detected.
        if !name.ends_with(".ts") && !name.ends_with(".mpg") {
            assert_eq!(stages[1..], [0; 3], "{name}");
        }
    }
}
