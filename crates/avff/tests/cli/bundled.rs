//! The bundled network on clips that it was not trained on.

use serde_json::Value;

use crate::setup::{Scene, root};

fn weights() -> String {
    root().join("data/avff-tiny/avff-tiny.safetensors").to_str().unwrap().to_owned()
}

/// The AUC of all clips, or of one method.
fn auc(summary: &Value, method: Option<&str>) -> f64 {
    let metrics = match method {
        None => &summary["metrics"],
        Some(method) => {
            let rows = summary["by"][0]["categories"].as_array().unwrap();
            &rows.iter().find(|row| row["category"] == method).unwrap()["metrics"]
        }
    };
    metrics["auc"].as_f64().unwrap()
}

#[test]
fn new_synthetic_clips_are_classified() {
    let scene = Scene::new();
    let sizes = ["--size", "64", "--fps", "5", "--train", "0", "--val", "0"];
    let fresh = ["synth", "fresh", "--test", "240", "--seed", "2024"];
    scene.run(&[&fresh[..], &sizes].concat()).expect(0);
    let weights = weights();
    let score = |csv: &str, out: &str| {
        let arguments = ["eval", "--checkpoint", &weights, "--csv", csv, "--output", out];
        scene.run(&[&arguments[..], &["--device", "cpu", "--by", "method"]].concat()).expect(0)
    };
    let ran = score("fresh/test.csv", "fresh.csv");
    assert!(
        ran.stdout.contains("synthetic clips"),
        "a warning names the training data: {}",
        ran.stdout
    );
    // On 2,000 clips: 0.998 and 0.999.
    let summary = scene.json("fresh.summary.json");
    assert!(auc(&summary, None) > 0.97, "{}", auc(&summary, None));
    assert!(auc(&summary, Some("voice-swap")) > 0.97, "{summary}");

    let late = ["synth", "late", "--test", "160", "--seed", "2025", "--shift-min", "320"];
    let mix = ["--mix", "real=1,time-shift=1"];
    scene.run(&[&late[..], &mix, &sizes].concat()).expect(0);
    score("late/test.csv", "late.csv");
    // On 800 clips: 1.000.
    let summary = scene.json("late.summary.json");
    assert!(auc(&summary, None) > 0.97, "{}", auc(&summary, None));
}

#[test]
fn the_bundled_clips_are_classified() {
    let scene = Scene::new();
    let csv = root().join("data/synthetic.csv");
    let weights = weights();
    let arguments = [
        "eval",
        "--checkpoint",
        &weights,
        "--csv",
        csv.to_str().unwrap(),
        "--output",
        "scores.csv",
    ];
    scene.run(&[&arguments[..], &["--device", "cpu"]].concat()).expect(0);
    let scores = scene.read("scores.csv");
    for line in scores.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[1].parse::<f64>().unwrap() > 0.5, cells[2] == "1", "{line}");
    }
    assert_eq!(scores.lines().count(), 10);
}

#[test]
fn the_fake_half_is_more_important() {
    let scene = Scene::new();
    let clip = root().join("data/synthetic/late_voice_swap.mp4");
    let weights = weights();
    let arguments = ["explain", clip.to_str().unwrap(), "--checkpoint", &weights, "--json"];
    let ran = scene.run(&[&arguments[..], &["--device", "cpu"]].concat()).expect(0);
    let report: Value = crate::setup::json(&ran.stdout);
    assert!(report["warning"].as_str().unwrap().contains("synthetic clips"), "{report}");
    // The voice changes at 1.6 s.
    let segments = report["windows"][0]["segments"].as_array().unwrap();
    let half = |segments: &[Value]| -> f64 {
        segments.iter().map(|segment| segment["both"].as_f64().unwrap()).sum()
    };
    let (first, second) = segments.split_at(4);
    assert!(half(second) > half(first) + 1.0, "{segments:?}");
}

/// Without `--checkpoint`, the network in the program scores, and no clip in which no face speaks.
#[test]
fn the_built_in_network_compares_lips_and_voice() {
    let scene = Scene::new();
    let own = root().join("data/synthetic/real_a.mp4");
    let own = own.to_str().unwrap();
    let ran = scene.run(&["score", "--json", "--device", "cpu", own]).expect(0);
    let json: Value = crate::setup::json(&ran.stdout);
    assert_eq!(json["run"]["checkpoint"]["path"], "avff-lips");
    let hash = json["run"]["checkpoint"]["sha256"].as_str().unwrap();
    let file = root().join("data/avff-lips/avff-lips.safetensors");
    let inspected = scene.run(&["inspect", file.to_str().unwrap()]).expect(0);
    assert!(inspected.stdout.contains(hash), "the file beside the card: {}", inspected.stdout);
    assert!(json["clips"][0]["y_pred"].is_number(), "{}", ran.stdout);

    let still = crate::setup::media("h264_vfr.mp4");
    let still = still.to_str().unwrap();
    let ran = scene.run(&["score", "--device", "cpu", still]).expect(3);
    for word in ["not-applicable", "in fewer than half of the frames", "--speech any"] {
        assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
    let ran = scene.run(&["score", "--device", "cpu", "--speech", "any", still]);
    assert!(!ran.stdout.contains("not-applicable"), "{}", ran.stdout);

    let ran = scene.run(&["explain", "--device", "cpu", own, "--json"]).expect(0);
    let json: Value = crate::setup::json(&ran.stdout);
    let lags = json["windows"][0]["lags"].as_array().unwrap();
    let number = |at: &Value, key: &str| at[key].as_f64().unwrap();
    assert_eq!((lags.len(), number(&lags[0], "lag")), (21, -0.8));
    let best =
        lags.iter().max_by(|a, b| number(a, "similarity").total_cmp(&number(b, "similarity")));
    assert!(number(best.unwrap(), "lag").abs() < 0.2, "{lags:?}");
    let ran = scene.run(&["explain", "--device", "cpu", own, "--output", "again.png"]).expect(0);
    assert!(ran.stdout.contains("lips and voice are most alike"), "{}", ran.stdout);
    let ran = scene.run(&["explain", "--device", "cpu", still]).expect(3);
    assert!(ran.stderr.contains("lips and voice cannot be compared"), "{}", ran.stderr);
    // The ways that the hints name lead to a picture.
    let all_the_same =
        ["explain", "--device", "cpu", still, "--speech", "any", "--no-face", "full"];
    let ran = scene.run(&all_the_same).expect(0);
    assert!(
        ran.stdout.contains("in time (-0.08 to 0.16 s)") || ran.stdout.contains("count as in time")
    );

    // The voice of this clip is late; its lag is found.
    let late = root().join("data/synthetic/time_shift.mp4");
    let ran = scene.run(&["explain", "--device", "cpu", late.to_str().unwrap()]).expect(0);
    assert!(ran.stdout.contains("if the audio is 0.40 s late"), "{}", ran.stdout);
}
