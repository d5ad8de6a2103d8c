//! Finds the fake parts of clips, as challenges ask for it, and measures how well.

mod proposals;
mod truth;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use avff_datasets::manifest::ManifestOptions;
use avff_metrics::{Localization, Localized};
use serde::Serialize;

pub use self::proposals::proposals;
use crate::{
    detector::{Detector, ScoreMany},
    evaluate::{EvaluateError, Progress, Run},
    input::{InputError, manifest},
    output::{
        OutputError, create_folder_of,
        table::{ERRORS, Table},
        write_json,
    },
    table::Text,
};

/// What to localize.
#[derive(Debug, Clone)]
pub struct LocalizeOptions {
    /// A CSV with a column `video_name`, and `fake_segments` or `fake_from` and `fake_to` where the truth is known.
    pub csv: PathBuf,
    /// How the CSV is read.
    pub manifest: ManifestOptions,
    /// The folder of the results.
    pub output: PathBuf,
    /// Whether to replace earlier results.
    pub overwrite: bool,
}

/// The result.
#[derive(Debug, Clone, Serialize)]
pub struct LocalizeSummary {
    /// Everything that scores depend on.
    pub run: Run,
    /// Rows of the CSV.
    pub rows: u64,
    /// Rows whose clip has no score, and so no proposals.
    pub failed: u64,
    /// AP and AR; `None` without a fake segment in the CSV. Clips without a score count as clips without proposals.
    pub localization: Option<Localization>,
}

/// The files of a result.
struct Files {
    segments: PathBuf,
    scores: PathBuf,
    errors: PathBuf,
    summary: PathBuf,
}

impl Files {
    fn of(folder: &Path) -> Self {
        let file = |name: &str| folder.join(name);
        Self {
            segments: file("prediction.json"),
            scores: file("prediction.txt"),
            errors: file("errors.csv"),
            summary: file("summary.json"),
        }
    }

    fn expect_free(&self) -> Result<(), OutputError> {
        let files = [&self.segments, &self.scores, &self.errors, &self.summary];
        match files.into_iter().find(|path| path.exists()) {
            Some(path) => Err(OutputError::Results { path: path.clone() }),
            None => Ok(()),
        }
    }
}

impl Detector {
    /// Localizes the fake parts of the clips of a CSV. Writes `prediction.json` (for each clip, proposals as score,
    /// start and end in seconds), `prediction.txt` (`clip;score`), `errors.csv` and `summary.json` into a folder.
    ///
    /// # Errors
    /// The CSV cannot be read, a cell of it is no segment, or the results cannot be written.
    pub fn localize(
        &self,
        options: &LocalizeOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<LocalizeSummary, EvaluateError> {
        let files = Files::of(&options.output);
        if !options.overwrite {
            files.expect_free()?;
        }
        create_folder_of(&files.summary)?;
        let manifest = manifest::scan(&options.csv, &options.manifest, None)?;
        let mut run = self.run()?;
        run.manifest = Some(manifest.id.clone());
        let truth = truth::Truth::of(&manifest.columns);
        let mut errors = Table::create(&files.errors)?;
        errors.write(ERRORS)?;
        let total = manifest.row_count();
        let mut state = Progress { done: 0, total, failed: 0 };
        let mut segments: BTreeMap<String, Vec<[f64; 3]>> = BTreeMap::new();
        let (mut scores, mut known) = (String::new(), Vec::new());
        for (row, outcome) in ScoreMany::of_rows(self, manifest.rows(0)?, self.workers())? {
            let row = row?;
            let found = match outcome {
                Ok(score) => {
                    scores.push_str(&format!("{};{}\n", row.name, score.probability_fake()));
                    let windows = score.windows.iter();
                    let windows = windows.map(|w| (w.span, w.logits.probability_fake()));
                    proposals(&windows.collect::<Vec<_>>())
                }
                Err(failure) => {
                    errors.write_failure(&row, &failure)?;
                    state.failed += 1;
                    Vec::new()
                }
            };
            let line = row.line;
            let invalid = |cell| InputError::Segment { path: options.csv.clone(), line, cell };
            if let Some(truth) =
                truth.map(|t| t.read(&row.extra, row.target, invalid)).transpose()?.flatten()
            {
                known.push(Localized { proposals: found.clone(), truth });
            }
            let list = found.iter().map(|p| [p.score, p.start, p.end]).collect();
            segments.insert(row.name, list);
            state.done += 1;
            progress(state);
        }
        errors.finish()?;
        let io = OutputError::io;
        let json = serde_json::to_string(&segments).unwrap_or_default();
        avff_files::write(&files.segments, json).map_err(io(&files.segments))?;
        avff_files::write(&files.scores, scores).map_err(io(&files.scores))?;
        let localization = Localization::of(&known);
        let summary = LocalizeSummary { run, rows: total, failed: state.failed, localization };
        write_json(&files.summary, &summary)?;
        Ok(summary)
    }
}

impl LocalizeSummary {
    /// Formats the result as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Text::plain();
        let mut row = |name: String, value: String| table.row([name, value]);
        row("clips".into(), format!("{} ({} without a score)", self.rows, self.failed));
        match &self.localization {
            None => row("AP and AR".into(), "undefined: the CSV names no fake segment".into()),
            Some(found) => {
                row(
                    "with known segments".into(),
                    format!("{} clips, {} segments", found.clips, found.segments),
                );
                for (overlap, value) in &found.ap {
                    row(format!("AP@{overlap}"), format!("{value:.4}"));
                }
                for (count, value) in &found.ar {
                    row(format!("AR@{count}"), format!("{value:.4}"));
                }
            }
        }
        let text = table.to_string();
        match self.run.warning() {
            Some(warning) => format!("warning: {warning}\n{text}"),
            None => text,
        }
    }
}
