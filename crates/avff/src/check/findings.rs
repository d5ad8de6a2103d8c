//! What was found about which rows.

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
    output::{OutputError, expect_csv, expect_other},
};

/// What can be wrong with rows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FindingKind {
    /// An identity is in several splits.
    SharedIdentity,
    /// A source is in several splits.
    SharedSource,
    /// A path is in several splits.
    SharedPath,
    /// Files of other paths but with the same bytes are in several splits.
    SharedContent,
    /// A path is several times in one split.
    RepeatedPath,
    /// The same path or the same bytes are both real and fake.
    Contradiction,
    /// A file is missing or cannot be decoded.
    Unreadable,
}

impl FindingKind {
    /// The word for it in tables and the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether a test on such splits says less than it seems to.
    #[must_use]
    pub fn is_leak(self) -> bool {
        matches!(
            self,
            Self::SharedIdentity | Self::SharedSource | Self::SharedPath | Self::SharedContent
        )
    }
}

/// One thing that is wrong, and the rows it is about.
pub(super) struct Finding {
    pub(super) kind: FindingKind,
    /// The identity, source, path, hash or error.
    pub(super) key: String,
    pub(super) rows: Vec<usize>,
    /// Why a file cannot be read.
    pub(super) failure: Option<ClipFailure>,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, key: String, rows: Vec<usize>) -> Self {
        Self { kind, key, rows, failure: None }
    }
}

/// All findings of a kind, in short.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    /// What is wrong.
    pub kind: FindingKind,
    /// Identities, sources, paths, contents or files that it is wrong with.
    pub count: usize,
    /// Rows that they are in.
    pub rows: usize,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// One finding, in short.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// The identity, source, path, hash or error.
    pub key: String,
    /// Clips from as many of its sides as fit: splits of what splits share, targets of what
    /// contradicts itself.
    pub clips: Vec<ExampleClip>,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// [`ClipFailure::code`] of a file that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A row of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExampleClip {
    /// As the CSV has it.
    pub video_name: String,
    /// The split it is in.
    pub split: Option<String>,
    /// 0 real, 1 fake.
    pub target: Option<u8>,
}

/// Findings and clips of each that are shown.
const EXAMPLES: usize = 3;

/// The findings by kind, kinds without any left out.
pub(super) fn in_short(
    table: &Table,
    names: &[String],
    parts: &[Option<usize>],
    found: &[Finding],
) -> Vec<Findings> {
    let part = |row: usize| parts.get(row).copied().flatten();
    let clip = |row: usize| ExampleClip {
        video_name: table.name(row).into(),
        split: part(row).and_then(|part| names.get(part)).cloned(),
        target: table.target(row),
    };
    let short = |kind: FindingKind| {
        let own = || found.iter().filter(move |finding| finding.kind == kind);
        let side = |row: usize| match kind {
            FindingKind::Contradiction => table.target(row).map(usize::from),
            _ => part(row),
        };
        let example = |finding: &Finding| Example {
            key: finding.key.clone(),
            clips: a_row_a_side(&finding.rows, side).into_iter().map(clip).collect(),
            hint: finding.failure.as_ref().and_then(|failure| failure.hint.clone()),
            code: finding.failure.as_ref().map(|failure| failure.code.clone()),
        };
        // A row with two identities can be in two findings.
        let mut rows: Vec<usize> = own().flat_map(|finding| finding.rows.iter().copied()).collect();
        rows.sort_unstable();
        rows.dedup();
        let examples = own().take(EXAMPLES).map(example).collect();
        Findings { kind, count: own().count(), rows: rows.len(), examples }
    };
    FindingKind::VARIANTS.iter().copied().map(short).filter(|findings| findings.count > 0).collect()
}

/// The first row of each side, then the other rows, as many as are shown and in their order: the
/// first rows alone are often of one split, which is no picture of a leak.
fn a_row_a_side(rows: &[usize], side: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    let mut sides = HashSet::new();
    let (mut chosen, others): (Vec<usize>, Vec<usize>) =
        rows.iter().partition(|&&row| sides.insert(side(row)));
    chosen.extend(others);
    chosen.truncate(EXAMPLES);
    chosen.sort_unstable();
    chosen
}

/// The same bytes under other paths in several splits.
pub(super) fn shared_content(
    parts: &[Option<usize>],
    first_of_path: &[usize],
    same_as: &[usize],
    hashes: Option<&HashMap<usize, String>>,
) -> Vec<Finding> {
    let Some(hashes) = hashes else { return Vec::new() };
    let content = |row: usize| same_as.get(row).copied().filter(|first| hashes.contains_key(first));
    let path = |row: &usize| first_of_path.get(*row).copied();
    leakage::shared(parts, |row| content(row).into_iter())
        .into_iter()
        .filter(|leak| leak.rows.iter().any(|row| path(row) != leak.rows.first().and_then(path)))
        .map(|leak| {
            let hash = leak.rows.first().and_then(|&row| hashes.get(&content(row)?));
            let key = hash.cloned().unwrap_or_default();
            Finding::new(FindingKind::SharedContent, key, leak.rows)
        })
        .collect()
}

/// Paths that are several times in one split.
pub(super) fn repeated(
    table: &Table,
    parts: &[Option<usize>],
    first_of_path: &[usize],
) -> Vec<Finding> {
    let mut rows: BTreeMap<(usize, Option<usize>), Vec<usize>> = BTreeMap::new();
    for (row, (first, part)) in first_of_path.iter().zip(parts).enumerate() {
        rows.entry((*first, *part)).or_default().push(row);
    }
    rows.into_iter()
        .filter(|(_, rows)| rows.len() > 1)
        .map(|((first, _), rows)| {
            Finding::new(FindingKind::RepeatedPath, table.name(first).into(), rows)
        })
        .collect()
}

/// Files that are said to be both real and fake.
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

/// Refuses a report over one of the CSVs, or under a name that is not that of a CSV.
pub(super) fn expect_apart(report: &Path, csvs: &[PathBuf]) -> Result<(), OutputError> {
    expect_csv(report)?;
    csvs.iter().try_for_each(|csv| expect_other(report, csv))
}

/// Writes a line for every row of every finding.
pub(super) fn write(
    path: &Path,
    table: &Table,
    names: &[String],
    parts: &[Option<usize>],
    found: &[Finding],
) -> Result<(), OutputError> {
    avff_files::write_with(path, |file| lines(file, table, names, parts, found))
        .map_err(OutputError::io(path))
}

fn lines(
    file: &mut impl Write,
    table: &Table,
    names: &[String],
    parts: &[Option<usize>],
    found: &[Finding],
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
    for Finding { kind, key, rows, failure } in found {
        for &row in rows {
            let split = parts.get(row).copied().flatten().and_then(|part| names.get(part));
            let target = table.target(row).map_or_else(String::new, |target| target.to_string());
            let csv = table.files().get(table.file_of(row)).map(|file| file.path.display());
            let csv = csv.map_or_else(String::new, |path| path.to_string());
            let split = split.map_or("", String::as_str);
            let number = table.line(row).to_string();
            let hint =
                failure.as_ref().and_then(|failure| failure.hint.as_deref()).unwrap_or_default();
            let name = table.name(row);
            writer.write_record([kind.name(), key, split, &target, name, &csv, &number, hint])?;
        }
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_show_every_side_of_a_leak() {
        let side = |row: usize| Some(usize::from(row >= 7));
        assert_eq!(a_row_a_side(&[1, 2, 5, 6, 7, 9], side), [1, 2, 7]);
        assert_eq!(a_row_a_side(&[1, 2], side), [1, 2]);
        assert_eq!(a_row_a_side(&[1, 7, 8, 9], side), [1, 7, 8]);
    }
}
