//! A data set on disk to a manifest that `avff eval` reads.

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

use crate::output::{OutputError, partial};

/// How many files a problem is logged for; the rest is counted.
const NAMED: u64 = 10;

/// Why no manifest is written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The manifest cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// No CSV can hold the name of the folder.
    #[error("{}: the name is not UTF-8, which a CSV has to be; rename it", path.display())]
    NotUtf8 {
        /// The folder.
        path: PathBuf,
    },
}

/// What to write, and of what.
#[derive(Debug, Clone)]
pub struct ManifestOptions {
    /// The layout; found out when there is none.
    pub layout: Option<Layout>,
    /// Where the data set lies.
    pub root: PathBuf,
    /// The manifest; without it, the writer that is given.
    pub output: Option<PathBuf>,
    /// A CSV of all that is amiss, `problem,path,detail`; paths relative to the root.
    pub problems: Option<PathBuf>,
    /// Whether paths are absolute in any case.
    pub absolute: bool,
    /// Whether clips that are listed but not there have a row.
    pub keep_missing: bool,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The layout's name.
    pub layout: &'static str,
    /// The name of the data set.
    pub title: &'static str,
    /// Where relative paths of the manifest start, if that is not the manifest's folder.
    pub paths_start_at: Option<String>,
    /// What was found.
    #[serde(flatten)]
    pub summary: Summary,
}

/// Writes the manifest of a data set.
///
/// Paths of a file start at its folder if the data set lies there or below and are absolute
/// otherwise, so that `avff eval --csv` finds the clips. Through `stdout`, which has no folder, they
/// start at the root. Files appear when they are complete. `progress` is told the rows so far.
///
/// # Errors
/// [`ManifestError::Dataset`] for the data set, [`ManifestError::Output`] for the files, and
/// [`ManifestError::NotUtf8`] for a root that no CSV can name.
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
                // Not before there is a row: stdout stays empty when there is an error instead.
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
    // A scan to the end; of one without rows, what is amiss says why.
    let ended = match &summary {
        Ok(_) => true,
        Err(error) => matches!(error.source, Reason::NoClips { .. }),
    };
    if ended {
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
        source => prefix.before(source),
    };
    let shared = [
        prefix.before(&record.path),
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

/// What goes before paths that start at the root.
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

    fn before(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Said only where it takes `--root` to find the clips.
    fn root_of_stdout(&self, options: &ManifestOptions) -> Option<String> {
        let relative = options.output.is_none() && !options.absolute;
        relative.then(|| options.root.display().to_string())
    }
}

fn folder_of(output: &Path) -> Result<PathBuf, OutputError> {
    let folder = match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::canonicalize(folder).map_err(OutputError::io(output))
}

/// A CSV in a file that appears when it is complete, or to a writer.
struct Output<'a> {
    csv: csv::Writer<Box<dyn Write + 'a>>,
    /// The file while it is written, and its name in the end.
    file: Option<(PathBuf, PathBuf)>,
}

impl<'a> Output<'a> {
    fn open(path: Option<&Path>, otherwise: &'a mut dyn Write) -> Result<Self, OutputError> {
        let Some(path) = path else {
            return Ok(Self { csv: csv::Writer::from_writer(Box::new(otherwise)), file: None });
        };
        // A data set's own tables are easily named by mistake.
        if path.exists() {
            return Err(OutputError::Exists { path: path.into() });
        }
        let partial = partial(path);
        let file = File::create(&partial).map_err(OutputError::io(&partial))?;
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
    /// What was not finished is of no use to anybody.
    fn drop(&mut self) {
        if let Some((partial, _)) = &self.file {
            let _ = fs::remove_file(partial);
        }
    }
}

/// Names the first files of each problem.
#[derive(Default)]
struct Log(BTreeMap<Problem, u64>);

impl Log {
    fn add(&mut self, problem: Problem, path: &str, detail: &str) {
        let count = self.0.entry(problem).or_default();
        *count += 1;
        if *count <= NAMED {
            let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
            tracing::warn!("{} {path}{detail}", problem.name());
        }
    }

    fn finish(&self) {
        for (problem, count) in self.0.iter().filter(|(_, count)| **count > NAMED) {
            tracing::warn!("{} more {}", count - NAMED, problem.name());
        }
    }
}
