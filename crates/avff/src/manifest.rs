//! Writes the manifest of a data set for `avff eval`.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use avff_datasets::layout::{self, COLUMNS, Event, Layout, Problem, Record, ScanOptions, Summary};
use avff_datasets::{DatasetError, Reason};
use serde::Serialize;

use crate::output::{OutputError, create_folder_of, partial};

/// The number of files that are logged for each problem; further files are counted.
const LOGGED: u64 = 10;

/// Why a manifest cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The manifest cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The folder's name is not UTF-8.
    #[error("{}: the name is not UTF-8, but the manifest must be: rename the folder", path.display())]
    NotUtf8 {
        /// The folder.
        path: PathBuf,
    },
}

/// Options of [`write()`].
#[derive(Debug, Clone)]
pub struct ManifestOptions {
    /// The layout of the data set; `None` to detect it.
    pub layout: Option<Layout>,
    /// The root folder of the data set.
    pub root: PathBuf,
    /// The path of the manifest; `None` to write to the given writer.
    pub output: Option<PathBuf>,
    /// The path of a CSV of all problems with the columns `problem,path,detail`. Its paths are relative to the root.
    pub problems: Option<PathBuf>,
    /// Whether all paths are absolute.
    pub absolute: bool,
    /// Whether listed clips without a file get a row.
    pub keep_missing: bool,
}

/// The result of writing a manifest.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The layout's name.
    pub layout: &'static str,
    /// The title of the data set.
    pub title: &'static str,
    /// The folder of relative paths, if it is not the manifest's folder.
    pub paths_start_at: Option<String>,
    /// Counts of clips and problems.
    #[serde(flatten)]
    pub summary: Summary,
}

/// Writes the manifest of a data set.
///
/// Paths are relative to the manifest's folder if the data set lies in or below it. Otherwise they are absolute.
/// Either way `avff eval --csv` finds the clips. On `stdout`, which has no folder, paths are relative to the root.
/// Files appear when they are complete. `progress` receives the number of rows so far.
///
/// # Errors
/// Returns [`ManifestError::Dataset`] if the data set cannot be read, [`ManifestError::Output`] if a file
/// cannot be written, and [`ManifestError::NotUtf8`] if the root's name is not UTF-8.
pub fn write(
    options: &ManifestOptions,
    stdout: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, ManifestError> {
    let layout = match options.layout {
        Some(layout) => layout,
        None => Layout::detect(&options.root)?,
    };
    let prefix = Prefix::new(options)?;
    let mut rows = Output::open(options.output.as_deref(), stdout)?;
    let mut sink = io::sink();
    let mut problems = Output::open(options.problems.as_deref(), &mut sink)?;
    problems.write(["problem", "path", "detail"])?;
    let mut log = Log::default();
    let mut failure = None;
    let mut count = 0;
    let mut emit = |event: Event<'_>| {
        let written = match event {
            Event::Row(record) => {
                // The header is written with the first row, so that stdout stays empty after an error.
                let header = match count {
                    0 => rows.write(COLUMNS.iter().chain(layout.extra_columns())),
                    _ => Ok(()),
                };
                count += 1;
                progress(count);
                header.and_then(|()| rows.write(cells(record, &prefix)))
            }
            Event::Problem { problem, path, detail } => {
                log.add(problem, path, detail);
                problems.write([problem.name(), path, detail])
            }
        };
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let scan_options = ScanOptions { keep_missing: options.keep_missing };
    let summary = layout::scan(layout, &options.root, scan_options, &mut emit);
    if let Some(error) = failure {
        return Err(error.into());
    }
    log.finish();
    // Problems are written for complete scans. For a scan without rows they explain the reason.
    let complete = match &summary {
        Ok(_) => true,
        Err(error) => matches!(error.source, Reason::NoClips { .. }),
    };
    if complete {
        problems.finish()?;
    }
    let summary = summary?;
    rows.finish()?;
    Ok(Written {
        layout: layout.name(),
        title: layout.title(),
        paths_start_at: prefix.root_of_stdout(options),
        summary,
    })
}

fn cells<'a>(record: &'a Record, prefix: &'a Prefix) -> impl Iterator<Item = String> + 'a {
    let target = record.target.map(|target| target.to_string());
    let split = record.split.map(|split| split.name().to_owned());
    let category = record.category.map(|category| category.name().to_owned());
    let source = match record.source.as_str() {
        "" => String::new(),
        source => prefix.prepend(source),
    };
    let shared = [
        prefix.prepend(&record.path),
        target.unwrap_or_default(),
        split.unwrap_or_default(),
        category.unwrap_or_default(),
        record.method.clone(),
        record.identity.clone(),
        source,
        record.language.clone(),
    ];
    shared.into_iter().chain(record.extra.iter().cloned())
}

/// The prefix of paths that are relative to the root.
struct Prefix(String);

impl Prefix {
    fn new(options: &ManifestOptions) -> Result<Self, ManifestError> {
        let root = fs::canonicalize(&options.root).map_err(|error| {
            let source = match error.kind() {
                io::ErrorKind::NotFound => Reason::NotFound,
                _ => Reason::Io(error),
            };
            DatasetError::new(&options.root, source)
        })?;
        let folder = match &options.output {
            _ if options.absolute => None,
            None => return Ok(Self(String::new())),
            Some(output) => Some(folder_of(output)?),
        };
        let below = folder.as_deref().and_then(|folder| root.strip_prefix(folder).ok());
        let path = below.unwrap_or(&root);
        let text = path.to_str().ok_or_else(|| ManifestError::NotUtf8 { path: path.into() })?;
        let text = text.replace(std::path::MAIN_SEPARATOR, "/");
        Ok(Self(if text.is_empty() || text.ends_with('/') { text } else { format!("{text}/") }))
    }

    fn prepend(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The root, if `--root` is needed to find the clips.
    fn root_of_stdout(&self, options: &ManifestOptions) -> Option<String> {
        let relative = options.output.is_none() && !options.absolute;
        relative.then(|| options.root.display().to_string())
    }
}

/// Returns the canonical folder of an output, which is created.
fn folder_of(output: &Path) -> Result<PathBuf, OutputError> {
    create_folder_of(output)?;
    let folder = match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::canonicalize(folder).map_err(OutputError::io(output))
}

/// A CSV that is written to a file, which appears when it is complete, or to a writer.
struct Output<'a> {
    csv: csv::Writer<Box<dyn Write + 'a>>,
    /// The partial file and the final path.
    file: Option<(PathBuf, PathBuf)>,
}

impl<'a> Output<'a> {
    fn open(path: Option<&Path>, fallback: &'a mut dyn Write) -> Result<Self, OutputError> {
        let Some(path) = path else {
            return Ok(Self { csv: csv::Writer::from_writer(Box::new(fallback)), file: None });
        };
        create_folder_of(path)?;
        // Protects a table of the data set whose path is given by mistake.
        if path.exists() {
            return Err(OutputError::Exists { path: path.into() });
        }
        let partial = partial(path);
        let file = File::create(&partial).map_err(OutputError::io(path))?;
        let csv = csv::Writer::from_writer(Box::new(BufWriter::new(file)) as Box<dyn Write>);
        Ok(Self { csv, file: Some((partial, path.into())) })
    }

    fn write(
        &mut self,
        cells: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<(), OutputError> {
        let written = self.csv.write_record(cells);
        written.map_err(|error| self.failed(io::Error::from(error)))
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        self.csv.flush().map_err(|error| self.failed(error))?;
        if let Some((partial, path)) = self.file.take() {
            avff_files::finish(&partial, &path).map_err(OutputError::io(&path))?;
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> OutputError {
        let path =
            self.file.as_ref().map_or_else(|| "stdout".into(), |(partial, _)| partial.clone());
        OutputError::Io { path, source }
    }
}

impl Drop for Output<'_> {
    /// Removes an unfinished file.
    fn drop(&mut self) {
        if let Some((partial, _)) = &self.file {
            let _ = fs::remove_file(partial);
        }
    }
}

/// Logs the first files of each problem.
#[derive(Default)]
struct Log(BTreeMap<Problem, u64>);

impl Log {
    fn add(&mut self, problem: Problem, path: &str, detail: &str) {
        let count = self.0.entry(problem).or_default();
        *count += 1;
        if *count <= LOGGED {
            let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
            tracing::warn!("{} {path}{detail}", problem.name());
        }
    }

    fn finish(&self) {
        for (problem, count) in self.0.iter().filter(|(_, count)| **count > LOGGED) {
            tracing::warn!("{} more {}", count - LOGGED, problem.name());
        }
    }
}
