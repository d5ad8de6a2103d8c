//! Answers in words, the same through every door.

use avff_calibration::{Answer, Decision};

use super::Judge;

/// What is said where a detector decides nothing.
pub const UNCALIBRATED: &str =
    "uncalibrated, so the score is no probability and nothing is decided";

/// The answer as a sentence.
#[must_use]
pub fn sentence(answer: &Answer) -> String {
    let Answer { probability, decision, error, .. } = answer;
    let error = percent(*error);
    format!("{decision} at an error rate of {error}: P(fake) {probability:.3}, {}", ratio(answer))
}

/// The likelihood ratio in words.
#[must_use]
pub fn ratio(answer: &Answer) -> String {
    let log10 = answer.log10_ratio;
    let times = 10_f64.powf(log10.abs());
    let (side, other) = if log10 < 0.0 { ("real", "fake") } else { ("fake", "real") };
    let bound = if answer.at_bound { "at least " } else { "" };
    format!("a score {bound}{times:.1} times as likely for a {side} clip as for a {other} one")
}

/// The likelihood ratio on the verbal scale of forensic institutes.
///
/// Source: ENFSI, "Guideline for evaluative reporting in forensic science", 2015.
#[must_use]
pub fn verbal(answer: &Answer) -> String {
    let times = 10_f64.powf(answer.log10_ratio.abs());
    let side = if answer.log10_ratio < 0.0 { "real" } else { "fake" };
    let strength = match times {
        times if times < 2.0 => return "no support for either proposition".into(),
        times if times < 10.0 => "weak",
        times if times < 100.0 => "moderate",
        times if times < 1_000.0 => "moderately strong",
        times if times < 10_000.0 => "strong",
        _ => "very strong",
    };
    format!("{strength} support for the proposition that the clip is {side}")
}

/// What a decision means.
#[must_use]
pub fn meaning(decision: Decision) -> &'static str {
    match decision {
        Decision::Real => "such scores are usual for real clips and unusual for fakes",
        Decision::Fake => "such scores are usual for fakes and unusual for real clips",
        Decision::Undecided => "such scores are usual for both",
        Decision::UnlikeBoth => "such scores are unusual for both",
    }
}

/// What decisions rest on, and what their author says of them.
#[must_use]
pub fn basis(judge: &Judge) -> String {
    let record = judge.record();
    let [fakes, reals] = record.calibration.clips.counts();
    let (error, low) = (percent(judge.error()), judge.lowest_error());
    let few = if judge.error() < low {
        format!(" So few clips allow no decision below {}.", percent(low))
    } else {
        String::new()
    };
    let note = record.note.as_ref().map(|note| format!(" {note}")).unwrap_or_default();
    format!(
        "decisions are calibrated on {} ({reals} real, {fakes} fake): of clips like these, at most {error} of real ones \
         are called fake, and {error} of fakes real. Other clips have no such bound.{few}{note}",
        record.fitted_on.name
    )
}

/// A rate as percent, without needless digits.
#[must_use]
pub fn percent(rate: f64) -> String {
    let text = format!("{:.2}", rate * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(log10_ratio: f64, at_bound: bool) -> Answer {
        let decision = Decision::Undecided;
        Answer { probability: 0.5, log10_ratio, at_bound, decision, error: 0.05 }
    }

    #[test]
    fn the_side_of_a_ratio_is_named() {
        let fake = ratio(&answer(1.0, false));
        assert_eq!(fake, "a score 10.0 times as likely for a fake clip as for a real one");
        let real = ratio(&answer(-2.0, true));
        assert_eq!(
            real,
            "a score at least 100.0 times as likely for a real clip as for a fake one"
        );
    }

    #[test]
    fn the_verbal_scale_has_both_sides() {
        assert_eq!(verbal(&answer(0.2, false)), "no support for either proposition");
        let weak = verbal(&answer(-0.5, false));
        assert_eq!(weak, "weak support for the proposition that the clip is real");
        assert!(verbal(&answer(1.5, false)).starts_with("moderate support"));
        assert!(verbal(&answer(2.5, false)).starts_with("moderately strong"));
        assert!(verbal(&answer(5.0, false)).starts_with("very strong"));
    }

    #[test]
    fn rates_have_no_needless_digits() {
        let texts = [0.05, 0.001, 0.1, 0.0, 1.0].map(percent);
        assert_eq!(texts, ["5 %", "0.1 %", "10 %", "0 %", "100 %"]);
    }
}
