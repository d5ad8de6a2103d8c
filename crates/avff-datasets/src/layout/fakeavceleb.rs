//! FakeAVCeleb v1.2: `meta_data.csv` and `<type>/<race>/<gender>/<id>/<clip>.mp4`.
//!
//! The header ends in a comma. Column `path` holds the file name, and the unnamed column after it
//! the folder (`Unnamed: 9` in pandas). The folder starts with a root that the copy may not have.

use std::io::Read;

use super::{
    Definition,
    path::{clean, join, name, split, stem},
    record::{Category, Record},
    scan::{Rows, Scanner},
    table::{Table, rows},
    tree::Filter,
};
use crate::{
    error::{DatasetError, Reason},
    manifest::quote,
};

const METADATA: &str = "meta_data.csv";
/// The type folders, with the category letter of each.
const TYPES: [(&str, &str, Category); 4] = [
    ("RealVideo-RealAudio", "A", Category::RealReal),
    ("RealVideo-FakeAudio", "B", Category::RealFake),
    ("FakeVideo-RealAudio", "C", Category::FakeReal),
    ("FakeVideo-FakeAudio", "D", Category::FakeFake),
];

pub(super) const LAYOUT: Definition = Definition {
    name: "fakeavceleb",
    title: "FakeAVCeleb v1.2",
    expected: "`meta_data.csv`",
    extra: &["race", "gender"],
    filter: Filter { metadata: |name| name == METADATA, ..Filter::CLIPS },
    looks_like: |listing| {
        listing.any_name(|name| name == METADATA || TYPES.iter().any(|kind| kind.0 == name))
    },
    scan,
};

/// A row of `meta_data.csv`. Paths start at its folder.
#[derive(Debug)]
pub(super) struct Listed {
    path: String,
    category: Category,
    method: String,
    identity: String,
    source: String,
    race: String,
    gender: String,
}

/// Reads `meta_data.csv`.
pub(super) fn read(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    let table = Table::open(input)?;
    let column = |name| table.require(name);
    let file = column("path")?;
    let folder = ["", "Unnamed: 9"].iter().find_map(|name| table.column(name));
    let [kind, race, gender, source, method] =
        [column("type")?, column("race")?, column("gender")?, column("source")?, column("method")?];
    let targets = [table.column("target1"), table.column("target2")];
    let letter = table.column("category");
    rows(table, visit, |cells| {
        let kind = cells.get(kind)?;
        let &(_, expected_letter, category) = TYPES
            .iter()
            .find(|entry| entry.0 == kind)
            .ok_or_else(|| format!("the type is {}", quote(kind)))?;
        let letter = cells.optional(letter)?;
        if !letter.is_empty() && letter != expected_letter {
            return Err(format!("type {kind} with category {}", quote(letter)));
        }
        let (race, gender, source) = (cells.get(race)?, cells.get(gender)?, cells.get(source)?);
        let file = clean(cells.get(file)?)?;
        let folder = match cells.optional(folder)? {
            "" => join(&join(kind, race), &join(gender, source)),
            folder => without_root(&clean(folder)?).to_owned(),
        };
        let mut people = vec![source];
        for target in targets {
            let target = cells.optional(target)?;
            if !matches!(target, "" | "-") && !people.contains(&target) {
                people.push(target);
            }
        }
        let method = cells.get(method)?;
        Ok(Listed {
            path: clean(&join(&folder, &file))?,
            category,
            method: if category.is_fake() { method.to_owned() } else { String::new() },
            identity: people.join(";"),
            source: original(&file, race, gender, source),
            race: race.to_owned(),
            gender: gender.to_owned(),
        })
    })
}

/// Removes the original root folder of the data set from a path.
fn without_root(folder: &str) -> &str {
    match folder.split_once('/') {
        Some((root, rest)) if root.starts_with("FakeAVCeleb") => rest,
        _ => folder,
    }
}

/// Returns the real clip from which a fake was generated. The name of a fake starts with the number
/// of the real clip.
fn original(file: &str, race: &str, gender: &str, person: &str) -> String {
    let file = name(file);
    let number = stem(file).split('_').next().unwrap_or_default();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return String::new();
    }
    let path = format!("RealVideo-RealAudio/{race}/{gender}/{person}/{number}.mp4");
    clean(&path).unwrap_or_default()
}

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let files = &scanner.tree().metadata;
    for metadata in files {
        let (base, _) = split(metadata);
        scanner.each(metadata, read, |listed| {
            let mut record = Record::with_category(listed.category, join(base, &listed.path));
            if listed.category.is_fake() && !listed.source.is_empty() {
                record.source = join(base, &listed.source);
            }
            record.method = listed.method;
            record.identity = listed.identity;
            record.extra = vec![listed.race, listed.gender];
            Ok(record)
        })?;
    }
    Ok(!files.is_empty())
}
