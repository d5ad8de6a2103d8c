//! AV-Deepfake1M and AV-Deepfake1M++: `{train,val,test}/`, a list for each split but the test
//! split, whose labels are hidden and of which `test_files.txt` names the clips.
//!
//! A copy without the lists may have a JSON file a clip instead, under `train_metadata/` and
//! `val_metadata/`; they are read only then, as there are as many of them as clips.

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
    scan::{Place, Problem, Rows, Scanner},
    tree::{Tree, Wanted},
};
use crate::{
    error::{DatasetError, Reason},
    manifest::{complaint, lines::MAX_RECORD, mark::Unmarked, quote},
};

const LIST: &str = "_metadata.json";
const FOLDER: &str = "_metadata";
const NAMES: &str = "_files.txt";
/// The corpora that the paths of AV-Deepfake1M++ start with.
const CORPORA: [&str; 3] = ["vox_celeb_2", "lrs3", "silent_videos"];

pub(super) const LAYOUT: Definition = Definition {
    name: "av-deepfake1m",
    title: "AV-Deepfake1M and AV-Deepfake1M++",
    expected: "`train_metadata.json`, `val_metadata.json`, `train_metadata/`, `val_metadata/` or `test_files.txt`",
    extra: &["fake_segments", "visual_fake_segments", "audio_fake_segments"],
    wanted: Wanted {
        metadata: |name| name.ends_with(LIST) || name.ends_with(NAMES),
        skip: |name| name.ends_with(FOLDER),
        ..Wanted::CLIPS
    },
    looks_like: |glimpse| {
        glimpse.any_name(|name| {
            ["train", "val"].iter().any(|split| {
                name.strip_prefix(split).is_some_and(|rest| rest == LIST || rest == FOLDER)
            }) || name == "test_files.txt"
        })
    },
    scan,
};

/// A clip; paths start at the folder of its split.
#[derive(Debug)]
pub(super) struct Listed {
    file: String,
    original: Option<String>,
    split: Option<Split>,
    /// None where it is hidden.
    category: Option<Category>,
    method: String,
    /// All, of the picture, of the sound.
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

/// Reads the names of clips whose labels are hidden, one a line.
pub(super) fn read_names(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    let mut input = std::io::BufReader::new(Unmarked::new(input));
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        if input.by_ref().take(MAX_RECORD as u64 + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.len() > MAX_RECORD {
            return Err(complaint(number, format!("a line of over {MAX_RECORD} bytes")));
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
        if visit(Place::Line(number), listed).is_break() {
            return Ok(());
        }
    }
}

impl Clip {
    fn listed(&self, file: &str) -> Result<Listed, String> {
        let file = clean(file)?;
        // The data set's own loader looks for `both-modified`.
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

/// The segments of both streams; once where both were changed together.
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
            let place = Folder::new(tree, base, split);
            scanner.each(metadata, read_list, |listed| Ok(place.record(listed)))?;
        } else if let Some(split) = name.strip_suffix(NAMES) {
            let place = Folder::new(tree, base, split);
            scanner.each(metadata, read_names, |listed| Ok(place.record(listed)))?;
        }
    }
    for split in ["train", "val", "test"] {
        let listed = tree.metadata.iter().any(|file| path::name(file) == format!("{split}{LIST}"));
        let folder = format!("{split}{FOLDER}");
        if !listed && scanner.root().join(&folder).is_dir() {
            any = true;
            one_by_one(scanner, split, &folder)?;
        }
    }
    Ok(any)
}

/// Reads a JSON file a clip.
fn one_by_one(scanner: &mut Scanner<'_>, split: &str, folder: &str) -> Result<(), DatasetError> {
    let wanted = Wanted { metadata: |name| name.ends_with(".json"), ..Wanted::CLIPS };
    let files = Tree::walk(&scanner.root().join(Path::new(folder)), wanted)?.metadata;
    let place = Folder::new(scanner.tree(), "", split);
    for file in files {
        let metadata = join(folder, &file);
        let input = scanner.open(&metadata)?;
        let clip: Clip = scanner.at(&metadata, json::read_one(input))?;
        // The file of the clip has the name of its metadata.
        let flow = match clip.listed(&format!("{}.mp4", stem(&file))) {
            Ok(listed) => scanner.offer(&place.record(listed)),
            Err(why) => scanner.report(Problem::Refused, &metadata, &why),
        };
        if flow.is_break() {
            break;
        }
    }
    Ok(())
}

/// The folder that the paths of a list start at.
struct Folder<'a> {
    tree: &'a Tree,
    base: &'a str,
    split: &'a str,
}

impl<'a> Folder<'a> {
    fn new(tree: &'a Tree, base: &'a str, split: &'a str) -> Self {
        Self { tree, base, split }
    }

    /// Under the split's folder, or beside the list where the path names the split itself.
    fn place(&self, file: &str) -> String {
        let beside = join(self.base, file);
        let in_split = file.strip_prefix(self.split).is_some_and(|rest| rest.starts_with('/'));
        if in_split || self.tree.find(&beside).is_some() {
            return beside;
        }
        join(self.base, &join(self.split, file))
    }

    fn record(&self, listed: Listed) -> Record {
        let path = self.place(&listed.file);
        let mut record = match listed.category {
            Some(category) => Record::of(category, path),
            None => Record { path, ..Record::default() },
        };
        if let (Some(1), Some(original)) = (record.target, &listed.original) {
            record.source = self.place(original);
        }
        record.split = listed.split.or_else(|| split_of(self.split));
        record.method = listed.method;
        record.identity = person(&listed.file).to_owned();
        record.extra = listed.segments.into();
        record
    }
}

/// `train`, `val`, `test`, and the several test sets of the challenges: `testA`.
fn split_of(name: &str) -> Option<Split> {
    Split::parse(name).or_else(|| name.starts_with("test").then_some(Split::Test))
}

/// The first folder below the split and the corpus is the person, or the video where persons are not
/// known.
fn person(file: &str) -> &str {
    let mut folders = path::split(file).0.split('/').filter(|name| split_of(name).is_none());
    match folders.next() {
        Some(corpus) if CORPORA.contains(&corpus) => folders.next().unwrap_or_default(),
        other => other.unwrap_or_default(),
    }
}
