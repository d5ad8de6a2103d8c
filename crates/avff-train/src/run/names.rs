//! What names of values tell.

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

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_part_is_one_of_three() {
        assert_eq!(split("val/loss.audio"), (Some("val"), "loss.audio"));
        assert_eq!(split("lr.head"), (None, "lr.head"));
        assert_eq!(split("other/x"), (None, "other/x"));
        assert_eq!(split("train/"), (None, "train/"));
    }
}
