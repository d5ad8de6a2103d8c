//! Compares an epoch that decodes every clip with an epoch that reads the cache:
//! `cargo bench -p avff --bench cached_epoch`.
//!
//! One thread prepares the audio and video tensors of the test clips of `avff-media` and `avff`, at
//! the sizes of the released network. CPU time is user plus system time (`/proc/self/stat`, Linux
//! only). The bench reports CPU time because other processes affect wall-clock time. The second
//! comparison augments the loudness, so the cache stores waveforms and filterbanks are computed.
//! The operating system caches the files in all measurements.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unused_crate_dependencies)]

use std::{fs, path::Path, sync::Arc, time::Instant};

use avff_data::{
    ClipSpec,
    augment::{AugmentConfig, Gain},
    cache::{Cache, CacheConfig, Identity},
    load_clip,
    loader::{ClipReader, Loader, LoaderConfig},
};
use avff_datasets::{Dataset, manifest::Row};

/// The same allocator as the `avff` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clock ticks per second in `/proc`, a constant on Linux.
const TICKS: f64 = 100.0;
const DECODED_EPOCHS: u64 = 3;
const CACHED_EPOCHS: u64 = 40;

fn main() {
    let spec = ClipSpec::open_avff();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = ["crates/avff-media/tests/fixtures/media", "crates/avff/tests/fixtures/clips"];
    let mut rows = Vec::new();
    for entry in folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap()) {
        let path = entry.unwrap().path();
        if path.is_file() && load_clip(&path, &spec).is_ok() {
            let (name, line) = (path.display().to_string(), rows.len() as u64 + 2);
            rows.push(Row { name, path, target: None, extra: Vec::new(), line });
        }
    }
    let dataset = Arc::new(Dataset::new(rows, Vec::new()).unwrap());
    println!("{} clips", dataset.len());
    let folder = tempfile::tempdir().unwrap();
    for (setting, augment) in [
        ("no augmentation", AugmentConfig::default()),
        ("random gain", AugmentConfig { gain: Some(Gain { db: 6.0 }), ..Default::default() }),
    ] {
        let config = LoaderConfig { augment, workers: 0, ..LoaderConfig::validation(4) };
        let loader = |reader: ClipReader| {
            Loader::new(Arc::clone(&dataset), Arc::new(reader), config.clone()).unwrap()
        };
        let cache = CacheConfig {
            folder: folder.path().into(),
            max_bytes: 1 << 30,
            identity: Identity::Stat,
        };
        let cache = Arc::new(Cache::open(&cache).unwrap());
        let uncached = loader(ClipReader::new(spec.clone()).unwrap());
        let cached = loader(ClipReader::new(spec.clone()).unwrap().cached(Arc::clone(&cache)));
        let decode_times = measure(&uncached, DECODED_EPOCHS);
        // The first epoch fills the cache.
        measure(&cached, 1);
        let cache_times = measure(&cached, CACHED_EPOCHS);
        println!("{setting}: decoded, {} per clip", format_times(decode_times));
        println!("{setting}: cached, {} per clip", format_times(cache_times));
        println!(
            "{setting}: the cache takes {:.1} times less CPU time, {:.1} times less wall-clock time",
            decode_times.0 / cache_times.0,
            decode_times.1 / cache_times.1
        );
        println!("{setting}: {:?}", cache.counts());
    }
}

/// Returns the CPU time and the wall-clock time per clip, in milliseconds.
fn measure(loader: &Loader, epochs: u64) -> (f64, f64) {
    let (start, cpu_start) = (Instant::now(), cpu_seconds());
    for epoch in 0..epochs {
        for batch in loader.epoch(epoch) {
            assert!(!batch.unwrap().clips.is_empty());
        }
    }
    let scale = 1e3 / (epochs as f64 * loader.dataset().len() as f64);
    ((cpu_seconds() - cpu_start) * scale, start.elapsed().as_secs_f64() * scale)
}

/// Returns the user and system time of this process, in seconds.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The program name in parentheses can contain spaces. Fields 14 and 15 are utime and stime.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / TICKS).sum()
}

fn format_times((cpu, wall): (f64, f64)) -> String {
    format!("{cpu:.2} ms CPU time, {wall:.2} ms wall-clock time")
}
