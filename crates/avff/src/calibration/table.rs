//! Rates, decisions and the quality of a calibration as text tables.

use avff_calibration::{OperatingPoint, Quality, Rate};

use super::{Counts, words::percent};
use crate::table::{Text, interval_cell};

/// The rows of the quality of probabilities and ratios.
pub(crate) fn quality_rows(quality: &Quality, row: &mut impl FnMut(&str, String)) {
    let cell = |b: &avff_metrics::Bootstrap| interval_cell(Some(b.estimate), b.interval, 4);
    row("Brier score", cell(&quality.brier));
    row(
        "calibration error",
        format!("ECE {}, debiased {:.4}", cell(&quality.ece), quality.reliability.debiased),
    );
    row(
        "Cllr",
        format!("{:.4} (at best {:.4} with scores in this order)", quality.cllr, quality.cllr_min),
    );
}

/// Thresholds and their rates.
pub(crate) fn points_table(points: &[OperatingPoint]) -> Text {
    let header =
        ["false positives at most", "threshold of y_pred", "false positives", "true positives"];
    let mut table = Text::with_header(header);
    for point in points {
        let threshold = point.threshold.map_or_else(
            || "none: too few real clips".into(),
            |score| format!("{:.4}", 1.0 / (1.0 + (-score).exp())),
        );
        let (false_positives, true_positives) =
            (rate(&point.false_positives), rate(&point.true_positives));
        table.row([percent(point.wanted), threshold, false_positives, true_positives]);
    }
    table
}

/// A share of clips with its interval.
pub(crate) fn rate(rate: &Rate) -> String {
    let Rate { hits, clips, low, high } = *rate;
    format!("{hits} of {clips} ({:.1} to {:.1} %)", low * 100.0, high * 100.0)
}

/// Decisions of groups of clips, each with its name.
pub(crate) fn counts_table(rows: &[(String, Counts)]) -> Text {
    let mut table = Text::with_header(["clips", "real", "fake", "undecided", "unlike both"]);
    for (name, counts) in rows {
        let [real, fake, undecided, unlike] = counts.all().map(|count| count.to_string());
        table.row([name.clone(), real, fake, undecided, unlike]);
    }
    table
}
