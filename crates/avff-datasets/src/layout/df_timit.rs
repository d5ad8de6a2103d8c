//! DeepfakeTIMIT: `{higher,lower}_quality/<speaker>/<sentence>-video-<target>.avi`.
//!
//! The real clips belong to VidTIMIT, a separate download. They are included if they exist as
//! `<speaker>/<sentence>.avi`. All audio is real.

use super::{
    Definition,
    path::{self, join, stem},
    record::{Category, Record},
    scan::Scanner,
    tree::{Filter, Names},
};
use crate::error::DatasetError;

const SEPARATOR: &str = "-video-";

pub(super) const LAYOUT: Definition = Definition {
    name: "df-timit",
    title: "DeepfakeTIMIT",
    expected: "`higher_quality` or `lower_quality` with `<speaker>/<sentence>-video-<target>.avi`",
    extra: &[],
    filter: Filter::CLIPS,
    looks_like: |listing| {
        listing.any_name(|name| matches!(name, "higher_quality" | "lower_quality"))
    },
    scan,
};

fn scan(scanner: &mut Scanner<'_>) -> Result<bool, DatasetError> {
    let media = &scanner.tree().media;
    let clips = Names::new(media, speaker_and_name);
    let mut fakes = false;
    for file in media {
        let Some(record) = record(&clips, file) else { continue };
        fakes |= record.target == Some(1);
        if scanner.offer(&record).is_break() {
            break;
        }
    }
    Ok(fakes)
}

fn record(clips: &Names<'_>, file: &str) -> Option<Record> {
    let (folder, name) = path::split(file);
    let (parent, speaker) = path::split(folder);
    let clip = stem(name);
    let Some((sentence, target)) = clip.split_once(SEPARATOR) else {
        return (is_sentence(clip) && !speaker.is_empty())
            .then(|| Record { identity: speaker.to_owned(), ..Record::real(file.to_owned()) });
    };
    let quality = path::name(parent);
    let method = quality.ends_with("_quality").then(|| quality.to_owned());
    Some(Record {
        method: method.unwrap_or_default(),
        identity: format!("{speaker};{target}"),
        source: original(clips, speaker, sentence),
        ..Record::with_category(Category::FakeReal, file.to_owned())
    })
}

/// Returns the path of the real clip if VidTIMIT is present, otherwise its name. Fakes of one
/// recording then share a source.
fn original(clips: &Names<'_>, speaker: &str, sentence: &str) -> String {
    let name = join(speaker, &format!("{sentence}.avi"));
    let path = clips.all(&name).next().map(str::to_owned);
    path.unwrap_or(name)
}

/// Returns the last two components of a path.
fn speaker_and_name(path: &str) -> &str {
    path.rmatch_indices('/').nth(1).and_then(|(at, _)| path.get(at + 1..)).unwrap_or(path)
}

/// Returns whether the name is a TIMIT sentence: `sa1`, `si2303`, `sx42`.
fn is_sentence(name: &str) -> bool {
    let number = ["sa", "si", "sx"].iter().find_map(|kind| name.strip_prefix(kind));
    number.is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}
