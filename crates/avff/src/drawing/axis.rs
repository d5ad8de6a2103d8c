//! Ticks of axes.

/// Mel of a frequency in Hz, as the filterbank has it (HTK's scale).
fn mel(hertz: f64) -> f64 {
    1127.0 * (hertz / 700.0).ln_1p()
}

/// Round numbers within a range, a nice step apart, with their labels; about `count` of them.
pub(crate) fn ticks(from: f64, to: f64, count: usize) -> Vec<(f64, String)> {
    let span = to - from;
    if !span.is_finite() || span <= 0.0 || count == 0 {
        return Vec::new();
    }
    let rough = span / count as f64;
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
    let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(10.0 * power);
    // As many digits as a step has, and one for a step of 2.5.
    let digits = (-step.log10().floor()).max(0.0) as usize;
    let digits = if (step / power - 2.5).abs() < 1e-9 { digits + 1 } else { digits };
    let (first, last) = ((from / step - 1e-9).ceil() as i64, (to / step + 1e-9).floor() as i64);
    (first..=last)
        .map(|number| {
            let value = number as f64 * step;
            // Not -0.
            (value, format!("{:.digits$}", value + 0.0))
        })
        .collect()
}

/// Frequencies to mark and where each lies among `mels` filters, from 0 for the lowest filter's lower foot to
/// 1 for the highest one's upper foot.
pub(crate) fn frequencies(low: f64, nyquist: f64) -> Vec<(f64, String)> {
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
    let (low, high) = (mel(low), mel(nyquist));
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

    fn labels(from: f64, to: f64, count: usize) -> Vec<String> {
        ticks(from, to, count).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(0.0, 3.6, 8), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5"]);
        assert_eq!(labels(1.2, 2.4, 6), ["1.2", "1.4", "1.6", "1.8", "2.0", "2.2", "2.4"]);
        assert_eq!(labels(0.0, 1.0, 4), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(labels(-70.0, 20.0, 5), ["-60", "-40", "-20", "0", "20"]);
        assert_eq!(labels(0.0, 128.0, 4), ["0", "50", "100"]);
        assert!(labels(1.0, 1.0, 4).is_empty() && labels(0.0, f64::NAN, 4).is_empty());
    }

    #[test]
    fn frequencies_are_even_on_the_mel_scale() {
        let marks = frequencies(20.0, 8_000.0);
        assert_eq!(marks.last().map(|(place, _)| *place), Some(1.0));
        // 1000 Hz is 1000 mel, 20 Hz 31.7, 8000 Hz 2840.
        let thousand = marks.iter().find(|(_, label)| label == "1k").map(|(place, _)| *place);
        let due = (1_000.0 - 31.75) / (2_840.0 - 31.75);
        assert!(thousand.is_some_and(|place| (place - due).abs() < 1e-3), "{thousand:?} {due}");
        assert!(frequencies(20.0, 90.0).is_empty());
    }
}
