//! How scores hold when clips are perturbed as on their way through networks.
//!
//! Each clip is decoded once and perturbed in memory. Scores are kept line by line, so that a run can be resumed, and
//! several machines can share one.

#[cfg(feature = "sheets")]
mod figure;
mod lines;
mod table;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
};

use avff_data::{
    perturb::{Applied, Held, Perturbation},
    synchrony,
};
use avff_datasets::manifest::{ManifestOptions, Row};
use avff_media::open_with;
use avff_metrics::Metric;
use serde::Serialize;

use self::lines::{ClipScores, Lines, PerturbedScore};
pub use self::table::Cell;
use crate::{
    detector::Detector,
    evaluate::{EvaluateError, Progress, Run},
    failure::{ClipFailure, guarded},
    input::{InputError, manifest},
    output::{OutputError, create_folder_of, expect_csv, write_json},
    shard::Shard,
};

/// What to perturb.
#[derive(Debug, Clone)]
pub struct RobustnessOptions {
    /// A CSV with columns `video_name` and `target`.
    pub csv: PathBuf,
    /// How the CSV is read.
    pub manifest: ManifestOptions,
    /// The table of results. Scores, summary and figures are written beside it.
    pub output: PathBuf,
    /// The perturbations.
    pub perturbations: Vec<Perturbation>,
    /// Their levels, from 1 to 5.
    pub levels: Vec<usize>,
    /// A column with kinds of fakes.
    pub by: Option<String>,
    /// The random seed.
    pub seed: u64,
    /// The part of the rows to score; results are computed by a run that resumes with all parts' scores.
    pub shard: Option<Shard>,
    /// Whether to continue an unfinished run.
    pub resume: bool,
    /// Whether to replace an earlier run.
    pub overwrite: bool,
    /// The scores of shards to join (`NAME.I-of-N.lines`).
    pub join: Vec<PathBuf>,
}

/// The result.
#[derive(Debug, Clone, Serialize)]
pub struct RobustnessSummary {
    /// Everything that scores depend on, without perturbations.
    pub run: Run,
    /// The random seed of the perturbations.
    pub seed: u64,
    /// Rows of the CSV or of the shard.
    pub rows: u64,
    /// The results, first of clips as they are.
    pub cells: Vec<Cell>,
}

/// The files of a run.
struct Files {
    table: PathBuf,
    lines: PathBuf,
    summary: PathBuf,
}

impl Files {
    fn of(output: &Path, shard: Option<Shard>) -> Self {
        let own = shard.map_or_else(|| output.to_owned(), |shard| shard.file(output));
        Self {
            lines: own.with_extension("lines"),
            summary: own.with_extension("summary.json"),
            table: own,
        }
    }
}

impl Detector {
    /// Scores clips as they are and perturbed, and computes AUC and TPR for every perturbation and level.
    ///
    /// # Errors
    /// The CSV cannot be read, the results cannot be written, or belong to another run. A clip that cannot be scored
    /// under a perturbation counts as not scored there.
    pub fn robustness(
        &self,
        options: &RobustnessOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<RobustnessSummary, EvaluateError> {
        expect_csv(&options.output)?;
        let files = Files::of(&options.output, options.shard);
        if !options.overwrite && !options.resume {
            let existing = [&files.table, &files.lines, &files.summary];
            if let Some(path) = existing.into_iter().find(|path| path.exists()) {
                return Err(OutputError::Results { path: path.clone() }.into());
            }
        }
        create_folder_of(&files.table)?;
        let manifest = manifest::scan(&options.csv, &options.manifest, options.shard)?;
        let column = match &options.by {
            None => None,
            Some(by) => {
                Some(manifest.columns.iter().position(|column| column == by).ok_or_else(|| {
                    InputError::unknown_column(&options.csv, by, &manifest.columns)
                })?)
            }
        };
        let mut run = self.run()?;
        run.manifest = Some(manifest.id.clone());
        // Shards have one header, so that their lines can be joined.
        let header = serde_json::json!({
            "run": run, "seed": options.seed, "perturbations": options.perturbations,
            "levels": options.levels, "by": options.by,
        });
        let header = header.to_string();
        let (mut lines, mut clips) = Lines::open(&files.lines, &header, options.resume)?;
        for path in &options.join {
            clips.extend(Lines::read(path, &header)?);
        }
        let done: HashSet<u64> = clips.iter().map(|clip| clip.row).collect();
        let total = manifest.row_count();
        let mut state = Progress { done: done.len() as u64, total, failed: 0 };
        progress(state);
        self.load()?;

        let number = |at: u64| options.shard.map_or(at, |shard| shard.row(at));
        let rows = (0..).map(number).zip(manifest.rows(0)?).filter(|(row, _)| !done.contains(row));
        let rows = Mutex::new(rows);
        let (sender, receiver) = mpsc::channel();
        let work = |sender: mpsc::Sender<Result<ClipScores, InputError>>| {
            loop {
                let next = rows.lock().map(|mut rows| rows.next());
                let Ok(Some((row, read))) = next else { return };
                let scored = read.map(|read| self.perturbed(row, &read, column, options));
                if sender.send(scored).is_err() {
                    return;
                }
            }
        };
        let written = std::thread::scope(|scope| -> Result<(), EvaluateError> {
            for _ in 0..self.workers().max(1) {
                let sender = sender.clone();
                scope.spawn(|| work(sender));
            }
            drop(sender);
            for scored in receiver {
                let clip = scored?;
                lines.add(&clip)?;
                state.done += 1;
                state.failed += u64::from(clip.scores.iter().all(|score| score.logits.is_none()));
                clips.push(clip);
                progress(state);
            }
            Ok(())
        });
        written?;
        clips.sort_by_key(|clip| clip.row);
        let cells = table::cells(&clips)?;
        let summary = RobustnessSummary { run, seed: options.seed, rows: total, cells };
        summary.write(&files)?;
        Ok(summary)
    }

    /// Scores a clip as it is and perturbed.
    fn perturbed(
        &self,
        number: u64,
        row: &Row,
        column: Option<usize>,
        options: &RobustnessOptions,
    ) -> ClipScores {
        let each = options.perturbations.iter().flat_map(|perturbation| {
            options.levels.iter().map(|level| (Some(*perturbation), *level))
        });
        let each: Vec<_> = std::iter::once((None, 0)).chain(each).collect();
        let opened = guarded(|| {
            let source = open_with(&row.path, self.spec().open_options());
            let source = source.map_err(|error| ClipFailure::of(&error.into()))?;
            let mut held = Held::new(source).map_err(|error| ClipFailure::of(&error))?;
            let measure = || {
                let measured = synchrony::measure_source(&mut held);
                measured.map_err(|error| ClipFailure::of(&error))
            };
            self.lips().measured(measure)?;
            Ok::<_, ClipFailure>(held)
        });
        let score = |held: &mut Held, perturbation: Option<Perturbation>, level: usize| {
            guarded(|| {
                let applied = perturbation.map(|perturbation| Applied {
                    perturbation,
                    level,
                    seed: options.seed,
                    clip: number,
                });
                held.perturb(applied).map_err(|error| ClipFailure::of(&error))?;
                self.score_source(held)
            })
        };
        let scores = match opened {
            Ok(mut held) => each
                .into_iter()
                .map(|(perturbation, level)| match score(&mut held, perturbation, level) {
                    Ok(score) => PerturbedScore {
                        perturbation,
                        level,
                        logits: Some([score.logits.fake, score.logits.real]),
                        failed: None,
                    },
                    Err(failure) => PerturbedScore {
                        perturbation,
                        level,
                        logits: None,
                        failed: Some(failure.stage),
                    },
                })
                .collect(),
            Err(failure) => {
                let failed = |(perturbation, level)| PerturbedScore {
                    perturbation,
                    level,
                    logits: None,
                    failed: Some(failure.stage.clone()),
                };
                each.into_iter().map(failed).collect()
            }
        };
        let kind = column.and_then(|column| row.extra.get(column)).cloned().unwrap_or_default();
        ClipScores { row: number, target: row.target, kind, scores }
    }
}

impl RobustnessSummary {
    /// Formats the AUCs as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let text = table::text(&self.cells);
        match self.run.warning() {
            Some(warning) => format!("warning: {warning}\n{text}"),
            None => text,
        }
    }

    /// Writes table, figures and summary.
    fn write(&self, files: &Files) -> Result<(), OutputError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let ends = |interval: Option<avff_metrics::Interval>| {
            [interval.map(|i| i.low), interval.map(|i| i.high)].map(number)
        };
        let names = ["perturbation", "level", "parameter", "kind", "clips", "failed"];
        let metrics = [Metric::AUC, Metric::TPR_AT_1].map(|metric| metric.key);
        let metrics =
            metrics.iter().flat_map(|key| ["", "_low", "_high"].map(|end| format!("{key}{end}")));
        let header: Vec<String> = names.into_iter().map(str::to_owned).chain(metrics).collect();
        let mut record = |cells: &[String]| writer.write_record(cells);
        let mut written = record(&header);
        for cell in &self.cells {
            let [auc_low, auc_high] = ends(cell.auc_interval);
            let [tpr_low, tpr_high] = ends(cell.tpr_interval);
            let cells = [
                cell.perturbation
                    .map_or_else(|| "none".into(), |perturbation| perturbation.to_string()),
                cell.level.to_string(),
                number(cell.parameter),
                cell.kind.clone().unwrap_or_default(),
                cell.clips.to_string(),
                cell.failed.to_string(),
                number(cell.auc),
                auc_low,
                auc_high,
                number(cell.tpr),
                tpr_low,
                tpr_high,
            ];
            written = written.and_then(|()| record(&cells));
        }
        let io = OutputError::io(&files.table);
        written.map_err(|error| io(std::io::Error::other(error)))?;
        let bytes =
            writer.into_inner().map_err(|error| io(std::io::Error::other(error.to_string())))?;
        avff_files::write(&files.table, bytes).map_err(&io)?;
        #[cfg(feature = "sheets")]
        for (name, chart) in figure::charts(&self.cells) {
            let path = files.table.with_extension(format!("{name}.svg"));
            let svg = chart.svg().map_err(|error| io(std::io::Error::other(error)))?;
            avff_files::write(&path, svg).map_err(OutputError::io(&path))?;
        }
        write_json(&files.summary, self)
    }
}
