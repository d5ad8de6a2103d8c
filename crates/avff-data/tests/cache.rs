//! One cache, many processes and threads, some of them killed: every clip is right, the size is kept.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

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
    decode::{AudioForm, Want},
    load_clip,
    loader::{ClipReader, ReadClip},
    tensors::tensors,
};

const FOLDER: &str = "AVFF_TEST_CACHE";
const NAMES: [&str; 4] = ["h264_vfr", "h264_aac_16k_mono", "h264_rotated90", "fragmented"];
/// Room for about half of all entries (47 kB a clip), so that they keep being dropped.
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

/// Reads every clip a few times in some order, and compares with decoding.
fn work(cache: &Arc<Cache>, turns: usize, first: usize) {
    let spec = spec();
    let reader = ClipReader::new(spec.clone()).unwrap().cached(Arc::clone(cache));
    let want: Vec<_> = NAMES.iter().map(|name| load_clip(&path(name), &spec).unwrap()).collect();
    for turn in 0..turns {
        // Each clip twice: the second time it is there, unless others dropped it in between.
        let at = (turn / 2 * 3 + first) % NAMES.len();
        let all = Want { frames: true, audio: Some(AudioForm::Fbank) };
        let got = reader.read(&path(NAMES[at]), all, &mut |_| 0).unwrap();
        assert!(tensors(got, &spec, None).unwrap() == want[at]);
    }
}

/// Bytes of all entries while no one writes.
fn size(folder: &Path) -> u64 {
    let Ok(ledger) = File::open(folder.join("size")) else { return 0 };
    ledger.lock().unwrap();
    let shards = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let shards = shards.filter(|entry| entry.file_name().len() == 2);
    let entries = shards.flat_map(|shard| fs::read_dir(shard.path()).unwrap());
    // An entry may be dropped between listing and looking.
    entries.filter_map(|entry| entry.unwrap().metadata().ok()).map(|found| found.len()).sum()
}

/// Not a test of its own: what the processes of the test below run.
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
    // Two more are killed at whatever they are doing.
    for wait in [300, 450] {
        let mut victim = spawn(&shared);
        thread::sleep(Duration::from_millis(wait));
        let used = size(&shared);
        assert!(used <= MAX_BYTES, "{used} bytes while others write");
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    for worker in &mut workers {
        assert!(worker.wait().unwrap().success(), "a process saw a wrong or a partial entry");
    }
    let cache = Arc::new(Cache::open(&config(&shared)).unwrap());
    work(&cache, 16, 0);
    let counts = cache.counts();
    assert_eq!((counts.corrupt, counts.not_stored), (0, 0), "{counts:?}");
    assert!(counts.hits > 0 && counts.evicted > 0, "{counts:?}");
    assert!(size(&shared) <= MAX_BYTES);
}
