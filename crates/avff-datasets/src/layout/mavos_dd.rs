//! MAVOS-DD: a folder of clips with an Arrow table, as saved by `Dataset.save_to_disk`.
//!
//! Only the files named in `state.json` count. `datasets` leaves other files named `cache-*.arrow`
//! after filtering or mapping a table.

use std::io::Read;

use serde::Deserialize;

use super::{
    Definition,
    arrow::{self, Value},
    json, path,
    path::{clean, join},
    record::{Category, Record, Split},
    scan::{Position, Rows, Scanner},
    table,
    tree::Filter,
};
use crate::{
    error::{DatasetError, Reason},
    manifest::row_error,
};

const STATE: &str = "state.json";
/// The columns. The columns after the fifth were added later.
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
/// Language folders and their ISO 639-1 codes.
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
/// Maximum number of files of a table.
const MAX_SHARDS: usize = 4096;

pub(super) const LAYOUT: Definition = Definition {
    name: "mavos-dd",
    title: "MAVOS-DD",
    expected: "`state.json` and the `data-*.arrow` it names",
    extra: &["open_set_model", "open_set_language"],
    filter: Filter { metadata: |name| name == STATE, ..Filter::CLIPS },
    looks_like: |listing| {
        listing.any_name(|name| name == STATE) && listing.any_name(|name| name.ends_with(".arrow"))
    },
    scan,
};

/// A row of the table. Paths start at its folder.
#[derive(Debug)]
pub(super) struct Listed {
    path: String,
    fake: bool,
    /// The category, if the table states which streams are fake.
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

/// Reads `state.json`: the names of the files with the rows.
pub(super) fn read_state(input: impl Read) -> Result<Vec<String>, Reason> {
    let state: State = json::read_one(input)?;
    if state.files.len() > MAX_SHARDS {
        return Err(Reason::TooLarge {
            what: "number of Arrow files",
            value: state.files.len() as u64,
            limit: MAX_SHARDS as u64,
        });
    }
    let name = |file: DataFile| clean(&file.filename).map_err(|what| row_error(1, what));
    state.files.into_iter().map(name).collect()
}

/// Reads a file with rows.
pub(super) fn read_rows(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    arrow::read(input, &COLUMNS, &mut |row, cells| visit(Position::Row(row), listed(cells)))
}

fn listed(cells: &[Option<Value<'_>>]) -> Result<Listed, String> {
    let &[path, label, split, model, language, method, video, audio] = cells else {
        return Err("an unexpected number of columns".to_owned());
    };
    let text = |cell: Option<Value<'_>>, index: usize| match cell {
        Some(Value::Text(text)) => Ok(text.to_owned()),
        _ => Err(format!("no text in column `{}`", COLUMNS.get(index).unwrap_or(&""))),
    };
    let flag = |cell: Option<Value<'_>>| cell == Some(Value::Bool(true));
    let is_bool = |cell: Option<Value<'_>>| matches!(cell, Some(Value::Bool(_)));
    let fake = table::label(text(label, 1)?.trim())?;
    let streams = Category::new(flag(video), flag(audio));
    let category = if is_bool(video) && is_bool(audio) { Some(streams) } else { None };
    if category.is_some_and(|category| category.is_fake() != fake) {
        return Err("the label contradicts `video_fake` and `audio_fake`".to_owned());
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
