//! Frequencies on the mel scale.

/// Converts a frequency in Hz to mel on HTK's scale, which the filterbank uses.
fn mel(hertz: f64) -> f64 {
    1127.0 * (hertz / 700.0).ln_1p()
}

/// Returns the tick frequencies between `low` and `high` with their positions on the mel scale.
///
/// Position 0 is the lower edge of the lowest filter, and position 1 is the upper edge of the
/// highest filter.
#[must_use]
pub fn frequencies(low: f64, high: f64) -> Vec<(f64, String)> {
    const TICKS: [(f64, &str); 8] = [
        (100.0, "100"),
        (250.0, "250"),
        (500.0, "500"),
        (1e3, "1k"),
        (2e3, "2k"),
        (4e3, "4k"),
        (8e3, "8k"),
        (16e3, "16k"),
    ];
    let (low, high) = (mel(low), mel(high));
    let position = |hertz: f64| (mel(hertz) - low) / (high - low);
    TICKS
        .into_iter()
        .map(|(hertz, label)| (position(hertz), label.to_owned()))
        .filter(|(position, _)| (0.0..=1.0).contains(position))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_follow_the_mel_scale() {
        let ticks = frequencies(20.0, 8_000.0);
        assert_eq!(ticks.last().map(|(position, _)| *position), Some(1.0));
        // 1000 Hz is 1000 mel, 20 Hz 31.7, 8000 Hz 2840.
        let thousand = ticks.iter().find(|(_, label)| label == "1k").map(|(position, _)| *position);
        let expected = (1_000.0 - 31.75) / (2_840.0 - 31.75);
        assert!(
            thousand.is_some_and(|position| (position - expected).abs() < 1e-3),
            "{thousand:?} {expected}"
        );
        assert!(frequencies(20.0, 90.0).is_empty());
    }
}
