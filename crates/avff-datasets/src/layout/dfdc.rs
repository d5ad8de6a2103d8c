//! DFDC: training parts, the preview set, and the validation and test sets.
//!
//! Every training part has a `metadata.json`, in a folder that is nested twice in some copies. The
//! preview set has one `dataset.json`. The validation and test sets have `labels.csv`. None of them
//! states which stream is fake.

use std::{collections::HashSet, io::Read};

use serde::Deserialize;

use super::{
    Definition, json,
    path::{self, clean, join},
    record::{Category, Record, Split},
    scan::{Rows, Scanner},
    table::{self, Table},
    tree::{Filter, Names, Tree},
};
use crate::error::{DatasetError, Reason};

const PART: &str = "metadata.json";
const PREVIEW: &str = "dataset.json";
const LABELS: &str = "labels.csv";

pub(super) const LAYOUT: Definition = Definition {
    name: "dfdc",
    title: "DFDC",
    expected: "`metadata.json` in each training part, `dataset.json` of the preview set, or `labels.csv`",
    extra: &[],
    filter: Filter { metadata: |name| matches!(name, PART | PREVIEW | LABELS), ..Filter::CLIPS },
    looks_like: |listing| {
        let preview = listing.any_name(|name| name == PREVIEW)
            && listing.any_name(|name| matches!(name, "original_videos" | "method_A" | "method_B"));
        let labels = listing.any_name(|name| name == LABELS);
        preview || labels || listing.any_name(|name| name.starts_with("dfdc_train_part"))
    },
    scan,
};

/// A listed clip of any metadata file. Names start at the folder of the metadata.
#[derive(Debug)]
pub(super) struct Listed {
    name: String,
    fake: bool,
    split: Option<Split>,
    /// For a fake of the training parts.
    original: Option<String>,
    identity: String,
    method: String,
}

#[derive(Deserialize)]
struct Clip {
    label: Option<String>,
    /// The test set's label.
    is_fake: Option<u8>,
    split: Option<String>,
    set: Option<String>,
    original: Option<String>,
    target_id: Option<Id>,
    swapped_id: Option<Id>,
}

/// The identifier of a person: a number, possibly as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

/// Reads `metadata.json` and `dataset.json`.
pub(super) fn read_json(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    json::rows(input, visit, |name, clip: Clip| {
        let name = clean(&name.ok_or("a clip without a name")?)?;
        let fake = match (&clip.label, clip.is_fake) {
            (Some(label), _) => table::label(label.trim())?,
            (None, Some(label)) => table::label(&label.to_string())?,
            (None, None) => return Err("a clip without a label".to_owned()),
        };
        let people = [clip.target_id, clip.swapped_id].into_iter().flatten().map(|id| match id {
            Id::Number(number) => number.to_string(),
            Id::Text(text) => text,
        });
        let method = name.split('/').next().filter(|folder| folder.starts_with("method_"));
        Ok(Listed {
            fake,
            split: clip.split.or(clip.set).as_deref().and_then(Split::parse),
            original: clip.original.as_deref().map(clean).transpose()?,
            identity: people.collect::<Vec<_>>().join(";"),
            method: method.unwrap_or_default().to_owned(),
            name,
        })
    })
}

/// Reads `labels.csv`.
pub(super) fn read_labels(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    let table = Table::open(input)?;
    let (name, label) = (table.require("filename")?, table.require("label")?);
    table::rows(table, visit, |cells| {
        Ok(Listed {
            name: clean(cells.get(name)?)?,
            fake: table::label(cells.get(label)?)?,
            split: None,
            original: None,
            identity: String::new(),
            method: String::new(),
        })
    })
}

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let tree = scanner.tree();
    let names = Names::new(&tree.media, path::name);
    // The test set has both metadata files with equal content; the JSON suffices.
    let (tables, lists): (Vec<_>, Vec<_>) =
        tree.metadata.iter().partition(|file| path::name(file) == LABELS);
    let with_json: HashSet<&str> = lists.iter().map(|file| path::split(file).0).collect();
    for metadata in lists {
        let (base, _) = path::split(metadata);
        scanner.each(metadata, read_json, |listed| Ok(record(tree, &names, base, listed)))?;
    }
    for metadata in &tables {
        let (base, _) = path::split(metadata);
        if !with_json.contains(base) {
            scanner.each(metadata, read_labels, |listed| Ok(record(tree, &names, base, listed)))?;
        }
    }
    Ok(!tree.metadata.is_empty())
}

fn record(tree: &Tree, names: &Names<'_>, base: &str, listed: Listed) -> Record {
    let path = locate(tree, names, base, &listed.name);
    let mut record = if listed.fake {
        Record::fake(path)
    } else {
        Record::with_category(Category::RealReal, path)
    };
    if let (true, Some(original)) = (listed.fake, &listed.original) {
        record.source = locate(tree, names, base, original);
    }
    record.split = listed.split.or_else(|| split_of(base));
    record.identity = listed.identity;
    record.method = listed.method;
    record
}

/// Returns the path of a clip: beside its metadata, or in a folder below if the name is unique
/// there.
fn locate(tree: &Tree, names: &Names<'_>, base: &str, name: &str) -> String {
    let direct = join(base, name);
    if tree.find(&direct).is_some() {
        return direct;
    }
    let prefix = if base.is_empty() { String::new() } else { format!("{base}/") };
    let mut below = names.all(name).filter(|path| path.starts_with(&prefix));
    match (below.next(), below.next()) {
        (Some(only), None) => only.to_owned(),
        _ => direct,
    }
}

/// Returns the split that a folder name contains, such as `dfdc_validation_set`.
fn split_of(folder: &str) -> Option<Split> {
    let words = folder.rsplit('/').flat_map(|part| part.split(|c: char| !c.is_ascii_alphabetic()));
    words.filter_map(Split::parse).next()
}
