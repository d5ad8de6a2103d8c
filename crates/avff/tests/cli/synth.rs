//! `avff synth`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::setup::{Ran, Scene};

/// A small set of short clips.
const SMALL: [&str; 12] =
    ["--train", "5", "--val", "2", "--test", "3", "--size", "32", "--seconds", "0.5", "--fps", "6"];

fn synth(scene: &Scene, out: &str, more: &[&str]) -> Ran {
    scene.run(&[&["synth", out], &SMALL[..], more].concat())
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

#[test]
fn a_set_has_clips_manifests_and_its_config() {
    let scene = Scene::new();
    let mix = ["--mix", "real=1,time-shift=1", "--seed", "3"];
    let ran = synth(&scene, "set", &mix).expect(0);
    assert!(ran.stdout.contains("time-shift"), "{}", ran.stdout);
    let train = scene.read("set/train.csv");
    let lines: Vec<&str> = train.lines().collect();
    assert_eq!(
        lines[0],
        "video_name,target,split,category,method,identity,source,language,voice,shift_ms,fake_from,fake_to"
    );
    assert_eq!(lines.len(), 6);
    for (at, line) in lines[1..].iter().enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let name = format!("train/{at:06}");
        assert_eq!((cells[0], cells[2], cells.len()), (name.as_str(), "train", 12));
        assert!(cells[5].starts_with("s3-train-f") && cells[8].starts_with("s3-train-v"), "{line}");
        if cells[1] == "0" {
            assert_eq!([cells[3], cells[4], cells[6]], ["RVRA", "", cells[0]]);
            assert_eq!(cells[9..], ["0", "", ""]);
        } else {
            assert_eq!([cells[3], cells[4], cells[6]], ["SHIFT", "time-shift", ""]);
            assert!((80..=800).contains(&cells[9].parse::<i32>().unwrap().abs()), "{line}");
            assert_eq!(cells[10..], ["0", "0.5"]);
        }
    }
    let summary = scene.json("set/synth.json");
    assert_eq!(summary["run"]["config"]["seed"], 3);
    assert_eq!(summary["run"]["config"]["size"], 32);
    let clips = &summary["clips"]["train"];
    assert_eq!(clips["real"].as_u64().unwrap() + clips["time-shift"].as_u64().unwrap(), 5);
    assert!(summary["about"].as_str().unwrap().contains("nothing about deepfakes in the wild"));
    let left = files(&scene.path("set"));
    assert!(left.keys().all(|path| !path.to_str().unwrap().contains("part")));
    // Other commands read the set.
    scene.eval(&scene.path("set/test.csv"), "scores.csv", &[]).expect(0);
    let csvs = ["train", "val", "test"].map(|split| format!("set/{split}.csv"));
    let check = [&["check", "--decode", "--strict"], &csvs.each_ref().map(String::as_str)[..]];
    let ran = scene.run(&check.concat()).expect(0);
    assert!(
        ran.stdout.contains("no problems found") && ran.stdout.contains("32x32"),
        "{}",
        ran.stdout
    );
}

#[test]
fn threads_and_interruptions_change_no_byte() {
    let scene = Scene::new();
    synth(&scene, "one", &["--workers", "1"]).expect(0);
    synth(&scene, "many", &["--workers", "4"]).expect(0);
    let one = files(&scene.path("one"));
    assert_eq!(one, files(&scene.path("many")));
    // 10 clips of 3 frames, audio and clip.json; three manifests and the summary.
    assert_eq!(one.len(), 10 * 5 + 4);

    // The state of an interrupted run: no manifests, one clip missing and one half written.
    let set = scene.path("many");
    let run = serde_json::to_string(&scene.json("many/synth.json")["run"]).unwrap();
    fs::write(set.join("synth.unfinished.json"), run + "\n").unwrap();
    for name in ["synth.json", "train.csv", "val.csv", "test.csv"] {
        fs::remove_file(set.join(name)).unwrap();
    }
    fs::remove_dir_all(set.join("train/000002")).unwrap();
    fs::create_dir(set.join("train/.000002.partial")).unwrap();
    fs::write(set.join("train/.000002.partial/000000.jpg"), "half").unwrap();
    let ran = synth(&scene, "many", &[]).expect(2);
    assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
    let ran = synth(&scene, "many", &["--resume", "--seed", "1"]).expect(2);
    assert!(ran.stderr.contains("cannot resume: the config was"), "{}", ran.stderr);
    synth(&scene, "many", &["--resume"]).expect(0);
    assert_eq!(one, files(&set));
    // Resuming a complete set changes nothing.
    synth(&scene, "many", &["--resume"]).expect(0);
    assert_eq!(one, files(&set));
}

#[test]
fn invalid_settings_are_refused_with_a_reason() {
    let scene = Scene::new();
    fs::create_dir(scene.path("full")).unwrap();
    scene.write("full/note.txt", "mine");
    let ran = synth(&scene, "full", &[]).expect(2);
    assert!(ran.stderr.contains("already exists"), "{}", ran.stderr);
    assert_eq!(files(&scene.path("full")).len(), 1);
    for (more, reason) in [
        (["--mix", "real=1,fake=1"], "unknown method"),
        (["--mix", "real=0"], "no share is above 0"),
        (["--size", "8"], "synth.size is 8, it must be from 32 to 512"),
        (["--seconds", "nan"], "synth.seconds is NaN"),
        (["--fps", "0"], "synth.fps is 0"),
        (["--rate", "10"], "synth.rate is 10"),
        (["--people", "1"], "synth.people is 1"),
        (["--half", "2"], "give a number from 0 to 1"),
        (["--shift-max", "20"], "synth.shift_ms.1 is 20"),
    ] {
        let ran = scene.run(&["synth", "new", more[0], more[1]]).expect(2);
        assert!(ran.stderr.contains(reason), "{more:?}: {}", ran.stderr);
    }
    assert!(!scene.path("new").exists());
}
