//! LAV-DF: `{train,dev,test}/NNNNNN.mp4` and one list, `metadata.json` or the smaller
//! `metadata.min.json`.

use std::io::Read;

use serde::Deserialize;

use super::{
    Definition,
    json::{self, Segment},
    path::{self, clean, join},
    record::{Category, Record, Split},
    scan::{Rows, Scanner},
    tree::{Filter, Tree},
};
use crate::error::{DatasetError, Reason};

const FULL: &str = "metadata.json";
const SMALL: &str = "metadata.min.json";

pub(super) const LAYOUT: Definition = Definition {
    name: "lav-df",
    title: "LAV-DF",
    expected: "`metadata.json` or `metadata.min.json`, a list, beside `train`, `dev` and `test`",
    extra: &["fake_segments"],
    filter: Filter { metadata: |name| matches!(name, FULL | SMALL), ..Filter::CLIPS },
    looks_like: |listing| {
        let list = listing.any_name(|name| name == SMALL)
            || listing.any_name(|name| name == FULL) && listing.any_name(|name| name == "dev");
        list && !listing.any_name(|name| name.starts_with("dfdc"))
    },
    scan,
};

/// An element of the list. Paths start at its folder.
#[derive(Debug)]
pub(super) struct Listed {
    file: String,
    original: Option<String>,
    category: Category,
    split: Option<Split>,
    segments: String,
}

#[derive(Deserialize)]
struct Clip {
    file: String,
    original: Option<String>,
    n_fakes: Option<u64>,
    #[serde(default)]
    fake_periods: Vec<Segment>,
    modify_video: bool,
    modify_audio: bool,
    split: Option<String>,
}

/// Reads the list.
pub(super) fn read(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    json::rows(input, visit, |_, clip: Clip| {
        let file = clean(&clip.file)?;
        let category = Category::new(clip.modify_video, clip.modify_audio);
        if clip.n_fakes.is_some_and(|count| (count > 0) != category.is_fake()) {
            return Err(format!("{file}: n_fakes contradicts modify_video and modify_audio"));
        }
        let split = clip.split.as_deref().or(file.split_once('/').map(|(folder, _)| folder));
        Ok(Listed {
            original: clip.original.as_deref().map(clean).transpose()?,
            category,
            split: split.and_then(Split::parse),
            segments: json::cell(&clip.fake_periods)?,
            file,
        })
    })
}

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let tree = scanner.tree();
    for metadata in &tree.metadata {
        let (base, name) = path::split(metadata);
        let small = join(base, SMALL);
        if name == FULL && tree.metadata.binary_search_by(|file| (**file).cmp(&small)).is_ok() {
            continue;
        }
        scanner.each(metadata, read, |listed| Ok(record(tree, base, listed)))?;
    }
    Ok(!tree.metadata.is_empty())
}

fn record(tree: &Tree, base: &str, listed: Listed) -> Record {
    let mut record = Record::with_category(listed.category, join(base, &listed.file));
    if let (true, Some(original)) = (listed.category.is_fake(), &listed.original) {
        // The original lies beside the fake if the list gives only a file name.
        let beside = join(path::split(&record.path).0, original);
        let given = join(base, original);
        let is_beside = !original.contains('/') && tree.find(&given).is_none();
        record.source = if is_beside { beside } else { given };
    }
    record.split = listed.split;
    record.extra = vec![listed.segments];
    record
}
