//! Measures how fast clips are read from shards, and what a large set costs:
//! `cargo bench -p avff --bench shards -- SHARDS [CSV]` reads a folder that `avff pack` wrote, and the
//! files of its CSV; `-- --pretend 240000` opens, shuffles and resumes a set of that many clips that
//! are not there.
//!
//! `benches/peer/shards.py` reads the same shards with webdataset, and the files with decord.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use avff::data::{
    ClipSpec,
    decode::{AudioForm, DecodeRequest},
    loader::{ClipReader, Loader, LoaderConfig, LoaderState, ReadClip, Unreadable},
    prefetch::Prefetch,
    shards::{Packing, Prepared, ShardReader, ShardRun, ShardSet, ShardWriter},
};
use avff_datasets::{Dataset, ManifestOptions, Row};

/// How long each measurement takes.
const SECONDS: u64 = 5;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|text| text != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--pretend", clips] => pretend(clips.parse().unwrap()),
        [shards] => race(Path::new(shards), None),
        [shards, csv] => race(Path::new(shards), Some(Path::new(csv))),
        // `cargo test --benches` gives none.
        _ => pretend(1000),
    }
}

/// Clips per second.
fn rate(reader: &Arc<dyn ReadClip>, dataset: &Dataset, threads: usize, once: bool) -> f64 {
    let start = Instant::now();
    let until = start + Duration::from_secs(if once { 3600 } else { SECONDS });
    let rounds = if once { 1 } else { usize::MAX };
    let paths: Vec<PathBuf> = dataset.rows().iter().map(|row| row.path.clone()).collect();
    let all =
        (0..rounds).flat_map(move |_| paths.clone()).take_while(move |_| Instant::now() < until);
    let reader = Arc::clone(reader);
    let request = DecodeRequest { frames: true, audio: Some(AudioForm::Fbank) };
    let clips = Prefetch::new(all, threads, threads, move |path| {
        reader.read(path, request, &mut |_| 0).unwrap();
    });
    let count = clips.count();
    count as f64 / start.elapsed().as_secs_f64()
}

/// Empties the system's cache of files; only an administrator can.
fn cool() -> bool {
    fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

fn race(folder: &Path, csv: Option<&Path>) {
    let threads = available_parallelism().unwrap().get();
    let set = Arc::new(ShardSet::open(folder, Unreadable::Error).unwrap());
    let (dataset, spec) = (set.dataset().unwrap(), set.spec().clone());
    let shards: Arc<dyn ReadClip> = Arc::new(ShardReader::new(set, spec.clone()).unwrap());
    if cool() {
        println!("shards, cold: {:.1} clips/s", rate(&shards, &dataset, threads, true));
    }
    println!("shards, warm: {:.1} clips/s", rate(&shards, &dataset, threads, false));
    let Some(csv) = csv else { return };
    let files: Arc<dyn ReadClip> = Arc::new(ClipReader::new(spec).unwrap());
    let dataset = Dataset::read(csv, &ManifestOptions::default()).unwrap();
    println!("files, warm: {:.1} clips/s", rate(&files, &dataset, threads, false));
}

/// The largest memory of this process so far, in MB.
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .unwrap_or(f64::NAN)
        / 1024.0
}

fn pretend(clips: u64) {
    let folder = tempfile::tempdir().unwrap();
    let run = ShardRun {
        folder: folder.path().into(),
        part: (0, 1),
        rows: clips,
        manifest: "pretended".into(),
        spec: ClipSpec::open_avff(),
        packing: Packing { jpeg: Some(95), wave: false },
        columns: Vec::new(),
        // A thousand empty clips.
        shard_bytes: 2_048_000,
    };
    let mut writer = ShardWriter::open(run).unwrap();
    for index in 0..clips {
        let name = format!("class{:03}/video_{index:09}.mp4", index % 400);
        let row = Row {
            path: name.clone().into(),
            name,
            target: None,
            extra: Vec::new(),
            line: index + 2,
        };
        writer.add(&row, &Prepared::default()).unwrap();
    }
    let packed = writer.finish().unwrap();
    let before = memory();
    let start = Instant::now();
    let set = Arc::new(ShardSet::open(folder.path(), Unreadable::Error).unwrap());
    let dataset = Arc::new(set.dataset().unwrap());
    let opened = start.elapsed().as_secs_f64();
    let reader = Arc::new(ShardReader::new(set, ClipSpec::open_avff()).unwrap());
    let config = LoaderConfig { workers: 0, ..LoaderConfig::training(100, 1) };
    let loader = Loader::new(dataset, reader, config).unwrap();
    let start = Instant::now();
    drop(loader.epoch(0));
    let shuffled = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let step = loader.steps() / 2;
    drop(loader.resume(LoaderState { epoch: 3, step, position: 100 * step }).unwrap());
    let resumed = start.elapsed().as_secs_f64();
    println!(
        "{clips} clips in {} shards: opened in {opened:.2} s, shuffled in {shuffled:.3} s, resumed in {resumed:.3} s; {:.0} MB of memory, {before:.0} before",
        packed.shards,
        memory()
    );
}
