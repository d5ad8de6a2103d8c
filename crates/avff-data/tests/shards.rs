//! Clips in shards are read as from their files, and faults of shards are named.
#![cfg(feature = "shards")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use avff_data::{
    ClipSpec,
    loader::{Batch, ClipReader, Loader, LoaderConfig, LoaderState, ReadClip, Unreadable},
    shards::{Packing, Preparer, ShardError, ShardReader, ShardRun, ShardSet, ShardWriter},
    spec::{FrameColor, Standardize},
};
use avff_datasets::{Dataset, manifest::Row};

fn spec() -> ClipSpec {
    let mut spec = ClipSpec::avff().with_sizes([64, 16], [4, 24, 32]);
    spec.sampling = avff_data::spec::Sampling::Window { seconds: 0.8, fps: 5.0, stride: 0.8 };
    spec
}

/// Seven rows of three clips with labels and a further column.
fn rows() -> Vec<Row> {
    let media = Path::new(env!("CARGO_MANIFEST_DIR")).join("../avff/tests/fixtures/clips");
    let names = ["match_a.mp4", "swapped_a.mp4", "match_b.mp4"];
    let row = |index: usize| Row {
        name: names[index % 3].to_owned(),
        path: media.join(names[index % 3]),
        target: Some((index % 2) as u8),
        extra: vec![format!("fold {index}")],
        line: index as u64 + 2,
    };
    (0..7).map(row).collect()
}

const LOSSLESS: Packing = Packing { jpeg: None, wave: false };

fn run(folder: &Path, part: (usize, usize), packing: Packing) -> ShardRun {
    ShardRun {
        folder: folder.into(),
        part,
        rows: 8,
        manifest: "1234".into(),
        spec: spec(),
        packing,
        columns: vec!["fold".into()],
        // Two or three clips each.
        shard_bytes: 120_000,
    }
}

/// Packs a part of the rows, at most `most` of them in this run. The clip of an eighth row, in the
/// middle, is missing.
fn pack(folder: &Path, part: (usize, usize), packing: Packing, most: usize) {
    let preparer = Preparer::new(spec(), packing).unwrap();
    let mut writer = ShardWriter::open(run(folder, part, packing)).unwrap();
    let mut all = rows();
    let lost = Row { name: "lost.mp4".into(), path: "lost.mp4".into(), line: 9, ..all[0].clone() };
    all.insert(4, lost);
    let own = all.iter().skip(part.0).step_by(part.1).skip(writer.done() as usize);
    for (done, row) in own.enumerate() {
        if done == most {
            return;
        }
        match preparer.prepare(&row.path) {
            Ok(clip) => writer.add(row, &clip).unwrap(),
            Err(error) => writer.fail(row, error.to_string()),
        }
    }
    writer.finish().unwrap();
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}

fn load(dataset: Dataset, reader: Arc<dyn ReadClip>) -> Loader {
    let config = LoaderConfig { workers: 2, ..LoaderConfig::training(3, 5) };
    Loader::new(Arc::new(dataset), reader, config).unwrap()
}

fn of_shards(folder: &Path) -> Loader {
    let set = Arc::new(ShardSet::open(folder, Unreadable::Error).unwrap());
    let dataset = set.dataset().unwrap();
    load(dataset, Arc::new(ShardReader::new(set, spec()).unwrap()))
}

fn batches(loader: &Loader, from: LoaderState) -> Vec<Batch> {
    loader.resume(from).unwrap().map(Result::unwrap).collect()
}

#[test]
fn lossless_shards_give_the_batches_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path(), (0, 1), LOSSLESS, usize::MAX);
    assert!(files(folder.path(), "tar").len() > 1);
    let plain = Dataset::new(rows(), vec!["fold".into()]).unwrap();
    let files = load(plain.clone(), Arc::new(ClipReader::new(spec()).unwrap()));
    let shards = of_shards(folder.path());
    let columns = |dataset: &Dataset| -> Vec<_> {
        let rows = dataset.rows().iter();
        rows.map(|row| (row.name.clone(), row.target, row.extra.clone(), row.line)).collect()
    };
    assert_eq!(columns(shards.dataset()), columns(&plain));
    for epoch in [0, 3] {
        let start = LoaderState::start(epoch);
        let (of_files, of_shards) = (batches(&files, start), batches(&shards, start));
        assert_eq!((of_files.len(), of_shards.len()), (2, 2));
        for (file, shard) in of_files.iter().zip(&of_shards) {
            assert!(file.clips == shard.clips, "epoch {epoch}");
            assert_eq!(file.origins, shard.origins);
        }
    }
    // From the middle of an epoch.
    let state = LoaderState { epoch: 1, step: 1, position: 3 };
    let rest = batches(&shards, state);
    assert!(rest.len() == 1 && rest[0].clips == batches(&files, state)[0].clips);
}

/// JPEG and 16-bit audio lose little.
#[test]
fn lossy_shards_are_close_to_the_files() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path(), (0, 1), Packing { jpeg: Some(95), wave: true }, usize::MAX);
    let plain = Dataset::new(rows(), Vec::new()).unwrap();
    let files = load(plain, Arc::new(ClipReader::new(spec()).unwrap()));
    let start = LoaderState::start(0);
    let (of_files, of_shards) = (batches(&files, start), batches(&of_shards(folder.path()), start));
    let mean = |pairs: &mut dyn Iterator<Item = (&f32, &f32)>| {
        let (mut sum, mut count) = (0.0, 0);
        for (a, b) in pairs {
            sum += (a - b).abs();
            count += 1;
        }
        sum / count as f32
    };
    for (file, shard) in of_files.iter().zip(&of_shards) {
        for (file, shard) in file.clips.iter().zip(&shard.clips) {
            let video = mean(&mut file.video.iter().zip(&shard.video));
            let audio = mean(&mut file.audio.iter().zip(&shard.audio));
            assert!(video > 0.0 && video < 0.1, "{video}");
            assert!(audio < 0.05, "{audio}");
        }
    }
}

/// An interrupted run is continued, and parts are packed apart: all end with the same clips.
#[test]
fn interrupted_and_shared_runs_pack_the_same_clips() {
    let (one, cut, parts) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    pack(one.path(), (0, 1), LOSSLESS, usize::MAX);
    for _ in 0..4 {
        pack(cut.path(), (0, 1), LOSSLESS, 3);
    }
    pack(cut.path(), (0, 1), LOSSLESS, usize::MAX);
    pack(parts.path(), (1, 2), LOSSLESS, usize::MAX);
    let error = ShardSet::open(parts.path(), Unreadable::Error).unwrap_err().to_string();
    assert!(error.contains("clips-000-000000.jsonl: the shard is missing"), "{error}");
    pack(parts.path(), (0, 2), LOSSLESS, usize::MAX);
    for extension in ["tar", "jsonl"] {
        let (one, cut) = (files(one.path(), extension), files(cut.path(), extension));
        assert_eq!(one.len(), cut.len());
        for (one, cut) in one.iter().zip(&cut) {
            assert_eq!(one.file_name(), cut.file_name());
            assert!(fs::read(one).unwrap() == fs::read(cut).unwrap(), "{}", one.display());
        }
    }
    let start = LoaderState::start(2);
    let (expected, actual) =
        (batches(&of_shards(one.path()), start), batches(&of_shards(parts.path()), start));
    assert!(expected.iter().zip(&actual).all(|(a, b)| a.clips == b.clips));
    let set = ShardSet::open(parts.path(), Unreadable::Error).unwrap();
    assert_eq!(set.coverage().to_string(), "7 of 8 clips (87.5 %); 1 could not be packed");
    // Two processes do not pack the same part at a time.
    let first = ShardWriter::open(run(one.path(), (0, 1), LOSSLESS)).unwrap();
    let second = ShardWriter::open(run(one.path(), (0, 1), LOSSLESS));
    assert!(matches!(second, Err(ShardError::Busy { .. })));
    drop(first);
    // Another manifest, or another preparation, is not mixed in.
    let other = ShardRun { manifest: "5678".into(), ..run(one.path(), (0, 1), LOSSLESS) };
    assert!(matches!(ShardWriter::open(other), Err(ShardError::Mixed { .. })));
}

#[test]
fn faults_of_shards_are_named_or_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path(), (0, 1), LOSSLESS, usize::MAX);
    let (shards, indexes) = (files(folder.path(), "tar"), files(folder.path(), "jsonl"));
    assert!(shards.len() >= 3, "{}", shards.len());
    let open = |unreadable| ShardSet::open(folder.path(), unreadable);
    let damage = |path: &Path, change: &dyn Fn(&mut Vec<u8>), part: &str, left: &[usize]| {
        let whole = fs::read(path).unwrap();
        let mut bytes = whole.clone();
        change(&mut bytes);
        if bytes.is_empty() {
            fs::remove_file(path).unwrap();
        } else {
            fs::write(path, bytes).unwrap();
        }
        let text = open(Unreadable::Error).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
        assert!(text.contains(path.file_name().unwrap().to_str().unwrap()), "{text}");
        let set = open(Unreadable::Skip).unwrap();
        let coverage = set.coverage();
        assert!(left.contains(&(coverage.clips as usize)), "{coverage}");
        assert_eq!(coverage.faults.len(), 1, "{coverage:?}");
        fs::write(path, whole).unwrap();
    };
    let some = [2, 3, 4, 5, 6];
    damage(&shards[1], &|bytes| bytes.clear(), "the shard is missing, and with it", &some);
    damage(&shards[1], &|bytes| bytes.truncate(1000), "the shard has 1000 bytes", &some);
    damage(&indexes[1], &|bytes| bytes.clear(), "the shard is missing", &some);
    damage(&indexes[1], &|bytes| *bytes.last_mut().unwrap() = b'x', "checksum differs", &some);
    damage(&indexes[0], &|bytes| bytes.clear(), "the shard is missing", &some);
    // A shard under the name of another would be read twice.
    let (first, second) = (fs::read(&indexes[0]).unwrap(), fs::read(&indexes[1]).unwrap());
    damage(&indexes[1], &|bytes| *bytes = first.clone(), "it is that of clips-000-000000", &some);
    damage(&indexes[0], &|bytes| *bytes = second.clone(), "it is that of clips-000-000001", &some);
    // Shards of another run lie behind the last one.
    for name in [format!("clips-000-{:06}.jsonl", shards.len()), "clips-001-000000.jsonl".into()] {
        fs::write(folder.path().join(&name), &first).unwrap();
        let text = open(Unreadable::Error).unwrap_err().to_string();
        assert!(text.contains(&name) && text.contains("another run"), "{text}");
        fs::remove_file(folder.path().join(&name)).unwrap();
    }
    // A flipped bit in a clip is found when it is read.
    let mut bytes = fs::read(&shards[0]).unwrap();
    bytes[5000] ^= 1;
    fs::write(&shards[0], bytes).unwrap();
    let set = Arc::new(open(Unreadable::Error).unwrap());
    let dataset = set.dataset().unwrap();
    let reader = Arc::new(ShardReader::new(Arc::clone(&set), spec()).unwrap());
    let config = |unreadable| LoaderConfig { unreadable, ..LoaderConfig::validation(8) };
    let load = |unreadable| {
        Loader::new(Arc::new(dataset.clone()), reader.clone(), config(unreadable)).unwrap()
    };
    let error = load(Unreadable::Error).epoch(0).next().unwrap().unwrap_err().to_string();
    let expected =
        "clips-000-000000.tar/000000000: in the shard, the checksum of match_a.mp4 differs";
    assert!(error.ends_with(expected), "{error}");
    let loader = load(Unreadable::Skip);
    let mut epoch = loader.epoch(0);
    assert_eq!(epoch.next().unwrap().unwrap().clips.len(), 6);
    assert_eq!(epoch.skipped().len(), 1);
}

#[test]
fn another_preparation_is_refused_by_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    pack(folder.path(), (0, 1), LOSSLESS, usize::MAX);
    let set = Arc::new(ShardSet::open(folder.path(), Unreadable::Error).unwrap());
    let mut other = spec();
    other.audio.shift_ms = 5.0;
    let error = ShardReader::new(Arc::clone(&set), other).err().unwrap().to_string();
    assert!(error.contains("audio.shift_ms = 4.0") && error.contains("= 5.0"), "{error}");
    // Colors and normalization come after reading.
    let mut other = spec();
    (other.audio.mean, other.video.std) = (1.0, [2.0; 3]);
    other.video.color = FrameColor::Gray;
    (other.video.standardize, other.audio.standardize) = (Standardize::Sample, Standardize::Sample);
    let shards = Arc::new(ShardReader::new(Arc::clone(&set), other.clone()).unwrap());
    let files = Arc::new(ClipReader::new(other).unwrap());
    let start = LoaderState::start(0);
    let of_shards = batches(&load(set.dataset().unwrap(), shards), start);
    let plain = Dataset::new(rows(), vec!["fold".into()]).unwrap();
    for (file, shard) in batches(&load(plain, files), start).iter().zip(&of_shards) {
        assert!(file.clips == shard.clips);
    }
}

/// A web server that fails now and then.
#[cfg(feature = "http")]
mod web {
    use std::{
        io::{BufRead, BufReader, Write},
        net::{TcpListener, TcpStream},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// Serves a folder and returns its address. With `parts`, it answers with parts of files. Every
    /// seventh answer is a 503, every eleventh ends in the middle.
    fn serve(folder: PathBuf, parts: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let count = Arc::new(AtomicUsize::new(0));
            for stream in listener.incoming() {
                let (folder, count) = (folder.clone(), Arc::clone(&count));
                let answer = move || answer(stream.unwrap(), &folder, parts, &count);
                std::thread::spawn(answer);
            }
        });
        address
    }

    fn answer(mut stream: TcpStream, folder: &Path, parts: bool, count: &AtomicUsize) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let headers: Vec<String> =
            lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
        let mut words = first.split(' ');
        let (method, name) = (words.next().unwrap(), words.next().unwrap());
        let number = count.fetch_add(1, Ordering::Relaxed);
        let (mut status, mut body) = match fs::read(folder.join(&name[1..])) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        let range = headers.iter().find_map(|line| line.strip_prefix("range: bytes="));
        if let Some((from, to)) = range.filter(|_| parts).and_then(|range| range.split_once('-')) {
            status = "206 Partial Content";
            body = body[from.parse().unwrap()..=to.parse().unwrap()].to_vec();
        }
        if number % 7 == 6 {
            (status, body) = ("503 Service Unavailable", Vec::new());
        }
        let length = body.len();
        if method == "HEAD" {
            body.clear();
        } else if number % 11 == 10 && status.starts_with("206") {
            body.truncate(length / 2);
        }
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    }

    #[test]
    fn a_web_server_gives_the_batches_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        for part in [0, 1] {
            pack(folder.path(), (part, 2), LOSSLESS, usize::MAX);
        }
        let address = serve(folder.path().into(), true);
        let start = LoaderState::start(1);
        let (near, far) = (of_shards(folder.path()), of_shards(Path::new(&address)));
        let (near, far) = (batches(&near, start), batches(&far, start));
        assert!(near.len() == 2 && near.iter().zip(&far).all(|(a, b)| a.clips == b.clips));
        fs::remove_file(folder.path().join("clips-001-000000.tar")).unwrap();
        let error = ShardSet::open(Path::new(&address), Unreadable::Error).unwrap_err().to_string();
        let expected = format!("{address}/clips-001-000000.tar: the shard is missing");
        assert!(error.starts_with(&expected), "{error}");
    }

    #[test]
    fn a_server_without_parts_is_named() {
        let folder = tempfile::tempdir().unwrap();
        pack(folder.path(), (0, 1), LOSSLESS, usize::MAX);
        let address = serve(folder.path().into(), false);
        let loader = of_shards(Path::new(&address));
        let error = loader.epoch(0).next().unwrap().unwrap_err().to_string();
        assert!(error.contains("sends whole files") && error.contains(&address), "{error}");
    }
}
