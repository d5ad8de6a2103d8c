//! What names of values tell.

use avff_metrics::{Better, Metric};

/// The parts of the data a number can be of.
const PARTS: [&str; 3] = ["train", "val", "test"];

/// `val/loss.audio` into its part and its quantity; a number of the run itself has no part.
pub(super) fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((part, quantity)) if PARTS.contains(&part) && !quantity.is_empty() => {
            (Some(part), quantity)
        }
        _ => (None, name),
    }
}

/// The quantity without what it is a part of: `loss` of `loss.audio`.
pub(super) fn base(quantity: &str) -> &str {
    match quantity.split_once('.') {
        Some((base, _)) if !base.is_empty() => base,
        _ => quantity,
    }
}

/// Which way a value gets better, from its name: as the registry of metrics says, else losses and error
/// rates down and all others up.
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
    fn names_say_which_way_is_better() {
        for name in ["val/loss", "train/loss.audio", "val/eer", "val/EER.ema", "L_v", "error_rate"]
        {
            assert_eq!(better(name), Better::Lower, "{name}");
        }
        for name in ["val/map", "val/dprime", "val/map.ema", "clips_per_second"] {
            assert_eq!(better(name), Better::Higher, "{name}");
        }
    }

    #[test]
    fn a_part_is_one_of_three() {
        assert_eq!(split("val/loss.audio"), (Some("val"), "loss.audio"));
        assert_eq!(split("lr.head"), (None, "lr.head"));
        assert_eq!(split("other/x"), (None, "other/x"));
        assert_eq!(split("train/"), (None, "train/"));
    }
}
