//! `avff score`.

use avff::model::precision;
use serde_json::{Value, json};

use crate::setup::{Scene, clip, timeline, weights};

#[test]
fn a_table_and_json_have_scores_and_errors() {
    let scene = Scene::new();
    let (good, bad) = (clip("match_a.mp4"), scene.path("absent.mp4"));
    let ran = scene.score(&[&bad, &good], &[]).expect(3);
    assert!(ran.stdout.starts_with("warning: UNTRAINED"), "{}", ran.stdout);
    assert!(ran.stdout.contains("no such file"), "{}", ran.stdout);
    let ran = scene.score(&[&bad, &good], &["--json", "--min-coverage", "0.5"]).expect(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["run"]["checkpoint"]["trained"], false);
    let clips = json["clips"].as_array().unwrap();
    assert_eq!(clips[0]["error"]["stage"], "open");
    assert!(clips[0]["y_pred"].is_null() && clips[0]["logits"].is_null());
    let (score, logit) =
        (clips[1]["y_pred"].as_f64().unwrap(), clips[1]["logits"]["fake"].as_f64().unwrap());
    assert!((score - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-6);
    assert!(clips[1]["error"].is_null());
    assert!(clips[0]["streams"].is_null());
    assert_eq!(clips[1]["streams"]["audio_channel"], json!({"number": 1, "count": 1}));
    let checks = &clips[1]["streams"]["damage_checks"];
    assert_eq!(checks, &json!({"video": "most", "audio": "some"}));
    // In batches, each clip keeps its place and its score.
    let many = [&good, &bad, &good, &bad, &bad, &good];
    let ran =
        scene.score(&many.map(|path| path.as_path()), &["--json", "--batch-size", "2"]).expect(3);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let scores: Vec<_> =
        json["clips"].as_array().unwrap().iter().map(|c| c["y_pred"].as_f64()).collect();
    assert_eq!(scores, [Some(score), None, Some(score), None, None, Some(score)]);
}

#[test]
fn a_folder_of_frames_with_a_wav_is_a_clip() {
    let scene = Scene::new();
    let folder = scene.path("clip");
    std::fs::create_dir(&folder).unwrap();
    for i in 0..20u8 {
        let frame =
            image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, i * 9]));
        frame.save(folder.join(format!("frame{i}.png"))).unwrap();
    }
    let samples: Vec<i16> =
        (0..16_000).map(|i| ((f64::from(i) * 0.1).sin() * 8000.0) as i16).collect();
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(16_000u32.to_le_bytes());
    wav.extend(32_000u32.to_le_bytes());
    wav.extend(b"\x02\0\x10\0data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    std::fs::write(folder.join("audio.wav"), wav).unwrap();
    scene.score(&[&folder], &[]).expect(0);
    std::fs::remove_file(folder.join("audio.wav")).unwrap();
    let ran = scene.score(&[&folder], &[]).expect(3);
    assert!(ran.stdout.contains("no audio stream"), "{}", ran.stdout);
}

#[test]
fn the_tracks_that_were_read_are_told() {
    let scene = Scene::new();
    let clip = timeline("first_video_track_disabled.mp4");
    let ran = scene.score(&[&clip], &["--json"]).expect(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let told = &json["clips"][0];
    assert_eq!(told["streams"]["video_track"], json!({"number": 2, "count": 2}));
    assert_eq!(told["streams"]["audio_track"], json!({"number": 1, "count": 1}));
    assert_eq!(told["notes"], json!(["video track 2 of 2 is read"]));
    let ran = scene.score(&[&clip], &["--json", "--video-track", "1"]).expect(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["clips"][0]["streams"]["video_track"]["number"], 1);
    let (clip, weights) = (clip.to_str().unwrap(), weights());
    let ran = scene.run(&["explain", clip, "--json", "--checkpoint", weights.to_str().unwrap()]);
    let json: Value = serde_json::from_str(&ran.expect(0).stdout).unwrap();
    assert_eq!(json["streams"], told["streams"]);
    assert_eq!(json["notes"], told["notes"]);
}

#[test]
fn lower_precision_is_close_and_recorded() {
    let scene = Scene::new();
    let clip = clip("match_a.mp4");
    let score = |more: &[&str]| -> Value {
        let ran = scene.score(&[&clip], &[&["--json"], more].concat());
        serde_json::from_str(&ran.expect(0).stdout).unwrap()
    };
    let logit = |json: &Value| json["clips"][0]["logits"]["fake"].as_f64().unwrap();
    let exact = score(&[]);
    assert_eq!(exact["run"]["arithmetic"], "f32");
    let check = |name: &str| {
        let rounded = score(&["--precision", name]);
        let error = (logit(&exact) - logit(&rounded)).abs();
        assert!(error > 0.0 && error < 1e-2, "{name}: {error}");
        assert_eq!(rounded["run"]["arithmetic"], name);
    };
    check("int8");
    if precision::cpu_has_bf16() {
        check("bf16");
    } else {
        let ran = scene.score(&[&clip], &["--precision", "bf16"]).expect(2);
        assert!(ran.stderr.contains("bf16 on those with AMX"), "{}", ran.stderr);
    }
}
