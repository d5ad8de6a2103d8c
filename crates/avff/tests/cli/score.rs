//! `avff score`.

use avff::model::precision;
use serde_json::{Value, json};

use crate::setup::{Scene, clip, media, timeline, weights};

#[test]
fn a_table_and_json_have_scores_and_errors() {
    let scene = Scene::new();
    let (good, bad) = (clip("match_a.mp4"), scene.path("absent.mp4"));
    let ran = scene.score(&[&bad, &good], &[]).expect(3);
    assert!(ran.stdout.starts_with("warning: UNTRAINED"), "{}", ran.stdout);
    assert!(ran.stdout.contains("no such file"), "{}", ran.stdout);
    let ran = scene.score(&[&bad, &good], &["--json", "--min-coverage", "0.5"]).expect(0);
    let json: Value = crate::setup::json(&ran.stdout);
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
    let json: Value = crate::setup::json(&ran.stdout);
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
    let json: Value = crate::setup::json(&ran.stdout);
    let told = &json["clips"][0];
    assert_eq!(told["streams"]["video_track"], json!({"number": 2, "count": 2}));
    assert_eq!(told["streams"]["audio_track"], json!({"number": 1, "count": 1}));
    assert_eq!(told["notes"], json!(["video track 2 of 2 is read"]));
    let ran = scene.score(&[&clip], &["--json", "--video-track", "1"]).expect(0);
    let json: Value = crate::setup::json(&ran.stdout);
    assert_eq!(json["clips"][0]["streams"]["video_track"]["number"], 1);
    let (clip, weights) = (clip.to_str().unwrap(), weights());
    let ran = scene.run(&["explain", clip, "--json", "--checkpoint", weights.to_str().unwrap()]);
    let json: Value = crate::setup::json(&ran.expect(0).stdout);
    assert_eq!(json["streams"], told["streams"]);
    assert_eq!(json["notes"], told["notes"]);
}

#[test]
fn gaps_in_time_are_told() {
    let scene = Scene::new();
    let lost = timeline("one_audio_packet_lost.mp4");
    let missing = "0.06 s of audio are missing, from 0.00 to 0.06 s";
    let silence = format!("{missing}; silence is in its place");
    for (window, note) in [("0.8", &*silence), ("whole", missing)] {
        let ran = scene.score(&[&lost], &["--json", "--window", window]).expect(0);
        let json: Value = crate::setup::json(&ran.stdout);
        assert_eq!(json["clips"][0]["notes"][0], note);
    }
    let ran = scene.score(&[&lost], &["--window", "0.8"]).expect(0);
    assert!(ran.stdout.contains(&format!(": {silence}")), "{}", ran.stdout);
    // A frame folder of 30 frames, of which two are missing.
    let folder = scene.path("frames");
    std::fs::create_dir(&folder).unwrap();
    let times: Vec<f64> =
        (0..30).filter(|at| ![20, 21].contains(at)).map(|at| f64::from(at) * 0.04).collect();
    for index in 0..times.len() {
        std::fs::copy(media("h264_vfr.frame18.png"), folder.join(format!("{index}.png"))).unwrap();
    }
    std::fs::write(folder.join("clip.json"), json!({"times": times}).to_string()).unwrap();
    std::fs::write(folder.join("a.wav"), wav(16_000, 1.2)).unwrap();
    let ran = scene.score(&[&folder], &["--json"]).expect(0);
    let json: Value = crate::setup::json(&ran.stdout);
    let note = "frames are held for 0.08 s longer than the constant rate of the clip, from 0.80 to 0.88 s; others may be missing there";
    assert_eq!(json["clips"][0]["notes"], json!([note]));
    std::fs::remove_file(folder.join("clip.json")).unwrap();
    let ran = scene.score(&[&folder], &["--json"]).expect(0);
    let json: Value = crate::setup::json(&ran.stdout);
    let note = "the folder has no clip.json, so its 28 frames are spread evenly over the audio, at 23.33 frames per second";
    assert_eq!(json["clips"][0]["notes"], json!([note]));
}

/// A WAV file of a quiet tone.
fn wav(rate: u32, seconds: f64) -> Vec<u8> {
    let count = (f64::from(rate) * seconds) as u32;
    let data: Vec<u8> = (0..count).flat_map(|at| ((at % 64) as i16 * 100).to_le_bytes()).collect();
    let size = data.len() as u32;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    file.extend([rate, 2 * rate].map(u32::to_le_bytes).concat());
    file.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(data);
    file
}

#[test]
fn files_that_were_joined_byte_by_byte_are_refused() {
    let scene = Scene::new();
    let [a, b] = ["match_a.mp4", "match_b.mp4"].map(|name| std::fs::read(clip(name)).unwrap());
    std::fs::write(scene.path("joined.mp4"), [&a[..], &b].concat()).unwrap();
    let ran = scene.score(&[&scene.path("joined.mp4")], &["--json"]).expect(3);
    let json: Value = crate::setup::json(&ran.stdout);
    let error = &json["clips"][0]["error"];
    assert_eq!((&error["stage"], &error["code"]), (&"damaged".into(), &"joined".into()));
    let text = error["error"].as_str().unwrap();
    assert!(text.ends_with(&format!("another one follows at byte {}", a.len())), "{text}");
    let ran = scene.score(&[&scene.path("joined.mp4")], &[]).expect(3);
    assert!(ran.stdout.contains("score the clips one by one"), "{}", ran.stdout);
}

#[test]
fn the_warning_of_weights_is_printed_once() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 2);
    let (text, json) = (
        scene.score(&[&clip("match_a.mp4")], &[]),
        scene.score(&[&clip("match_a.mp4")], &["--json"]),
    );
    let eval = scene.eval(&csv, "out.csv", &["--min-coverage", "0"]);
    for (ran, stdout) in [(text, 1), (eval, 1), (json, 0)] {
        let ran = ran.expect(0);
        let count = |text: &str| text.matches("UNTRAINED").count();
        assert_eq!(
            (count(&ran.stdout), count(&ran.stderr)),
            (stdout, 1 - stdout),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn lower_precision_is_close_and_recorded() {
    let scene = Scene::new();
    let clip = clip("match_a.mp4");
    let score = |more: &[&str]| -> Value {
        let ran = scene.score(&[&clip], &[&["--json"], more].concat());
        crate::setup::json(&ran.expect(0).stdout)
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

/// The drawn faces of the sample data: real clips are in time, and another voice is not.
#[test]
fn synchrony_is_a_finding_of_its_own() {
    let scene = Scene::new();
    let sample = |name: &str| {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/synthetic").join(name)
    };
    let names = ["real_a.mp4", "real_b.mp4", "real_c.mp4", "voice_swap.mp4", "time_shift.mp4"];
    let paths = names.map(sample);
    let paths: Vec<&std::path::Path> = paths.iter().map(|path| path.as_path()).collect();
    let ran = scene.score(&paths, &["--json", "--synchrony"]).expect(0);
    let json: Value = crate::setup::json(&ran.stdout);
    let correlation = |at: usize| json["clips"][at]["synchrony"]["correlation"].as_f64().unwrap();
    let least = (0..3).map(correlation).fold(1.0, f64::min);
    for fake in [3, 4] {
        assert!(correlation(fake) < least, "{}", json["clips"][fake]["synchrony"]);
    }
    assert!(json["clips"][0]["synchrony"]["cannot_tell"].is_null());

    let (own, pattern) = (sample("real_a.mp4"), media("h264_vfr.mp4"));
    let ran = scene.score(&[&own, &pattern], &["--synchrony"]).expect(0);
    assert!(ran.stdout.contains("lips and voice of"), "{}", ran.stdout);
    assert!(ran.stdout.contains("cannot tell"), "{}", ran.stdout);
    let ran = scene.score(&[&own], &["--json"]).expect(0);
    let json: Value = crate::setup::json(&ran.stdout);
    assert!(json["clips"][0].get("synchrony").is_none());
}
