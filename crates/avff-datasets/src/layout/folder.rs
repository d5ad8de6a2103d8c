//! Any collection sorted into `real/` and `fake/`, optionally below one folder per split.

use super::{
    Definition, path,
    record::{Category, Record, Split},
    scan::Scanner,
    tree::Filter,
};
use crate::error::DatasetError;

pub(super) const LAYOUT: Definition = Definition {
    name: "folder",
    title: "any clips in `real/` and `fake/`",
    expected: "`real/` and `fake/`, or `train/real/`, `train/fake/`...",
    extra: &[],
    filter: Filter::CLIPS,
    looks_like: |listing| {
        let top = |entry: &str| {
            let mut parts = entry.split('/').skip_while(|part| Split::parse(part).is_some());
            parts.next().is_some_and(|part| is_fake(part).is_some())
        };
        listing.any(top)
    },
    scan,
};

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let mut any = false;
    for file in &scanner.tree().media {
        let Some(record) = record(file) else { continue };
        any = true;
        if scanner.offer(&record).is_break() {
            break;
        }
    }
    Ok(any)
}

/// The first folder named `real` or `fake` gives the label. The folder inside `fake` names the
/// method.
fn record(file: &str) -> Option<Record> {
    let mut folders = path::split(file).0.split('/');
    let mut split = None;
    let fake = loop {
        let folder = folders.next()?;
        if let Some(fake) = is_fake(folder) {
            break fake;
        }
        split = split.or_else(|| Split::parse(folder));
    };
    let path = file.to_owned();
    if !fake {
        return Some(Record { split, ..Record::with_category(Category::RealReal, path) });
    }
    let method = folders.next().unwrap_or_default().to_owned();
    Some(Record { split, method, ..Record::fake(path) })
}

fn is_fake(folder: &str) -> Option<bool> {
    match folder.to_ascii_lowercase().as_str() {
        "real" => Some(false),
        "fake" => Some(true),
        _ => None,
    }
}
