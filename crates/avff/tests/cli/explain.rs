//! `avff explain`.

use serde_json::Value;

use crate::setup::{Ran, Scene, clip, weights};

fn explain(scene: &Scene, more: &[&str]) -> Ran {
    let (clip, weights) = (clip("swapped_a.mp4"), weights());
    let arguments = ["explain", clip.to_str().unwrap(), "--checkpoint", weights.to_str().unwrap()];
    scene.run(&[&arguments[..], &["--device", "cpu"], more].concat())
}

fn json(ran: Ran) -> Value {
    crate::setup::json(&ran.expect(0).stdout)
}

#[test]
fn segments_cover_the_clip_and_a_sheet_shows_them() {
    let scene = Scene::new();
    let ran = explain(&scene, &[]).expect(0);
    for part in ["warning: UNTRAINED", "segment, s", "frames", "\nswapped_a.explanation.png\n"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let sheet = image::open(scene.path("swapped_a.explanation.png")).unwrap().to_rgb8();
    assert!(sheet.width() > 1000 && sheet.height() > 500, "{:?}", sheet.dimensions());
    let has = |color: [u8; 3]| sheet.pixels().any(|pixel| pixel.0 == color);
    assert!(has([190, 20, 20]) && has([40, 90, 170]), "bars for fake and for real");

    let report = json(explain(&scene, &["--json", "--output", "again.png"]));
    assert_eq!(report["checkpoint_sha256"].as_str().unwrap().len(), 64);
    let window = &report["windows"][0];
    let segments = window["segments"].as_array().unwrap();
    assert_eq!((segments.len(), &report["drawn"]), (8, &0.into()));
    let edge = |at: usize, side: &str| segments[at]["span"][side].as_f64().unwrap();
    for (side, segment) in [("start", 0), ("end", 7)] {
        assert!((edge(segment, side) - window["span"][side].as_f64().unwrap()).abs() < 1e-9);
    }
    assert!((edge(3, "end") - edge(4, "start")).abs() < 1e-9);

    // Attention of the patches, 1 on average.
    let mean = |value: &Value| {
        fn numbers(value: &Value) -> Vec<f64> {
            match value {
                Value::Array(values) => values.iter().flat_map(numbers).collect(),
                value => vec![value.as_f64().unwrap()],
            }
        }
        let numbers = numbers(value);
        assert!(numbers.len() > 8, "{value}");
        numbers.iter().sum::<f64>() / numbers.len() as f64
    };
    for modality in ["audio", "frames"] {
        let mean = mean(&report["attention"][modality]);
        assert!((mean - 1.0).abs() < 1e-4, "{modality}: {mean}");
    }

    // The logits are those of `avff score`.
    let (clip, weights) = (clip("swapped_a.mp4"), weights());
    let [clip, weights] = [clip.to_str().unwrap(), weights.to_str().unwrap()];
    let score = ["score", "--checkpoint", weights, clip, "--json", "--device", "cpu"];
    let score = json(scene.run(&score));
    assert_eq!(score["clips"][0]["logits"], window["logits"]);
}

#[test]
fn the_chosen_or_the_highest_window_is_drawn() {
    let scene = Scene::new();
    let report = json(explain(&scene, &["--window", "1.2", "--window-index", "1", "--json"]));
    assert_eq!((report["windows"].as_array().unwrap().len(), &report["drawn"]), (3, &1.into()));
    let highest = json(explain(&scene, &["--window", "1.2", "--json", "--overwrite"]));
    let margin = |window: &Value| {
        let logit = |name: &str| window["logits"][name].as_f64().unwrap();
        logit("fake") - logit("real")
    };
    let margins: Vec<f64> = highest["windows"].as_array().unwrap().iter().map(margin).collect();
    let drawn = margins[highest["drawn"].as_u64().unwrap() as usize];
    assert!(margins.iter().all(|&margin| margin <= drawn), "{margins:?}");
}

#[test]
fn bad_requests_are_refused_with_a_reason() {
    let scene = Scene::new();
    scene.write("existing.png", "an image");
    for (more, part) in [
        (&["--window-index", "7"][..], "there is no window 7: the clip has 1"),
        (
            &["--output", "sheet.jpg"],
            "sheet.jpg: the output is a PNG, so its name must end in .png",
        ),
        (&["--output", "existing.png"], "--overwrite"),
    ] {
        let ran = explain(&scene, more).expect(2);
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let weights = weights();
    // The missing clip is reported before the existing PNG.
    let absent = ["explain", "absent.mp4", "--output", "existing.png"];
    let absent = [&absent[..], &["--checkpoint", weights.to_str().unwrap()]].concat();
    let ran = scene.run(&absent).expect(3);
    assert!(ran.stderr.contains("absent.mp4: open: no such file"), "{}", ran.stderr);
}
