//! Findings: problems of a data set and the rows that they concern.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, Write},
    path::{Path, PathBuf},
};

use avff_datasets::protocol::{Table, leakage};
use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use crate::{
    failure::ClipFailure,
    output::{self, OutputError, create_folder_of, expect_csv},
};

/// The kind of a problem.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FindingKind {
    /// An identity occurs in several splits.
    SharedIdentity,
    /// A source occurs in several splits.
    SharedSource,
    /// A path occurs in several splits.
    SharedPath,
    /// Files with different paths but identical content occur in several splits.
    SharedContent,
    /// A path occurs more than once in one split.
    RepeatedPath,
    /// A path, or identical content, is labeled both real and fake.
    Contradiction,
    /// A file is missing or cannot be decoded.
    Unreadable,
}

impl FindingKind {
    /// The name in tables and in the report, in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether the problem is a leak between splits, which makes test results too optimistic.
    #[must_use]
    pub fn is_leak(self) -> bool {
        matches!(
            self,
            Self::SharedIdentity | Self::SharedSource | Self::SharedPath | Self::SharedContent
        )
    }
}

/// One problem and the rows that it concerns.
pub(super) struct Finding {
    pub(super) kind: FindingKind,
    /// The identity, source, path, hash or error message.
    pub(super) key: String,
    pub(super) rows: Vec<usize>,
    /// Why the file cannot be read, for an unreadable file.
    pub(super) failure: Option<ClipFailure>,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, key: String, rows: Vec<usize>) -> Self {
        Self { kind, key, rows, failure: None }
    }
}

/// A summary of all findings of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    /// The kind of the problem.
    pub kind: FindingKind,
    /// The number of identities, sources, paths, contents or files that have the problem.
    pub count: usize,
    /// The number of rows that they occur in.
    pub rows: usize,
    /// The first findings.
    pub examples: Vec<Example>,
}

/// A summary of one finding.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// The identity, source, path, hash or error message.
    pub key: String,
    /// Example clips. They cover as many splits as possible for a leak, and both targets for a
    /// contradiction.
    pub clips: Vec<ExampleClip>,
    /// A suggestion to fix the problem.
    pub hint: Option<String>,
    /// [`ClipFailure::code`] of an unreadable file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A row of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExampleClip {
    /// The clip's name, as written in the CSV.
    pub video_name: String,
    /// The split of the row.
    pub split: Option<String>,
    /// 0 for real, 1 for fake.
    pub target: Option<u8>,
}

/// The number of findings shown for each kind, and of clips shown for each finding.
const EXAMPLES: usize = 3;

/// Summarizes the findings by kind. Kinds without findings are omitted.
pub(super) fn summarize(
    table: &Table,
    names: &[String],
    assignment: &[Option<usize>],
    findings: &[Finding],
) -> Vec<Findings> {
    let split_index = |row: usize| assignment.get(row).copied().flatten();
    let clip = |row: usize| ExampleClip {
        video_name: table.name(row).into(),
        split: split_index(row).and_then(|split_index| names.get(split_index)).cloned(),
        target: table.target(row),
    };
    let summary = |kind: FindingKind| {
        let own = || findings.iter().filter(move |finding| finding.kind == kind);
        let side = |row: usize| match kind {
            FindingKind::Contradiction => table.target(row).map(usize::from),
            _ => split_index(row),
        };
        let example = |finding: &Finding| Example {
            key: finding.key.clone(),
            clips: representative_rows(&finding.rows, side).into_iter().map(clip).collect(),
            hint: finding.failure.as_ref().and_then(|failure| failure.hint.clone()),
            code: finding.failure.as_ref().map(|failure| failure.code.clone()),
        };
        // A row with two identities can belong to two findings.
        let mut rows: Vec<usize> = own().flat_map(|finding| finding.rows.iter().copied()).collect();
        rows.sort_unstable();
        rows.dedup();
        let examples = own().take(EXAMPLES).map(example).collect();
        Findings { kind, count: own().count(), rows: rows.len(), examples }
    };
    FindingKind::VARIANTS
        .iter()
        .copied()
        .map(summary)
        .filter(|findings| findings.count > 0)
        .collect()
}

/// Selects up to [`EXAMPLES`] rows in ascending order: the first row of each side, then other rows. The first
/// rows alone often belong to one split and would not show a leak.
fn representative_rows(rows: &[usize], side: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    let mut sides = HashSet::new();
    let (mut chosen, others): (Vec<usize>, Vec<usize>) =
        rows.iter().partition(|&&row| sides.insert(side(row)));
    chosen.extend(others);
    chosen.truncate(EXAMPLES);
    chosen.sort_unstable();
    chosen
}

/// Finds identical content under different paths in several splits.
pub(super) fn shared_content(
    assignment: &[Option<usize>],
    first_of_path: &[usize],
    same_as: &[usize],
    hashes: Option<&HashMap<usize, String>>,
) -> Vec<Finding> {
    let Some(hashes) = hashes else { return Vec::new() };
    let content = |row: usize| same_as.get(row).copied().filter(|first| hashes.contains_key(first));
    let path = |row: &usize| first_of_path.get(*row).copied();
    leakage::shared(assignment, |row| content(row).into_iter())
        .into_iter()
        .filter(|leak| leak.rows.iter().any(|row| path(row) != leak.rows.first().and_then(path)))
        .map(|leak| {
            let hash = leak.rows.first().and_then(|&row| hashes.get(&content(row)?));
            let key = hash.cloned().unwrap_or_default();
            Finding::new(FindingKind::SharedContent, key, leak.rows)
        })
        .collect()
}

/// Finds paths that occur more than once in one split.
pub(super) fn repeated(
    table: &Table,
    assignment: &[Option<usize>],
    first_of_path: &[usize],
) -> Vec<Finding> {
    let mut rows: BTreeMap<(usize, Option<usize>), Vec<usize>> = BTreeMap::new();
    for (row, (first, split_index)) in first_of_path.iter().zip(assignment).enumerate() {
        rows.entry((*first, *split_index)).or_default().push(row);
    }
    rows.into_iter()
        .filter(|(_, rows)| rows.len() > 1)
        .map(|((first, _), rows)| {
            Finding::new(FindingKind::RepeatedPath, table.name(first).into(), rows)
        })
        .collect()
}

/// Finds files that are labeled both real and fake.
pub(super) fn contradictions(table: &Table, same_as: &[usize]) -> Vec<Finding> {
    let mut first_target: HashMap<usize, u8> = HashMap::new();
    let mut both: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, first) in same_as.iter().enumerate() {
        let Some(target) = table.target(row) else { continue };
        if *first_target.entry(*first).or_insert(target) != target {
            both.insert(*first, Vec::new());
        }
    }
    for (row, first) in same_as.iter().enumerate() {
        if let Some(rows) = both.get_mut(first).filter(|_| table.target(row).is_some()) {
            rows.push(row);
        }
    }
    both.into_iter()
        .map(|(first, rows)| {
            Finding::new(FindingKind::Contradiction, table.name(first).into(), rows)
        })
        .collect()
}

/// Refuses a report that would overwrite one of the CSVs, or whose name does not end in `.csv`.
pub(super) fn expect_not_input(report: &Path, csvs: &[PathBuf]) -> Result<(), OutputError> {
    expect_csv(report)?;
    csvs.iter().try_for_each(|csv| output::expect_not_input(report, csv))
}

/// Writes a CSV with one line for every row of every finding.
pub(super) fn write(
    path: &Path,
    table: &Table,
    names: &[String],
    assignment: &[Option<usize>],
    findings: &[Finding],
) -> Result<(), OutputError> {
    create_folder_of(path)?;
    avff_files::write_with(path, |file| lines(file, table, names, assignment, findings))
        .map_err(OutputError::io(path))
}

fn lines(
    file: &mut impl Write,
    table: &Table,
    names: &[String],
    assignment: &[Option<usize>],
    findings: &[Finding],
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record([
        "finding",
        "key",
        "split",
        "target",
        "video_name",
        "csv",
        "line",
        "hint",
    ])?;
    for Finding { kind, key, rows, failure } in findings {
        for &row in rows {
            let split = assignment
                .get(row)
                .copied()
                .flatten()
                .and_then(|split_index| names.get(split_index));
            let target = table.target(row).map_or_else(String::new, |target| target.to_string());
            let csv = table.files().get(table.file_of(row)).map(|file| file.path.display());
            let csv = csv.map_or_else(String::new, |path| path.to_string());
            let split = split.map_or("", String::as_str);
            let line = table.line(row).to_string();
            let hint =
                failure.as_ref().and_then(|failure| failure.hint.as_deref()).unwrap_or_default();
            let name = table.name(row);
            writer.write_record([kind.name(), key, split, &target, name, &csv, &line, hint])?;
        }
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_cover_every_split_of_a_leak() {
        let side = |row: usize| Some(usize::from(row >= 7));
        assert_eq!(representative_rows(&[1, 2, 5, 6, 7, 9], side), [1, 2, 7]);
        assert_eq!(representative_rows(&[1, 2], side), [1, 2]);
        assert_eq!(representative_rows(&[1, 7, 8, 9], side), [1, 7, 8]);
    }
}
