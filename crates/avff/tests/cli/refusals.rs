//! Clips that cannot be scored get a reason and no score.

use std::{
    fs::File,
    process::Command,
    time::{Duration, Instant},
};

use crate::setup::{Scene, clip, media, weights};

#[test]
fn every_bad_file_has_a_reason_and_no_score() {
    let scene = Scene::new();
    let sparse = scene.path("sparse.mp4");
    File::create(&sparse).unwrap().set_len(10 << 30).unwrap();
    let fifo = scene.path("fifo.mp4");
    let made = Command::new("mkfifo").arg(&fifo).status().is_ok_and(|status| status.success());
    std::fs::create_dir(scene.path("folder.mp4")).unwrap();
    let mut cases = vec![
        (media("bad/audio_only.m4a"), "no video stream"),
        (media("bad/bit_flips.mp4"), "damaged"),
        (media("bad/empty.mp4"), "empty"),
        (media("bad/no_audio.mp4"), "no audio stream"),
        (media("bad/one_frame_20ms.mp4"), "too short"),
        (media("bad/random_bytes.mp4"), "not a media file"),
        (media("bad/text.mp4"), "not a media file"),
        (media("bad/truncated_head.mp4"), "the file ends at byte 20000"),
        (media("bad/truncated_tail.mp4"), "not a media file"),
        (media("hevc_aac.mp4"), "HEVC"),
        (scene.path("folder.mp4"), "contains neither an image nor a WAV file"),
        (scene.path("missing.mp4"), "no such file"),
        (sparse, "not a media file"),
    ];
    if made {
        cases.push((fifo, "not a regular file"));
    } else {
        println!("skipped the FIFO: no mkfifo here");
    }
    let mut csv = "video_name,target\n".to_owned();
    for (path, _) in &cases {
        csv += &format!("{},1\n", path.display());
    }
    let csv = scene.write("bad.csv", &csv);
    let start = Instant::now();
    let ran = scene.eval(&csv, "out.csv", &[]).expect(3);
    assert!(start.elapsed() < Duration::from_secs(60), "a bad file took long");
    assert!(ran.stdout.contains(&format!("0 of {} clips", cases.len())), "{}", ran.stdout);
    assert_eq!(scene.read("out.csv"), "video_name,y_pred,target\n");
    let errors = scene.read("out.errors.csv");
    let mut lines = errors.lines().skip(1);
    for (path, reason) in &cases {
        let line = lines.next().unwrap();
        assert!(line.starts_with(path.to_str().unwrap()), "{line}");
        assert!(line.contains(reason), "{line}: {reason}");
        // `avff score` reports the same reason.
        let ran = scene.score(&[path], &[]).expect(3);
        assert!(ran.stdout.contains(reason), "{}", ran.stdout);
    }
    assert_eq!(lines.next(), None);
    assert!(scene.json("out.summary.json")["metrics"].is_null());
}

#[test]
fn wrong_usage_and_setup_exit_with_two() {
    let scene = Scene::new();
    let (weights, clip) = (weights(), clip("match_a.mp4"));
    let (weights, clip) = (weights.to_str().unwrap(), clip.to_str().unwrap());
    let no_name = scene.write("no_name.csv", "file,target\na.mp4,1\n");
    let bad_target = scene.write("bad_target.csv", "video_name,target\na.mp4,1\nb.mp4,true\n");
    let no_rows = scene.write("no_rows.csv", "video_name,target\n");
    let scored = scene.write("scored.csv", "video_name,y_pred\na.mp4,0.5\n");
    let text = scene.write("text.pth", "not weights at all");
    let unknown = scene.write("unknown.json", r#"{"encoder": {"width": 3}}"#);
    let csv = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    for (arguments, reason) in [
        (vec!["reconstruct", clip], "--checkpoint"),
        (vec!["score", "--checkpoint", weights], "CLIP"),
        (vec!["score", "--checkpoint", "absent.pth", clip], "absent.pth"),
        (vec!["score", "--checkpoint", &csv(&text), clip], "neither PyTorch"),
        (vec!["score", "--checkpoint", weights, "--device", "tpu", clip], "unknown device tpu"),
        (vec!["score", "--checkpoint", weights, "--min-coverage", "2", clip], "0 to 1"),
        (vec!["score", "--checkpoint", weights, "--frame-fit", "stretch", clip], "letterbox"),
        (vec!["score", "--checkpoint", weights, "--config", &csv(&unknown), clip], "width"),
        (vec!["eval", "--checkpoint", weights, "--csv", "absent.csv"], "absent.csv"),
        (vec!["eval", "--checkpoint", weights, "--csv", &csv(&no_name)], "video_name"),
        (vec!["eval", "--checkpoint", weights, "--csv", &csv(&scored)], "column y_pred"),
        (
            vec!["eval", "--checkpoint", weights, "--csv", &csv(&scored), "--output", "clip.mp4"],
            "end in .csv",
        ),
        (vec!["eval", "--checkpoint", weights, "--csv", &csv(&bad_target)], "line 3"),
        (vec!["eval", "--checkpoint", weights, "--csv", &csv(&no_rows)], "no rows"),
        (vec!["eval", "--checkpoint", weights, "--csv", &csv(&no_rows), "--batch-size", "0"], "0"),
        (
            vec![
                "eval",
                "--checkpoint",
                weights,
                "--csv",
                "no_rows.csv",
                "--output",
                "no_rows.csv",
            ],
            "overwrite one of its inputs",
        ),
    ] {
        let ran = scene.run(&arguments).expect(2);
        assert!(ran.stderr.contains(reason), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    assert!(!scene.path("prediction.csv").exists());
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_backend_that_is_not_built_in_names_its_feature() {
    let scene = Scene::new();
    let ran = scene.score(&[&clip("match_a.mp4")], &[]).expect(0);
    assert_eq!(ran.code, 0);
    let weights = weights();
    let clip = clip("match_a.mp4");
    let ran = scene
        .run(&[
            "score",
            "--checkpoint",
            weights.to_str().unwrap(),
            "--device",
            "cuda:1",
            clip.to_str().unwrap(),
        ])
        .expect(2);
    assert!(ran.stderr.contains("--features cuda"), "{}", ran.stderr);
}

/// Nothing that a user can name makes a command wait or read for ever.
#[test]
#[cfg(unix)]
fn named_pipes_and_devices_are_refused_at_once() {
    let scene = Scene::new();
    let pipe = scene.path("pipe.csv");
    if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    let (weights, clip) = (weights(), clip("match_a.mp4"));
    let (weights, clip) = (weights.to_str().unwrap(), clip.to_str().unwrap());
    std::fs::create_dir(scene.path("run")).unwrap();
    for special in [pipe.to_str().unwrap(), "/dev/zero"] {
        let link = scene.path("run/run.json");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(special, &link).unwrap();
        for arguments in [
            &["score", "--checkpoint", weights, "--config", special, clip][..],
            &["score", "--checkpoint", special, clip],
            &["inspect", special],
            &["convert", special, "out.safetensors"],
            &["eval", "--checkpoint", weights, "--csv", special],
            &["check", special],
            &["split", "random", special, "--output", "sets"],
            &["compare", special, special],
            &["merge", special, "--output", "merged.csv"],
            &["train", special],
            &["train", "--resume", "run"],
        ] {
            let start = Instant::now();
            let mut child = scene
                .command(arguments)
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            while child.try_wait().unwrap().is_none() {
                if start.elapsed() > Duration::from_secs(60) {
                    child.kill().unwrap();
                    panic!("{arguments:?} does not end");
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
            assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        }
    }
}
