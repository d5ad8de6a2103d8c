//! `--memory`: clips wait for memory, and a clip that needs too much is refused.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::setup::{Scene, clip};

/// A frame folder of one image of 8192 x 4096 pixels, in a few kilobytes.
fn bomb(scene: &Scene, name: &str) -> PathBuf {
    let folder = scene.path(name);
    fs::create_dir(&folder).unwrap();
    image::GrayImage::new(8192, 4096).save(folder.join("frame.png")).unwrap();
    // A quarter of a second of silence.
    let mut wav = b"RIFF\xc4\x0f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend([16_000_u32.to_le_bytes(), 32_000_u32.to_le_bytes()].concat());
    wav.extend(b"\x02\0\x10\0data\xa0\x0f\0\0");
    wav.resize(44 + 4000, 0);
    fs::write(folder.join("audio.wav"), wav).unwrap();
    folder
}

#[test]
fn a_clip_over_the_budget_is_refused_by_name() {
    let scene = Scene::new();
    let (bomb, good) = (bomb(&scene, "bomb"), clip("match_a.mp4"));
    let start = Instant::now();
    let ran = scene.score(&[&bomb, &good], &["--json", "--memory", "256M"]).expect(3);
    assert!(start.elapsed() < Duration::from_secs(60));
    let json: Value = crate::setup::json(&ran.stdout);
    let error = &json["clips"][0]["error"];
    assert_eq!((&error["stage"], &error["code"]), (&"too-large".into(), &"over-budget".into()));
    assert_eq!(error["error"], "the frames need 448 MiB of memory, over the budget of 256 MiB");
    assert!(json["clips"][1]["error"].is_null(), "{json}");
    let ran = scene.score(&[&bomb], &["--memory", "256M"]).expect(3);
    assert!(ran.stdout.contains("--memory"), "{}", ran.stdout);
    scene.score(&[&bomb], &["--memory", "448M"]).expect(0);
}

#[test]
fn clips_that_wait_for_memory_have_the_same_scores() {
    let scene = Scene::new();
    let csv = scene.manifest("clips.csv", 20);
    let windows = ["--window", "0.4", "--workers", "4", "--min-coverage", "0.5"];
    let rows = |name: &str, memory: &[&str]| {
        scene.eval(&csv, name, &[&windows[..], memory].concat()).expect(0);
        scene.read(name)
    };
    let unlimited = rows("unlimited.csv", &["--memory", "64G"]);
    // A clip of 256 x 256 pixels needs 11 MiB, so they are decoded one after the other. A clip has several
    // windows, and waits with them for the clips before it.
    assert_eq!(rows("limited.csv", &["--memory", "12M"]), unlimited);
    assert!(unlimited.lines().count() > 10, "{unlimited}");
    let refused = scene.eval(&csv, "refused.csv", &[&windows[..], &["--memory", "1M"]].concat());
    refused.expect(3);
    let errors = scene.read("refused.errors.csv");
    assert_eq!(errors.matches("of memory, over the budget of 1 MiB").count(), 16, "{errors}");
}

#[test]
fn a_wrong_size_is_a_wrong_usage() {
    let ran = Scene::new().run(&["eval", "--memory", "lots"]).expect(2);
    assert!(ran.stderr.contains("give a size such as 512M or 4G"), "{}", ran.stderr);
}
