//! AUC and TPR of every perturbation and level.

use std::collections::{BTreeMap, BTreeSet};

use avff_data::perturb::Perturbation;
use avff_metrics::{BinaryReport, BootstrapOptions, Interval, Metric, MetricError, Scored};
use serde::Serialize;

use super::lines::ClipScores;
use crate::table::{Text, interval_cell};

/// The results of one perturbation at one level, for all fakes or for one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// `None` for clips as they are.
    pub perturbation: Option<Perturbation>,
    /// The level, from 1 to 5; 0 for clips as they are.
    pub level: usize,
    /// What the level means ([`Perturbation::parameter`]).
    pub parameter: Option<f64>,
    /// The kind of fakes; `None` for all.
    pub kind: Option<String>,
    /// Labeled clips with a score.
    pub clips: usize,
    /// Labeled clips without one.
    pub failed: usize,
    /// The AUC with its interval (DeLong); `None` without clips of both classes.
    pub auc: Option<f64>,
    /// The 95 % interval of the AUC.
    pub auc_interval: Option<Interval>,
    /// The true-positive rate at a false-positive rate of 1 %.
    pub tpr: Option<f64>,
    /// Its 95 % interval (bootstrap).
    pub tpr_interval: Option<Interval>,
}

/// A clip, and its outputs if it was scored.
type One<'a> = (&'a ClipScores, Option<[f32; 2]>);

/// Computes all cells, in the order of the perturbations.
pub(super) fn cells(clips: &[ClipScores]) -> Result<Vec<Cell>, MetricError> {
    let mut groups: BTreeMap<(Option<Perturbation>, usize), Vec<One<'_>>> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for clip in clips.iter().filter(|clip| clip.target.is_some()) {
        if clip.target == Some(1) && !clip.kind.is_empty() {
            kinds.insert(clip.kind.as_str());
        }
        for score in &clip.scores {
            let group = groups.entry((score.perturbation, score.level)).or_default();
            group.push((clip, score.logits));
        }
    }
    let kinds: Vec<Option<&str>> =
        std::iter::once(None).chain(kinds.into_iter().map(Some)).collect();
    let mut cells = Vec::new();
    for ((perturbation, level), group) in &groups {
        for kind in &kinds {
            // The fakes of a kind are compared with all real clips.
            let own = |clip: &ClipScores| {
                kind.is_none_or(|kind| clip.target == Some(0) || clip.kind == kind)
            };
            let own: Vec<_> = group.iter().filter(|(clip, _)| own(clip)).collect();
            cells.push(cell(*perturbation, *level, *kind, &own)?);
        }
    }
    Ok(cells)
}

fn cell(
    perturbation: Option<Perturbation>,
    level: usize,
    kind: Option<&str>,
    clips: &[&One<'_>],
) -> Result<Cell, MetricError> {
    let scored: Vec<Scored> = clips
        .iter()
        .filter_map(|(clip, logits)| {
            let [fake, real] = (*logits)?;
            Some(Scored { fake, real, target: clip.target? })
        })
        .collect();
    let options = BootstrapOptions { replicates: 1000, ..BootstrapOptions::default() };
    let report = match scored.is_empty() {
        true => None,
        false => Some(BinaryReport::with_intervals(&scored, &options)?),
    };
    let value = |metric| report.as_ref().and_then(|report| report.get(metric));
    let interval = |metric| report.as_ref().and_then(|report| report.interval(metric));
    Ok(Cell {
        perturbation,
        level,
        parameter: perturbation.map(|perturbation| perturbation.parameter(level)),
        kind: kind.map(str::to_owned),
        clips: scored.len(),
        failed: clips.len() - scored.len(),
        auc: value(Metric::AUC),
        auc_interval: interval(Metric::AUC),
        tpr: value(Metric::TPR_AT_1),
        tpr_interval: interval(Metric::TPR_AT_1),
    })
}

/// The AUC of all fakes as a table: a row for each perturbation, a column for each level, and the mean over levels.
pub(super) fn text(cells: &[Cell]) -> String {
    let all: Vec<&Cell> = cells.iter().filter(|cell| cell.kind.is_none()).collect();
    let mut levels: Vec<usize> =
        all.iter().map(|cell| cell.level).filter(|level| *level > 0).collect();
    levels.sort_unstable();
    levels.dedup();
    let header: Vec<String> = levels.iter().map(|level| format!("level {level}")).collect();
    let header =
        ["AUC"].into_iter().chain(header.iter().map(String::as_str)).chain(["mean", "not scored"]);
    let mut table = Text::with_header(header.collect::<Vec<_>>());
    let mut rows: Vec<Option<Perturbation>> = all.iter().map(|cell| cell.perturbation).collect();
    rows.dedup();
    for perturbation in rows {
        let own: Vec<&&Cell> =
            all.iter().filter(|cell| cell.perturbation == perturbation).collect();
        let failed = own.iter().map(|cell| cell.failed).max().unwrap_or(0).to_string();
        let Some(perturbation) = perturbation else {
            let clean = own
                .first()
                .map_or_else(String::new, |cell| interval_cell(cell.auc, cell.auc_interval, 3));
            let blank = levels.iter().map(|_| String::new());
            table.row(["as it is".to_owned()].into_iter().chain(blank).chain([clean, failed]));
            continue;
        };
        let at = |level: &usize| own.iter().find(|cell| cell.level == *level);
        let values = levels.iter().map(|level| {
            at(level).map_or_else(String::new, |cell| interval_cell(cell.auc, None, 3))
        });
        let known: Vec<f64> = own.iter().filter_map(|cell| cell.auc).collect();
        let mean = if known.is_empty() {
            "undefined".into()
        } else {
            format!("{:.3}", known.iter().sum::<f64>() / known.len() as f64)
        };
        table.row([perturbation.to_string()].into_iter().chain(values).chain([mean, failed]));
    }
    table.to_string()
}
