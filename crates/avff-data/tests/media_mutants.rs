//! Damaged copies of good clips: whatever the damage, the answer is a result or an error, soon.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; what was measured is printed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use avff_data::media;

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

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/media");
    fs::read(folder.join(name)).unwrap()
}

/// How far reading got: 0 refused at opening, 1 at the pictures, 2 at the sound, 3 never.
fn read(path: &Path) -> usize {
    let Ok(mut clip) = media::open(path) else { return 0 };
    let last = clip.frame_count() - 1;
    if clip.frames_at(&[last / 2, 0, last.min(3)]).is_err() {
        return 1;
    }
    if clip.sound().is_err() { 2 } else { 3 }
}

/// Offset of the `moov` box, which is the last in these files.
fn moov(file: &[u8]) -> usize {
    (4..file.len() - 4).rev().find(|&at| file[at..].starts_with(b"moov")).unwrap() - 4
}

/// Offsets of the size fields of every box in the index.
fn size_fields(file: &[u8]) -> Vec<usize> {
    const KINDS: [&[u8; 4]; 27] = [
        b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"minf",
        b"stbl", b"stsd", b"avc1", b"avcC", b"colr", b"pasp", b"mp4a", b"esds", b"stts", b"stss",
        b"ctts", b"stsc", b"stsz", b"stco", b"udta", b"dinf", b"btrt",
    ];
    let index = moov(file);
    (index..file.len() - 8)
        .filter(|&at| KINDS.iter().any(|kind| file[at + 4..].starts_with(*kind)))
        .collect()
}

fn run(name: &str, mutants: impl Iterator<Item = Vec<u8>>) -> [usize; 4] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutant.mp4");
    let mut stages = [0; 4];
    for (number, mutant) in mutants.enumerate() {
        fs::write(&path, mutant).unwrap();
        let started = Instant::now();
        stages[read(&path)] += 1;
        assert!(started.elapsed() < Duration::from_secs(10), "{name}: mutant {number} is slow");
    }
    println!("{name}: refused at opening, pictures, sound, never: {stages:?}");
    stages
}

#[test]
fn flipped_bytes_of_the_index() {
    for name in ["h264_vfr.mp4", "h264_rotated90.mp4", "bad/one_frame_20ms.mp4"] {
        let file = fixture(name);
        let index = moov(&file);
        let mut random = Random(1);
        let stages = run(
            name,
            (0..100).map(|_| {
                let mut mutant = file.clone();
                for _ in 0..=random.below(3) {
                    let at = index + random.below(file.len() - index);
                    mutant[at] ^= 1 << random.below(8);
                }
                mutant
            }),
        );
        assert!(stages[0] > 0, "no damage was seen");
    }
}

#[test]
fn sizes_of_zero_one_and_too_much() {
    let file = fixture("h264_vfr.mp4");
    let fields = size_fields(&file);
    assert!(fields.len() > 35, "{} boxes found", fields.len());
    let mutants = fields.iter().flat_map(|&at| {
        [0, 1, 7, 8, 9, 0x7fff_ffff, u32::MAX].map(|size| {
            let mut mutant = file.clone();
            mutant[at..at + 4].copy_from_slice(&size.to_be_bytes());
            mutant
        })
    });
    let stages = run("h264_vfr.mp4", mutants);
    assert!(stages[0] > fields.len() * 2, "{stages:?}");
}

#[test]
fn counts_and_fields_of_extreme_values() {
    let file = fixture("bad/one_frame_20ms.mp4");
    let index = moov(&file);
    let mutants = (index..file.len() - 4).step_by(4).flat_map(|at| {
        [0_u32, u32::MAX, 0x7fff_ffff].map(|value| {
            let mut mutant = file.clone();
            mutant[at..at + 4].copy_from_slice(&value.to_be_bytes());
            mutant
        })
    });
    run("bad/one_frame_20ms.mp4", mutants);
}

#[test]
fn truncations() {
    for name in ["h264_vfr.mp4", "bad/one_frame_20ms.mp4"] {
        let file = fixture(name);
        let mut random = Random(2);
        let stages = run(name, (0..60).map(|_| file[..random.below(file.len())].to_vec()));
        assert_eq!(stages[1..], [0; 3], "the index is last, so no cut file can open");
    }
}

#[test]
fn fragments_of_any_shape() {
    let file = fixture("fragmented.mp4");
    let boxes: Vec<usize> = (0..file.len() - 8)
        .filter(|&at| {
            let kinds = [b"moof", b"mfhd", b"traf", b"tfhd", b"tfdt", b"trun", b"mvex", b"trex"];
            kinds.iter().any(|kind| file[at..].starts_with(*kind))
        })
        .collect();
    assert!(boxes.len() > 40, "{} boxes found", boxes.len());
    let mut random = Random(4);
    let stages = run(
        "fragmented.mp4",
        (0..150).map(|_| {
            let mut mutant = file.clone();
            // The size, the flags, a count or a field soon after.
            let at = boxes[random.below(boxes.len())] - 4 + 4 * random.below(8);
            let value = [0, 1, u32::MAX, 0x7fff_ffff, 0x000f_0f07][random.below(5)];
            mutant[at..at + 4].copy_from_slice(&value.to_be_bytes());
            mutant
        }),
    );
    assert!(stages[0] > 0, "no damage was seen");
}

#[test]
fn flipped_bytes_of_the_media() {
    for name in ["h264_vfr.mp4", "h264_rotated90.mp4", "bad/one_frame_20ms.mp4"] {
        let file = fixture(name);
        let index = moov(&file);
        let mut random = Random(3);
        let stages = run(
            name,
            (0..40).map(|_| {
                let mut mutant = file.clone();
                for _ in 0..20 {
                    mutant[48 + random.below(index - 48)] ^= 1 << random.below(8);
                }
                mutant
            }),
        );
        assert!(stages[1] + stages[2] > 0, "no damage was seen");
    }
}
