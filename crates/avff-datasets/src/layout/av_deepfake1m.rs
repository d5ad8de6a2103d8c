//! AV-Deepfake1M and AV-Deepfake1M++: folders `{train,val,test}/` with one list per split. The
//! labels of the test split are hidden; `test_files.txt` names its clips.
//!
//! A copy without lists may have one JSON file per clip under `train_metadata/` and
//! `val_metadata/`. The scan reads these files only without lists, because there are as many of
//! them as clips.

use std::{
    io::{BufRead, Read},
    path::Path,
};

use serde::Deserialize;

use super::{
    Definition,
    json::{self, Segment},
    path::{self, clean, join, stem},
    record::{Category, Record, Split},
    scan::{Position, Problem, Rows, Scanner},
    tree::{Filter, Tree},
};
use crate::{
    error::{DatasetError, Reason},
    manifest::{lines::MAX_RECORD, quote, row_error, text::Utf8},
};

const LIST: &str = "_metadata.json";
const FOLDER: &str = "_metadata";
const NAMES: &str = "_files.txt";
/// Corpora at the start of paths in AV-Deepfake1M++.
const CORPORA: [&str; 3] = ["vox_celeb_2", "lrs3", "silent_videos"];

pub(super) const LAYOUT: Definition = Definition {
    name: "av-deepfake1m",
    title: "AV-Deepfake1M and AV-Deepfake1M++",
    expected: "`train_metadata.json`, `val_metadata.json`, `train_metadata/`, `val_metadata/` or `test_files.txt`",
    extra: &["fake_segments", "visual_fake_segments", "audio_fake_segments"],
    filter: Filter {
        metadata: |name| name.ends_with(LIST) || name.ends_with(NAMES),
        skip: |name| name.ends_with(FOLDER),
        ..Filter::CLIPS
    },
    looks_like: |listing| {
        listing.any_name(|name| {
            ["train", "val"].iter().any(|split| {
                name.strip_prefix(split).is_some_and(|rest| rest == LIST || rest == FOLDER)
            }) || name == "test_files.txt"
        })
    },
    scan,
};

/// A listed clip. Paths start at the folder of the split.
#[derive(Debug)]
pub(super) struct Listed {
    file: String,
    original: Option<String>,
    split: Option<Split>,
    /// `None` if the label is hidden.
    category: Option<Category>,
    method: String,
    /// Segments of either stream, of the video and of the audio.
    segments: [String; 3],
}

#[derive(Deserialize)]
struct Clip {
    file: Option<String>,
    original: Option<String>,
    split: Option<String>,
    modify_type: String,
    audio_model: Option<String>,
    video_model: Option<String>,
    fake_segments: Option<Vec<Segment>>,
    #[serde(default)]
    visual_fake_segments: Vec<Segment>,
    #[serde(default)]
    audio_fake_segments: Vec<Segment>,
}

/// Reads the list of a split.
pub(super) fn read_list(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    json::rows(input, visit, |_, clip: Clip| {
        let file = clip.file.as_deref().ok_or("a clip without a file")?;
        clip.listed(file)
    })
}

/// Reads the names of clips with hidden labels, one per line.
pub(super) fn read_names(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    let mut input = std::io::BufReader::new(Utf8::new(input));
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        if input.by_ref().take(MAX_RECORD as u64 + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.len() > MAX_RECORD {
            return Err(row_error(number, format!("a line exceeds {MAX_RECORD} bytes")));
        }
        let file = str::from_utf8(&line).map_err(|_| "not UTF-8".to_owned());
        if file.as_ref().is_ok_and(|file| file.trim().is_empty()) {
            continue;
        }
        let listed = file.and_then(clean).map(|file| Listed {
            file,
            original: None,
            split: None,
            category: None,
            method: String::new(),
            segments: Default::default(),
        });
        if visit(Position::Line(number), listed).is_break() {
            return Ok(());
        }
    }
}

impl Clip {
    fn listed(&self, file: &str) -> Result<Listed, String> {
        let file = clean(file)?;
        // The data set's own loader uses `both-modified`.
        let category = match self.modify_type.replace('-', "_").as_str() {
            "real" => Category::RealReal,
            "visual_modified" => Category::FakeReal,
            "audio_modified" => Category::RealFake,
            "both_modified" => Category::FakeFake,
            other => return Err(format!("{file}: modify_type is {}", quote(other))),
        };
        let models = [self.video_model.as_deref(), self.audio_model.as_deref()];
        let [visual, audio] =
            [json::cell(&self.visual_fake_segments)?, json::cell(&self.audio_fake_segments)?];
        let all = match &self.fake_segments {
            Some(segments) => json::cell(segments)?,
            None => either(&visual, &audio),
        };
        Ok(Listed {
            original: self.original.as_deref().map(clean).transpose()?,
            split: self.split.as_deref().and_then(Split::parse),
            category: Some(category),
            method: models
                .into_iter()
                .flatten()
                .filter(|model| category.is_fake() && !model.is_empty())
                .collect::<Vec<_>>()
                .join("+"),
            segments: [all, visual, audio],
            file,
        })
    }
}

/// Joins the segments of both streams; equal segments appear once.
fn either(visual: &str, audio: &str) -> String {
    match (visual, audio) {
        ("", only) | (only, "") => only.to_owned(),
        (visual, audio) if visual == audio => visual.to_owned(),
        (visual, audio) => format!("{visual};{audio}"),
    }
}

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let tree = scanner.tree();
    let mut any = false;
    for metadata in &tree.metadata {
        any = true;
        let (base, name) = path::split(metadata);
        if let Some(split) = name.strip_suffix(LIST) {
            let folder = Folder::new(tree, base, split);
            scanner.each(metadata, read_list, |listed| Ok(folder.record(listed)))?;
        } else if let Some(split) = name.strip_suffix(NAMES) {
            let folder = Folder::new(tree, base, split);
            scanner.each(metadata, read_names, |listed| Ok(folder.record(listed)))?;
        }
    }
    for split in ["train", "val", "test"] {
        let listed = tree.metadata.iter().any(|file| path::name(file) == format!("{split}{LIST}"));
        let folder = format!("{split}{FOLDER}");
        if !listed && scanner.root().join(&folder).is_dir() {
            any = true;
            scan_clip_files(scanner, split, &folder)?;
        }
    }
    Ok(any)
}

/// Reads one JSON file per clip.
fn scan_clip_files(scanner: &mut Scanner<'_>, split: &str, path: &str) -> Result<(), DatasetError> {
    let filter = Filter { metadata: |name| name.ends_with(".json"), ..Filter::CLIPS };
    let files = Tree::walk(&scanner.root().join(Path::new(path)), filter)?.metadata;
    let folder = Folder::new(scanner.tree(), "", split);
    for file in files {
        let metadata = join(path, &file);
        let input = scanner.open(&metadata)?;
        let clip: Clip = scanner.at(&metadata, json::read_one(input))?;
        // A clip is named like its metadata file.
        let flow = match clip.listed(&format!("{}.mp4", stem(&file))) {
            Ok(listed) => scanner.offer(&folder.record(listed)),
            Err(why) => scanner.report(Problem::Refused, &metadata, &why),
        };
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// The folder at which the paths of a list start.
struct Folder<'a> {
    tree: &'a Tree,
    base: &'a str,
    split: &'a str,
}

impl<'a> Folder<'a> {
    fn new(tree: &'a Tree, base: &'a str, split: &'a str) -> Self {
        Self { tree, base, split }
    }

    /// Returns the path below the split's folder, or beside the list if the path names the split
    /// itself.
    fn locate(&self, file: &str) -> String {
        let beside = join(self.base, file);
        let in_split = file.strip_prefix(self.split).is_some_and(|rest| rest.starts_with('/'));
        if in_split || self.tree.find(&beside).is_some() {
            return beside;
        }
        join(self.base, &join(self.split, file))
    }

    fn record(&self, listed: Listed) -> Record {
        let path = self.locate(&listed.file);
        let mut record = match listed.category {
            Some(category) => Record::with_category(category, path),
            None => Record { path, ..Record::default() },
        };
        if let (Some(1), Some(original)) = (record.target, &listed.original) {
            record.source = self.locate(original);
        }
        record.split = listed.split.or_else(|| split_of(self.split));
        record.method = listed.method;
        record.identity = person(&listed.file).to_owned();
        record.extra = listed.segments.into();
        record
    }
}

/// Parses `train`, `val`, `test`, and the challenges' test sets such as `testA`.
fn split_of(name: &str) -> Option<Split> {
    Split::parse(name).or_else(|| name.starts_with("test").then_some(Split::Test))
}

/// Returns the first folder below the split and the corpus: the person, or the video if persons are
/// unknown.
fn person(file: &str) -> &str {
    let mut folders = path::split(file).0.split('/').filter(|name| split_of(name).is_none());
    match folders.next() {
        Some(corpus) if CORPORA.contains(&corpus) => folders.next().unwrap_or_default(),
        other => other.unwrap_or_default(),
    }
}
