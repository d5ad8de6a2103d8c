//! Interprets the names of values.

use avff_metrics::{Better, Metric};

/// Subsets of the data to which a value can belong.
const SUBSETS: [&str; 3] = ["train", "val", "test"];

/// Splits `val/loss.audio` into subset and quantity; a value of the run itself has no subset.
pub(super) fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((part, quantity)) if SUBSETS.contains(&part) && !quantity.is_empty() => {
            (Some(part), quantity)
        }
        _ => (None, name),
    }
}

/// Returns the quantity without its suffix: `loss` for `loss.audio`.
pub(super) fn base(quantity: &str) -> &str {
    match quantity.split_once('.') {
        Some((base, _)) if !base.is_empty() => base,
        _ => quantity,
    }
}

/// Returns a quantity in words, for a legend: `mAP, ema` for `map.ema`, `loss, audio` for `loss.audio`.
pub(super) fn title(quantity: &str) -> String {
    let base = base(quantity);
    let words = match base {
        "lr" => "learning rate",
        _ => Metric::find(base).map_or(base, |metric| metric.title),
    };
    match quantity.strip_prefix(base).and_then(|rest| rest.strip_prefix('.')) {
        Some(rest) => format!("{words}, {rest}"),
        None => words.into(),
    }
}

/// Returns the direction of improvement of a value from its name. It comes from the registry of
/// metrics; unknown losses and error rates improve downwards, and all other values upwards.
#[must_use]
pub fn better(name: &str) -> Better {
    let quantity = split(name).1;
    if let Some(metric) = Metric::find(base(quantity)) {
        return metric.better;
    }
    let quantity = quantity.to_ascii_lowercase();
    let lower = ["loss", "l_", "error"].iter().any(|start| quantity.starts_with(start));
    if lower { Better::Lower } else { Better::Higher }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_determine_direction() {
        for name in ["val/loss", "train/loss.audio", "val/eer", "val/EER.ema", "L_v", "error_rate"]
        {
            assert_eq!(better(name), Better::Lower, "{name}");
        }
        for name in ["val/map", "val/dprime", "val/map.ema", "clips_per_second"] {
            assert_eq!(better(name), Better::Higher, "{name}");
        }
    }

    #[test]
    fn titles_are_words() {
        for (quantity, words) in [
            ("eer.ema", "EER, ema"),
            ("auc", "ROC AUC"),
            ("loss.audio", "loss, audio"),
            ("lr.head", "learning rate, head"),
            ("clips_per_second", "clips_per_second"),
            (".x", ".x"),
        ] {
            assert_eq!(title(quantity), words);
        }
    }

    #[test]
    fn subset_is_one_of_three() {
        assert_eq!(split("val/loss.audio"), (Some("val"), "loss.audio"));
        assert_eq!(split("lr.head"), (None, "lr.head"));
        assert_eq!(split("other/x"), (None, "other/x"));
        assert_eq!(split("train/"), (None, "train/"));
    }
}
