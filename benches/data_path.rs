//! Measures the seconds from a media file to tensors, on one thread and on all threads:
//! `cargo bench -p avff --bench data_path -- [--decoder NAME] CLIP...`.
//! Add `--features ffmpeg` for FFmpeg.
//!
//! `benches/peer/data_path.py` alternates it with decord, Pillow and torchaudio, and prints
//! ratios of times.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{env, path::PathBuf, thread::available_parallelism, time::Instant};

use avff::data::{ClipSpec, load_clip, prefetch::Prefetch};
use avff_media::Decoder;

/// The number of clips that each thread reads per measurement.
const REPEATS: usize = 4;

fn main() {
    let mut spec = ClipSpec::open_avff();
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let mut clips = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--decoder" => spec.decoder = arguments.next().unwrap().parse::<Decoder>().unwrap(),
            path => clips.push(PathBuf::from(path)),
        }
    }
    if clips.is_empty() {
        let media = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clips");
        clips.extend(["match_a.mp4", "swapped_b.mp4"].map(|name| media.join(name)));
    }
    let threads = available_parallelism().unwrap().get();
    for clip in clips {
        for threads in [1, threads] {
            let jobs = REPEATS * threads;
            let (path, spec) = (clip.clone(), spec.clone());
            let start = Instant::now();
            let loaded = Prefetch::new(0..jobs, threads, threads, move |_| load_clip(&path, &spec));
            assert_eq!(loaded.filter(|(_, clip)| clip.is_ok()).count(), jobs);
            let seconds = start.elapsed().as_secs_f64() / jobs as f64;
            println!("{} threads={threads} seconds={seconds:.4}", clip.display());
        }
    }
}
