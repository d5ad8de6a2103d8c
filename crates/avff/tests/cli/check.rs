//! `avff check` finds each kind of problem, and none in a clean set.

use std::{fs, path::Path};

use avff::data::fbank::Fbank;
use serde_json::Value;

use crate::setup::{Scene, clip, media as fixture, root};

const CLIPS: [(&str, u8); 4] = [("match_a", 0), ("match_b", 0), ("swapped_a", 1), ("swapped_b", 1)];

fn check(scene: &Scene, arguments: &[&str], code: i32) -> Value {
    let ran = scene.run(&[&["check", "--json"], arguments].concat()).expect(code);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The kinds of the findings and their counts.
fn kinds(report: &Value) -> Vec<(&str, u64)> {
    let findings = report["findings"].as_array().unwrap();
    let kind = |finding: &'_ Value| finding["count"].as_u64().unwrap();
    findings.iter().map(|finding| (finding["kind"].as_str().unwrap(), kind(finding))).collect()
}

#[test]
fn the_sample_is_clean_and_described() {
    let scene = Scene::new();
    let sample = root().join("crates/avff/tests/fixtures/sample.csv");
    let ran = scene.run(&["check", sample.to_str().unwrap(), "--decode", "--strict"]).expect(0);
    for words in
        ["no problems found", "4 of 4 rows", "H.264", "256x256", "for a clip spec: \"audio\": {"]
    {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    let report = check(&scene, &[sample.to_str().unwrap(), "--workers", "3"], 0);
    let media = &report["media"];
    // 90 frames take 3.6 s, 57 AAC packets of 1024 samples a little more.
    assert_eq!(media["seconds"]["median"], 57.0 * 1024.0 / 16_000.0);
    assert_eq!(media["frame_rate"]["max"], 25.0);
    assert_eq!(media["sample_rates"]["16000"]["fake"], 2);
    assert_eq!(media["channels"]["1"]["real"], 2);

    // The expected statistics, computed from the filterbanks.
    let mut values = Vec::new();
    for (name, _) in CLIPS {
        let audio = avff_media::open(&clip(&format!("{name}.mp4"))).unwrap().audio().unwrap();
        let rows = Fbank::new(audio.rate, 128).unwrap().stretched(&audio, 1024).unwrap();
        values.extend(rows.into_iter().map(f64::from));
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance =
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    let fbank = media["fbank"].as_array().unwrap().last().unwrap();
    assert_eq!((fbank["clips"].as_u64(), &fbank["split"]), (Some(4), &Value::Null));
    // Both sum half a million f64 values, in different orders.
    assert!((fbank["mean"].as_f64().unwrap() - mean).abs() < 1e-10);
    assert!((fbank["std"].as_f64().unwrap() - variance.sqrt()).abs() < 1e-10);
    assert!((report["audio"]["mean"].as_f64().unwrap() - mean).abs() < 1e-6);
    assert_eq!(report["audio"]["frames"], 1024);
    // The report does not depend on the number of threads.
    assert_eq!(report, check(&scene, &[sample.to_str().unwrap(), "--workers", "1"], 0));
}

#[test]
fn a_copy_under_another_name_is_a_leak() {
    let scene = Scene::new();
    for name in ["a.mp4", "copy.mp4", "again.mp4"] {
        fs::copy(clip("match_a.mp4"), scene.path(name)).unwrap();
    }
    // A different file of equal size.
    let mut bytes = fs::read(clip("match_a.mp4")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(scene.path("near.mp4"), bytes).unwrap();
    fs::copy(clip("swapped_a.mp4"), scene.path("fake.mp4")).unwrap();
    scene.write(
        "all.csv",
        "video_name,target,split,identity,source\n\
         a.mp4,0,train,p;q,\n./a.mp4,0,train,p,\nagain.mp4,0,train,,\nnear.mp4,0,test,,s1\n\
         copy.mp4,1,test,q,s\nfake.mp4,1,test,r,s\nfake.mp4,1,train,,s\nx/../fake.mp4,,,p,\n",
    );
    let arguments = ["all.csv", "--hash", "--report", "found.csv"];
    let report = check(&scene, &arguments, 0);
    let expected = [
        ("shared-identity", 1),
        ("shared-source", 1),
        ("shared-path", 1),
        ("shared-content", 1),
        ("repeated-path", 1),
        ("contradiction", 1),
    ];
    assert_eq!(kinds(&report), expected);
    let findings = &report["findings"];
    assert_eq!(
        (&findings[0]["examples"][0]["key"], &findings[1]["examples"][0]["key"]),
        (&"q".into(), &"s".into())
    );
    let shared = ["test", "train"]
        .map(|split| serde_json::json!({"video_name": "fake.mp4", "split": split, "target": 1}));
    assert_eq!(findings[2]["examples"][0]["clips"], serde_json::json!(shared));
    // The example shows three of the four rows, with both splits.
    let splits = findings[3]["examples"][0]["clips"].as_array().unwrap();
    let splits: Vec<&Value> = splits.iter().map(|clip| &clip["split"]).collect();
    assert_eq!(splits, ["train", "train", "test"]);
    assert_eq!(findings[3]["rows"], 4);
    assert_eq!(findings[3]["examples"][0]["key"].as_str().unwrap().len(), 64);
    assert!(report["media"].is_null());
    let found = scene.read("found.csv");
    assert_eq!(found.lines().next(), Some("finding,key,split,target,video_name,csv,line,hint"));
    assert!(found.contains("shared-identity,q,test,1,copy.mp4,all.csv,6,\n"), "{found}");
    assert!(found.contains("contradiction,a.mp4,test,1,copy.mp4,all.csv,6,\n"), "{found}");
    assert!(!found.contains("near.mp4"), "{found}");
    check(&scene, &["all.csv", "--hash", "--strict"], 4);
    // Without reading files the copy is not detected.
    let report = check(&scene, &["all.csv", "--no-media"], 0);
    assert_eq!(kinds(&report), [expected[0], expected[1], expected[2], expected[4]]);
    // The splits as two files have the same findings.
    let rows = |split: &str| {
        let own =
            |line: &&str| line.contains(&format!(",{split},")) || line.starts_with("video_name");
        scene
            .read("all.csv")
            .lines()
            .filter(own)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    scene.write("train.csv", &rows("train"));
    scene.write("test.csv", &rows("test"));
    assert_eq!(kinds(&check(&scene, &["train.csv", "test.csv", "--hash"], 0)), expected);
}

#[test]
fn unreadable_clips_are_counted_and_named() {
    let scene = Scene::new();
    let csv = format!(
        "video_name,target\n{}\nmissing.mp4,1\n{},1\n{},0\n",
        format_args!("{},0", clip("match_a.mp4").display()),
        fixture("bad/no_audio.mp4").display(),
        fixture("bad/bit_flips.mp4").display(),
    );
    scene.write("some.csv", &csv);
    let report = check(&scene, &["some.csv"], 3);
    let first = &report["findings"][0];
    assert_eq!(first["kind"], "unreadable");
    assert_eq!(first["examples"][0]["key"], "no such file");
    assert_eq!(first["examples"][1]["key"], "no audio stream");
    assert!(first["examples"][0]["hint"].as_str().unwrap().contains("root"));
    assert_eq!(report["coverage"]["failures_by_stage"]["open"], 1);
    check(&scene, &["some.csv", "--min-coverage", "0.2"], 0);
    // Damaged frames are found only when frames are decoded.
    let deep = check(&scene, &["some.csv", "--decode"], 3);
    assert_eq!(deep["coverage"]["scored"], 1);
    // --hash reads the bytes and decodes nothing.
    let report = check(&scene, &["some.csv", "--hash"], 3);
    assert_eq!(report["coverage"]["scored"], 3);
    check(&scene, &["some.csv", "--no-media"], 0);
}

/// A frame folder of one frame and an 8 kHz WAV that starts with silence.
fn folder(path: &Path, silent: usize, loud: i16) {
    fs::create_dir(path).unwrap();
    image::RgbImage::new(16, 16).save(path.join("0.png")).unwrap();
    let data: Vec<u8> = (0..1600)
        .map(|i| {
            if i < silent {
                0
            } else if i % 7 < 3 {
                loud
            } else {
                -loud
            }
        })
        .flat_map(i16::to_le_bytes)
        .collect();
    let mut wav =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data"
            .to_vec();
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    fs::write(path.join("audio.wav"), wav).unwrap();
}

#[test]
fn silence_that_separates_fakes_is_a_warning() {
    let scene = Scene::new();
    let mut csv = "video_name,target\n".to_owned();
    for index in 0..16 {
        let fake = index % 2;
        // Fakes start with 30 ms of silence and a little more, reals with 1 ms.
        folder(&scene.path(&format!("{index}")), 8 + fake * (232 + index), 9_000);
        csv += &format!("{index},{fake}\n");
    }
    scene.write("all.csv", &csv);
    let report = check(&scene, &["all.csv"], 0);
    let silence = &report["media"]["leading_silence"];
    assert_eq!((&silence["auc"], &silence["separates"]), (&1.0.into(), &true.into()));
    assert_eq!(silence["median_real"], 0.001);
    assert_eq!(silence["median_fake"], 0.031);
    let warnings = report["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].as_str().unwrap().starts_with("leading silence alone separates fake"));

    // The filterbank of a silent clip cannot be normalized, so it has no statistics.
    folder(&scene.path("mute"), 0, 0);
    scene.write("mute.csv", "video_name,target\nmute,1\n");
    let report = check(&scene, &["mute.csv"], 0);
    assert_eq!(report["media"]["silent"]["fake"], 1);
    assert!(report["audio"].is_null());
}

#[test]
fn imbalanced_classes_are_a_warning() {
    let scene = Scene::new();
    // FakeAVCeleb: 500 reals among 21,544 clips.
    let row = |row: usize| format!("{row}.mp4,{},train\n", usize::from(row >= 500));
    let rows: String = (0..21_544).map(row).collect();
    scene.write("all.csv", &format!("video_name,target,split\n{rows}one.mp4,1,test\n"));
    let report = check(&scene, &["all.csv", "--no-media"], 0);
    let warnings = report["warnings"].as_array().unwrap();
    let text: Vec<&str> = warnings.iter().map(|warning| warning.as_str().unwrap()).collect();
    assert_eq!(text.len(), 2);
    assert!(
        text.iter().any(|text| text
            .starts_with("predicting fake for every clip of train has an accuracy of 97.7 %")),
        "{text:?}"
    );
    assert!(
        text.iter().any(|text| text.starts_with("every labeled clip of test is fake")),
        "{text:?}"
    );
}

#[test]
fn usage_errors_exit_with_two() {
    let scene = Scene::new();
    let csv = scene.write("all.csv", "video_name\na.mp4\n");
    let csv = csv.to_str().unwrap();
    scene.write("empty.csv", "video_name\n");
    for (arguments, reason) in [
        (&["absent.csv"][..], "no such file"),
        (&["empty.csv"], "no rows below the header"),
        (&[csv, "--report", csv], "would overwrite one of its inputs"),
        (&[csv, "--report", "a.mp4"], "must end in .csv"),
        (&[csv, "--mels", "2"], "audio.mels is 2"),
        (&[csv, "--hash", "--decode"], "cannot be used with"),
    ] {
        let ran = scene.run(&[&["check"], arguments].concat()).expect(2);
        assert!(ran.stderr.contains(reason), "{arguments:?}: {}", ran.stderr);
    }
}
