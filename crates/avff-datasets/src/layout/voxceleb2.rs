//! VoxCeleb2: `{dev,test}/mp4/<speaker>/<video>/<number>.mp4`. All clips are real.
//!
//! In most copies, the clips contain no audio. It is in files of equal name under `aac/`. A scan
//! counts these clips, because a clip without audio cannot be scored.

use super::{
    Definition,
    path::{self, join, stem},
    record::{Record, Split},
    scan::Scanner,
    tree::{Filter, Tree},
};
use crate::error::DatasetError;

pub(super) const LAYOUT: Definition = Definition {
    name: "voxceleb2",
    title: "VoxCeleb2",
    expected: "`{dev,test}/mp4/<speaker>/<video>/<number>.mp4`, speakers named `id` and a number",
    extra: &[],
    filter: Filter { audio: true, ..Filter::CLIPS },
    looks_like: |listing| {
        let people = |folder: &str| {
            path::split(folder).0.split('/').any(|part| part.contains("mp4"))
                && is_speaker(path::name(folder))
        };
        listing.any(people)
    },
    scan,
};

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let tree = scanner.tree();
    let (mut any, mut separate, mut missing) = (false, 0, 0);
    for file in &tree.media {
        let Some(record) = record(file) else { continue };
        any = true;
        if has_separate_audio(tree, file) {
            separate += 1;
        } else {
            missing += 1;
        }
        if scanner.offer(&record).is_break() {
            break;
        }
    }
    let summary = scanner.summary_mut();
    summary.separate_audio = Some(separate);
    summary.missing_audio = Some(missing);
    Ok(any)
}

fn record(file: &str) -> Option<Record> {
    let mut parts = file.rsplit('/').skip(2);
    let speaker = parts.next().filter(|name| is_speaker(name))?;
    // `dev`, `dev/mp4`, `vox2_dev_mp4`...
    let words = parts.flat_map(|part| part.split('_'));
    let split = words.filter_map(Split::parse).next();
    Some(Record {
        // The test split is for testing; all other clips are for training.
        split: split.map(|split| if split == Split::Val { Split::Train } else { split }),
        identity: speaker.to_owned(),
        ..Record::real(file.to_owned())
    })
}

/// Returns whether the name is a speaker: `id00012`.
fn is_speaker(name: &str) -> bool {
    let number = name.strip_prefix("id");
    number.is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn has_separate_audio(tree: &Tree, file: &str) -> bool {
    let (folder, name) = path::split(file);
    // `mp4` is a folder or part of a folder name.
    let folders = [folder.to_owned(), folder.replacen("mp4", "aac", 1)];
    folders.iter().any(|folder| {
        ["m4a", "aac", "wav"]
            .iter()
            .any(|extension| tree.has_audio(&join(folder, &format!("{}.{extension}", stem(name)))))
    })
}
