//! AUC over levels as a figure.

use avff_data::perturb::{LEVELS, Perturbation};
use avff_plots::{Across, Axis, Chart, Line, Scale, Stroke};

use super::Cell;

/// Charts of frames and of audio, each with a line for each perturbation.
pub(super) fn charts(cells: &[Cell]) -> Vec<(&'static str, Chart)> {
    let all: Vec<&Cell> = cells.iter().filter(|cell| cell.kind.is_none()).collect();
    let clean = all.iter().find(|cell| cell.perturbation.is_none()).and_then(|cell| cell.auc);
    let streams =
        [("frames", "frames are perturbed", true), ("audio", "audio is perturbed", false)];
    let chart = |(name, title, frames): (&'static str, &str, bool)| {
        let mut names: Vec<Perturbation> =
            all.iter().filter_map(|cell| cell.perturbation).collect();
        names.retain(|perturbation| perturbation.changes_frames() == frames);
        names.dedup();
        let line = |(color, perturbation): (usize, &Perturbation)| {
            let own = all.iter().filter(|cell| cell.perturbation == Some(*perturbation));
            let points = own.filter_map(|cell| Some((cell.level as f64, cell.auc?)));
            let points = clean.map(|auc| (0.0, auc)).into_iter().chain(points).collect();
            let mut line = Line::new(perturbation.to_string(), color, Stroke::Solid, points);
            line.dots = true;
            line
        };
        let lines: Vec<Line> = names.iter().enumerate().map(line).collect();
        let ticks = ["as it is", "1", "2", "3", "4", "5"];
        let ticks: Vec<(f64, &str)> = (0..=LEVELS).map(|level| level as f64).zip(ticks).collect();
        let across = Across::Quantity {
            label: "level".into(),
            axis: Axis::marked(-0.2, LEVELS as f64 + 0.2, &ticks),
            up: None,
        };
        let title = format!("AUC if {title}");
        let (quantity, scale, epochs) = ("AUC".to_owned(), Scale::Auto, Vec::new());
        (name, Chart { file_stem: name.into(), title, quantity, scale, lines, epochs, across })
    };
    streams.into_iter().map(chart).filter(|(_, chart)| !chart.is_empty()).collect()
}
