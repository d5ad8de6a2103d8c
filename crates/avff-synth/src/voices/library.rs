//! The table of a folder of voices.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use avff_datasets::layout::Split;

use super::{
    error::VoicesError, phone_track::read_text, recording::Recording, splits::split_speakers,
};

/// The name of the table.
const TABLE: &str = "voices.csv";
/// The limit on the size of the table, in bytes: a hundred thousand utterances and more.
const MAX_BYTES: u64 = 64 << 20;
/// The columns that are read; others are ignored.
const COLUMNS: [&str; 4] = ["file", "speaker", "language", "seconds"];

/// An utterance of a folder of voices.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// The WAV file.
    pub path: PathBuf,
    /// The speaker's name, unique in the folder.
    pub speaker: String,
    /// The language.
    pub language: String,
    /// The duration, in seconds.
    pub seconds: f64,
}

impl Utterance {
    /// Reads the audio and the phones.
    ///
    /// # Errors
    /// Those of [`Recording::read`].
    pub fn read(&self) -> Result<Recording, VoicesError> {
        Recording::read(&self.path)
    }
}

/// The utterances of a folder of voices, by split and speaker.
#[derive(Debug, Clone, PartialEq)]
pub struct Library {
    folder: PathBuf,
    /// The duration that utterances have at least, in seconds.
    shortest: f64,
    /// The speakers of each split in the order of their names, and their utterances of at least the
    /// requested duration in the order of the table.
    speakers: BTreeMap<Split, Vec<Vec<Utterance>>>,
}

impl Library {
    /// Reads the table of a folder. Utterances shorter than `shortest` seconds are left out.
    ///
    /// # Errors
    /// [`VoicesError::Io`] and [`VoicesError::TooLarge`] for the table, [`VoicesError::Table`] with
    /// its first line that is not valid.
    pub fn read(folder: &Path, shortest: f64) -> Result<Self, VoicesError> {
        let path = folder.join(TABLE);
        let text = read_text(&path, MAX_BYTES)?;
        let utterances = parse(&text, folder).map_err(|(line, fault)| VoicesError::Table {
            path: path.clone(),
            line,
            fault,
        })?;
        let long = |of: &&(String, Utterance)| of.1.seconds >= shortest;
        let kept: Vec<_> = utterances.iter().filter(long).collect();
        let names = kept.iter().map(|(source, of)| (source.as_str(), of.speaker.as_str()));
        let splits = split_speakers(names);
        let mut people: BTreeMap<&str, Vec<Utterance>> = BTreeMap::new();
        for (_, utterance) in &kept {
            people.entry(&utterance.speaker).or_default().push(utterance.clone());
        }
        let mut speakers: BTreeMap<Split, Vec<Vec<Utterance>>> = BTreeMap::new();
        for (name, of) in people {
            let split = splits.get(name).copied().unwrap_or(Split::Train);
            speakers.entry(split).or_default().push(of);
        }
        Ok(Self { folder: folder.to_owned(), shortest, speakers })
    }

    /// Returns the speakers of a split, each with at least one utterance.
    ///
    /// # Errors
    /// [`VoicesError::TooFew`] for fewer than two speakers, as a voice swap needs another one.
    pub fn speakers(&self, split: Split) -> Result<&[Vec<Utterance>], VoicesError> {
        let found = self.speakers.get(&split).map_or(&[][..], Vec::as_slice);
        if found.len() < 2 { Err(self.too_few(split)) } else { Ok(found) }
    }

    /// Returns the error of a split with too few speakers.
    pub(super) fn too_few(&self, split: Split) -> VoicesError {
        let what = match split {
            Split::Train => "speakers for training",
            Split::Val => "speakers for validation",
            Split::Test => "speakers for testing",
        };
        let found = self.speakers.get(&split).map_or(0, Vec::len);
        let (path, shortest) = (self.folder.clone(), self.shortest);
        VoicesError::TooFew { path, what, found, least: 2, shortest }
    }
}

/// Returns the utterances of a table, each with its source: the first folder of its file. An error
/// has the line, from 1.
fn parse(text: &str, folder: &Path) -> Result<Vec<(String, Utterance)>, (u64, String)> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let fault =
        |error: csv::Error| (error.position().map_or(1, csv::Position::line), error.to_string());
    let headers = reader.headers().map_err(fault)?.clone();
    let column = |name: &str| {
        let at = headers.iter().position(|header| header == name);
        at.ok_or_else(|| (1, format!("there is no column `{name}`")))
    };
    let [file_at, speaker_at, language_at, seconds_at] =
        [column(COLUMNS[0])?, column(COLUMNS[1])?, column(COLUMNS[2])?, column(COLUMNS[3])?];
    let mut out = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fault)?;
        let line = record.position().map_or(1, csv::Position::line);
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let file = Path::new(cell(file_at));
        let inside = file.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside || file.extension().is_none_or(|extension| extension != "wav") {
            let text = format!("`{}` is not a WAV file inside of the folder", file.display());
            return Err((line, text));
        }
        let speaker = cell(speaker_at);
        if speaker.is_empty() {
            return Err((line, "there is no speaker".to_owned()));
        }
        let seconds =
            cell(seconds_at).parse().ok().filter(|seconds| (0.0..=600.0).contains(seconds));
        let Some(seconds) = seconds else {
            let text = format!("`{}` is not a duration from 0 to 600 seconds", cell(seconds_at));
            return Err((line, text));
        };
        let source = file.iter().next().unwrap_or_default().to_string_lossy().into_owned();
        out.push((
            source,
            Utterance {
                path: folder.join(file),
                speaker: speaker.to_owned(),
                language: cell(language_at).to_owned(),
                seconds,
            },
        ));
    }
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::fs;

    use avff_media::{Audio, wav16};

    use super::*;

    const HEADER: &str = "file,speaker,sex,language,seconds\n";

    fn library(rows: &str) -> Result<Library, VoicesError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(TABLE), format!("{HEADER}{rows}")).unwrap();
        Library::read(folder.path(), 3.0)
    }

    #[test]
    fn splits_share_no_speaker() {
        let row = |at: usize| format!("s/{0}/{at}.wav,p{0},f,cs,{1}\n", at % 20, 3 + at % 5);
        let library = library(&(0..100).map(row).collect::<String>()).unwrap();
        let mut all = Vec::new();
        for split in [Split::Train, Split::Val, Split::Test] {
            for speaker in library.speakers(split).unwrap() {
                assert!(speaker.iter().all(|of| of.speaker == speaker[0].speaker));
                assert_eq!(speaker.len(), 5);
                all.push(speaker[0].speaker.clone());
            }
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 20);
    }

    #[test]
    fn short_utterances_are_left_out_and_missing_speakers_reported() {
        let library = library("s/a/1.wav,a,,en,2.9\ns/b/1.wav,b,,en,3.1\n").unwrap();
        let error = library.speakers(Split::Train).unwrap_err();
        assert!(matches!(error, VoicesError::TooFew { least: 2, .. }), "{error}");
    }

    #[test]
    fn faults_name_the_line() {
        for (rows, line, part) in [
            ("s/a.wav,a,,en,x", 2, "`x` is not a duration"),
            ("s/a.wav,a,,en,4\ns/a.wav,,,en,4", 3, "no speaker"),
            ("../a.wav,a,,en,4", 2, "inside of the folder"),
            ("/etc/a.wav,a,,en,4", 2, "inside of the folder"),
            ("s/a.mp3,a,,en,4", 2, "not a WAV file"),
            ("s/a.wav,a", 2, "record"),
        ] {
            match library(rows) {
                Err(VoicesError::Table { line: found, fault, .. }) => {
                    assert_eq!(found, line, "{rows}: {fault}");
                    assert!(fault.contains(part), "{rows}: {fault}");
                }
                other => panic!("{rows}: {other:?}"),
            }
        }
    }

    #[test]
    fn utterances_are_read_with_their_phones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let audio = Audio { rate: 16_000, channels: vec![vec![0.25; 1600]] };
        let write = |audio: &Audio| {
            let mut bytes = Vec::new();
            wav16(audio, &mut bytes).unwrap();
            fs::write(&path, bytes).unwrap();
        };
        write(&audio);
        let utterance = Utterance {
            path: path.clone(),
            speaker: "a".into(),
            language: "en".into(),
            seconds: 0.1,
        };
        assert!(matches!(utterance.read(), Err(VoicesError::Io { .. })));
        fs::write(path.with_extension("txt"), "0 0.05 sil\n0.05 0.1 AA1\n").unwrap();
        let error = utterance.read().unwrap_err();
        assert!(matches!(error, VoicesError::Phones { line: 2, .. }), "{error}");
        fs::write(path.with_extension("txt"), "0 0.05 sil\n0.05 0.1 AA\n").unwrap();
        let recording = utterance.read().unwrap();
        assert_eq!((recording.seconds(), recording.phones.end()), (0.1, 0.1));
        let stereo = Audio { rate: 8000, channels: vec![vec![0.0; 80]; 2] };
        write(&stereo);
        let error = utterance.read().unwrap_err();
        assert!(matches!(error, VoicesError::Format { channels: 2, rate: 8000, .. }), "{error}");
        fs::write(&path, b"RIFF").unwrap();
        assert!(matches!(utterance.read(), Err(VoicesError::Audio { .. })));
    }
}
