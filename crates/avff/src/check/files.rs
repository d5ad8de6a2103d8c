//! The passes over the files: what they are, and which hold the same bytes.

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
    CheckOptions, Look, Progress,
    findings::{Finding, FindingKind},
    media::Gathered,
};
use crate::failure::{ClipFailure, guarded};

/// What is looked at: each path once, at its first row.
pub(super) struct Files<'a> {
    pub(super) table: &'a Table,
    pub(super) parts: &'a [Option<usize>],
    pub(super) names: &'a [String],
    pub(super) first_of_path: &'a [usize],
}

/// What the passes found.
pub(super) struct Seen {
    /// By the first row of a path.
    pub(super) failed: BTreeMap<usize, ClipFailure>,
    /// For every row, the first row whose file holds the same bytes.
    pub(super) same_as: Vec<usize>,
    /// SHA-256 of files that hold the bytes of another, by first row.
    pub(super) hashes: HashMap<usize, String>,
    /// Where the sound was decoded.
    pub(super) media: Option<Gathered>,
}

/// What a worker finds out about a file.
struct Looked {
    size: Option<(bool, u64)>,
    facts: Result<Option<ClipFacts>, ClipFailure>,
}

impl Files<'_> {
    pub(super) fn look(
        &self,
        options: &CheckOptions,
        workers: usize,
        progress: &mut dyn FnMut(Progress),
    ) -> Seen {
        let distinct =
            || self.first_of_path.iter().enumerate().filter(|(row, first)| row == *first);
        let rows: Vec<usize> = distinct().map(|(row, _)| row).collect();
        let mut state = Progress { done: 0, total: rows.len() };
        let mut media = (options.look >= Look::Audio).then(|| Gathered::new(self.names.len()));
        let mut failed = BTreeMap::new();
        // Clips of one size may hold the same bytes, others cannot.
        let mut sizes: HashMap<(bool, u64), Vec<usize>> = HashMap::new();
        let (look, spec) = (options.look, options.spec.clone());
        let looked = self.ahead(rows, workers, move |path| {
            let size = guarded(|| size(path).map_err(ClipFailure::from));
            let facts = match &size {
                Err(failure) => Err(failure.clone()),
                Ok(_) if look < Look::Audio => Ok(None),
                Ok(_) => {
                    let depth = if look < Look::Pictures { Depth::Audio } else { Depth::Frames };
                    guarded(|| Ok(statistics::examine(path, &spec, depth)?)).map(Some)
                }
            };
            Looked { size: size.ok(), facts }
        });
        for ((row, _), Looked { size, facts }) in looked {
            if let Some(size) = size {
                sizes.entry(size).or_default().push(row);
            }
            match (facts, &mut media) {
                (Err(failure), _) => {
                    failed.insert(row, failure);
                }
                (Ok(Some(facts)), Some(media)) => {
                    let part = self.parts.get(row).copied().flatten();
                    media.add(&facts, part, self.table.target(row));
                }
                _ => {}
            }
            state.done += 1;
            progress(state);
        }
        let mut alike: Vec<usize> = sizes
            .into_iter()
            .filter(|((_, size), rows)| *size > 0 && rows.len() > 1)
            .flat_map(|(_, rows)| rows)
            .collect();
        alike.sort_unstable();
        state.total += alike.len();
        let mut first_of_hash: HashMap<[u8; 32], usize> = HashMap::new();
        let mut same: HashMap<usize, usize> = HashMap::new();
        let mut hashes = HashMap::new();
        let hashed = self.ahead(alike, workers, |path| {
            guarded(|| {
                Ok(statistics::content_hash(path).map_err(|source| ClipError::new(path, source))?)
            })
        });
        for ((row, _), hash) in hashed {
            match hash {
                Ok(hash) => {
                    let first = *first_of_hash.entry(hash).or_insert(row);
                    if first != row {
                        same.insert(row, first);
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
        let same_as =
            self.first_of_path.iter().map(|first| *same.get(first).unwrap_or(first)).collect();
        Seen { failed, same_as, hashes, media }
    }

    /// A function of the paths of rows, computed in parallel and handed out in the order of rows.
    fn ahead<T: Send + 'static>(
        &self,
        rows: Vec<usize>,
        workers: usize,
        function: impl Fn(&PathBuf) -> T + Send + Sync + 'static,
    ) -> impl Iterator<Item = ((usize, PathBuf), T)> {
        // Paths are small; clips are dropped by the worker that read them.
        let paths: Vec<(usize, PathBuf)> =
            rows.into_iter().map(|row| (row, self.table.path(row))).collect();
        Prefetch::new(paths.into_iter(), workers, 4 * workers, move |(_, path)| function(path))
    }
}

fn size(path: &PathBuf) -> Result<(bool, u64), ClipError> {
    statistics::content_size(path).map_err(|source| ClipError::new(path, source))
}

impl Seen {
    /// A finding for every file that could not be read, with all its rows.
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
