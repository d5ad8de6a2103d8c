//! Optional parts of a summary: metrics by category, and confidence intervals.

use std::collections::{HashMap, HashSet};

use avff_datasets::manifest::Row;
use avff_metrics::{
    Against, BinaryReport, BootstrapOptions, CategoryReport, Metric, MetricError, Scored,
    by_category,
};
use serde::{Deserialize, Serialize};

use super::{Baseline, EvaluateError, summary::Summary};
use crate::{
    input::{InputError, manifest::Manifest},
    output::{Difference, difference},
    table::{Text, interval_cell as cell},
};

/// The most values of a column of categories. Each category has a report over its clips and often over all
/// reals, so a column of names would take very long.
const MAX_CATEGORIES: usize = 256;

/// Parts of a summary beyond the coverage and the metrics of all clips. Scores do not depend on them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReportOptions {
    /// Columns of the manifest. Metrics are computed for each of their values.
    pub by: Vec<String>,
    /// How confidence intervals are estimated; `None` for no intervals.
    pub intervals: Option<BootstrapOptions>,
}

impl ReportOptions {
    /// Computes the metrics of clips, with intervals if requested.
    pub(super) fn metrics(&self, clips: &[Scored]) -> Result<BinaryReport, MetricError> {
        Ok(match &self.intervals {
            Some(options) => BinaryReport::with_intervals(clips, options)?,
            None => BinaryReport::new(clips)?,
        })
    }

    /// Checks that a finished run contains the requested parts. They cannot be added later, because the
    /// journal with the logits is removed.
    pub(super) fn expect_in(&self, finished: &Summary) -> Result<(), EvaluateError> {
        let mut seen = HashSet::new();
        let requested: Vec<&str> =
            self.by.iter().map(String::as_str).filter(|&column| seen.insert(column)).collect();
        let available: Vec<&str> = finished.by.iter().map(|report| &*report.column).collect();
        if available != requested {
            let name = |by: &[&str]| if by.is_empty() { "none".into() } else { by.join(", ") };
            let (was, now) = (name(&available), name(&requested));
            let what = "metrics by";
            return Err(EvaluateError::OtherReport(Difference { what, was, now }));
        }
        let Some(metrics) = &finished.metrics else { return Ok(()) };
        let name = |options: Option<BootstrapOptions>| {
            options.map_or("none".into(), |BootstrapOptions { replicates, level, seed }| {
                format!("{level} ({replicates} resamples, seed {seed})")
            })
        };
        let was = name(metrics.intervals.as_ref().map(|intervals| intervals.options));
        let now = name(self.intervals);
        match difference([("intervals of", was, now)]) {
            Some(difference) => Err(EvaluateError::OtherReport(difference)),
            None => Ok(()),
        }
    }
}

/// Metrics by the values of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// The column of the manifest.
    pub column: String,
    /// The reports over the labeled scored rows, sorted by value; empty without such rows.
    pub categories: Vec<CategoryReport>,
}

/// The categories of all labeled clips, by column.
pub(super) struct Categories(Vec<Column>);

struct Column {
    name: String,
    /// The position among the copied cells of a row.
    position: usize,
    values: Vec<String>,
    /// The index of each value.
    indices: HashMap<String, usize>,
    /// The index of each clip's value.
    clips: Vec<usize>,
}

impl Categories {
    /// Creates categories for the columns `by`. Fails if a name is not among the `columns` of the table at `path`.
    pub(super) fn new(by: &[String], columns: &[String], path: &str) -> Result<Self, InputError> {
        let mut chosen: Vec<Column> = Vec::new();
        for name in by {
            let Some(position) = columns.iter().position(|column| column == name) else {
                return Err(InputError::unknown_column(path, name, columns));
            };
            if chosen.iter().all(|column| column.name != *name) {
                let (values, indices, clips) = (Vec::new(), HashMap::new(), Vec::new());
                chosen.push(Column { name: name.clone(), position, values, indices, clips });
            }
        }
        Ok(Self(chosen))
    }

    /// Like [`new`](Self::new) for a manifest. Also refuses columns with too many values.
    pub(super) fn for_manifest(by: &[String], manifest: &Manifest) -> Result<Self, InputError> {
        let Self(columns) = Self::new(by, &manifest.columns, &manifest.id.path)?;
        let mut seen = vec![HashSet::new(); columns.len()];
        if !columns.is_empty() {
            for row in manifest.rows(0)? {
                let row = row?;
                for (column, seen) in columns.iter().zip(&mut seen) {
                    seen.insert(column.value(&row).to_owned());
                    if seen.len() > MAX_CATEGORIES {
                        let (column, most) = (column.name.clone(), MAX_CATEGORIES);
                        return Err(InputError::TooManyCategories { column, most });
                    }
                }
            }
        }
        Ok(Self(columns))
    }

    /// Adds a labeled clip. `cell` returns the clip's cell at a column position.
    pub(super) fn add<'a>(&mut self, cell: impl Fn(usize) -> Option<&'a str>) {
        for column in &mut self.0 {
            let value = cell(column.position).unwrap_or_default();
            let index = match column.indices.get(value) {
                Some(&index) => index,
                None => {
                    let (value, index) = (value.to_owned(), column.values.len());
                    column.values.push(value.clone());
                    column.indices.insert(value, index);
                    index
                }
            };
            column.clips.push(index);
        }
    }

    /// Iterates over the columns: name, values, and the index of each clip's value.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, &[String], &[usize])> {
        self.0.iter().map(|column| (&*column.name, &column.values[..], &column.clips[..]))
    }

    /// Returns the categories of the clips with a value, in the order of [`add`](Self::add).
    pub(super) fn of_measured(self, values: &[Option<f64>]) -> Self {
        let measured = |column: Column| {
            let clips = column.clips.iter().zip(values);
            let clips = clips.filter_map(|(index, value)| value.and(Some(*index))).collect();
            Column { clips, ..column }
        };
        Self(self.0.into_iter().map(measured).collect())
    }

    /// Computes the reports over `clips`, which must be in the order of [`add`](Self::add).
    pub(super) fn reports(
        &self,
        clips: &[Scored],
        options: &ReportOptions,
    ) -> Result<Vec<ColumnReport>, MetricError> {
        let report = |column: &Column| {
            let values: Vec<&str> =
                column.clips.iter().map(|&index| &*column.values[index]).collect();
            let categories = match clips {
                [] => Vec::new(),
                clips => by_category(clips, &values, options.intervals.as_ref())?,
            };
            Ok(ColumnReport { column: column.name.clone(), categories })
        };
        self.0.iter().map(report).collect()
    }
}

impl Column {
    fn value<'a>(&self, row: &'a Row) -> &'a str {
        row.extra.get(self.position).map_or("", String::as_str)
    }
}

impl ColumnReport {
    /// Formats the report as a table, with the baseline's AUC if there is one.
    pub(super) fn table(&self, baseline: Option<&Baseline>) -> String {
        let titles = Metric::with_interval().map(|metric| metric.title);
        let counts = [&*self.column, "clips", "fake", "real"];
        let without = baseline.map(|_| "AUC without learning");
        let header = counts.into_iter().chain(titles).chain(without).chain([""]);
        let mut table = Text::with_header(header.collect::<Vec<_>>());
        for CategoryReport { category, n, against, metrics } in &self.categories {
            let name = if category.is_empty() { "(none)" } else { category };
            let counts = [
                name.to_owned(),
                n.to_string(),
                metrics.n_fake.to_string(),
                metrics.n_real.to_string(),
            ];
            let against = match against {
                Against::Itself => "",
                Against::AllReals => "against all reals",
                Against::AllFakes => "against all fakes",
            };
            // Fewer digits keep a table with intervals narrow.
            let digits = if metrics.intervals.is_some() { 3 } else { 4 };
            let cells = Metric::with_interval()
                .map(|metric| cell(metrics.get(metric), metrics.interval(metric), digits));
            let without = baseline.map(|baseline| baseline.auc_of(&self.column, category));
            table.row(counts.into_iter().chain(cells).chain(without).chain([against.to_owned()]));
        }
        table.to_string()
    }
}
