//! Damaged copies of clips that FFmpeg reads: whatever the damage, the answer is a result or an
//! error, soon.

#![cfg(feature = "ffmpeg")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; what was measured is printed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use avff_media::Decoder;

/// SplitMix64: the same mutants on every machine.
struct Random(u64);

impl Random {
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

/// How far reading got: 0 refused at opening, 1 at the pictures, 2 at the sound, 3 never.
fn read(path: &Path) -> usize {
    let Ok(mut clip) = avff_media::open_with(path, Decoder::Ffmpeg) else { return 0 };
    let last = clip.frame_count() - 1;
    if clip.frames_at(&[last / 2, 0, last.min(3)]).is_err() {
        return 1;
    }
    if clip.audio().is_err() { 2 } else { 3 }
}

fn run(name: &str, mutate: impl Fn(&mut Random, &mut Vec<u8>)) -> [usize; 4] {
    let folder = PathBuf::from("tests/fixtures/ffmpeg");
    let file = fs::read(folder.join(name)).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("mutant");
    let (mut random, mut stages, mut slowest) = (Random(7), [0; 4], Duration::ZERO);
    for number in 0..25 {
        let mut mutant = file.clone();
        mutate(&mut random, &mut mutant);
        fs::write(&path, mutant).unwrap();
        let started = Instant::now();
        stages[read(&path)] += 1;
        slowest = slowest.max(started.elapsed());
        assert!(slowest < Duration::from_secs(5), "{name}: mutant {number} is slow");
    }
    println!("{name}: refused at opening, pictures, sound, never: {stages:?}, {slowest:?}");
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
    let mut seen = 0;
    for name in NAMES {
        let stages = run(name, |random, file| {
            for _ in 0..=random.below(20) {
                let at = random.below(file.len());
                file[at] ^= 1 << random.below(8);
            }
        });
        seen += stages[..3].iter().sum::<usize>();
    }
    assert!(seen > 100, "damage was seen in {seen} of 200");
}

#[test]
fn extreme_fields_at_both_ends() {
    for name in NAMES {
        // Indexes lie at one end or the other.
        run(name, |random, file| {
            let at = random.below(1500);
            let at = if random.below(2) == 0 { at } else { file.len() - 4 - at };
            let value = [0, 1, 0x7fff_ffff, u32::MAX, 0x0001_0000][random.below(5)];
            file[at..at + 4].copy_from_slice(&value.to_be_bytes());
        });
    }
}

#[test]
fn cut_short() {
    for name in NAMES {
        let stages = run(name, |random, file| file.truncate(random.below(file.len())));
        // These have no length, so a cut between packets is not to be seen.
        if !name.ends_with(".ts") && !name.ends_with(".mpg") {
            assert_eq!(stages[1..], [0; 3], "{name}");
        }
    }
}
