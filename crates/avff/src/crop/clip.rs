//! One clip to a frame folder.

use std::{
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use avff_data::{ClipError, DataError, fit::letterbox, windows::frame_indices};
use avff_datasets::manifest::Row;
use avff_face::{FaceCrop, FaceStream, Faces, square::Square};
use avff_media::{FolderWriter, FrameCoding, MediaSource};
use avff_plots::png;
use serde::{Deserialize, Serialize};

use super::{CropOptions, sheet::Sheet};
use crate::{failure::ClipFailure, output::OutputError};

/// The folder of folders, and the record in each.
pub(super) const FOLDER: &str = "clips";
const RECORD: &str = "crop.json";
/// Characters of the clip's own name in that of its folder.
const MAX_STEM: usize = 80;

/// A clip that was cropped.
pub(super) struct Cropped {
    /// As the new manifest names it.
    pub(super) name: String,
    /// The share of the pictures looked at in which the face was found.
    pub(super) coverage: f64,
}

/// Why one was not.
pub(super) enum Fail {
    /// Of the clip: the run goes on.
    Clip(ClipFailure),
    /// Of what is written: it does not.
    Run(OutputError),
}

impl From<ClipFailure> for Fail {
    fn from(failure: ClipFailure) -> Self {
        Self::Clip(failure)
    }
}

/// Where a clip was cut, kept beside its pictures.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// As the first manifest names it.
    video_name: String,
    /// Pictures with the main face, of those looked at.
    found: usize,
    looked: usize,
    /// For each picture, in pixels of the clip; none where it was taken whole.
    squares: Option<Vec<Square>>,
}

impl Record {
    /// The share of the pictures looked at in which the face was found.
    fn coverage(&self) -> f64 {
        self.found as f64 / self.looked.max(1) as f64
    }
}

/// How every clip is cropped.
pub(super) struct Plan {
    output: PathBuf,
    face: FaceCrop,
    frames: Option<usize>,
    size: Option<usize>,
    coding: FrameCoding,
    sheets: Option<PathBuf>,
}

impl Plan {
    pub(super) fn new(options: &CropOptions) -> Self {
        Self {
            output: options.folder(),
            face: options.face,
            frames: options.frames,
            size: options.size,
            coding: options.coding,
            sheets: options.sheets.clone(),
        }
    }

    /// Crops the clip of the manifest's row `index`, unless an earlier run has.
    pub(super) fn crop(&self, index: u64, row: &Row) -> Result<Cropped, Fail> {
        let stem = folder_name(index, &row.name);
        let clips = self.output.join(FOLDER);
        let (done, part) = (clips.join(&stem), clips.join(format!(".{index:07}.partial")));
        let cropped = |record: &Record| Cropped {
            name: format!("{FOLDER}/{stem}"),
            coverage: record.coverage(),
        };
        if done.exists() {
            return Ok(cropped(&read_record(&done.join(RECORD)).map_err(Fail::Run)?));
        }
        let run = |path: &Path| {
            let path = path.to_owned();
            move |source| Fail::Run(OutputError::Io { path, source })
        };
        match fs::remove_dir_all(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(run(&part)(error)),
            _ => {}
        }
        fs::create_dir(&part).map_err(run(&part))?;
        let record = match self.write(row, &part, &stem) {
            Ok(record) => record,
            Err(fail) => {
                fs::remove_dir_all(&part).map_err(run(&part))?;
                return Err(fail);
            }
        };
        let json = serde_json::to_string(&record).map_err(|error| run(&part)(error.into()))?;
        avff_files::write(&part.join(RECORD), json + "\n").map_err(run(&part))?;
        avff_files::finish(&part, &done).map_err(run(&done))?;
        Ok(cropped(&record))
    }

    fn write(&self, row: &Row, folder: &Path, stem: &str) -> Result<Record, Fail> {
        // What a write fails with is kept apart from what the clip fails with.
        let mut unwritten = None;
        let mut keep = |written: io::Result<()>| {
            written.map_err(|error| {
                let kind = error.kind();
                unwritten = Some(error);
                DataError::from(io::Error::from(kind))
            })
        };
        let mut work = || -> Result<Record, DataError> {
            let mut source = avff_media::open(&row.path)?;
            let (times, start) = (source.frame_times().to_vec(), source.info().audio_start);
            let mut indices = match self.frames {
                Some(frames) => frame_indices(times.len(), frames)?,
                None => (0..times.len()).collect(),
            };
            indices.dedup();
            let mut writer = FolderWriter::new(folder, self.coding);
            let (pictures, sound) = source.streams();
            let mut stream = FaceStream::new(pictures, &times, self.face);
            stream.try_frames(&indices, |_, picture| {
                let picture = match self.size {
                    // Only a picture that was taken whole is not square already.
                    Some(side) => letterbox(&picture, side, side)?,
                    None => picture,
                };
                keep(writer.frame(&picture))?;
                Ok::<_, DataError>(ControlFlow::Continue(()))
            })?;
            let faces = stream.faces().cloned();
            let shown: Vec<f64> =
                indices.iter().filter_map(|&index| times.get(index)).copied().collect();
            keep(writer.finish(&sound.whole()?, &shown, start))?;
            let faces = faces.unwrap_or(Faces { squares: None, found: Vec::new(), looked: 0 });
            if let Some(sheets) = &self.sheets {
                let sheet = sheet(&mut *source, &indices, &faces)?;
                let png = sheet.draw(&row.name).and_then(|drawn| png(&drawn));
                let png = png.map_err(io::Error::other);
                keep(
                    png.and_then(|png| avff_files::write(&sheets.join(format!("{stem}.png")), png)),
                )?;
            }
            let (found, looked) = (faces.found.len(), faces.looked);
            Ok(Record { video_name: row.name.clone(), found, looked, squares: faces.squares })
        };
        match work() {
            Ok(record) => Ok(record),
            Err(error) => Err(match unwritten {
                Some(source) => Fail::Run(OutputError::io(folder)(source)),
                None => Fail::Clip(ClipError::new(&row.path, error).into()),
            }),
        }
    }
}

/// Some of the pictures, with what was found and cut.
fn sheet(
    source: &mut dyn MediaSource,
    indices: &[usize],
    faces: &Faces,
) -> Result<Sheet, DataError> {
    let mut places = frame_indices(indices.len(), Sheet::FRAMES)?;
    places.dedup();
    let chosen: Vec<usize> =
        places.iter().filter_map(|&place| indices.get(place)).copied().collect();
    let mut sheet = Sheet::default();
    let mut left = places.iter();
    source.streams().0.try_frames(&chosen, |_, picture| {
        let place = left.next().copied().unwrap_or_default();
        let square = faces.squares.as_ref().and_then(|squares| squares.get(place)).copied();
        let face = faces.found.iter().find(|(at, _)| *at == place).map(|(_, face)| *face);
        sheet.add(&picture, square, face)?;
        Ok::<_, DataError>(ControlFlow::Continue(()))
    })?;
    Ok(sheet)
}

/// The row's number, which makes it unique, and as much of the clip's name as any system takes.
fn folder_name(index: u64, name: &str) -> String {
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let stem: String = stem.chars().map(plain).take(MAX_STEM).collect();
    format!("{:07}-{stem}", index + 1)
}

/// The row of the first manifest, from 0, that the clip of a new one is of, by its name there.
pub(super) fn row_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('-')?.0;
    number.parse::<u64>().ok()?.checked_sub(1)
}

/// The share of the pictures looked at in which the face of a clip was found; `folder` holds the
/// clip as the new manifest names it.
pub(super) fn coverage(folder: &Path) -> Result<f64, OutputError> {
    Ok(read_record(&folder.join(RECORD))?.coverage())
}

fn read_record(path: &Path) -> Result<Record, OutputError> {
    let failed = OutputError::io(path);
    let text = fs::read_to_string(path).map_err(&failed)?;
    serde_json::from_str(&text).map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_unique_and_plain() {
        assert_eq!(folder_name(0, "id00/a b.mp4"), "0000001-a-b");
        assert_eq!(folder_name(41, "../../etc/passwd"), "0000042-passwd");
        assert_eq!(folder_name(9, ".."), "0000010-");
        assert_eq!(folder_name(9, "x/ä\\b\n.tar.gz"), "0000010---b--tar");
        for index in [0, 8, 10_000_000] {
            let name = format!("{FOLDER}/{}", folder_name(index, "a-b.mp4"));
            assert_eq!(row_of(&name), Some(index), "{name}");
        }
        for name in ["clips/0-a", "clips/x-a", "clips/7", "other/0000001-a", "0000001-a", ""] {
            assert_eq!(row_of(name), None, "{name}");
        }
        assert_eq!(folder_name(9_999_999, &"x".repeat(999)).len(), 8 + 1 + MAX_STEM);
    }
}
