//! KoDF as distributed by AI-Hub: archives of clips, and tables in Korean.
//!
//! Tables are identified by their columns and clips by their names. Folders differ between
//! archives, and some unpackers corrupt Korean file names. Without tables, the clip names suffice:
//! `<person>_<number>` is real, `<target>_<source>_<code>_<number>` is fake.

use std::io::Read;

use super::{
    Definition,
    path::{self, clean, name, stem},
    record::{Category, Record, Split},
    scan::{Rows, Scanner},
    table::{Table, rows},
    tree::{Filter, Names},
};
use crate::{
    error::{DatasetError, Reason},
    normal_form::composed,
};

/// Column names: "clip"; "person" of a real clip; and for a fake "target clip", "model", "target
/// person" (shown) and "source person" (whose face was used).
const CLIP: &str = "영상ID";
const PERSON: &str = "UUID";
const TARGET_CLIP: &str = "타겟영상";
const MODEL: &str = "변조모델";
const TARGET_PERSON: &str = "타겟UUID";
const SOURCE_PERSON: &str = "소스UUID";
const GENDER: &str = "인물성별";
/// Models by the code in the name of a fake.
const MODELS: [(&str, &str); 5] =
    [("1", "dfl"), ("2", "dffs"), ("3", "fsgan"), ("4", "fo"), ("5", "audio-driven")];
/// Folders of clips perturbed to evade detection, which may be named like unperturbed clips.
const PERTURBED: &str = "탐지방해";

pub(super) const LAYOUT: Definition = Definition {
    name: "kodf",
    title: "KoDF",
    expected: "a CSV with a column `영상ID`, or clips named as KoDF names them",
    extra: &["gender"],
    filter: Filter { metadata: is_table, ..Filter::CLIPS },
    looks_like: |listing| {
        let table = |name: &str| is_table(name) && composed(name).contains("영상");
        listing.any_name(|name| table(name) || matches!(by_name(name), Some(Named::Fake { .. })))
    },
    scan,
};

fn is_table(name: &str) -> bool {
    name.ends_with(".csv")
}

/// A row of a table.
#[derive(Debug)]
pub(super) struct Listed {
    /// File name of the clip, with or without extension.
    clip: String,
    fake: Option<Fake>,
    /// For a real clip.
    person: String,
    gender: String,
}

#[derive(Debug)]
struct Fake {
    model: String,
    target_clip: String,
    people: String,
}

/// Reads a table of real or fake clips.
pub(super) fn read(input: impl Read, visit: Rows<'_, Listed>) -> Result<(), Reason> {
    let table = Table::open(input)?;
    let clip = table.require(CLIP)?;
    let [person, target_clip, model, target, source, gender] =
        [PERSON, TARGET_CLIP, MODEL, TARGET_PERSON, SOURCE_PERSON, GENDER]
            .map(|name| table.column(name));
    rows(table, visit, |cells| {
        let fake = if model.is_some() {
            let people = [cells.optional(target)?, cells.optional(source)?];
            let target_clip = match cells.optional(target_clip)? {
                "" => String::new(),
                name => clean(name)?,
            };
            Some(Fake {
                model: cells.optional(model)?.to_owned(),
                target_clip,
                people: people_of(people),
            })
        } else {
            None
        };
        Ok(Listed {
            clip: clean(cells.get(clip)?)?,
            fake,
            person: cells.optional(person)?.to_owned(),
            gender: cells.optional(gender)?.to_owned(),
        })
    })
}

fn people_of([target, source]: [&str; 2]) -> String {
    if target == source || source.is_empty() {
        target.to_owned()
    } else {
        format!("{target};{source}")
    }
}

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let tree = scanner.tree();
    let clips = Clips(Names::new(&tree.media, clip_key));
    let mut tables = Vec::new();
    for file in &tree.metadata {
        let table = Table::open(scanner.open(file)?);
        if table.is_ok_and(|table| table.column(CLIP).is_some()) {
            tables.push(file);
        }
    }
    for metadata in &tables {
        let split = split_of(path::name(metadata));
        scanner.each(metadata, read, |listed| {
            let mut record = clips.record(&listed);
            record.split = split;
            Ok(record)
        })?;
    }
    if !tables.is_empty() {
        return Ok(true);
    }
    let mut any = false;
    for file in &tree.media {
        let Some(named) = by_name(path::name(file)) else { continue };
        any = true;
        if scanner.offer(&named.record(file)).is_break() {
            break;
        }
    }
    Ok(any)
}

/// Returns the split in the name of a table, where it is the only word in Latin letters.
fn split_of(name: &str) -> Option<Split> {
    name.split(|c: char| !c.is_ascii_alphabetic()).filter_map(Split::parse).next()
}

fn clip_key(path: &str) -> &str {
    stem(name(path))
}

/// Clips by name.
struct Clips<'a>(Names<'a>);

impl Clips<'_> {
    /// Returns the path of a clip, or its name if the file does not exist.
    fn locate(&self, clip: &str) -> String {
        let key = if super::tree::is_media(clip) { clip_key(clip) } else { name(clip) };
        let perturbed = |path: &&str| composed(path).contains(PERTURBED);
        let original = self.0.all(key).find(|path| !perturbed(path));
        match original.or_else(|| self.0.all(key).next()) {
            Some(path) => path.to_owned(),
            None if super::tree::is_media(clip) => clip.to_owned(),
            None => format!("{clip}.mp4"),
        }
    }

    fn record(&self, listed: &Listed) -> Record {
        let path = self.locate(&listed.clip);
        let extra = vec![listed.gender.clone()];
        let language = "ko".to_owned();
        match &listed.fake {
            None => {
                Record { identity: listed.person.clone(), language, extra, ..Record::real(path) }
            }
            Some(fake) => Record {
                method: fake.model.clone(),
                identity: fake.people.clone(),
                source: match fake.target_clip.as_str() {
                    "" => String::new(),
                    clip => self.locate(clip),
                },
                language,
                extra,
                // No model of KoDF generates audio.
                ..Record::with_category(Category::FakeReal, path)
            },
        }
    }
}

/// The information in the name of a clip.
enum Named<'a> {
    Real { person: &'a str },
    Fake { target: &'a str, source: &'a str, model: &'static str },
}

fn by_name(name: &str) -> Option<Named<'_>> {
    if !super::tree::is_media(name) {
        return None;
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match *stem(name).split('_').collect::<Vec<_>>().as_slice() {
        [person, number] if is_number(number) && !person.is_empty() => Some(Named::Real { person }),
        [target, source, code, number] if is_number(number) => {
            let model = MODELS.iter().find(|model| model.0 == code)?.1;
            Some(Named::Fake { target, source, model })
        }
        _ => None,
    }
}

impl Named<'_> {
    fn record(&self, path: &str) -> Record {
        let language = "ko".to_owned();
        let extra = vec![String::new()];
        match *self {
            Self::Real { person } => Record {
                identity: person.to_owned(),
                language,
                extra,
                ..Record::real(path.to_owned())
            },
            Self::Fake { target, source, model } => Record {
                method: model.to_owned(),
                identity: people_of([target, source]),
                language,
                extra,
                ..Record::with_category(Category::FakeReal, path.to_owned())
            },
        }
    }
}
