//! MAVOS-DD: a folder of clips with an Arrow table, as `Dataset.save_to_disk` leaves it.
//!
//! Only the files that `state.json` names count: `datasets` leaves others there, named
//! `cache-*.arrow`, when the table was filtered or mapped.

use std::io::Read;

use serde::Deserialize;

use super::{
    Definition,
    arrow::{self, Value},
    json, path,
    path::{clean, join},
    record::{Category, Record, Split},
    scan::{Place, Rows, Scanner},
    table,
    tree::Wanted,
};
use crate::{
    error::{DatasetError, Reason},
    manifest::complaint,
};

const STATE: &str = "state.json";
/// The columns, of which those after the fifth came later.
const COLUMNS: [&str; 8] = [
    "video_path",
    "label",
    "split",
    "open_set_model",
    "open_set_language",
    "generative_method",
    "video_fake",
    "audio_fake",
];
/// The languages that folders are named after, in ISO 639-1.
const LANGUAGES: [(&str, &str); 8] = [
    ("arabic", "ar"),
    ("english", "en"),
    ("german", "de"),
    ("hindi", "hi"),
    ("mandarin", "zh"),
    ("romanian", "ro"),
    ("russian", "ru"),
    ("spanish", "es"),
];
/// The most files of a table.
const MAX_SHARDS: usize = 4096;

pub(super) const LAYOUT: Definition = Definition {
    name: "mavos-dd",
    title: "MAVOS-DD",
    expected: "`state.json` and the `data-*.arrow` it names",
    extra: &["open_set_model", "open_set_language"],
    wanted: Wanted { metadata: |name| name == STATE, ..Wanted::CLIPS },
    looks_like: |glimpse| {
        glimpse.any_name(|name| name == STATE) && glimpse.any_name(|name| name.ends_with(".arrow"))
    },
    scan,
};

/// A row of the table; paths start at its folder.
#[derive(Debug)]
pub(super) struct Listed {
    path: String,
    fake: bool,
    /// Of the streams, where the table tells.
    category: Option<Category>,
    split: Option<Split>,
    open: [bool; 2],
    method: String,
}

#[derive(Deserialize)]
struct State {
    #[serde(rename = "_data_files")]
    files: Vec<DataFile>,
}

#[derive(Deserialize)]
struct DataFile {
    filename: String,
}

/// Reads `state.json`: the names of the files that hold the rows.
pub(super) fn read_state(input: impl Read) -> Result<Vec<String>, Reason> {
    let state: State = json::read_one(input)?;
    if state.files.len() > MAX_SHARDS {
        return Err(Reason::TooLarge {
            what: "number of Arrow files",
            value: state.files.len() as u64,
            limit: MAX_SHARDS as u64,
        });
    }
    let name = |file: DataFile| clean(&file.filename).map_err(|what| complaint(1, what));
    state.files.into_iter().map(name).collect()
}

/// Reads one of those files.
pub(super) fn read_rows(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    arrow::read(input, &COLUMNS, &mut |row, cells| visit(Place::Row(row), listed(cells)))
}

fn listed(cells: &[Option<Value<'_>>]) -> Result<Listed, String> {
    let &[path, label, split, model, language, method, video, audio] = cells else {
        return Err("a row of another width".to_owned());
    };
    let text = |cell: Option<Value<'_>>, index: usize| match cell {
        Some(Value::Text(text)) => Ok(text.to_owned()),
        _ => Err(format!("no text in column `{}`", COLUMNS.get(index).unwrap_or(&""))),
    };
    let flag = |cell: Option<Value<'_>>| cell == Some(Value::Bool(true));
    let known = |cell: Option<Value<'_>>| matches!(cell, Some(Value::Bool(_)));
    let fake = table::label(text(label, 1)?.trim())?;
    let streams = Category::new(flag(video), flag(audio));
    let category = if known(video) && known(audio) { Some(streams) } else { None };
    if category.is_some_and(|category| category.is_fake() != fake) {
        return Err("the label is not what `video_fake` and `audio_fake` say".to_owned());
    }
    let method = match method {
        Some(Value::Text(method)) if fake => method.to_owned(),
        _ => String::new(),
    };
    Ok(Listed {
        path: clean(&text(path, 0)?)?,
        fake,
        category: category.or(if fake { None } else { Some(Category::RealReal) }),
        split: Split::parse(&text(split, 2)?),
        open: [flag(model), flag(language)],
        method,
    })
}

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let files = &scanner.tree().metadata;
    for metadata in files {
        let (base, _) = path::split(metadata);
        let shards = read_state(scanner.open(metadata)?);
        for shard in scanner.at(metadata, shards)? {
            scanner.each(&join(base, &shard), read_rows, |listed| Ok(record(base, listed)))?;
        }
    }
    Ok(!files.is_empty())
}

fn record(base: &str, listed: Listed) -> Record {
    let folder = listed.path.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let language = LANGUAGES.iter().find(|language| language.0 == folder);
    let path = join(base, &listed.path);
    Record {
        category: listed.category,
        split: listed.split,
        method: listed.method,
        language: language.map_or_else(String::new, |language| language.1.to_owned()),
        extra: listed.open.map(|open| open.to_string()).into(),
        ..if listed.fake { Record::fake(path) } else { Record::real(path) }
    }
}
