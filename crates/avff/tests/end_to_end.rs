//! Logits of media files against PyTorch: decoding, frame choice, frame fit, filterbank, checkpoint and network.
//! `fixtures/end_to_end.json` holds the logits of decord, Pillow, torchaudio and the reference network.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics where it cannot continue"
)]
#![cfg(feature = "cpu")]

#[path = "../../avff-model/tests/support/formula.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the model's tests")]
mod formula;
#[path = "../../avff-model/tests/support/torch_file.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the model's tests")]
mod torch_file;

use std::path::Path;

use avff::{
    Detector, Device, Preparation,
    data::spec::FrameFit,
    model::{AvffConfig, Classifier, Init, checkpoint::required_keys},
};
use burn_flex::Flex;
use serde_json::{Value, json};

/// The decoders round differently, and the filterbanks differ in the log of near silence.
const TOLERANCE: f64 = 2e-4;

#[test]
fn logits_match_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("fixtures/end_to_end.json")).unwrap();
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (96, 2, 3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stage-3.pth");
    let blank = Classifier::<Flex>::new(&config, &mut Init::blank(), &Default::default()).unwrap();
    torch_file::write(&path, &required_keys(&blank), |key, shape| {
        formula::weight(key, shape, &config)
    });
    let media = Path::new("../avff-media/tests/fixtures/media");
    let (mut worst, mut count) = (0.0, 0);
    for attention in ["batch", "tokens"] {
        let overrides = json!({ "encoder": { "heads": 3 }, "fusion_attention": attention });
        for (name, fit) in [("resize", FrameFit::Resize), ("center_crop", FrameFit::CenterCrop)] {
            let builder = || {
                let frame_fit = Some(fit);
                let preparation = Preparation { frame_fit, ..Preparation::default() };
                let builder =
                    Detector::builder().device(Device::Cpu).config(Some(overrides.clone()));
                builder.preparation(preparation)
            };
            let detector = builder().open(&path).unwrap();
            let from_file = builder().weights_in_file(true).open(&path).unwrap();
            for (clip, expected) in golden["clips"].as_object().unwrap() {
                // The embedded reader reads only these.
                if !clip.starts_with("h264") {
                    continue;
                }
                let file = media.join(clip);
                let logits = detector.score(&file).unwrap().logits;
                assert_eq!(from_file.score(&file).unwrap().logits, logits, "{clip}");
                let bytes = std::fs::read(&file).unwrap();
                assert_eq!(detector.score_bytes(bytes).unwrap().logits, logits, "{clip}");
                let expected = &expected[format!("{name}.{attention}")];
                for (value, expected) in [(logits.fake, &expected[0]), (logits.real, &expected[1])]
                {
                    let error = (f64::from(value) - expected.as_f64().unwrap()).abs();
                    assert!(error <= TOLERANCE, "{clip} {name} {attention}: error {error:e}");
                    worst = f64::max(worst, error);
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 32);
    println!("{count} logits, largest error {worst:e}");
}
