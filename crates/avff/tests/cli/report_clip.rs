//! The report on a clip.

use std::fs;

use crate::setup::{Scene, clip, root};

fn report(scene: &Scene, arguments: &[&str]) -> crate::setup::Ran {
    let network = root().join("data/avff-tiny/avff-tiny.safetensors");
    let common = ["report", "--device", "cpu", "--checkpoint", network.to_str().unwrap()];
    scene.run(&[&common[..], arguments].concat())
}

#[test]
fn equal_inputs_give_equal_pages_without_script() {
    let scene = Scene::new();
    // A name that would be markup.
    let name = "<img src=x onerror=alert(1)>&amp;.mp4";
    fs::copy(clip("match_a.mp4"), scene.path(name)).unwrap();
    let custody = ["--case", "<b>7</b>", "--examiner", "A \"B\""];
    let ran = report(&scene, &[&[name][..], &custody].concat()).expect(0);
    assert!(ran.stdout.contains("uncalibrated"), "{}", ran.stdout);
    let page = scene.read(&format!("{name}.report.html"));
    for part in [
        "1. Exhibit",
        "2. Custody",
        "3. Method",
        "4. What was seen",
        "5. Findings",
        "6. Two propositions",
        "7. Limits",
        "8. How to reproduce",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&amp;amp;.mp4"), "the name is text");
    assert!(page.contains("&lt;b&gt;7&lt;/b&gt;"), "and so is the case");
    for unwanted in ["<script", "<img src=x", "http://", "https://", "<b>7"] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
    assert!(page.contains("data:image/png;base64,"), "the picture is in the page");
    let json = scene.json(&format!("{name}.report.json"));
    assert_eq!(json["exhibit"]["name"], name);
    assert_eq!(json["unchanged"], true);
    assert!(json["result"]["scored"]["y_pred"].is_number(), "{json}");

    let again = report(&scene, &[&[name, "--overwrite"][..], &custody].concat()).expect(0);
    assert!(again.stdout.contains(".report.html"), "{}", again.stdout);
    let expected = page.replace(" --case", " --overwrite --case");
    assert_eq!(scene.read(&format!("{name}.report.html")), expected);
    let refused = report(&scene, &[name]).expect(2);
    assert!(refused.stderr.contains("results already exist"), "{}", refused.stderr);
}

#[test]
fn a_clip_without_a_score_has_a_report_that_says_why() {
    let scene = Scene::new();
    scene.write("broken.mp4", "no video at all");
    let ran = report(&scene, &["broken.mp4"]).expect(3);
    assert!(ran.stdout.contains("no score (unsupported"), "{}", ran.stdout);
    let page = scene.read("broken.mp4.report.html");
    assert!(page.contains("No score") && page.contains("cannot be opened"), "{page}");
    let absent = report(&scene, &["absent.mp4"]).expect(3);
    assert!(absent.stderr.contains("no such file"), "{}", absent.stderr);
    assert!(!scene.path("absent.mp4.report.html").exists());
}
