//! Any collection sorted by hand: `real/` and `fake/`, below a folder a split if there is one.

use super::{
    Definition, path,
    record::{Category, Record, Split},
    scan::Scanner,
    tree::Wanted,
};
use crate::error::DatasetError;

pub(super) const LAYOUT: Definition = Definition {
    name: "folder",
    title: "any clips in `real/` and `fake/`",
    expected: "`real/` and `fake/`, or `train/real/`, `train/fake/`...",
    extra: &[],
    wanted: Wanted::CLIPS,
    looks_like: |glimpse| {
        let top = |entry: &str| {
            let mut parts = entry.split('/').skip_while(|part| Split::parse(part).is_some());
            parts.next().is_some_and(|part| is_fake(part).is_some())
        };
        glimpse.any(top)
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

/// The first folder named `real` or `fake` decides; the one in a `fake` is the method.
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
        return Some(Record { split, ..Record::of(Category::RealReal, path) });
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
