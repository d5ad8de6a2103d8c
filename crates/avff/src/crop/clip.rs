//! Crops one clip into a frame folder.

use std::{
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use avff_data::{ClipError, DataError, fit::letterbox, windows::frame_indices};
use avff_datasets::manifest::Row;
use avff_face::{FaceCrop, FaceStream, Faces, square::Square};
use avff_media::{FolderWriter, FrameCoding, MediaInfo, MediaSource, pixel_aspect::square_pixels};
use avff_plots::png;
use serde::{Deserialize, Serialize};

use super::{CropOptions, sheet::Sheet};
use crate::{failure::ClipFailure, output::OutputError};

/// The folder that holds the clips' folders, and the record in each of them.
pub(super) const FOLDER: &str = "clips";
const RECORD: &str = "crop.json";
/// The maximum number of characters of the clip's name in its folder's name.
const MAX_STEM: usize = 80;

/// A cropped clip.
pub(super) struct Cropped {
    /// The clip's name in the new manifest.
    pub(super) name: String,
    /// The share of the examined frames in which the face was detected.
    pub(super) coverage: f64,
}

/// Why a clip was not cropped.
pub(super) enum CropFailure {
    /// The clip failed; the run continues.
    Clip(ClipFailure),
    /// The output could not be written; the run stops.
    Run(OutputError),
}

impl From<ClipFailure> for CropFailure {
    fn from(failure: ClipFailure) -> Self {
        Self::Clip(failure)
    }
}

/// The crop of a clip, stored beside its frames.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// The clip's name in the original manifest.
    video_name: String,
    /// The number of examined frames in which the main face was detected.
    #[serde(rename = "found")]
    detected: usize,
    /// The number of examined frames.
    #[serde(rename = "looked")]
    examined: usize,
    /// The crop of each frame, in pixels of the clip; `None` if whole frames were kept.
    squares: Option<Vec<Square>>,
}

impl Record {
    /// The share of the examined frames in which the face was detected.
    fn coverage(&self) -> f64 {
        self.detected as f64 / self.examined.max(1) as f64
    }
}

/// The settings that all clips are cropped with.
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

    /// Crops the clip of row `index` of the manifest, unless an earlier run did.
    pub(super) fn crop(&self, index: u64, row: &Row) -> Result<Cropped, CropFailure> {
        let stem = folder_name(index, &row.name);
        let clips = self.output.join(FOLDER);
        let (done, partial) = (clips.join(&stem), clips.join(format!(".{index:07}.partial")));
        let cropped = |record: &Record| Cropped {
            name: format!("{FOLDER}/{stem}"),
            coverage: record.coverage(),
        };
        if done.exists() {
            return Ok(cropped(&read_record(&done.join(RECORD)).map_err(CropFailure::Run)?));
        }
        let run_failed = |path: &Path| {
            let path = path.to_owned();
            move |source| CropFailure::Run(OutputError::Io { path, source })
        };
        match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(run_failed(&partial)(error));
            }
            _ => {}
        }
        fs::create_dir(&partial).map_err(run_failed(&partial))?;
        let record = match self.write(row, &partial, &stem) {
            Ok(record) => record,
            Err(failure) => {
                fs::remove_dir_all(&partial).map_err(run_failed(&partial))?;
                return Err(failure);
            }
        };
        let json =
            serde_json::to_string(&record).map_err(|error| run_failed(&partial)(error.into()))?;
        avff_files::write(&partial.join(RECORD), json + "\n").map_err(run_failed(&partial))?;
        avff_files::finish(&partial, &done).map_err(run_failed(&done))?;
        Ok(cropped(&record))
    }

    fn write(&self, row: &Row, folder: &Path, stem: &str) -> Result<Record, CropFailure> {
        // A failed write stops the run, whereas a failure of the clip does not.
        let mut write_error = None;
        let mut check_write = |written: io::Result<()>| {
            written.map_err(|error| {
                let kind = error.kind();
                write_error = Some(error);
                DataError::from(io::Error::from(kind))
            })
        };
        let mut work = || -> Result<Record, DataError> {
            let mut source = avff_media::open(&row.path)?;
            let times = source.frame_times().to_vec();
            let MediaInfo { audio_start, audio_end, video_end, pixel_aspect, .. } = *source.info();
            let mut indices = match self.frames {
                Some(frames) => frame_indices(times.len(), frames)?,
                None => (0..times.len()).collect(),
            };
            indices.dedup();
            let mut writer = FolderWriter::new(folder, self.coding);
            let (video, audio) = source.streams();
            let mut stream = FaceStream::new(video, &times, self.face).pixel_aspect(pixel_aspect);
            stream.try_frames(&indices, |_, frame| {
                let frame = match self.size {
                    // Face crops are square already; only whole frames get bars.
                    Some(side) => letterbox(&frame, side, side)?,
                    None => frame,
                };
                check_write(writer.frame(&frame))?;
                Ok::<_, DataError>(ControlFlow::Continue(()))
            })?;
            let faces = stream.faces().cloned();
            let frame_times: Vec<f64> =
                indices.iter().filter_map(|&index| times.get(index)).copied().collect();
            // The audio may end a little later than its container says.
            let played = audio.between(audio_start, audio_end + 1.0)?;
            check_write(writer.finish(&played, &frame_times, video_end, audio_start))?;
            let faces =
                faces.unwrap_or(Faces { squares: None, detections: Vec::new(), examined: 0 });
            if let Some(sheets) = &self.sheets {
                let sheet = sheet(&mut *source, &indices, &faces)?;
                let png = sheet.draw(&row.name).and_then(|drawn| png(&drawn));
                let png = png.map_err(io::Error::other);
                check_write(
                    png.and_then(|png| avff_files::write(&sheets.join(format!("{stem}.png")), png)),
                )?;
            }
            Ok(Record {
                video_name: row.name.clone(),
                detected: faces.detections.len(),
                examined: faces.examined,
                squares: faces.squares,
            })
        };
        match work() {
            Ok(record) => Ok(record),
            Err(error) => Err(match write_error {
                Some(source) => CropFailure::Run(OutputError::io(folder)(source)),
                None => CropFailure::Clip(ClipError::new(&row.path, error).into()),
            }),
        }
    }
}

/// Draws a contact sheet of some frames with the detected faces and the crops.
fn sheet(
    source: &mut dyn MediaSource,
    indices: &[usize],
    faces: &Faces,
) -> Result<Sheet, DataError> {
    let mut positions = frame_indices(indices.len(), Sheet::FRAMES)?;
    positions.dedup();
    let chosen: Vec<usize> =
        positions.iter().filter_map(|&position| indices.get(position)).copied().collect();
    let mut sheet = Sheet::default();
    let mut remaining = positions.iter();
    let pixel_aspect = source.info().pixel_aspect;
    source.streams().0.try_frames(&chosen, |_, frame| {
        let position = remaining.next().copied().unwrap_or_default();
        let square = faces.squares.as_ref().and_then(|squares| squares.get(position)).copied();
        let face = faces.detections.iter().find(|(at, _)| *at == position).map(|(_, face)| *face);
        // Squares and faces are in pixels of the displayed frame.
        sheet.add(&*square_pixels(&frame, pixel_aspect)?, square, face)?;
        Ok::<_, DataError>(ControlFlow::Continue(()))
    })?;
    Ok(sheet)
}

/// The name of a clip's folder: the row number, which makes it unique, and a portable form of the clip's name.
fn folder_name(index: u64, name: &str) -> String {
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let stem: String = stem.chars().map(plain).take(MAX_STEM).collect();
    format!("{:07}-{stem}", index + 1)
}

/// The row of the original manifest, from 0, that a clip of the new manifest comes from, by its new name.
pub(super) fn row_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('-')?.0;
    number.parse::<u64>().ok()?.checked_sub(1)
}

/// The share of the examined frames in which the face of a cropped clip was detected, from the record in
/// its `folder`.
pub(super) fn coverage(folder: &Path) -> Result<f64, OutputError> {
    Ok(read_record(&folder.join(RECORD))?.coverage())
}

/// Maximum size of a record: a number for each frame of a long clip.
const MAX_RECORD: u64 = 256 << 20;

fn read_record(path: &Path) -> Result<Record, OutputError> {
    let failed = OutputError::io(path);
    let text = avff_files::read_text(path, MAX_RECORD).map_err(&failed)?;
    serde_json::from_str(&text).map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_unique_and_portable() {
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
