#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::run::record::{Record, Values};

/// Returns a run with a noisy loss, three epochs and some steps of a fourth.
fn history() -> History {
    let mut history = History::default();
    for step in 1..=350 {
        let loss = 0.7 * f64::powi(0.99, step) + 0.05 * f64::from(step * 37 % 11);
        let epoch = (step as u64).div_ceil(100);
        let values =
            Values::from([("train/loss", loss), ("lr", 1e-4 * f64::powi(0.5, step / 100))]);
        history.push(Record::step(epoch, step as u64, values));
        if step % 100 == 0 {
            let values =
                Values::from([("train/loss", loss), ("val/loss", loss + 0.1), ("val/mAP", 0.8)]);
            history.push(Record::epoch(epoch, step as u64, values));
        }
    }
    history
}

#[test]
fn charts_are_complete_images() {
    let folder = tempfile::tempdir().unwrap();
    draw(folder.path(), "a run", &history()).unwrap();
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    let expected = ["learning-rate.png", "learning-rate.svg", "loss.png", "loss.svg"];
    assert_eq!(files[..4], expected);
    let image = image::open(folder.path().join("loss.png")).unwrap().into_rgb8();
    assert_eq!(image.dimensions(), (1800, 1120));
    // Blue for training, orange for validation, and dark text.
    for color in [[0, 114, 178], [213, 94, 0], [30, 30, 30]] {
        assert!(image.pixels().filter(|pixel| pixel.0 == color).count() > 100, "{color:?}");
    }
    let svg = std::fs::read_to_string(folder.path().join("loss.svg")).unwrap();
    assert!(svg.starts_with("<svg width=\"900\" height=\"560\" viewBox=\"0 0 3600 2240\""));
    assert!(svg.trim_end().ends_with("</svg>"));
    for text in ["a run: Loss", "train, smoothed", "val", "step (vertical lines: ends of epochs)"] {
        assert!(svg.contains(text), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Any report of a diverged run can be drawn.
    #[test]
    fn any_history_can_be_drawn(
        reports in proptest::collection::vec((any::<bool>(), any::<u64>(), any::<f64>(), any::<f64>()), 0..30),
        name in "\\PC{0,12}",
    ) {
        let mut history = History::default();
        for (is_step, step, a, b) in reports {
            let values: Values = [("train/loss".to_owned(), a), (name.clone(), b)].into_iter().collect();
            history.push(match is_step {
                true => Record::step(1, step, values),
                false => Record::epoch(1, step, values),
            });
        }
        for chart in charts::charts(&name, &history) {
            let svg = chart.svg().unwrap();
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf\""));
        }
        prop_assert!(overlay(&[(&name, &history), ("b", &history)], "loss").svg().is_ok());
    }
}
