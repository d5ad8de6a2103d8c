//! `avff cache` decodes clips ahead of training.

use std::{fs, path::Path, sync::Arc};

use avff::{
    data::{
        ClipSpec,
        cache::{Cache, CacheConfig, Identity},
        decode::{AudioForm, DecodeRequest},
        loader::{ClipReader, ReadClip},
        spec::{Sampling, TrimSilence},
    },
    model::Checkpoint,
    preprocessing,
};

use crate::setup::{Ran, Scene, clip, weights};

/// `avff cache` for the small network's clips.
fn cache(scene: &Scene, csv: &Path, more: &[&str]) -> Ran {
    let weights = weights();
    let arguments = ["cache", "--csv", csv.to_str().unwrap(), "--cache", "cache", "--checkpoint"];
    scene.run(&[&arguments, &[weights.to_str().unwrap()][..], more].concat())
}

/// Cache hits and misses when clips are read as in training.
fn train(scene: &Scene, names: &[&str], form: AudioForm) -> (u64, u64) {
    train_on(scene, names, form, 0, |_| {})
}

/// Cache hits and misses of window `choice` under an adjusted clip spec.
fn train_on(
    scene: &Scene,
    names: &[&str],
    form: AudioForm,
    choice: usize,
    adjust: impl FnOnce(&mut ClipSpec),
) -> (u64, u64) {
    let cache_config =
        CacheConfig { folder: scene.path("cache"), max_bytes: u64::MAX, identity: Identity::Stat };
    let cache = Arc::new(Cache::open(&cache_config).unwrap());
    let checkpoint = Checkpoint::open(weights()).unwrap();
    let config = checkpoint.config(None).unwrap();
    let adjust = |spec: &mut ClipSpec| {
        adjust(spec);
        Ok(())
    };
    let spec = preprocessing::spec(&checkpoint, &config, adjust).unwrap();
    let reader = ClipReader::new(spec).unwrap().cached(Arc::clone(&cache));
    for name in names {
        let request = DecodeRequest { frames: true, audio: Some(form) };
        reader.read(&clip(name), request, &mut |_| choice).unwrap();
    }
    let counts = cache.counts();
    (counts.hits, counts.misses)
}

const CLIPS: [&str; 4] = ["match_a.mp4", "match_b.mp4", "swapped_a.mp4", "swapped_b.mp4"];

/// The files of all cache entries.
fn entries(scene: &Scene) -> Vec<std::path::PathBuf> {
    let folders = fs::read_dir(scene.path("cache")).unwrap().map(|entry| entry.unwrap());
    let shards = folders.filter(|entry| entry.file_name().len() == 2);
    let mut files: Vec<_> = shards
        .flat_map(|shard| fs::read_dir(shard.path()).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn training_finds_every_clip_and_a_second_run_has_nothing_to_do() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 5);
    let ran = cache(&scene, &csv, &[]).expect(3);
    assert!(ran.stdout.contains("4 of 5 clips (80.0 %)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("0 found, 8 missing, 8 written"), "{}", ran.stdout);
    let size: u64 = entries(&scene).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(ran.stdout.contains(&format!("({size} bytes)")), "{size}: {}", ran.stdout);
    assert!(ran.stderr.contains("cache.errors.csv"), "{}", ran.stderr);
    let errors = scene.read("cache.errors.csv");
    assert!(errors.starts_with("path,stage,error,hint,video_name,line\n"), "{errors}");
    assert!(errors.lines().nth(1).unwrap().contains("absent4.mp4,open,no such file,"), "{errors}");
    assert_eq!(errors.lines().count(), 2);
    assert_eq!(train(&scene, &CLIPS, AudioForm::Fbank), (8, 0));
    let ran = cache(&scene, &csv, &["--min-coverage", "0.8"]).expect(0);
    assert!(ran.stdout.contains("8 found, 0 missing, 0 written"), "{}", ran.stdout);
    // A damaged entry and a deleted one are decoded again.
    let files = entries(&scene);
    fs::write(&files[2], "damaged").unwrap();
    fs::remove_file(&files[5]).unwrap();
    let ran = cache(&scene, &csv, &["--min-coverage", "0.8"]).expect(0);
    assert!(ran.stdout.contains("6 found, 2 missing, 2 written"), "{}", ran.stdout);
    assert_eq!(entries(&scene), files);
    let ran = cache(&scene, &csv, &["--audio", "both", "--min-coverage", "0.8"]).expect(0);
    assert!(ran.stdout.contains("8 found, 4 missing, 4 written"), "{}", ran.stdout);
    assert_eq!(train(&scene, &CLIPS, AudioForm::Wave), (8, 0));
    // Another clip preparation needs other entries.
    let ran = cache(&scene, &csv, &["--frame-fit", "letterbox", "--min-coverage", "0.8"]).expect(0);
    assert!(ran.stdout.contains("0 found, 8 missing, 8 written"), "{}", ran.stdout);
}

#[test]
fn shards_fill_one_cache() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 5);
    let mut all = Vec::new();
    for index in 0..3 {
        let shard = format!("{index}/3");
        all.push(cache(&scene, &csv, &["--shard", &shard, "--min-coverage", "0"]).expect(0));
    }
    assert!(all[1].stdout.contains("1 of 2 clips"), "{}", all[1].stdout);
    // The clip of row 4 is missing.
    let lines =
        |index: usize| scene.read(&format!("cache.errors.{index}-of-3.csv")).lines().count();
    assert_eq!([lines(0), lines(1), lines(2)], [1, 2, 1]);
    let ran = cache(&scene, &csv, &["--min-coverage", "0.8"]).expect(0);
    assert!(ran.stdout.contains("8 found, 0 missing, 0 written"), "{}", ran.stdout);
    // With more shards than rows, an empty shard succeeds.
    let ran = cache(&scene, &csv, &["--shard", "7/9"]).expect(0);
    assert!(ran.stdout.contains("0 of 0 clips"), "{}", ran.stdout);
}

#[test]
fn every_window_is_cached() {
    let scene = Scene::new();
    let csv = scene.write("in.csv", &format!("video_name\n{}\n", clip("match_a.mp4").display()));
    // 3.6 seconds: three windows, the last one ends with the clip.
    let windows = ["--window", "1.5"];
    let ran = cache(&scene, &csv, &windows).expect(0);
    assert!(ran.stdout.contains("0 found, 6 missing, 6 written"), "{}", ran.stdout);
    let ran = cache(&scene, &csv, &windows).expect(0);
    assert!(ran.stdout.contains("6 found, 0 missing, 0 written"), "{}", ran.stdout);
    let windows = |spec: &mut ClipSpec| {
        let fps = spec.video.frames as f64 / 1.5;
        spec.sampling = Sampling::Window { seconds: 1.5, fps, stride: 1.5 };
    };
    for choice in 0..3 {
        assert_eq!(train_on(&scene, &CLIPS[..1], AudioForm::Fbank, choice, windows), (2, 0));
    }
    cache(&scene, &csv, &["--trim-silence"]).expect(0);
    let trimmed = |spec: &mut ClipSpec| spec.trim_silence = Some(TrimSilence::default());
    assert_eq!(train_on(&scene, &CLIPS[..1], AudioForm::Fbank, 0, trimmed), (2, 0));
}

#[test]
fn a_cache_that_is_too_small_is_reported() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 4);
    cache(&scene, &csv, &[]).expect(0);
    let size: u64 = entries(&scene).iter().map(|path| path.metadata().unwrap().len()).sum();
    let room = (size * 3 / 5).to_string();
    let ran = cache(&scene, &csv, &["--cache-size", &room, "--workers", "1"]).expect(3);
    assert!(ran.stdout.contains("evicted clips"), "{}", ran.stdout);
    let left: u64 = entries(&scene).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(left <= size * 3 / 5, "{left} of {size}");
    // A cache too small for any clip reports each clip.
    let ran = cache(&scene, &csv, &["--cache-size", "1K"]).expect(3);
    assert!(ran.stdout.contains("0 of 4 clips"), "{}", ran.stdout);
    let errors = scene.read("cache.errors.csv");
    assert_eq!(
        errors.lines().filter(|line| line.contains(",cache,\"the clip was decoded")).count(),
        4,
        "{errors}"
    );
}

#[test]
fn only_an_earlier_errors_file_is_overwritten() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 1);
    let other = scene.write("other.csv", "video_name\na.mp4\n");
    for (errors, reason) in [
        (csv.to_str().unwrap(), "overwrite one of its inputs"),
        (other.to_str().unwrap(), "already exists"),
        ("clip.mp4", "must end in .csv"),
    ] {
        let ran = cache(&scene, &csv, &["--errors", errors]).expect(2);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    }
    assert_eq!(scene.read("other.csv"), "video_name\na.mp4\n");
    for (more, reason) in [
        (["--cache-size", "10X"], "200G"),
        (["--shard", "1/1"], "0/1"),
        (["--window", "0"], "seconds"),
        (["--csv", "absent.csv"], "absent.csv"),
    ] {
        let arguments = ["cache", "--csv", "in.csv", "--cache", "cache"];
        let arguments = if more[0] == "--csv" { &arguments[..1] } else { &arguments[..3] };
        let ran = scene.run(&[arguments, &["--cache", "cache"], &more].concat()).expect(2);
        assert!(ran.stderr.contains(reason), "{more:?}: {}", ran.stderr);
    }
}
