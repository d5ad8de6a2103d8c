//! An epoch that decodes against one from the cache: `cargo bench -p avff --bench cached_epoch`.
//!
//! The clips of the tests of `avff-media` and `avff`, at the released network's sizes, each made into both tensors
//! by one thread. Time is the processor's, user and system together (`/proc/self/stat`, Linux only),
//! since wall time is other people's business too. A second pair changes the loudness, so that the
//! cache holds waves and filterbanks are computed. Files are in the system's cache either way.
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

/// The allocator of the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clock ticks a second in `/proc`: fixed on Linux.
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
    for (what, augment) in [
        ("as they are", AugmentConfig::default()),
        ("louder or softer", AugmentConfig { gain: Some(Gain { db: 6.0 }), ..Default::default() }),
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
        let plain = loader(ClipReader::new(spec.clone()).unwrap());
        let cached = loader(ClipReader::new(spec.clone()).unwrap().cached(Arc::clone(&cache)));
        let decoding = measure(&plain, DECODED_EPOCHS);
        measure(&cached, 1);
        let reading = measure(&cached, CACHED_EPOCHS);
        println!("{what}: decoded {} a clip", text(decoding));
        println!("{what}: cached {} a clip", text(reading));
        println!(
            "{what}: {:.1} times less processor time, {:.1} times less wall time",
            decoding.0 / reading.0,
            decoding.1 / reading.1
        );
        println!("{what}: {:?}", cache.counts());
    }
}

/// Milliseconds a clip: of the processor, and on the wall.
fn measure(loader: &Loader, epochs: u64) -> (f64, f64) {
    let (start, used) = (Instant::now(), processor());
    for epoch in 0..epochs {
        for batch in loader.epoch(epoch) {
            assert!(!batch.unwrap().clips.is_empty());
        }
    }
    let each = 1e3 / (epochs as f64 * loader.dataset().len() as f64);
    ((processor() - used) * each, start.elapsed().as_secs_f64() * each)
}

/// Seconds of user and system time.
fn processor() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name, in brackets, may hold spaces; utime and stime are the 14th and 15th field.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / TICKS).sum()
}

fn text((processor, wall): (f64, f64)) -> String {
    format!("{processor:.2} ms of the processor, {wall:.2} ms")
}
