//! Fake parts of clips.

use crate::setup::{Scene, root};

#[test]
fn proposals_are_written_as_challenges_ask_for_them() {
    let scene = Scene::new();
    let network = root().join("data/avff-tiny/avff-tiny.safetensors");
    let network = network.to_str().unwrap();
    let sizes = ["--size", "64", "--fps", "5", "--train", "0", "--val", "0", "--test", "12"];
    scene.run(&[&["synth", "clips", "--seed", "33"][..], &sizes].concat()).expect(0);
    let csv = scene.read("clips/test.csv");
    let with_absent = csv.trim_end().to_owned()
        + "\nabsent.mp4"
        + &",".repeat(csv.lines().next().unwrap().matches(',').count())
        + "\n";
    scene.write("clips/all.csv", &with_absent);
    let arguments = [
        "localize",
        "--csv",
        "clips/all.csv",
        "--output",
        "found",
        "--checkpoint",
        network,
        "--device",
        "cpu",
    ];
    let windows = ["--window", "1.6", "--stride", "0.8"];
    let ran = scene.run(&[&arguments[..], &windows].concat()).expect(3);
    for text in ["AP@0.5", "AP@0.95", "AR@50", "AR@5", "1 without a score"] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
    let segments = scene.json("found/prediction.json");
    let segments = segments.as_object().unwrap();
    assert_eq!(segments.len(), 13);
    assert_eq!(segments["absent.mp4"], serde_json::json!([]));
    for (clip, list) in segments.iter().filter(|(clip, _)| *clip != "absent.mp4") {
        for proposal in list.as_array().unwrap() {
            let numbers: Vec<f64> =
                proposal.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
            assert!(
                matches!(numbers[..], [score, start, end] if (0.0..=1.0).contains(&score) && start < end),
                "{clip}: {numbers:?}"
            );
        }
    }
    assert_eq!(scene.read("found/prediction.txt").lines().count(), 12);
    assert!(scene.read("found/errors.csv").contains("no such file"));
    assert_eq!(scene.json("found/summary.json")["localization"]["ap"].as_array().unwrap().len(), 4);
    let again = scene.run(&[&arguments[..], &windows].concat()).expect(2);
    assert!(again.stderr.contains("results already exist"), "{}", again.stderr);
    // A cell that is no segment names its line.
    scene.write(
        "bad.csv",
        &format!(
            "video_name,target,fake_segments\n{},1,2-1\n",
            scene.path("clips/x.mp4").display()
        ),
    );
    let bad = scene
        .run(&[
            "localize",
            "--csv",
            "bad.csv",
            "--output",
            "bad",
            "--checkpoint",
            network,
            "--device",
            "cpu",
        ])
        .expect(2);
    assert!(bad.stderr.contains("line 2: `2 to 1` is no fake segment"), "{}", bad.stderr);
}
