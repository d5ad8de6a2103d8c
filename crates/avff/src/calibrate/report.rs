//! The result of a calibration as text.

use avff_calibration::Calibration;

use super::Fitted;
use crate::{
    calibration::{
        Counts, Record, Tested,
        table::{points_table, quality_rows},
        words::percent,
    },
    table::{Text, interval_cell},
};

impl Fitted {
    /// Formats the calibration as tables.
    #[must_use]
    pub fn table(&self) -> String {
        let Record { note, calibration, fitted_on, tested_on, .. } = &self.record;
        let [fakes, reals] = calibration.clips.counts();
        let mut table = Text::plain();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        row(
            "fitted on",
            format!("{}: {} clips ({fakes} fake, {reals} real)", fitted_on.name, fakes + reals),
        );
        row("method", method(calibration));
        quality_rows(&calibration.quality, &mut row);
        let [low, high] = [calibration.bounds.low, calibration.bounds.high].map(f64::exp);
        row(
            "likelihood ratios",
            format!("1/{:.1} to {high:.1}: what so many clips support", 1.0 / low),
        );
        if let Some(note) = note {
            row("note", note.clone());
        }
        let mut text = format!("{table}\n\n{}", points_table(&calibration.points));
        let title =
            format!("decisions at an error rate of {} per class", percent(calibration.error));
        for Tested { name, outcomes, kinds, cllr, .. } in tested_on {
            let mut table =
                Text::with_header(["clips", "real", "fake", "undecided", "unlike both", "AUC"]);
            table.row(cells("real", outcomes.real, String::new()));
            for kind in kinds {
                let auc = interval_cell(Some(kind.auc), kind.interval, 3);
                table.row(cells(&format!("fake: {}", kind.kind), kind.outcomes.fake, auc));
            }
            if kinds.is_empty() {
                table.row(cells("fake", outcomes.fake, String::new()));
            }
            text = format!("{text}\n\n{name}: {title}\n{table}\nCllr {cllr:.3}");
        }
        text
    }
}

fn method(calibration: &Calibration) -> String {
    let chosen = calibration.map.method();
    let losses = calibration.choice.losses.iter().map(|(method, loss)| match loss {
        Some(loss) => format!("{method} {loss:.4}"),
        None => format!("{method}: no fit"),
    });
    format!("{chosen} (cross-validated loss: {})", losses.collect::<Vec<_>>().join(", "))
}

fn cells(name: &str, counts: Counts, auc: String) -> [String; 6] {
    let [real, fake, undecided, unlike] = counts.all().map(|count| count.to_string());
    [name.to_owned(), real, fake, undecided, unlike, auc]
}
