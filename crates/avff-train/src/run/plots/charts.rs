//! Groups the metrics of a run into charts, by their names.

use avff_metrics::Metric;
use avff_plots::{Across, Chart, Line, MAX_LINES, Scale, Stroke};

use super::super::{
    history::{History, Point, Series},
    names, result,
};

/// Number of points from which a smoothed line is drawn too.
const SMOOTH_FROM: usize = 40;
/// Maximum number of values that are drawn individually.
const MAX_RAW_POINTS: usize = 400;
/// Number of segments of a longer series.
const SEGMENTS: usize = 200;

/// Metrics that share a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Group {
    Loss,
    LossParts,
    LearningRate,
    Scores,
    /// A quantity with its components.
    Other(String),
}

impl Group {
    fn of(quantity: &str) -> Self {
        let base = names::base(quantity);
        match base.to_ascii_lowercase().as_str() {
            "loss" if quantity == base => Self::Loss,
            "loss" => Self::LossParts,
            "lr" => Self::LearningRate,
            _ if Metric::find(base).is_some_and(|metric| metric.is_fraction()) => Self::Scores,
            _ if quantity.starts_with("L_") => Self::LossParts,
            _ => Self::Other(base.into()),
        }
    }

    /// Returns file name, title, axis label and scale.
    fn labels(&self) -> (String, String, String, Scale) {
        let labels = |file_stem: &str, title: &str, quantity: &str, scale| {
            (file_stem.into(), title.into(), quantity.into(), scale)
        };
        let wide = Scale::Auto;
        match self {
            Self::Loss => labels("loss", "Loss", "loss", wide),
            Self::LossParts => labels("loss-parts", "Parts of the loss", "loss", wide),
            Self::LearningRate => labels(
                "learning-rate",
                "Learning rate",
                "learning rate (per step)",
                Scale::Positive,
            ),
            Self::Scores => labels("scores", "Scores", "score (0 to 1)", Scale::UnitInterval),
            Self::Other(name) => {
                let (title, quantity, scale) = match name.as_str() {
                    "clips_per_second" => ("Training speed", "clips per second", wide),
                    "data_wait" => {
                        ("Waiting for data", "fraction of the step's time", Scale::UnitInterval)
                    }
                    "gradient_norm" => ("Gradient norm", "norm of all gradients", wide),
                    "loss_scale" => ("Loss scale", "factor", wide),
                    "skipped" => ("Skipped steps", "1 for a skipped step", Scale::UnitInterval),
                    name => {
                        let name = Metric::find(name).map_or(name, |metric| metric.title);
                        (name, name, wide)
                    }
                };
                labels(&file_name(name), title, quantity, scale)
            }
        }
    }
}

/// Returns the charts of a run, with its name in their titles.
pub(super) fn charts(run: &str, history: &History) -> Vec<Chart> {
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
        for (part, quantities) in quantities.chunks(MAX_LINES).enumerate() {
            let (file, title, quantity, scale) = group.labels();
            let file = if part == 0 { file } else { format!("{file}-{}", part + 1) };
            let title = format!("{run}: {title}");
            let lines = match quantities {
                [single] => single_quantity(history, single, group == Group::LearningRate),
                several => several_quantities(history, several),
            };
            let epochs = history.epochs().iter().map(|record| record.step as f64).collect();
            let across = Across::Steps;
            charts.push(Chart { file_stem: file, title, quantity, scale, lines, epochs, across });
        }
    }
    make_unique(&mut charts);
    charts
}

/// Draws one quantity: faint steps with a smoothed line, and the training and validation values of
/// epochs.
fn single_quantity(history: &History, quantity: &str, exact: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, series) in step_series(history, quantity) {
        let part = names::split(name).0;
        let (color, word) = (color(part), part.unwrap_or(quantity));
        if exact {
            lines.push(Line::new(word.into(), color, Stroke::Solid, extremes(series)));
            continue;
        }
        lines.push(each_step(word, color, series));
        if series.points().len() >= SMOOTH_FROM {
            let label = format!("{word}, smoothed");
            lines.push(Line::new(label, color, Stroke::Solid, smooth(series)));
        }
    }
    let steps = !lines.is_empty();
    for (part, points) in epoch_values(history, quantity) {
        // A value of every step adds nothing at the end of an epoch.
        if steps && (exact || part.is_none()) {
            continue;
        }
        let word = part.unwrap_or(quantity);
        let both = steps && part == Some("train");
        let label = if both { format!("{word}, epoch") } else { word.into() };
        lines.push(epoch_line(label, color(part), part, points));
    }
    lines
}

/// Draws several quantities in one color each, with validation solid and training dashed. Steps are
/// drawn only for quantities without epoch values.
fn several_quantities(history: &History, quantities: &[&str]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (color, quantity) in quantities.iter().enumerate() {
        let words = names::title(quantity);
        let label = |part: Option<&str>| {
            part.map_or_else(|| words.clone(), |part| format!("{words} ({part})"))
        };
        let epochs = epoch_values(history, quantity);
        let exact = Group::of(quantity) == Group::LearningRate;
        if epochs.is_empty() || exact {
            for (name, series) in step_series(history, quantity) {
                let label = label(names::split(name).0);
                let points = if exact { extremes(series) } else { smooth(series) };
                lines.push(Line::new(label, color, Stroke::Solid, points));
            }
        }
        if exact && step_series(history, quantity).next().is_some() {
            continue;
        }
        for (part, points) in epochs {
            lines.push(epoch_line(label(part), color, part, points));
        }
    }
    lines
}

/// Draws one quantity of several runs in one color each, with validation solid and training dashed.
pub(super) fn overlay(runs: &[(&str, &History)], quantity: &str) -> Chart {
    let (_, title, unit, scale) = Group::of(quantity).labels();
    let mut lines = Vec::new();
    for (color, (run, history)) in runs.iter().enumerate() {
        let label =
            |part: Option<&str>| part.map_or((*run).into(), |part| format!("{run}, {part}"));
        let epochs = epoch_values(history, quantity);
        if epochs.is_empty() {
            for (name, series) in step_series(history, quantity) {
                let label = label(names::split(name).0);
                let points = smooth(series);
                lines.push(Line::new(label, color, Stroke::Solid, points));
            }
        }
        for (part, points) in epochs {
            lines.push(epoch_line(label(part), color, part, points));
        }
    }
    let words = names::title(quantity);
    let same = title.eq_ignore_ascii_case(&words);
    let title = if same { title } else { format!("{title}: {words}") };
    Chart {
        file_stem: "overlay".into(),
        title,
        quantity: unit,
        scale,
        lines,
        epochs: Vec::new(),
        across: Across::Steps,
    }
}

/// Returns a line of epoch values. Training lines are dashed, because they only serve comparison.
fn epoch_line(label: String, color: usize, part: Option<&str>, points: Vec<(f64, f64)>) -> Line {
    let stroke = if part == Some("train") { Stroke::Dashed } else { Stroke::Solid };
    Line { dots: true, ..Line::new(label, color, stroke, points) }
}

fn step_series<'a>(
    history: &'a History,
    quantity: &str,
) -> impl Iterator<Item = (&'a str, &'a Series)> {
    let steps = history.steps().iter().map(|(name, series)| (name.as_str(), series));
    steps.filter(move |(name, _)| names::split(name).1 == quantity)
}

/// A subset of the data, and steps with values.
type SubsetValues<'a> = (Option<&'a str>, Vec<(f64, f64)>);

/// Returns the epoch values of a quantity, by subset.
fn epoch_values<'a>(history: &'a History, quantity: &str) -> Vec<SubsetValues<'a>> {
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

fn color(part: Option<&str>) -> usize {
    match part {
        Some("val") => 1,
        Some("test") => 2,
        _ => 0,
    }
}

/// Returns every value, or minimum and maximum of merged points, so that spikes stay visible.
fn extremes(series: &Series) -> Vec<(f64, f64)> {
    let extremes = |point: &Point| {
        let broken = (point.non_finite > 0).then_some((point.first as f64, f64::NAN));
        let (first, last) = (point.first as f64, point.last as f64);
        let values = match point.finite {
            0 => [None, None],
            1 => [Some((last, point.mean)), None],
            _ => [Some((first, point.min)), Some((last, point.max))],
        };
        broken.into_iter().chain(values.into_iter().flatten())
    };
    series.points().iter().flat_map(extremes).collect()
}

/// Draws every value of a short series, or the range of values in segments of a long series.
fn each_step(word: &str, color: usize, series: &Series) -> Line {
    let points = series.points();
    let joined = points.iter().any(|point| point.finite + point.non_finite > 1);
    if !joined && points.len() <= MAX_RAW_POINTS {
        return Line::new(format!("{word}, each step"), color, Stroke::Faint, extremes(series));
    }
    let segments = points.chunks(points.len().div_ceil(SEGMENTS)).map(|segment| {
        let all = segment.iter().copied().reduce(Point::join).filter(|all| all.finite > 0)?;
        Some([all.first as f64, all.last as f64, all.min, all.max])
    });
    let mut segments: Vec<Option<[f64; 4]>> = segments.collect();
    // Extend each segment to the next one, so that gaps appear only at non-finite values.
    for at in 1..segments.len() {
        if let [Some([_, last, ..]), Some([next, ..])] = &mut segments[at - 1..=at] {
            *last = last.max(*next);
        }
    }
    let band = segments.into_iter().flatten().collect();
    let broken = points.iter().filter(|point| point.non_finite > 0);
    let broken = broken.map(|point| (point.first as f64, f64::NAN)).collect();
    let label = format!("{word}, min to max");
    Line { band, ..Line::new(label, color, Stroke::Faint, broken) }
}

/// Returns unbiased exponential means over about the last fiftieth of the points, ignoring gaps.
fn smooth(series: &Series) -> Vec<(f64, f64)> {
    let fade = 1.0 - 1.0 / (series.points().len() as f64 / 50.0).max(4.0);
    let (mut mean, mut weight) = (0.0, 0.0);
    let mut points = Vec::new();
    for point in series.points().iter().filter(|point| point.finite > 0) {
        weight = weight * fade + 1.0;
        // A weighted mean, because a difference could overflow.
        let share = 1.0 / weight;
        mean = mean * (1.0 - share) + point.mean * share;
        points.push(((point.first as f64 + point.last as f64) / 2.0, mean));
    }
    points
}

/// Returns a name that is valid on any file system.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let name: String = name.chars().take(60).map(safe).collect();
    if name.is_empty() { "values".into() } else { name }
}

/// Makes file names unique, even on file systems that ignore case.
fn make_unique(charts: &mut [Chart]) {
    let mut taken: Vec<String> = Vec::new();
    for chart in charts {
        let base = chart.file_stem.clone();
        let mut count = 1;
        while taken.contains(&chart.file_stem.to_ascii_lowercase()) {
            count += 1;
            chart.file_stem = format!("{base}-{count}");
        }
        taken.push(chart.file_stem.to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::{Record, Values};

    fn files(names: &[&str]) -> Vec<String> {
        let mut history = History::default();
        history.push(Record::epoch(1, 5, names.iter().map(|&name| (name, 0.5)).collect()));
        charts("run", &history).into_iter().map(|chart| chart.file_stem).collect()
    }

    #[test]
    fn related_values_share_a_chart() {
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
            files(&Metric::score_based().map(|m| m.key).collect::<Vec<_>>()),
            ["scores", "dprime"]
        );
        assert_eq!(files(&["../x", "..\\x", "LOSS", "Loss2", "loss2", ""]).len(), 6);
        assert_eq!(files(&["../x", "..\\x", "é"]), ["___x", "___x-2", "_"]);
    }

    #[test]
    fn charts_have_the_name_of_the_run_and_units() {
        let mut history = History::default();
        let values = [("train/data_wait", 1.0), ("train/clips_per_second", 8.0), ("lr", 0.1)];
        history.push(Record::step(1, 1, Values::from(values)));
        let charts = charts("a run", &history);
        let of = |stem: &str| {
            let chart = charts.iter().find(|chart| chart.file_stem == stem);
            chart.map(|chart| (chart.title.as_str(), chart.quantity.as_str(), chart.scale))
        };
        let wait = ("a run: Waiting for data", "fraction of the step's time", Scale::UnitInterval);
        assert_eq!(of("data_wait"), Some(wait));
        let speed = ("a run: Training speed", "clips per second", Scale::Auto);
        assert_eq!(of("clips_per_second"), Some(speed));
        assert_eq!(of("learning-rate").map(|(.., scale)| scale), Some(Scale::Positive));
    }

    #[test]
    fn many_quantities_are_split_into_charts() {
        let names: Vec<String> = (0..23).map(|i| format!("val/auc.{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(files(&names), ["scores", "scores-2", "scores-3"]);
    }

    #[test]
    fn spikes_and_gaps_stay_visible() {
        let mut history = History::default();
        for step in 1..=10_000 {
            let value = match step {
                5_000 => 100.0,
                7_000 => f64::NAN,
                _ => 1.0,
            };
            history.push(Record::step(1, step, Values::from([("train/loss", value)])));
        }
        let charts = charts("run", &history);
        assert_eq!(charts.len(), 1);
        let labels: Vec<&str> = charts[0].lines.iter().map(|line| line.label.as_str()).collect();
        assert_eq!(labels, ["train, min to max", "train, smoothed"]);
        let band = &charts[0].lines[0].band;
        assert!((100..=200).contains(&band.len()), "{}", band.len());
        assert_eq!((band[0][0], band[band.len() - 1][1]), (1.0, 10_000.0));
        assert_eq!(band.iter().filter(|[.., max]| *max == 100.0).count(), 1);
        assert_eq!(charts[0].non_finite_steps().count(), 1);
    }
}
