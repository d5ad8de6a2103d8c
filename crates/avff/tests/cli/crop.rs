//! `avff crop`, and `--crop face`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::setup::{Ran, Scene, checksum_of, clip, media, sealed};

/// Height in pixels of a contact sheet's title and legend.
const HEAD: u32 = 56;

fn crop(scene: &Scene, csv: &Path, output: &str, more: &[&str]) -> Ran {
    let csv = csv.to_str().unwrap();
    scene.run(&[&["crop", "--csv", csv, "--output", output], more].concat())
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
fn clips_are_cropped_into_a_manifest_of_folders() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 5);
    let more = ["--frames", "6", "--sheet", "sheets", "--min-coverage", "0.8"];
    let ran = crop(&scene, &csv, "out", &more).expect(0);
    assert!(ran.stdout.contains("4 of 5 clips"), "{}", ran.stdout);
    let manifest = scene.read("out/manifest.csv");
    let lines: Vec<&str> = manifest.lines().collect();
    assert_eq!(lines[0], "video_name,target,note,face_coverage");
    assert_eq!(lines[1], "clips/0000001-match_a,0,\"row 0, \"\"noted\"\"\",1.0000");
    assert_eq!(lines.len(), 5);
    let errors = scene.read("out/crop.errors.csv");
    assert!(errors.starts_with("path,stage,error,hint,video_name,line\n"), "{errors}");
    assert!(errors.lines().nth(1).unwrap().contains(",open,no such file,"), "{errors}");
    let summary = scene.json("out/crop.summary.json");
    assert_eq!((&summary["cropped"], &summary["failed"]), (&4.into(), &1.into()));
    assert_eq!(summary["run"]["frames"], 6);
    assert_eq!(summary["run"]["face"]["margin"], 1.3);
    let folder = scene.path("out/clips/0000001-match_a");
    let frames: Vec<_> =
        (0..6).map(|at| image::open(folder.join(format!("{at:06}.png")))).collect();
    let sides: Vec<_> = frames.iter().map(|frame| frame.as_ref().unwrap().width()).collect();
    assert!(sides.iter().all(|side| *side == sides[0] && *side < 200), "{sides:?}");
    let clock = scene.json("out/clips/0000001-match_a/clip.json");
    // floor(linspace(0, 89, 6)) of 90 frames at 25 fps.
    assert_eq!(clock["times"], serde_json::json!([0.0, 0.68, 1.4, 2.12, 2.84, 3.56]));
    let sheet = image::open(scene.path("sheets/0000001-match_a.png")).unwrap();
    // Two rows of frames below a title and a legend.
    assert_eq!((sheet.width(), sheet.height()), (1280, 360 + HEAD));
    // Other commands read the manifest of crops.
    scene.eval(&scene.path("out/manifest.csv"), "scores.csv", &[]).expect(0);
    let ran = crop(&scene, &csv, "out", &more).expect(2);
    assert!(ran.stderr.contains("already exists"), "{}", ran.stderr);
    crop(&scene, &csv, "out", &[&more[..], &["--resume"]].concat()).expect(0);
    let selected = [&more[..], &["--resume", "--where", "target=1"]].concat();
    let ran = crop(&scene, &csv, "out", &selected).expect(2);
    let message = "the selection of rows was all rows, now it is target=1";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
}

#[test]
fn crops_before_and_during_scoring_give_equal_scores() {
    let scene = Scene::new();
    let text: String =
        ["match_a.mp4", "swapped_b.mp4"].map(|name| format!("{}\n", clip(name).display())).concat();
    let csv = scene.write("in.csv", &format!("video_name\n{text}"));
    crop(&scene, &csv, "out", &["--frames", "16"]).expect(0);
    scene.eval(&scene.path("out/manifest.csv"), "before.csv", &[]).expect(0);
    scene.eval(&csv, "while.csv", &["--crop", "face"]).expect(0);
    scene.eval(&csv, "whole.csv", &[]).expect(0);
    let scores = |name: &str| -> Vec<String> {
        let text = scene.read(name);
        text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(scores("before.csv"), scores("while.csv"));
    assert_ne!(scores("while.csv"), scores("whole.csv"));
    let run = &scene.json("while.summary.json")["run"];
    assert_eq!(run["clip"]["face"]["no_face"], "error");
}

#[test]
fn a_clip_without_a_face_is_an_error_or_skipped_or_uncropped() {
    let scene = Scene::new();
    let (face, pattern) = (clip("match_a.mp4"), media("h264_vfr.mp4"));
    let rows = format!("video_name\n{}\n{}\n", face.display(), pattern.display());
    let csv = scene.write("in.csv", &rows);
    for (way, code, rows) in [("error", 3, 1), ("skip", 0, 1), ("full", 0, 2)] {
        let ran = crop(&scene, &csv, way, &["--frames", "4", "--no-face", way]).expect(code);
        assert_eq!(scene.read(&format!("{way}/manifest.csv")).lines().count(), 1 + rows, "{way}");
        let errors = scene.read(&format!("{way}/crop.errors.csv"));
        assert_eq!(errors.contains(",face,no face"), rows == 1, "{errors}");
        assert_eq!(ran.stdout.contains("skipped"), way == "skip", "{}", ran.stdout);
        let output = format!("{way}.csv");
        let arguments = ["--crop", "face", "--no-face", way];
        scene.eval(&csv, &output, &arguments).expect(code);
        assert_eq!(scene.read(&output).lines().count(), 1 + rows, "{way}");
        let coverage = &scene.json(&format!("{way}.summary.json"))["coverage"];
        assert_eq!(coverage["skipped"].as_u64(), (way == "skip").then_some(1), "{coverage}");
        let ran =
            scene.score(&[&face, &pattern], &[&arguments[..], &["--json"]].concat()).expect(code);
        let json: Value = crate::setup::json(&ran.stdout);
        assert_eq!(json["clips"][1]["error"].is_null(), way == "full");
        assert_eq!(json["clips"][0]["face"], true);
        assert_eq!(json["clips"][1]["face"].as_bool(), (way == "full").then_some(false));
    }
    let ran = scene.score(&[&face], &["--no-face", "skip"]).expect(2);
    assert!(ran.stderr.contains("--crop face"), "{}", ran.stderr);
    let ran = scene.score(&[&face], &["--crop", "face", "--face-margin", "0.2"]).expect(2);
    assert!(ran.stderr.contains("face.margin"), "{}", ran.stderr);
}

#[test]
fn an_uncropped_clip_is_marked() {
    let scene = Scene::new();
    let (face, pattern) = (clip("match_a.mp4"), media("h264_vfr.mp4"));
    let rows = format!("{},0,a\n{},1,b\n", face.display(), pattern.display());
    let csv = scene.write("in.csv", &format!("video_name,target,note\n{rows}"));
    let full = ["--crop", "face", "--no-face", "full"];
    let ran = scene.score(&[&face, &pattern], &full).expect(0);
    let notes: Vec<&str> =
        ran.stdout.lines().filter(|line| line.starts_with("note: no face")).collect();
    assert_eq!(notes.len(), 1, "{}", ran.stdout);
    assert!(notes[0].ends_with(&pattern.display().to_string()), "{}", notes[0]);
    let ran = scene.eval(&csv, "full.csv", &full).expect(0);
    assert!(ran.stdout.contains("1 (no face: 0 in the column `face`)"), "{}", ran.stdout);
    let text = scene.read("full.csv");
    let cells = |line: &str| line.split(',').skip(2).map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = text.lines().map(cells).collect();
    assert_eq!(rows, [["face", "target", "note"], ["1", "0", "a"], ["0", "1", "b"]]);
    let coverage = &scene.json("full.summary.json")["coverage"];
    assert_eq!((&coverage["scored"], &coverage["without_face"]), (&2.into(), &1.into()));
    // The journal keeps the mark, so a run resumed after its last row still counts it.
    let run = serde_json::to_string(&scene.json("full.summary.json")["run"]).unwrap();
    std::fs::remove_file(scene.path("full.summary.json")).unwrap();
    let table = scene.read("full.csv");
    let [one, two] = [1, 2].map(|row| checksum_of(&table, row));
    scene.write(
        "full.journal",
        &sealed(&[run, format!("{one} 0.5 0.25"), format!("{two} 0.5 0.25 whole")]),
    );
    scene.eval(&csv, "full.csv", &[&full[..], &["--resume"]].concat()).expect(0);
    assert_eq!(scene.json("full.summary.json")["coverage"]["without_face"], 1);
    assert_eq!(scene.read("full.csv"), text);
    // Without --crop face nothing is marked.
    let ran = scene.score(&[&pattern], &["--json"]).expect(0);
    assert!(!ran.stdout.contains("\"face\""), "{}", ran.stdout);
    scene.eval(&csv, "plain.csv", &[]).expect(0);
    assert!(scene.read("plain.csv").starts_with("video_name,y_pred,target,note\n"));
    assert!(scene.json("plain.summary.json")["coverage"]["without_face"].is_null());
    let named = scene.write("named.csv", &format!("video_name,face\n{},1\n", face.display()));
    let ran = scene.eval(&named, "named.out.csv", &full).expect(2);
    assert!(ran.stderr.contains("column face"), "{}", ran.stderr);
    scene.eval(&named, "named.out.csv", &[]).expect(0);
}

#[test]
fn a_killed_crop_resumes_to_the_same_bytes() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 10);
    let options = ["--frames", "4", "--size", "64", "--jpeg", "90", "--min-coverage", "0"];
    crop(&scene, &csv, "whole", &[&options[..], &["--workers", "1"]].concat()).expect(0);
    let csv_name = csv.to_str().unwrap();
    let arguments =
        [&["crop", "--csv", csv_name, "--output", "killed", "--resume"], &options[..]].concat();
    let mut kills = 0;
    for minimum in [1, 3, 6] {
        let mut child = scene
            .command(&arguments)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60) {
            let names = fs::read_dir(scene.path("killed/clips")).into_iter().flatten();
            let done =
                names.flatten().filter(|e| !e.file_name().as_encoded_bytes().starts_with(b"."));
            if done.count() >= minimum {
                break;
            }
            sleep(Duration::from_millis(1));
        }
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(kills > 0, "the run was over before it could be killed");
    if scene.path("killed/crop.unfinished.json").exists() {
        let ran = crop(&scene, &csv, "killed", &options).expect(2);
        assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
        let ran = scene.run(&[&arguments[..], &["--face-margin", "2"]].concat()).expect(2);
        assert!(ran.stderr.contains("the face crop"), "{}", ran.stderr);
    }
    scene.run(&arguments).expect(0);
    assert!(files(&scene.path("killed")) == files(&scene.path("whole")));
    let finished = scene.run(&arguments).expect(0);
    assert!(finished.stdout.contains("8 of 10 clips"), "{}", finished.stdout);
}
