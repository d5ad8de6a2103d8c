//! Scans the files of all rows: properties of the media, and files with identical content.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
};

use avff_data::{
    ClipError,
    prefetch::Prefetch,
    statistics::{self, ClipFacts, Depth},
};
use avff_datasets::protocol::Table;

use super::{
    CheckDepth, CheckOptions, Progress,
    findings::{Finding, FindingKind},
    media::MediaAccumulator,
};
use crate::failure::{ClipFailure, guarded};

/// The files to scan: each path once, at its first row.
pub(super) struct Files<'a> {
    pub(super) table: &'a Table,
    pub(super) assignment: &'a [Option<usize>],
    pub(super) names: &'a [String],
    pub(super) first_of_path: &'a [usize],
}

/// The result of scanning all files.
pub(super) struct ScanResult {
    /// Why files cannot be read, by the first row of their path.
    pub(super) failed: BTreeMap<usize, ClipFailure>,
    /// For every row, the first row whose file has identical content.
    pub(super) same_as: Vec<usize>,
    /// SHA-256 of content that several files share, by first row.
    pub(super) hashes: HashMap<usize, String>,
    /// Statistics of the clips, if their audio was decoded.
    pub(super) media: Option<MediaAccumulator>,
}

/// What a worker finds out about one file.
struct FileScan {
    /// Whether the path is a folder, and its size in bytes.
    size: Option<(bool, u64)>,
    facts: Result<Option<ClipFacts>, ClipFailure>,
}

impl Files<'_> {
    /// Scans all files, then hashes those whose sizes are equal.
    pub(super) fn scan(
        &self,
        options: &CheckOptions,
        workers: usize,
        progress: &mut dyn FnMut(Progress),
    ) -> ScanResult {
        let distinct = self.first_of_path.iter().enumerate().filter(|(row, first)| row == *first);
        let rows: Vec<usize> = distinct.map(|(row, _)| row).collect();
        let mut state = Progress { done: 0, total: rows.len() };
        let mut media =
            (options.depth >= CheckDepth::Audio).then(|| MediaAccumulator::new(self.names.len()));
        let mut failed = BTreeMap::new();
        // Only files of equal size can have identical content.
        let mut sizes: HashMap<(bool, u64), Vec<usize>> = HashMap::new();
        let (depth, spec) = (options.depth, options.spec.clone());
        let scanned = self.prefetch(rows, workers, move |path| {
            let size = guarded(|| size(path).map_err(ClipFailure::from));
            let facts = match &size {
                Err(failure) => Err(failure.clone()),
                Ok(_) if depth < CheckDepth::Audio => Ok(None),
                Ok(_) => {
                    let depth = match depth {
                        CheckDepth::Frames => Depth::Frames,
                        _ => Depth::Audio,
                    };
                    guarded(|| Ok(statistics::examine(path, &spec, depth)?)).map(Some)
                }
            };
            FileScan { size: size.ok(), facts }
        });
        for ((row, _), FileScan { size, facts }) in scanned {
            if let Some(size) = size {
                sizes.entry(size).or_default().push(row);
            }
            match (facts, &mut media) {
                (Err(failure), _) => {
                    failed.insert(row, failure);
                }
                (Ok(Some(facts)), Some(media)) => {
                    let split = self.assignment.get(row).copied().flatten();
                    media.add(&facts, split, self.table.target(row));
                }
                _ => {}
            }
            state.done += 1;
            progress(state);
        }
        let mut same_size: Vec<usize> = sizes
            .into_iter()
            .filter(|((_, size), rows)| *size > 0 && rows.len() > 1)
            .flat_map(|(_, rows)| rows)
            .collect();
        same_size.sort_unstable();
        state.total += same_size.len();
        let mut first_of_hash: HashMap<[u8; 32], usize> = HashMap::new();
        let mut duplicates: HashMap<usize, usize> = HashMap::new();
        let mut hashes = HashMap::new();
        let hashed = self.prefetch(same_size, workers, |path| {
            guarded(|| {
                Ok(statistics::content_hash(path).map_err(|source| ClipError::new(path, source))?)
            })
        });
        for ((row, _), hash) in hashed {
            match hash {
                Ok(hash) => {
                    let first = *first_of_hash.entry(hash).or_insert(row);
                    if first != row {
                        duplicates.insert(row, first);
                        let hex = || hash.iter().map(|byte| format!("{byte:02x}")).collect();
                        hashes.entry(first).or_insert_with(hex);
                    }
                }
                Err(failure) => {
                    failed.entry(row).or_insert(failure);
                }
            }
            state.done += 1;
            progress(state);
        }
        let same_as = self
            .first_of_path
            .iter()
            .map(|first| *duplicates.get(first).unwrap_or(first))
            .collect();
        ScanResult { failed, same_as, hashes, media }
    }

    /// Applies `function` to the paths of `rows` in parallel and yields the results in row order.
    fn prefetch<T: Send + 'static>(
        &self,
        rows: Vec<usize>,
        workers: usize,
        function: impl Fn(&PathBuf) -> T + Send + Sync + 'static,
    ) -> impl Iterator<Item = ((usize, PathBuf), T)> {
        // Workers receive paths and drop the decoded clips, so the queue stays small.
        let paths: Vec<(usize, PathBuf)> =
            rows.into_iter().map(|row| (row, self.table.path(row))).collect();
        Prefetch::new(paths.into_iter(), workers, 4 * workers, move |(_, path)| function(path))
    }
}

fn size(path: &PathBuf) -> Result<(bool, u64), ClipError> {
    statistics::content_size(path).map_err(|source| ClipError::new(path, source))
}

impl ScanResult {
    /// Returns one finding per unreadable file, with all rows of the file.
    pub(super) fn failures(&self, first_of_path: &[usize]) -> Vec<Finding> {
        let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, first) in first_of_path.iter().enumerate() {
            if self.failed.contains_key(first) {
                rows.entry(*first).or_default().push(row);
            }
        }
        let finding = |(first, rows): (usize, Vec<usize>)| {
            let failure = self.failed.get(&first)?;
            let mut finding = Finding::new(FindingKind::Unreadable, failure.error.clone(), rows);
            finding.failure = Some(failure.clone());
            Some(finding)
        };
        rows.into_iter().filter_map(finding).collect()
    }
}
