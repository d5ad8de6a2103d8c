//! Figures of scores and of a calibration.

use std::path::Path;

use avff_calibration::{CalibrationErrorByBin, Clips};
use avff_metrics::probit;
use avff_plots::{Across, Axis, Chart, Line, PlotError, Scale, Stroke};

use crate::{
    calibration::logit,
    evaluate::output::LOG10_RATIO,
    input::{
        InputError,
        predictions::{Labeled, Scores},
    },
};

/// The bins of a histogram of scores.
const BINS: usize = 40;
/// The rates at the ticks of a detection error trade-off.
const RATES: [(f64, &str); 8] = [
    (0.001, "0.1 %"),
    (0.01, "1 %"),
    (0.05, "5 %"),
    (0.2, "20 %"),
    (0.5, "50 %"),
    (0.8, "80 %"),
    (0.95, "95 %"),
    (0.99, "99 %"),
];

/// A figure with its file name.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure(Chart);

impl Figure {
    /// The name of its file, without an extension.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.file_stem
    }

    /// Renders the figure as SVG.
    ///
    /// # Errors
    /// [`PlotError::Font`] and [`PlotError::Draw`].
    pub fn svg(&self) -> Result<String, PlotError> {
        self.0.svg()
    }

    /// Writes a PNG if the extension is `png`, otherwise an SVG.
    ///
    /// # Errors
    /// [`PlotError`].
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        self.0.save(path)
    }
}

/// The figures of scores: ROC, DET and histograms; with log-likelihood ratios, the Tippett plot; with bins, the
/// reliability diagram. `what` is in every title.
#[must_use]
pub fn figures(
    what: &str,
    scores: &Clips,
    log_ratios: Option<&Clips>,
    reliability: Option<&CalibrationErrorByBin>,
) -> Vec<Figure> {
    let mut all = vec![roc(what, scores), det(what, scores), histogram(what, scores)];
    all.extend(log_ratios.map(|ratios| tippett(what, ratios)));
    all.extend(reliability.map(|bins| diagram(what, bins)));
    all
}

/// The figures of a table of scores; `None` unless there are clips of both classes. Calibrated runs have the Tippett plot,
/// too.
///
/// # Errors
/// The table cannot be read.
pub fn figures_of(path: &Path) -> Result<Option<Vec<Figure>>, InputError> {
    let read = |columns| Labeled::read(path, columns, Scores::Finite);
    // A table without the column of ratios is one of an uncalibrated run.
    let with_ratios = match read(&[LOG10_RATIO]) {
        Err(InputError::UnknownColumn { .. }) => None,
        read => Some(read?),
    };
    let calibrated = with_ratios.is_some();
    let Labeled { scores, is_fake, cells, .. } = match with_ratios {
        Some(labeled) => labeled,
        None => read(&[])?,
    };
    let are_probabilities = scores.iter().all(|score| (0.0..=1.0).contains(score));
    let placed = |score: &f64| if are_probabilities { logit(*score) } else { *score };
    let scores: Vec<f64> = scores.iter().map(placed).collect();
    let Ok(clips) = Clips::new(&scores, &is_fake) else { return Ok(None) };
    let ratio = |cells: &Vec<String>| {
        let decimal: f64 = cells.first()?.parse().ok()?;
        Some(decimal * std::f64::consts::LN_10)
    };
    let ratios: Option<Vec<f64>> = cells.iter().map(ratio).collect();
    let ratios =
        ratios.filter(|_| calibrated).and_then(|ratios| Clips::new(&ratios, &is_fake).ok());
    let what = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Some(figures(&what, &clips, ratios.as_ref(), None)))
}

/// Writes figures as SVG into a folder, which is made if it is not there.
///
/// # Errors
/// [`PlotError`].
pub fn save_figures(figures: &[Figure], folder: &Path) -> Result<(), PlotError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| PlotError::Write { path: folder.into(), source })?;
    figures
        .iter()
        .try_for_each(|figure| figure.save(&folder.join(format!("{}.svg", figure.name()))))
}

/// Shares of real clips and of fakes with a score from each threshold on, from none to all.
fn rates(scores: &Clips) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, bool)> = scores.fakes().iter().map(|score| (*score, true)).collect();
    all.extend(scores.reals().iter().map(|score| (*score, false)));
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let [fakes, reals] = scores.counts().map(|count| count as f64);
    let (mut hits, mut false_positives) = (0.0, 0.0);
    let mut points = vec![(0.0, 0.0)];
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        let own = tied.iter().filter(|clip| clip.1).count() as f64;
        hits += own / fakes;
        false_positives += (tied.len() as f64 - own) / reals;
        points.push((false_positives, hits));
    }
    points
}

fn unit() -> Axis {
    Axis::exact(0.0, 1.0, 6)
}

fn figure(
    stem: &str,
    title: String,
    [across, up]: [(&str, Option<Axis>); 2],
    lines: Vec<Line>,
) -> Figure {
    Figure(Chart {
        file_stem: stem.into(),
        title,
        quantity: up.0.into(),
        scale: Scale::Auto,
        lines,
        epochs: Vec::new(),
        across: Across::Quantity {
            label: across.0.into(),
            axis: across.1.unwrap_or_else(unit),
            up: up.1,
        },
    })
}

fn line(label: &str, color: usize, stroke: Stroke, points: Vec<(f64, f64)>) -> Line {
    Line::new(label.into(), color, stroke, points)
}

fn roc(what: &str, scores: &Clips) -> Figure {
    let chance = line("chance", 2, Stroke::Dashed, vec![(0.0, 0.0), (1.0, 1.0)]);
    let roc = line("ROC", 0, Stroke::Solid, rates(scores));
    let axes = [
        ("false-positive rate: share of real clips called fake", Some(unit())),
        ("true-positive rate: share of fakes called fake", Some(unit())),
    ];
    figure("roc", format!("{what}: receiver operating characteristic"), axes, vec![chance, roc])
}

/// Both error rates on normal-deviate axes, where normal scores give a line.
fn det(what: &str, scores: &Clips) -> Figure {
    let deviate = |rate: f64| probit(rate).unwrap_or(0.0);
    let (low, high) = (deviate(0.0005), deviate(0.995));
    let ticks: Vec<(f64, &str)> =
        RATES.iter().map(|(rate, label)| (deviate(*rate), *label)).collect();
    let axis = || Axis::marked(low, high, &ticks);
    // Rates of 0 and 1 lie at the ends of the axes.
    let placed = |rate: f64| match rate {
        rate if rate <= 0.0 => low,
        rate if rate >= 1.0 => high,
        rate => deviate(rate).clamp(low, high),
    };
    let points =
        rates(scores).into_iter().map(|(fpr, tpr)| (placed(fpr), placed(1.0 - tpr))).collect();
    let axes = [
        ("false-positive rate: share of real clips called fake", Some(axis())),
        ("miss rate: share of fakes called real", Some(axis())),
    ];
    let lines = vec![line("DET", 0, Stroke::Solid, points)];
    figure("det", format!("{what}: detection error trade-off"), axes, lines)
}

fn histogram(what: &str, scores: &Clips) -> Figure {
    let all = || scores.fakes().iter().chain(scores.reals()).copied();
    let (low, high) =
        (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let (low, high) = if low < high { (low, high) } else { (low - 0.5, high + 0.5) };
    let width = (high - low) / BINS as f64;
    let outline = |scores: &[f64]| {
        let mut counts = [0.0; BINS];
        for score in scores {
            counts[(((score - low) / width) as usize).min(BINS - 1)] += 1.0;
        }
        let mut points = vec![(low, 0.0)];
        for (bin, count) in counts.iter().enumerate() {
            let share = count / scores.len().max(1) as f64;
            points.extend([bin, bin + 1].map(|edge| (low + edge as f64 * width, share)));
        }
        points.push((high, 0.0));
        points
    };
    let lines = vec![
        line("real", 0, Stroke::Solid, outline(scores.reals())),
        line("fake", 1, Stroke::Solid, outline(scores.fakes())),
    ];
    let axes = [
        ("score: log odds of y_pred", Some(Axis::exact(low, high, 8))),
        ("share of the clips of a class", None),
    ];
    figure("scores", format!("{what}: scores"), axes, lines)
}

/// For each likelihood ratio, the share of each class with a larger one.
fn tippett(what: &str, log_ratios: &Clips) -> Figure {
    let decimal = |ratio: &f64| ratio / std::f64::consts::LN_10;
    let exceed = |ratios: &[f64]| {
        let mut sorted: Vec<f64> = ratios.iter().map(decimal).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let steps = sorted.iter().enumerate();
        let steps = steps.flat_map(|(at, ratio)| {
            [at, at + 1].map(|below| (*ratio, (count - below as f64) / count))
        });
        steps.collect::<Vec<_>>()
    };
    let all = || log_ratios.fakes().iter().chain(log_ratios.reals()).map(decimal);
    let most = all().map(f64::abs).fold(1.0, f64::max) * 1.05;
    let lines = vec![
        line("real", 0, Stroke::Solid, exceed(log_ratios.reals())),
        line("fake", 1, Stroke::Solid, exceed(log_ratios.fakes())),
        line("a ratio of 1", 2, Stroke::Dashed, vec![(0.0, 0.0), (0.0, 1.0)]),
    ];
    let axes = [
        ("log10 of the likelihood ratio of fake to real", Some(Axis::exact(-most, most, 8))),
        ("share of the clips of a class with a larger ratio", Some(unit())),
    ];
    figure("tippett", format!("{what}: Tippett plot"), axes, lines)
}

fn diagram(what: &str, reliability: &CalibrationErrorByBin) -> Figure {
    let points = reliability.bins.iter().map(|bin| (bin.probability, bin.share)).collect();
    let mut bins = line("bins of equal numbers of clips", 0, Stroke::Solid, points);
    bins.dots = true;
    let perfect = line("perfect", 2, Stroke::Dashed, vec![(0.0, 0.0), (1.0, 1.0)]);
    let axes =
        [("mean P(fake) of a bin", Some(unit())), ("share of fakes in the bin", Some(unit()))];
    figure("reliability", format!("{what}: reliability"), axes, vec![perfect, bins])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rates_run_from_none_to_all_and_ties_are_one_step() {
        let clips = Clips::new(&[3.0, 1.0, 1.0, 0.0], &[true, true, false, false]).unwrap();
        assert_eq!(rates(&clips), [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    }

    #[test]
    fn every_figure_is_drawn() {
        let clips = Clips::new(&[3.0, 1.0, 1.0, 0.0], &[true, true, false, false]).unwrap();
        let reliability = avff_calibration::calibration_error(&[0.1, 0.9], &[false, true], 2);
        let drawn = figures("clips", &clips, Some(&clips), Some(&reliability.unwrap()));
        let names: Vec<&str> = drawn.iter().map(Figure::name).collect();
        assert_eq!(names, ["roc", "det", "scores", "tippett", "reliability"]);
        assert!(drawn.iter().all(|figure| figure.svg().unwrap().contains("clips: ")));
    }
}
