//! What a summary says on request: metrics by category, and confidence intervals.

use std::collections::{HashMap, HashSet};

use avff_datasets::manifest::Row;
use avff_metrics::{
    Against, BinaryReport, BootstrapOptions, CategoryReport, Interval, Metric, MetricError, Scored,
    by_category,
};
use serde::{Deserialize, Serialize};

use super::{EvaluateError, summary::Summary};
use crate::{
    input::{InputError, manifest::Manifest},
    output::{Difference, difference},
    table::Text,
};

/// The most values of a column that can be categories. Each is a report over its clips and often all
/// reals, so a column of names would take for ever.
const MAX_CATEGORIES: usize = 256;

/// What a summary says beyond coverage and the metrics of all clips. Scores do not depend on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReportOptions {
    /// Columns of the manifest: metrics for each of their values.
    pub by: Vec<String>,
    /// How confidence intervals are drawn, where there are any.
    pub intervals: Option<BootstrapOptions>,
}

impl ReportOptions {
    /// The metrics of clips, with intervals where they are asked for.
    pub(super) fn of(&self, clips: &[Scored]) -> Result<BinaryReport, MetricError> {
        Ok(match &self.intervals {
            Some(options) => BinaryReport::with_intervals(clips, options)?,
            None => BinaryReport::new(clips)?,
        })
    }

    /// Whether a finished run has what is asked for now: the logits it was made of are gone with the
    /// journal.
    pub(super) fn expect_in(&self, finished: &Summary) -> Result<(), EvaluateError> {
        let mut seen = HashSet::new();
        let wanted: Vec<&str> =
            self.by.iter().map(String::as_str).filter(|&column| seen.insert(column)).collect();
        let had: Vec<&str> = finished.by.iter().map(|report| &*report.column).collect();
        if had != wanted {
            let name = |by: &[&str]| if by.is_empty() { "none".into() } else { by.join(", ") };
            let (was, now) = (name(&had), name(&wanted));
            let what = "metrics by";
            return Err(EvaluateError::OtherReport(Difference { what, was, now }));
        }
        let Some(metrics) = &finished.metrics else { return Ok(()) };
        let name = |options: Option<BootstrapOptions>| {
            options.map_or("none".into(), |BootstrapOptions { replicates, level, seed }| {
                // As many digits as JSON is sure to give back.
                let level = (level * 1e12).round() / 1e12;
                format!("{level} ({replicates} resamples, seed {seed})")
            })
        };
        let was = name(metrics.intervals.as_ref().map(|intervals| intervals.options));
        let now = name(self.intervals);
        match difference([("intervals of", was, now)]) {
            Some(other) => Err(EvaluateError::OtherReport(other)),
            None => Ok(()),
        }
    }
}

/// Metrics by the values of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// The column of the manifest.
    pub column: String,
    /// Over the scored rows that have a target, sorted by value; empty where there are none.
    pub categories: Vec<CategoryReport>,
}

/// Which category each labelled clip is of, column by column.
pub(super) struct Categories(Vec<Column>);

struct Column {
    name: String,
    /// Among the cells that a row carries.
    place: usize,
    values: Vec<String>,
    numbers: HashMap<String, usize>,
    /// The number of each clip's value.
    clips: Vec<usize>,
}

impl Categories {
    /// Refuses names that are none of the `columns` of the table at `path`.
    pub(super) fn new(by: &[String], columns: &[String], path: &str) -> Result<Self, InputError> {
        let mut found: Vec<Column> = Vec::new();
        for name in by {
            let Some(place) = columns.iter().position(|column| column == name) else {
                return Err(InputError::unknown_column(path, name, columns));
            };
            if found.iter().all(|column| column.name != *name) {
                let (values, numbers, clips) = (Vec::new(), HashMap::new(), Vec::new());
                found.push(Column { name: name.clone(), place, values, numbers, clips });
            }
        }
        Ok(Self(found))
    }

    /// [`new`](Self::new) for a manifest; columns with too many values are refused too.
    pub(super) fn of(by: &[String], manifest: &Manifest) -> Result<Self, InputError> {
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

    /// One more labelled clip, with its cells by their place.
    pub(super) fn add<'a>(&mut self, cell: impl Fn(usize) -> Option<&'a str>) {
        for column in &mut self.0 {
            let value = cell(column.place).unwrap_or_default();
            let number = match column.numbers.get(value) {
                Some(&number) => number,
                None => {
                    let (value, number) = (value.to_owned(), column.values.len());
                    column.values.push(value.clone());
                    column.numbers.insert(value, number);
                    number
                }
            };
            column.clips.push(number);
        }
    }

    /// The tables over `clips`, which were added in this order.
    pub(super) fn reports(
        &self,
        clips: &[Scored],
        options: &ReportOptions,
    ) -> Result<Vec<ColumnReport>, MetricError> {
        let report = |column: &Column| {
            let values: Vec<&str> =
                column.clips.iter().map(|&number| &*column.values[number]).collect();
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
        row.extra.get(self.place).map_or("", String::as_str)
    }
}

impl ColumnReport {
    /// For a person.
    #[must_use]
    pub fn table(&self) -> String {
        let titles = Metric::with_interval().map(|metric| metric.title);
        let counts = [&*self.column, "clips", "fake", "real"];
        let header: Vec<&str> = counts.into_iter().chain(titles).chain([""]).collect();
        let mut table = Text::with_header(header);
        for CategoryReport { category, n, against, metrics } in &self.categories {
            let name = if category.is_empty() { "(empty)" } else { category };
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
            // Intervals make the table wide.
            let digits = if metrics.intervals.is_some() { 3 } else { 4 };
            let cells = Metric::with_interval()
                .map(|metric| cell(metrics.get(metric), metrics.interval(metric), digits));
            table.row(counts.into_iter().chain(cells).chain([against.to_owned()]));
        }
        table.to_string()
    }
}

/// A metric with its interval, where it has them.
pub(super) fn cell(value: Option<f64>, interval: Option<Interval>, digits: usize) -> String {
    match (value, interval) {
        (None, _) => "undefined".into(),
        (Some(value), None) => format!("{value:.digits$}"),
        (Some(value), Some(Interval { low, high })) => {
            format!("{value:.digits$} ({low:.digits$} to {high:.digits$})")
        }
    }
}
