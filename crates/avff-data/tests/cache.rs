//! A cache shared by several processes and threads, some of them killed: every clip is correct, and
//! the size limit holds.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use avff_data::{
    ClipSpec,
    cache::{Cache, CacheConfig, Identity},
    decode::{AudioForm, DecodeRequest},
    load_clip,
    loader::{ClipReader, ReadClip},
    tensors::tensors,
};

const FOLDER: &str = "AVFF_TEST_CACHE";
const NAMES: [&str; 4] = ["h264_vfr", "h264_aac_16k_mono", "h264_rotated90", "fragmented"];
/// A size limit of about half of all entries (47 kB per clip), so that entries are evicted
/// continually.
const MAX_BYTES: u64 = 90_000;

fn spec() -> ClipSpec {
    let mut spec = ClipSpec::open_avff();
    (spec.video.frames, spec.video.height, spec.video.width) = (4, 48, 64);
    (spec.audio.frames, spec.audio.mels) = (80, 32);
    spec
}

fn config(folder: &Path) -> CacheConfig {
    CacheConfig { folder: folder.into(), max_bytes: MAX_BYTES, identity: Identity::Stat }
}

fn path(name: &str) -> PathBuf {
    Path::new("../avff-media/tests/fixtures/media").join(name).with_extension("mp4")
}

/// Reads every clip a few times in some order, and compares it with decoding.
fn work(cache: &Arc<Cache>, turns: usize, first: usize) {
    let spec = spec();
    let reader = ClipReader::new(spec.clone()).unwrap().cached(Arc::clone(cache));
    let expected: Vec<_> =
        NAMES.iter().map(|name| load_clip(&path(name), &spec).unwrap()).collect();
    for turn in 0..turns {
        // Each clip twice: the second read is a hit unless other threads evicted the entry.
        let at = (turn / 2 * 3 + first) % NAMES.len();
        let all = DecodeRequest { frames: true, audio: Some(AudioForm::Fbank) };
        let decoded = reader.read(&path(NAMES[at]), all, &mut |_| 0).unwrap();
        assert!(tensors(decoded, &spec, None).unwrap() == expected[at]);
    }
}

/// Returns the total size of all entries while nobody writes.
fn size(folder: &Path) -> u64 {
    let Ok(ledger) = File::open(folder.join("size")) else { return 0 };
    ledger.lock().unwrap();
    let shards = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let shards = shards.filter(|entry| entry.file_name().len() == 2);
    let entries = shards.flat_map(|shard| fs::read_dir(shard.path()).unwrap());
    // An entry may be evicted between listing and reading its metadata.
    entries.filter_map(|entry| entry.unwrap().metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// The body of the processes started by the test below; not a test by itself.
#[test]
#[ignore = "run by processes_and_threads_share_a_cache"]
fn child() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let cache = Arc::new(Cache::open(&config(Path::new(&folder))).unwrap());
    thread::scope(|scope| {
        for first in 0..2 {
            let cache = &cache;
            scope.spawn(move || work(cache, 24, first));
        }
    });
    assert_eq!(cache.counts().corrupt, 0, "{:?}", cache.counts());
}

fn spawn(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn processes_and_threads_share_a_cache() {
    let folder = tempfile::tempdir().unwrap();
    let shared = folder.path().join("cache");
    let mut workers = [spawn(&shared), spawn(&shared)];
    // Two more processes are killed at an arbitrary point.
    for wait in [300, 450] {
        let mut victim = spawn(&shared);
        thread::sleep(Duration::from_millis(wait));
        let used = size(&shared);
        assert!(used <= MAX_BYTES, "{used} bytes while other processes write");
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    for worker in &mut workers {
        assert!(worker.wait().unwrap().success(), "a process read a wrong or partial entry");
    }
    let cache = Arc::new(Cache::open(&config(&shared)).unwrap());
    work(&cache, 16, 0);
    let counts = cache.counts();
    assert_eq!((counts.corrupt, counts.not_stored), (0, 0), "{counts:?}");
    assert!(counts.hits > 0 && counts.evicted > 0, "{counts:?}");
    assert!(size(&shared) <= MAX_BYTES);
}
