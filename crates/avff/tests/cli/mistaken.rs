//! Files given by mistake: the error says what they are, and the hint what to give instead.

use std::{fs, path::Path};

use crate::setup::{Scene, clip, media, weights};

/// Checks that `avff score` refuses a clip with this error and this hint.
fn expect_refused(scene: &Scene, clip: &Path, error: &str, hint: &str) {
    let ran = scene.score(&[clip], &[]).expect(3);
    for text in [error, hint] {
        assert!(ran.stdout.contains(text), "{}: {text}:\n{}", clip.display(), ran.stdout);
    }
}

#[test]
fn folder_of_clips_is_scored_but_is_no_clip() {
    let scene = Scene::new();
    let folder = scene.path("clips");
    fs::create_dir(&folder).unwrap();
    for name in ["match_a.mp4", "match_b.mp4"] {
        fs::copy(clip(name), folder.join(name)).unwrap();
    }
    fs::copy(media("h264_vfr.frame18.png"), folder.join("cover.png")).unwrap();
    let ran = scene.score(&[&folder], &[]).expect(0);
    assert!(
        ran.stdout.contains("match_a.mp4") && ran.stdout.contains("match_b.mp4"),
        "{}",
        ran.stdout
    );
    let weights = weights();
    let arguments =
        ["explain", "--checkpoint", weights.to_str().unwrap(), folder.to_str().unwrap()];
    let ran = scene.run(&arguments).expect(3);
    let error = "not a frame folder: it holds the video file match_a.mp4";
    assert!(ran.stderr.contains(error), "{}", ran.stderr);
}

#[test]
fn images_and_addresses_are_no_clips() {
    let scene = Scene::new();
    let image = scene.path("photo.mp4");
    fs::copy(media("h264_vfr.frame18.png"), &image).unwrap();
    expect_refused(&scene, &image, "not a video but a PNG image", "give a video with audio");
    let url = Path::new("https://example.org/clip.mp4");
    expect_refused(&scene, url, "the path is a URL", "download the clip first");
    // `-` is a list of clips, and this one is empty.
    let ran = scene.score(&[Path::new("-")], &[]).expect(2);
    assert!(ran.stderr.contains("the list on standard input names no clip"), "{}", ran.stderr);
    let ran = scene.eval(Path::new("https://example.org/all.csv"), "out.csv", &[]).expect(2);
    assert!(ran.stderr.contains("hint: download the file first"), "{}", ran.stderr);
    // `avff check` and `avff explain` look for the file themselves.
    let csv = scene.write("all.csv", "video_name\nhttps://example.org/clip.mp4\n");
    let ran = scene.run(&["check", csv.to_str().unwrap()]);
    assert!(ran.stdout.contains("the path is a URL"), "{}", ran.stdout);
    let ran = scene
        .run(&["explain", "--checkpoint", weights().to_str().unwrap(), url.to_str().unwrap()])
        .expect(3);
    assert!(ran.stderr.contains("hint: download the clip first"), "{}", ran.stderr);
}

#[test]
fn recording_without_an_index_is_beyond_repair() {
    let scene = Scene::new();
    let hint = "cannot be repaired with `ffmpeg -i IN OUT`";
    expect_refused(&scene, &media("bad/truncated_head.mp4"), "incomplete MP4: the file ends", hint);
}

#[test]
fn incomplete_checkpoint_is_to_be_fetched_again() {
    let scene = Scene::new();
    let weights = scene.write("stage-3.pth", "PK\u{3}\u{4}, and then the download ended");
    let weights = weights.to_str().unwrap();
    let clip = clip("match_a.mp4");
    let ran = scene.run(&["score", "--checkpoint", weights, clip.to_str().unwrap()]).expect(2);
    for text in ["stage-3.pth", "incomplete or not a checkpoint", "copy or download it again"] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("EOCD"), "{}", ran.stderr);
}
