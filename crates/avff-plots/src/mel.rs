//! Frequencies on the mel scale.

/// Mel of a frequency in Hz, as the filterbank has it (HTK's scale).
fn mel(hertz: f64) -> f64 {
    1127.0 * (hertz / 700.0).ln_1p()
}

/// Frequencies to mark and where each lies among the filters, from 0 for the lowest filter's lower foot to
/// 1 for the highest one's upper foot.
#[must_use]
pub fn frequencies(low: f64, high: f64) -> Vec<(f64, String)> {
    const MARKED: [(f64, &str); 8] = [
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
    let place = |hertz: f64| (mel(hertz) - low) / (high - low);
    MARKED
        .into_iter()
        .map(|(hertz, label)| (place(hertz), label.to_owned()))
        .filter(|(place, _)| (0.0..=1.0).contains(place))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_even_on_the_mel_scale() {
        let marks = frequencies(20.0, 8_000.0);
        assert_eq!(marks.last().map(|(place, _)| *place), Some(1.0));
        // 1000 Hz is 1000 mel, 20 Hz 31.7, 8000 Hz 2840.
        let thousand = marks.iter().find(|(_, label)| label == "1k").map(|(place, _)| *place);
        let expected = (1_000.0 - 31.75) / (2_840.0 - 31.75);
        assert!(
            thousand.is_some_and(|place| (place - expected).abs() < 1e-3),
            "{thousand:?} {expected}"
        );
        assert!(frequencies(20.0, 90.0).is_empty());
    }
}
