//! Which charts a run has, from the names of its values.

use avff_metrics::Metric;
use avff_plots::{Chart, Line, MOST_LINES, Scale, Stroke};

use super::super::{
    history::{History, Point, Series},
    names, result,
};

/// Points of steps from which a smooth line is drawn beside them.
const SMOOTH_FROM: usize = 40;
/// Values that can be seen one by one.
const MOST_RAW: usize = 400;
/// Stretches of a longer series.
const STRETCHES: usize = 200;

/// What is drawn together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Group {
    Loss,
    LossParts,
    LearningRate,
    Scores,
    /// A quantity with its parts.
    Other(String),
}

impl Group {
    fn of(quantity: &str) -> Self {
        let base = names::base(quantity);
        match base.to_ascii_lowercase().as_str() {
            "loss" if quantity == base => Self::Loss,
            "loss" => Self::LossParts,
            "lr" => Self::LearningRate,
            _ if Metric::find(base).is_some_and(|metric| metric.is_share()) => Self::Scores,
            _ if quantity.starts_with("L_") => Self::LossParts,
            _ => Self::Other(base.into()),
        }
    }

    /// File, title, quantity and scale.
    fn words(&self) -> (String, String, String, Scale) {
        let words = |file: &str, title: &str, quantity: &str, scale| {
            (file.into(), title.into(), quantity.into(), scale)
        };
        let wide = Scale::FittedOrLogarithmic;
        match self {
            Self::Loss => words("loss", "Loss", "loss", wide),
            Self::LossParts => words("loss-parts", "Parts of the loss", "loss", wide),
            Self::LearningRate => {
                words("learning-rate", "Learning rate", "learning rate (per step)", wide)
            }
            Self::Scores => words("scores", "Scores", "score (0 to 1)", Scale::Share),
            Self::Other(name) => words(&file_name(name), name, name, wide),
        }
    }
}

/// The charts of a run.
pub(super) fn charts(history: &History) -> Vec<Chart> {
    let mut groups: Vec<(Group, Vec<&str>)> = Vec::new();
    let epoch_names = result::names(history.epochs());
    for name in epoch_names.into_iter().chain(history.steps().keys().map(String::as_str)) {
        let quantity = names::split(name).1;
        let group = Group::of(quantity);
        match groups.iter_mut().find(|(other, _)| *other == group) {
            Some((_, members)) if members.contains(&quantity) => {}
            Some((_, members)) => members.push(quantity),
            None => groups.push((group, vec![quantity])),
        }
    }
    let mut charts: Vec<Chart> = Vec::new();
    for (group, quantities) in groups {
        for (part, quantities) in quantities.chunks(MOST_LINES).enumerate() {
            let (file, title, quantity, scale) = group.words();
            let file = if part == 0 { file } else { format!("{file}-{}", part + 1) };
            let lines = match quantities {
                [single] => alone(history, single, group == Group::LearningRate),
                several => together(history, several),
            };
            let epochs = history.epochs().iter().map(|record| record.step as f64).collect();
            charts.push(Chart { file, title, quantity, scale, lines, epochs });
        }
    }
    distinct(&mut charts);
    charts
}

/// One quantity: each step faint, a smooth line over it, train and validation of epochs.
fn alone(history: &History, quantity: &str, exact: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, series) in of(history, quantity) {
        let part = names::split(name).0;
        let (colour, word) = (colour(part), part.unwrap_or(quantity));
        if exact {
            lines.push(Line::new(word.into(), colour, Stroke::Solid, ends(series)));
            continue;
        }
        lines.push(every(word, colour, series));
        if series.points().len() >= SMOOTH_FROM {
            let label = format!("{word}, smoothed");
            lines.push(Line::new(label, colour, Stroke::Solid, smooth(series)));
        }
    }
    let steps = !lines.is_empty();
    for (part, points) in of_epochs(history, quantity) {
        // What holds at every step says nothing new at an epoch's end.
        if steps && (exact || part.is_none()) {
            continue;
        }
        let word = part.unwrap_or(quantity);
        let both = steps && part == Some("train");
        let label = if both { format!("{word}, epoch") } else { word.into() };
        lines.push(of_epochs_line(label, colour(part), part, points));
    }
    lines
}

/// Several quantities: one colour each, validation solid, training dashed; of steps only what no epoch
/// has.
fn together(history: &History, quantities: &[&str]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (colour, quantity) in quantities.iter().enumerate() {
        let label = |part: Option<&str>| {
            part.map_or((*quantity).into(), |part| format!("{part} {quantity}"))
        };
        let epochs = of_epochs(history, quantity);
        let exact = Group::of(quantity) == Group::LearningRate;
        if epochs.is_empty() || exact {
            for (name, series) in of(history, quantity) {
                let label = label(names::split(name).0);
                let points = if exact { ends(series) } else { smooth(series) };
                lines.push(Line::new(label, colour, Stroke::Solid, points));
            }
        }
        if exact && of(history, quantity).next().is_some() {
            continue;
        }
        for (part, points) in epochs {
            lines.push(of_epochs_line(label(part), colour, part, points));
        }
    }
    lines
}

/// One quantity of several runs, for comparison: a colour each, validation solid, training dashed.
pub(super) fn overlay(runs: &[(&str, &History)], quantity: &str) -> Chart {
    let (_, title, unit, scale) = Group::of(quantity).words();
    let mut lines = Vec::new();
    for (colour, (run, history)) in runs.iter().enumerate() {
        let label =
            |part: Option<&str>| part.map_or((*run).into(), |part| format!("{run}, {part}"));
        let epochs = of_epochs(history, quantity);
        if epochs.is_empty() {
            for (name, series) in of(history, quantity) {
                let label = label(names::split(name).0);
                let points = smooth(series);
                lines.push(Line::new(label, colour, Stroke::Solid, points));
            }
        }
        for (part, points) in epochs {
            lines.push(of_epochs_line(label(part), colour, part, points));
        }
    }
    let same = title.eq_ignore_ascii_case(quantity);
    let title = if same { title } else { format!("{title}: {quantity}") };
    Chart { file: "overlay".into(), title, quantity: unit, scale, lines, epochs: Vec::new() }
}

/// A line of epochs. Training is dashed: it is what validation is compared with.
fn of_epochs_line(
    label: String,
    colour: usize,
    part: Option<&str>,
    points: Vec<(f64, f64)>,
) -> Line {
    let stroke = if part == Some("train") { Stroke::Dashed } else { Stroke::Solid };
    Line { dots: true, ..Line::new(label, colour, stroke, points) }
}

fn of<'a>(history: &'a History, quantity: &str) -> impl Iterator<Item = (&'a str, &'a Series)> {
    let steps = history.steps().iter().map(|(name, series)| (name.as_str(), series));
    steps.filter(move |(name, _)| names::split(name).1 == quantity)
}

/// A part of the data, and steps with values.
type OfPart<'a> = (Option<&'a str>, Vec<(f64, f64)>);

/// By part, what epochs say about a quantity.
fn of_epochs<'a>(history: &'a History, quantity: &str) -> Vec<OfPart<'a>> {
    let all = result::names(history.epochs()).into_iter();
    all.map(|name| (name, names::split(name)))
        .filter(|(_, (_, other))| *other == quantity)
        .map(|(name, (part, _))| {
            let value = |record: &'a super::super::record::Record| {
                Some((record.step as f64, record.values.get(name)?))
            };
            (part, history.epochs().iter().filter_map(value).collect())
        })
        .collect()
}

fn colour(part: Option<&str>) -> usize {
    match part {
        Some("val") => 1,
        Some("test") => 2,
        _ => 0,
    }
}

/// Every value, or the least and greatest where neighbours were joined: spikes stay visible.
fn ends(series: &Series) -> Vec<(f64, f64)> {
    let ends = |point: &Point| {
        let broken = (point.other > 0).then_some((point.first as f64, f64::NAN));
        let (first, last) = (point.first as f64, point.last as f64);
        let values = match point.finite {
            0 => [None, None],
            1 => [Some((last, point.mean)), None],
            _ => [Some((first, point.least)), Some((last, point.greatest))],
        };
        broken.into_iter().chain(values.into_iter().flatten())
    };
    series.points().iter().flat_map(ends).collect()
}

/// Every value of a short series; of a long one, from the least to the greatest value of stretches.
fn every(word: &str, colour: usize, series: &Series) -> Line {
    let points = series.points();
    let joined = points.iter().any(|point| point.finite + point.other > 1);
    if !joined && points.len() <= MOST_RAW {
        return Line::new(format!("{word}, each step"), colour, Stroke::Faint, ends(series));
    }
    let stretches = points.chunks(points.len().div_ceil(STRETCHES)).map(|stretch| {
        let all = stretch.iter().copied().reduce(Point::join).filter(|all| all.finite > 0)?;
        Some([all.first as f64, all.last as f64, all.least, all.greatest])
    });
    let mut stretches: Vec<Option<[f64; 4]>> = stretches.collect();
    // Up to the next one, so that seams are gaps in the numbers alone.
    for at in 1..stretches.len() {
        if let [Some([_, last, ..]), Some([next, ..])] = &mut stretches[at - 1..=at] {
            *last = last.max(*next);
        }
    }
    let band = stretches.into_iter().flatten().collect();
    let broken = points.iter().filter(|point| point.other > 0);
    let broken = broken.map(|point| (point.first as f64, f64::NAN)).collect();
    let label = format!("{word}, least to greatest");
    Line { band, ..Line::new(label, colour, Stroke::Faint, broken) }
}

/// Means that follow the last fiftieth of what was seen, without a bias to where they start; over gaps.
fn smooth(series: &Series) -> Vec<(f64, f64)> {
    let fade = 1.0 - 1.0 / (series.points().len() as f64 / 50.0).max(4.0);
    let (mut mean, mut weight) = (0.0, 0.0);
    let mut points = Vec::new();
    for point in series.points().iter().filter(|point| point.finite > 0) {
        weight = weight * fade + 1.0;
        // Moves towards the new value by its share of the weight; a difference could overflow.
        let share = 1.0 / weight;
        mean = mean * (1.0 - share) + point.mean * share;
        points.push(((point.first as f64 + point.last as f64) / 2.0, mean));
    }
    points
}

/// A name that any file system takes.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let name: String = name.chars().take(60).map(safe).collect();
    if name.is_empty() { "values".into() } else { name }
}

/// Two charts never share a file, also where case does not count.
fn distinct(charts: &mut [Chart]) {
    let mut taken: Vec<String> = Vec::new();
    for chart in charts {
        let base = chart.file.clone();
        let mut count = 1;
        while taken.contains(&chart.file.to_ascii_lowercase()) {
            count += 1;
            chart.file = format!("{base}-{count}");
        }
        taken.push(chart.file.to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::{Record, Values};

    fn files(names: &[&str]) -> Vec<String> {
        let mut history = History::default();
        history.push(Record::epoch(1, 5, names.iter().map(|&name| (name, 0.5)).collect()));
        charts(&history).into_iter().map(|chart| chart.file).collect()
    }

    #[test]
    fn what_belongs_together_is_drawn_together() {
        let names = [
            "train/loss",
            "val/loss",
            "train/loss.audio",
            "val/L_v",
            "val/mAP",
            "val/EER",
            "val/d_prime",
            "lr",
            "lr.head",
        ];
        assert_eq!(files(&names), ["loss", "loss-parts", "scores", "d_prime", "learning-rate"]);
        assert_eq!(
            files(&Metric::of_scores().map(|m| m.key).collect::<Vec<_>>()),
            ["scores", "dprime"]
        );
        assert_eq!(files(&["../x", "..\\x", "LOSS", "Loss2", "loss2", ""]).len(), 6);
        assert_eq!(files(&["../x", "..\\x", "é"]), ["___x", "___x-2", "_"]);
    }

    #[test]
    fn many_quantities_are_cut_into_charts() {
        let names: Vec<String> = (0..23).map(|i| format!("val/auc.{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(files(&names), ["scores", "scores-2", "scores-3"]);
    }

    #[test]
    fn a_spike_survives_and_a_gap_shows() {
        let mut history = History::default();
        for step in 1..=10_000 {
            let value = match step {
                5_000 => 100.0,
                7_000 => f64::NAN,
                _ => 1.0,
            };
            history.push(Record::step(1, step, Values::from([("train/loss", value)])));
        }
        let charts = charts(&history);
        assert_eq!(charts.len(), 1);
        let labels: Vec<&str> = charts[0].lines.iter().map(|line| line.label.as_str()).collect();
        assert_eq!(labels, ["train, least to greatest", "train, smoothed"]);
        let band = &charts[0].lines[0].band;
        assert!((100..=200).contains(&band.len()), "{}", band.len());
        assert_eq!((band[0][0], band[band.len() - 1][1]), (1.0, 10_000.0));
        assert_eq!(band.iter().filter(|[.., greatest]| *greatest == 100.0).count(), 1);
        assert_eq!(charts[0].broken().count(), 1);
    }
}
