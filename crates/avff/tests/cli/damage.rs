//! Scores of the windows that damage does not touch.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use avff_media::testing::samples_of_mp4;
use serde_json::Value;

use crate::setup::{Ran, Scene, clip, media, timeline, weights};

/// 5 s with IDR pictures at the samples 0, 60 and 120, shown at 0, 2.002 and 4.004 s.
const CLIP: &str = "h264_bframes_aac_48k_stereo.mp4";
/// Windows of one second.
const WINDOWS: [&str; 2] = ["--window", "1"];
/// The policy that scores windows.
const POLICY: [&str; 2] = ["--damage", "windows"];

/// Writes a clip whose samples with these numbers are damaged.
fn damaged(scene: &Scene, name: &str, of: &Path, kind: &[u8; 4], numbers: &[usize]) -> PathBuf {
    let mut bytes = fs::read(of).unwrap();
    let samples = samples_of_mp4(&bytes, kind);
    for &number in numbers {
        let Range { start, end } = samples[number];
        bytes[start + (end - start) / 3..end].fill(0xff);
    }
    fs::write(scene.path(name), bytes).unwrap();
    scene.path(name)
}

fn json(ran: &Ran) -> Value {
    crate::setup::json(&ran.stdout)
}

fn list<'a>(clip: &'a Value, key: &str) -> &'a [Value] {
    clip[key].as_array().map_or(&[], Vec::as_slice)
}

fn start(window: &Value) -> f64 {
    window["start"].as_f64().unwrap()
}

#[test]
fn intact_windows_have_the_scores_of_the_undamaged_clip() {
    let scene = Scene::new();
    let whole = media(CLIP);
    let all = scene.score(&[&whole], &[&WINDOWS[..], &["--json"]].concat()).expect(0);
    let all = json(&all);
    let with = [&WINDOWS[..], &POLICY, &["--json"]].concat();
    let same = json(&scene.score(&[&whole], &with).expect(0));
    assert_eq!(all["clips"], same["clips"], "an undamaged clip");
    assert_eq!(same["run"]["clip"]["damage"], "windows");
    assert!(all["run"]["clip"]["damage"].is_null());
    // The windows from 2 s on are scored before the damage at 3.7 s is found.
    let path = damaged(&scene, "d.mp4", &media(CLIP), b"vide", &[110]);
    let refused = scene.score(&[&path], &[&WINDOWS[..], &["--json"]].concat()).expect(3);
    let error = &json(&refused)["clips"][0]["error"];
    assert_eq!((&error["stage"], &error["code"]), (&"damaged".into(), &"damaged".into()));
    assert_eq!(error["stream"], "video");
    let part = json(&scene.score(&[&path], &with).expect(0));
    let part = &part["clips"][0];
    let scored = list(part, "windows");
    assert_eq!(scored.iter().map(start).collect::<Vec<_>>(), [0.0, 1.0]);
    assert_eq!(scored, &list(&all["clips"][0], "windows")[..2]);
    let mean = |key: &str| {
        let sum: f64 = scored.iter().map(|one| one["logits"][key].as_f64().unwrap()).sum();
        sum / 2.0
    };
    assert!((part["logits"]["fake"].as_f64().unwrap() - mean("fake")).abs() < 1e-6);
    let left_out = list(part, "left_out");
    assert_eq!(left_out.iter().map(start).collect::<Vec<_>>(), [2.0, 3.0, 4.0]);
    for out in left_out {
        assert_eq!((&out["stream"], &out["code"]), (&"video".into(), &"damaged".into()));
        assert!(out["message"].as_str().unwrap().starts_with("sample 110 of 150"), "{out}");
    }
    let note = "3 of 5 windows are left out, because damage touches them";
    assert_eq!(list(part, "notes"), [note]);
    // As text, for one clip and for several.
    let ran = scene.score(&[&path], &[WINDOWS, POLICY].concat()).expect(0);
    for text in [note, "left out:", "sample 110 of 150", "00:03.0"] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
    let ran = scene.score(&[&path, &whole], &[WINDOWS, POLICY].concat()).expect(0);
    assert!(ran.stdout.contains("left out of ") && ran.stdout.contains("d.mp4:"), "{}", ran.stdout);
    let ran = scene.score(&[&path], &WINDOWS).expect(3);
    assert!(ran.stdout.contains("--damage windows"), "{}", ran.stdout);
}

#[test]
fn damaged_audio_leaves_out_the_windows_around_it() {
    let scene = Scene::new();
    let whole = timeline("edit_list_of_two.mp4");
    let more = ["--window", "0.2", "--damage", "windows", "--json"];
    let all = json(&scene.score(&[&whole], &more).expect(0));
    let path = damaged(&scene, "d.mp4", &whole, b"soun", &[20]);
    let part = json(&scene.score(&[&path], &more).expect(0));
    let (all, part) = (list(&all["clips"][0], "windows"), &part["clips"][0]);
    let (scored, left_out) = (list(part, "windows"), list(part, "left_out"));
    assert_eq!(scored.len() + left_out.len(), all.len());
    assert!((1..20).contains(&left_out.len()), "{left_out:?}");
    assert!(scored.iter().any(|one| start(one) > start(&left_out[0])), "some are after the damage");
    assert!(scored.iter().all(|one| all.contains(one)), "{scored:?}");
    assert!(left_out.iter().all(|out| out["stream"] == "audio"));
}

#[test]
fn a_clip_without_an_intact_window_is_refused() {
    let scene = Scene::new();
    let path = damaged(&scene, "d.mp4", &media(CLIP), b"vide", &[10, 70, 130]);
    for (window, code, text, hint) in [
        ("1", "no-intact-window", "every window of the clip (5)", "a shorter window"),
        ("whole", "damaged-whole", "sampled as a whole", "--window SECONDS"),
    ] {
        let more = [&["--window", window], &POLICY[..]].concat();
        let ran = scene.score(&[&path], &[&more[..], &["--json"]].concat()).expect(3);
        let error = &json(&ran)["clips"][0]["error"];
        assert_eq!((&error["stage"], &error["code"]), (&"damaged".into(), &code.into()));
        let ran = scene.score(&[&path], &more).expect(3);
        let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(text) && words.contains(hint), "{words}");
    }
    // One damaged sample is enough for a clip that is sampled as a whole.
    let path = damaged(&scene, "one.mp4", &media(CLIP), b"vide", &[70]);
    let more = [&["--window", "whole"], &POLICY[..]].concat();
    assert!(scene.score(&[&path], &more).expect(3).stdout.contains("sampled as a whole"));
    // Tables that contradict each other have no place in time.
    let mut bytes = fs::read(media(CLIP)).unwrap();
    let at = bytes.windows(4).position(|kind| kind == b"stsz").unwrap();
    bytes[at + 15] ^= 1;
    fs::write(scene.path("tables.mp4"), bytes).unwrap();
    let path = scene.path("tables.mp4");
    let ran = scene.score(&[&path], &[&WINDOWS[..], &POLICY, &["--json"]].concat()).expect(3);
    assert_eq!(json(&ran)["clips"][0]["error"]["code"], "malformed");
    let across = ["--fusion-attention", "across-batch", "--batch-size", "2"];
    let ran = scene.score(&[&path], &[&across[..], &POLICY].concat()).expect(2);
    assert!(ran.stderr.contains("a damaged clip must be refused"), "{}", ran.stderr);
}

#[test]
fn a_resumed_run_names_the_same_windows() {
    let scene = Scene::new();
    let bad = damaged(&scene, "bad.mp4", &media(CLIP), b"vide", &[70]);
    let rows = [bad.clone(), clip("match_a.mp4"), bad, clip("match_b.mp4")];
    let rows: Vec<String> = rows.iter().map(|row| format!("{}\n", row.display())).collect();
    let csv = scene.write("in.csv", &format!("video_name\n{}", rows.concat()));
    let more = [&WINDOWS[..], &POLICY, &["--shard", "0/1"]].concat();
    let ran = scene.eval(&csv, "whole.csv", &more).expect(0);
    assert!(ran.stdout.contains("2 clips (windows with damage are left out)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("whole.0-of-1.left-out.csv"), "{}", ran.stdout);
    let summary = scene.json("whole.0-of-1.summary.json");
    assert_eq!(
        (&summary["coverage"]["scored"], &summary["coverage"]["with_left_out"]),
        (&4.into(), &2.into())
    );
    assert_eq!(summary["run"]["clip"]["damage"], "windows");
    let left_out = scene.read("whole.0-of-1.left-out.csv");
    assert_eq!(left_out.lines().count(), 1 + 2 * 3, "{left_out}");
    let first = left_out.lines().nth(1).unwrap();
    assert!(
        first.contains(",2.000,3.000,video,damaged,") && first.contains("sample 70"),
        "{first}"
    );
    // The state of a run that was killed after two rows.
    let journal = scene.read("whole.0-of-1.rows");
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    scene.write("cut.0-of-1.journal", &lines[..3].concat());
    for table in ["csv", "errors.csv"] {
        let text = scene.read(&format!("whole.0-of-1.{table}"));
        scene.write(&format!("cut.0-of-1.{table}.partial"), &text);
    }
    let resume = [&more[..], &["--resume"]].concat();
    let other = [&WINDOWS[..], &["--shard", "0/1", "--resume"]].concat();
    let ran = scene.eval(&csv, "cut.csv", &other).expect(2);
    assert!(
        ran.stderr.contains("clip preparation") && ran.stderr.contains("damage"),
        "{}",
        ran.stderr
    );
    scene.eval(&csv, "cut.csv", &resume).expect(0);
    for table in ["csv", "errors.csv", "notes.csv", "left-out.csv", "summary.json", "rows"] {
        let [whole, cut] =
            ["whole", "cut"].map(|name| scene.read(&format!("{name}.0-of-1.{table}")));
        assert_eq!(whole, cut, "{table}");
    }
    // A merged run has them as well.
    scene.run(&["merge", "cut.0-of-1.csv", "--output", "merged.csv"]).expect(0);
    assert_eq!(scene.read("merged.left-out.csv"), left_out);
}

#[test]
fn an_explanation_draws_an_intact_window() {
    let scene = Scene::new();
    let path = damaged(&scene, "d.mp4", &media(CLIP), b"vide", &[110]);
    let weights = weights();
    let arguments = ["explain", path.to_str().unwrap(), "--checkpoint", weights.to_str().unwrap()];
    let more = [&arguments[..], &["--device", "cpu"], &WINDOWS].concat();
    assert!(scene.run(&more).expect(3).stderr.contains("sample 110 of 150"));
    let ran = scene.run(&[&more[..], &POLICY, &["--json"]].concat()).expect(0);
    let report = json(&ran);
    let starts: Vec<f64> = list(&report, "windows").iter().map(|one| start(&one["span"])).collect();
    assert_eq!(starts, [0.0, 1.0]);
    assert!(report["drawn"].as_u64().unwrap() < 2);
    assert_eq!(list(&report, "left_out").len(), 3);
    let out = ["--output", "1.png", "--window-index", "1"];
    let ran = scene.run(&[&more[..], &POLICY, &out].concat()).expect(0);
    assert!(ran.stdout.contains("left out:") && ran.stdout.contains("3 of 5 windows"));
    let ran =
        scene.run(&[&more[..], &POLICY, &["--output", "2.png", "--window-index", "2"]].concat());
    assert!(ran.expect(2).stderr.contains("the clip has 2"));
}
