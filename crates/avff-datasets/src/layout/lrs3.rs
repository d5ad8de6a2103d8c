//! LRS3: `{pretrain,trainval,test}/<video>/<number>.mp4`. All clips are real and in English.

use super::{
    Definition, path,
    record::{Record, Split},
    scan::Scanner,
    tree::Filter,
};
use crate::error::DatasetError;

/// The parts and their splits. Users divide `trainval` themselves.
const PARTS: [(&str, Split); 3] =
    [("pretrain", Split::Train), ("trainval", Split::Train), ("test", Split::Test)];

pub(super) const LAYOUT: Definition = Definition {
    name: "lrs3",
    title: "LRS3",
    expected: "`pretrain`, `trainval` or `test` with `<video>/<number>.mp4`",
    extra: &["part"],
    filter: Filter::CLIPS,
    looks_like: |listing| listing.any_name(|name| matches!(name, "pretrain" | "trainval")),
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

fn record(file: &str) -> Option<Record> {
    let (folder, name) = path::split(file);
    let (parent, video) = path::split(folder);
    let part = path::name(parent);
    let split = PARTS.iter().find(|entry| entry.0 == part)?.1;
    if !path::stem(name).bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Record {
        split: Some(split),
        identity: video.to_owned(),
        language: "en".to_owned(),
        extra: vec![part.to_owned()],
        ..Record::real(file.to_owned())
    })
}
