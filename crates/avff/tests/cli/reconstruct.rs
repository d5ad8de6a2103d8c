//! `avff reconstruct`.

use avff::{
    model::{
        AvffConfig, Init, Pretrain,
        checkpoint::{Kind, Metadata, Precision, save},
    },
    preprocessing,
};
use burn_flex::Flex;
use serde_json::Value;

use crate::setup::{Ran, Scene, clip, weights};

/// Writes `stage2.safetensors`, a small untrained network.
fn network(scene: &Scene) {
    let mut config = AvffConfig::avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (12, 1, 3);
    (config.decoder.dim, config.decoder.depth, config.decoder.heads) = (12, 1, 3);
    (config.audio.frames, config.audio.mels) = (128, 32);
    (config.video.height, config.video.width) = (32, 32);
    let model = Pretrain::<Flex>::new(&config, &mut Init::seeded(4), &Default::default()).unwrap();
    let mut metadata = Metadata::new(Kind::Pretrain, &config, false);
    preprocessing::store(&mut metadata, &preprocessing::for_config(&config)).unwrap();
    save(&model, &metadata, Precision::F32, scene.path("stage2.safetensors")).unwrap();
}

fn reconstruct(scene: &Scene, more: &[&str]) -> Ran {
    let clip = clip("match_a.mp4");
    let arguments = ["reconstruct", clip.to_str().unwrap(), "--checkpoint", "stage2.safetensors"];
    scene.run(&[&arguments[..], &["--device", "cpu"], more].concat())
}

fn sheet(scene: &Scene, name: &str) -> image::RgbImage {
    image::open(scene.path(name)).unwrap().to_rgb8()
}

fn json(ran: Ran) -> Value {
    serde_json::from_str(&ran.expect(0).stdout).unwrap()
}

#[test]
fn a_sheet_and_the_losses() {
    let scene = Scene::new();
    network(&scene);
    let ran = reconstruct(&scene, &["--mask", "0,2,5,7"]).expect(0);
    for part in
        ["warning: UNTRAINED", "audio", "video", "contrastive  n/a", "match_a.reconstruction.png"]
    {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let first = sheet(&scene, "match_a.reconstruction.png");
    assert!(first.width() > 1000 && first.height() > 800, "{:?}", first.dimensions());
    let has = |sheet: &image::RgbImage, color: [u8; 3]| {
        sheet.pixels().filter(|pixel| pixel.0 == color).count()
    };
    // Orange borders of masked slices, gray for the mask, red for the warning.
    assert!(has(&first, [255, 140, 0]) > 1000);
    assert!(has(&first, [128, 128, 128]) > 50_000);
    assert!(has(&first, [190, 20, 20]) > 0);

    let again = ["--mask", "7,5,2,0", "--json", "--output", "again.png"];
    let report = json(reconstruct(&scene, &again));
    assert_eq!(report["checkpoint_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(
        std::fs::read(scene.path("match_a.reconstruction.png")).unwrap(),
        std::fs::read(scene.path("again.png")).unwrap()
    );
    assert_eq!(report["hidden_from_audio"], serde_json::json!([0, 2, 5, 7]));
    assert_eq!((&report["trained"], &report["contrastive"]), (&false.into(), &Value::Null));
    let loss = |name: &str| report["losses"][name].as_f64().unwrap();
    assert!((loss("total") - loss("audio") - loss("video")).abs() < 1e-4, "{report}");
    assert!((loss("video_zero_baseline") - 1.0).abs() < 0.1, "{report}");

    // A seed masks half of the slices, and visible slices can show the input.
    let seeded = json(reconstruct(&scene, &["--seed", "3", "--json", "--output", "s.png"]));
    assert_eq!(seeded["hidden_from_audio"].as_array().unwrap().len(), 4);
    let pasted = ["--mask", "0,2,5,7", "--paste-visible", "--output", "pasted.png"];
    reconstruct(&scene, &pasted).expect(0);
    assert_ne!(sheet(&scene, "pasted.png"), first);
}

#[test]
fn a_window_is_chosen_by_its_index() {
    let scene = Scene::new();
    network(&scene);
    let window = |index: &str| {
        let output = format!("{index}.png");
        let more = ["--window", "1.2", "--json", "--window-index", index, "--output", &output];
        reconstruct(&scene, &more)
    };
    let span = &json(window("1"))["span"];
    assert!((span["start"].as_f64().unwrap() - 1.2).abs() < 1e-6, "{span}");
    let ran = window("17").expect(2);
    assert!(ran.stderr.contains("there is no window 17: the clip has 3"), "{}", ran.stderr);
}

#[test]
fn invalid_masks_and_files_are_refused_with_a_reason() {
    let scene = Scene::new();
    network(&scene);
    // A file in place of the output's folder cannot be written to.
    scene.write("file", "");
    for (more, part) in [
        (&["--mask", "0,2,5"][..], "give 4 different slices from 0 to 7"),
        (&["--mask", "0,2,5,8"], "[0, 2, 5, 8]"),
        (&["--mask", "0,0,2,5"], "different"),
        (&["--mask", "0,a"], "invalid digit"),
        (&["--mask", "0,2,5,7", "--seed", "1"], "cannot be used with"),
        (&["--output", "file/sheet.png"], "file/sheet.png"),
    ] {
        let ran = reconstruct(&scene, more).expect(2);
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    scene.write("existing.png", "an image");
    let ran = reconstruct(&scene, &["--output", "existing.png"]).expect(2);
    assert!(ran.stderr.contains("--overwrite"), "{}", ran.stderr);
    reconstruct(&scene, &["--output", "existing.png", "--overwrite"]).expect(0);
    let (weights, good) = (weights(), clip("match_a.mp4"));
    let (weights, good) = (weights.to_str().unwrap(), good.to_str().unwrap());
    let ran = scene.run(&["reconstruct", good, "--checkpoint", weights]).expect(2);
    assert!(ran.stderr.contains("holds a classifier"), "{}", ran.stderr);
    let ran = scene.run(&["reconstruct", "absent.mp4", "--checkpoint", "stage2.safetensors"]);
    let ran = ran.expect(3);
    assert!(ran.stderr.contains("absent.mp4: open: no such file"), "{}", ran.stderr);
}

/// The shape and the values of an array.
fn array(scene: &Scene, name: &str) -> (String, Vec<u8>) {
    let bytes = std::fs::read(scene.path(name)).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0);
    (String::from_utf8(bytes[10..10 + length].to_vec()).unwrap(), bytes[10 + length..].to_vec())
}

#[test]
fn arrays_hold_input_mask_and_reconstruction() {
    let scene = Scene::new();
    network(&scene);
    let arrays = ["--mask", "0,2,5,7", "--arrays", "arrays"];
    let ran = reconstruct(&scene, &arrays).expect(0);
    assert!(ran.stdout.ends_with("arrays/video_reconstruction.npy\n"), "{}", ran.stdout);
    for (modality, shape, values) in
        [("audio", "(128, 32)", 128 * 32), ("video", "(3, 16, 32, 32)", 3 * 16 * 32 * 32)]
    {
        for part in ["input", "reconstruction"] {
            let (header, bytes) = array(&scene, &format!("arrays/{modality}_{part}.npy"));
            assert!(header.contains(shape) && header.contains("'<f4'"), "{header}");
            assert_eq!(bytes.len(), 4 * values);
        }
        let (header, bytes) = array(&scene, &format!("arrays/{modality}_hidden.npy"));
        assert!(header.contains(shape) && header.contains("'|b1'"), "{header}");
        assert_eq!(bytes.len(), values);
        // Half is hidden; slices of time lie along the first axis of the fbank.
        assert_eq!(bytes.iter().map(|&byte| usize::from(byte)).sum::<usize>(), values / 2);
        if modality == "audio" {
            let slice = |index: usize| &bytes[index * 16 * 32..(index + 1) * 16 * 32];
            for index in 0..8 {
                let hidden = u8::from([0, 2, 5, 7].contains(&index));
                assert!(slice(index).iter().all(|&byte| byte == hidden), "slice {index}");
            }
        }
    }
    let again = [&arrays[..], &["--output", "again.png"]].concat();
    let ran = reconstruct(&scene, &again).expect(2);
    assert!(ran.stderr.contains("arrays/audio_input.npy: results already exist"), "{}", ran.stderr);
    assert!(!scene.path("again.png").exists());
    let before = array(&scene, "arrays/audio_reconstruction.npy");
    reconstruct(&scene, &[&again[..], &["--overwrite"]].concat()).expect(0);
    assert_eq!(array(&scene, "arrays/audio_reconstruction.npy"), before);
}
