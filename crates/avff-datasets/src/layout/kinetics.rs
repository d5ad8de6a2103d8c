//! Kinetics-400: tables of excerpts of YouTube videos, and clips named
//! `<class>/<video>_<start>_<end>.mp4` with times of six digits. All clips are real.
//!
//! Tables are identified by their columns and clips by their names, because the folders of copies
//! differ: one per class, one per split, or both. Without a table, the names suffice.

use std::io::Read;

use super::{
    Definition,
    path::{self, clean, join, name, stem},
    record::{Record, Split},
    scan::{Rows, Scanner},
    table::{Table, rows},
    tree::{Filter, Names, is_media},
};
use crate::{
    error::{DatasetError, Reason},
    manifest::quote,
};

pub(super) const LAYOUT: Definition = Definition {
    name: "kinetics-400",
    title: "Kinetics-400",
    expected: "a CSV with columns `youtube_id`, `time_start`, `time_end`, or clips named `<video>_<start>_<end>.mp4`",
    extra: &["class"],
    filter: Filter { metadata: |name| name.ends_with(".csv"), ..Filter::CLIPS },
    looks_like: |listing| listing.any_name(|name| is_media(name) && video(stem(name)).is_some()),
    scan,
};

/// A row of a table.
#[derive(Debug)]
pub(super) struct Listed {
    /// File name of the clip, without extension.
    clip: String,
    video: String,
    class: String,
    split: Option<Split>,
}

/// Reads a table. The table of the test split has no `label`; newer tables have `is_cc`.
pub(super) fn read(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    let table = Table::open(input)?;
    let [video, start, end] =
        [table.require("youtube_id")?, table.require("time_start")?, table.require("time_end")?];
    let (label, split) = (table.column("label"), table.column("split"));
    rows(table, visit, |cells| {
        let video = cells.get(video)?;
        if video.is_empty() || video.contains(['/', '\\']) {
            return Err(format!("the video is {}", quote(video)));
        }
        let (start, end) = (seconds(cells.get(start)?)?, seconds(cells.get(end)?)?);
        Ok(Listed {
            clip: clean(&format!("{video}_{start:06}_{end:06}"))?,
            video: video.to_owned(),
            class: cells.optional(label)?.to_owned(),
            split: Split::parse(cells.optional(split)?),
        })
    })
}

/// Parses integer seconds. pandas writes `10.0` if a cell of the column is empty.
fn seconds(cell: &str) -> Result<u32, String> {
    let integer = cell.strip_suffix(".0").unwrap_or(cell);
    integer.parse().map_err(|_| format!("a time of {}", quote(cell)))
}

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let tree = scanner.tree();
    let clips = Names::new(&tree.media, |path| stem(name(path)));
    let mut tables = Vec::new();
    for file in &tree.metadata {
        let table = Table::open(scanner.open(file)?);
        let columns = ["youtube_id", "time_start", "time_end"];
        if table.is_ok_and(|table| columns.iter().all(|name| table.column(name).is_some())) {
            tables.push(file);
        }
    }
    for metadata in &tables {
        scanner.each(metadata, read, |listed| {
            let path = match clips.all(&listed.clip).next() {
                Some(path) => path.to_owned(),
                None => clean(&join(&listed.class, &format!("{}.mp4", listed.clip)))?,
            };
            Ok(Record {
                split: listed.split,
                identity: listed.video,
                extra: vec![listed.class],
                ..Record::real(path)
            })
        })?;
    }
    if !tables.is_empty() {
        return Ok(true);
    }
    let mut any = false;
    for file in &tree.media {
        let Some(record) = by_name(file) else { continue };
        any = true;
        if scanner.offer(&record).is_break() {
            break;
        }
    }
    Ok(any)
}

fn by_name(file: &str) -> Option<Record> {
    let (folder, name) = path::split(file);
    let video = video(stem(name))?;
    let mut folders = folder.rsplit('/');
    let nearest = folders.next().unwrap_or_default();
    let split = Split::parse(nearest);
    let class = if split.is_some() { "" } else { nearest };
    Some(Record {
        split: split.or_else(|| folders.find_map(Split::parse)),
        identity: video.to_owned(),
        extra: vec![class.to_owned()],
        ..Record::real(file.to_owned())
    })
}

/// Returns the video in the name of a clip. Video names may contain `_` and `-`.
fn video(clip: &str) -> Option<&str> {
    let (rest, end) = clip.rsplit_once('_')?;
    let (video, start) = rest.rsplit_once('_')?;
    let time = |text: &str| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    (time(start) && time(end) && !video.is_empty()).then_some(video)
}
