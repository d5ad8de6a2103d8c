//! A data set in a temporary folder, and scan results as lines of text.

use std::{fs, ops::ControlFlow, path::Path};

use avff_datasets::{
    DatasetError,
    layout::{Event, Layout, Record, ScanOptions, Summary, scan},
};
use tempfile::TempDir;

pub(crate) struct Set(TempDir);

/// The result of a scan.
#[derive(Debug)]
pub(crate) struct ScanResult {
    /// `path|target|split|category|method|identity|source|language`, followed by the layout's
    /// columns.
    pub(crate) rows: Vec<String>,
    /// `problem path: detail`.
    pub(crate) problems: Vec<String>,
    pub(crate) summary: Summary,
}

impl Set {
    /// Creates empty clips at the paths.
    pub(crate) fn new(clips: &[&str]) -> Self {
        let set = Self(TempDir::new().unwrap());
        for clip in clips {
            set.write(clip, "");
        }
        set
    }

    /// Adds a file.
    pub(crate) fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn scan(&self, layout: Layout) -> ScanResult {
        self.try_scan(layout, false).unwrap()
    }

    pub(crate) fn error(&self, layout: Layout) -> String {
        self.try_scan(layout, false).unwrap_err().source.to_string()
    }

    pub(crate) fn try_scan(
        &self,
        layout: Layout,
        keep_missing: bool,
    ) -> Result<ScanResult, DatasetError> {
        let (mut rows, mut problems) = (Vec::new(), Vec::new());
        let mut emit = |event: Event<'_>| {
            match event {
                Event::Row(record) => {
                    assert_eq!(record.extra.len(), layout.extra_columns().len());
                    rows.push(line(record));
                }
                Event::Problem { problem, path, detail } => {
                    let detail = if detail.is_empty() { "" } else { &format!(": {detail}") };
                    problems.push(format!("{} {path}{detail}", problem.name()));
                }
            }
            ControlFlow::Continue(())
        };
        let summary = scan(layout, self.root(), ScanOptions { keep_missing }, &mut emit)?;
        assert_eq!(summary.rows, rows.len() as u64);
        assert_eq!(summary.problems.values().sum::<u64>(), problems.len() as u64);
        Ok(ScanResult { rows, problems, summary })
    }
}

fn line(record: &Record) -> String {
    let mut cells = vec![
        record.path.clone(),
        record.target.map(|target| target.to_string()).unwrap_or_default(),
        record.split.map(|split| split.to_string()).unwrap_or_default(),
        record.category.map(|category| category.to_string()).unwrap_or_default(),
        record.method.clone(),
        record.identity.clone(),
        record.source.clone(),
        record.language.clone(),
    ];
    cells.extend(record.extra.iter().cloned());
    cells.join("|")
}

#[track_caller]
pub(crate) fn assert_lines(actual: &[String], expected: &[&str]) {
    assert_eq!(actual, expected, "actual:\n{}", actual.join("\n"));
}
