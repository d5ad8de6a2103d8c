//! Reads damaged copies of every fixture. Whatever the damage, reading returns a result or an
//! error, within a time limit and a known memory bound. `benches/mutation_campaign.rs` reads many
//! more mutants.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    reason = "a failed unwrap fails the test; measurements are printed"
)]

mod mutants;

use std::{path::Path, sync::Arc, time::Duration};

use mutants::{
    Outcome, Stage, bombs, measure,
    movie::h264,
    mutate::{CLASSES, SeedLayout, boxes, mutant},
    prepare,
    random::Random,
    seeds::{self, Kind, fixture},
};

/// Reading a mutant takes milliseconds.
const LIMIT: Duration = Duration::from_secs(5);

fn check(name: &str, number: usize, outcome: &Outcome) -> usize {
    let Outcome { stage, elapsed, held, bound } = *outcome;
    assert!(stage != Stage::Panic, "{name}: mutant {number} panics");
    assert!(elapsed < LIMIT, "{name}: mutant {number} takes {elapsed:?}");
    assert!(held <= bound, "{name}: mutant {number} holds {held} bytes, its bound is {bound}");
    stage as usize
}

/// Returns counts by stage: opening, video, audio, never.
fn run(name: &str, mutants: impl Iterator<Item = Vec<u8>>) -> [usize; 4] {
    let mut stages = [0; 4];
    for (number, mutant) in mutants.enumerate() {
        let outcome = measure(Kind::Clip, &mutant.into(), false, Path::new(""));
        stages[check(name, number, &outcome)] += 1;
    }
    println!("{name}: opening, video, audio, never: {stages:?}");
    stages
}

fn index_of(file: &[u8]) -> usize {
    boxes(file, &[b"moov"])[0] - 4
}

#[test]
fn every_reader_survives_every_damage() {
    const MUTANTS: usize = 900;
    let seeds = seeds::all();
    let layouts: Vec<SeedLayout<'_>> = seeds.iter().map(SeedLayout::new).collect();
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let mut stages = [[0; 4]; 3];
    for number in 0..MUTANTS {
        let mut random = Random(number as u64);
        let layout = &layouts[number % layouts.len()];
        let class = number / layouts.len() % CLASSES.len();
        let other = &seeds[random.below(seeds.len())];
        let bytes = mutant(layout, other, class, &mut random).into();
        let outcome = measure(layout.seed.kind, &bytes, number % 7 == 0, folder.path());
        let name = format!("{} of {}", CLASSES[class], layout.seed.name);
        stages[layout.seed.kind as usize][check(&name, number, &outcome)] += 1;
    }
    println!("clips, WAV files, images: {stages:?}");
    for reader in stages {
        assert!(reader[0] > 0 && reader[3] > 0, "damage is detected at times: {stages:?}");
    }
}

#[test]
fn undamaged_files_are_read_completely() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    for seed in seeds::all().iter().filter(|seed| seed.bytes.len() < 100_000) {
        let outcome = measure(seed.kind, &seed.bytes, true, folder.path());
        let stage = check(&seed.name, 0, &outcome);
        println!("{}: {outcome:?}", seed.name);
        if seed.kind != Kind::Clip {
            assert_eq!(stage, Stage::Never as usize, "{}", seed.name);
        }
    }
}

#[test]
fn small_files_with_large_declared_sizes() {
    for bomb in bombs::small() {
        let outcome = measure(bomb.kind, &Arc::from(bomb.bytes), true, Path::new(""));
        println!("{}: {outcome:?}", bomb.name);
        check(bomb.name, 0, &outcome);
        assert!(outcome.held < 64 << 20, "{}: {outcome:?}", bomb.name);
    }
}

/// Pictures that precede earlier-decoded pictures in display order wait in full. H.264 permits at
/// most 16.
#[test]
fn reordering_is_limited_as_in_h264() {
    let open = |count: u32| avff_media::open_bytes(h264(4, 3, 1, count, true));
    let frames = open(17).unwrap().frames_at(&(0..17).collect::<Vec<_>>()).unwrap();
    assert_eq!(frames.len(), 17);
    let error = open(18).err().unwrap();
    assert!(error.to_string().contains("more than 16 samples"), "{error}");
}

#[test]
fn extreme_box_sizes() {
    let file = fixture("h264_vfr.mp4");
    let fields: Vec<usize> = boxes(
        &file,
        &[
            b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr",
            b"minf", b"stbl", b"stsd", b"avc1", b"avcC", b"colr", b"pasp", b"mp4a", b"esds",
            b"stts", b"stss", b"ctts", b"stsc", b"stsz", b"stco", b"udta", b"dinf", b"btrt",
        ],
    );
    let fields: Vec<usize> = fields.into_iter().filter(|&at| at >= index_of(&file)).collect();
    assert!(fields.len() > 35, "{} boxes found", fields.len());
    let mutants = fields.iter().flat_map(|&at| {
        [0, 1, 7, 8, 9, 0x7fff_ffff, u32::MAX].map(|size| {
            let mut mutant = file.clone();
            mutant[at - 4..at].copy_from_slice(&size.to_be_bytes());
            mutant
        })
    });
    let stages = run("h264_vfr.mp4", mutants);
    assert!(stages[0] > fields.len() * 2, "{stages:?}");
}

#[test]
fn extreme_counts_and_fields() {
    let file = fixture("bad/one_frame_20ms.mp4");
    let mutants = (index_of(&file)..file.len() - 4).step_by(4).flat_map(|at| {
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
        assert_eq!(stages[1..], [0; 3], "the index is last, so a truncated file cannot open");
    }
}

#[test]
fn fragments_of_any_shape() {
    let file = fixture("fragmented.mp4");
    let boxes =
        boxes(&file, &[b"moof", b"mfhd", b"traf", b"tfhd", b"tfdt", b"trun", b"mvex", b"trex"]);
    assert!(boxes.len() > 40, "{} boxes found", boxes.len());
    let mut random = Random(4);
    let stages = run(
        "fragmented.mp4",
        (0..150).map(|_| {
            let mut mutant = file.clone();
            // The size, the flags, a count or a field soon after.
            let at = random.choose(&boxes) - 4 + 4 * random.below(8);
            let value: u32 = random.choose(&[0, 1, u32::MAX, 0x7fff_ffff, 0x000f_0f07]);
            mutant[at..at + 4].copy_from_slice(&value.to_be_bytes());
            mutant
        }),
    );
    assert!(stages[0] > 0, "no damage was detected");
}

#[test]
fn flipped_bytes_of_the_media() {
    for name in ["h264_vfr.mp4", "h264_rotated90.mp4", "bad/one_frame_20ms.mp4"] {
        let file = fixture(name);
        let index = index_of(&file);
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
        assert!(stages[1] + stages[2] > 0, "no damage was detected");
    }
}
