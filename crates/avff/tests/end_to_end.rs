//! Media files to logits, against PyTorch on the same files: decoding, frame choice, fit, fbank,
//! checkpoint, network, all in one. `fixtures/end_to_end.json` holds what decord, Pillow, torchaudio
//! and the reference network made of them.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests stop where they cannot go on")]
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

/// Two decoders' rounding and two fbanks' log of near silence, through the whole network.
const TOLERANCE: f64 = 2e-4;

#[test]
fn clips_get_the_logits_that_pytorch_gives_them() {
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
        let over = json!({ "encoder": { "heads": 3 }, "fusion_attention": attention });
        for (name, fit) in [("resize", FrameFit::Resize), ("center_crop", FrameFit::CenterCrop)] {
            let builder = || {
                let frame_fit = Some(fit);
                let preparation = Preparation { frame_fit, ..Preparation::default() };
                let builder = Detector::builder().device(Device::Cpu).config(Some(over.clone()));
                builder.preparation(preparation)
            };
            let detector = builder().open(&path).unwrap();
            let from_file = builder().weights_in_file(true).open(&path).unwrap();
            for (clip, wanted) in golden["clips"].as_object().unwrap() {
                // The embedded reader's part of the goldens.
                if !clip.starts_with("h264") {
                    continue;
                }
                let file = media.join(clip);
                let logits = detector.score(&file).unwrap().logits;
                assert_eq!(from_file.score(&file).unwrap().logits, logits, "{clip}");
                let bytes = std::fs::read(&file).unwrap();
                assert_eq!(detector.score_bytes(bytes).unwrap().logits, logits, "{clip}");
                let wanted = &wanted[format!("{name}.{attention}")];
                for (value, wanted) in [(logits.fake, &wanted[0]), (logits.real, &wanted[1])] {
                    let off = (f64::from(value) - wanted.as_f64().unwrap()).abs();
                    assert!(off <= TOLERANCE, "{clip} {name} {attention}: off by {off:e}");
                    worst = f64::max(worst, off);
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 32);
    println!("{count} logits, the worst off by {worst:e}");
}
