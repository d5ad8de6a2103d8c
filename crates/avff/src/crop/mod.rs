//! Crops the clips of a manifest to their faces and writes frame folders.
//!
//! A clip's folder is written under a temporary name and renamed when it is complete, so a resumed run
//! skips finished clips. The tables are rewritten from the folders in the manifest's order and get their
//! final names at the end.

mod clip;
mod merge;
mod sheet;
mod summary;

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use avff_data::prefetch::Prefetch;
use avff_datasets::manifest::{ManifestOptions, NAME_COLUMN};
use avff_face::FaceCrop;
use avff_media::{FrameCoding, SettingError};

use self::clip::{CropFailure, Plan};
pub use self::merge::merge;
pub use self::summary::{CropRun, CropSummary};
use crate::{
    evaluate::Progress,
    failure::{ClipFailure, guarded},
    input::{
        InputError,
        manifest::{self, Manifest},
    },
    output::{
        OutputError, read_json,
        table::{ERRORS, Table},
        vouch, write_json,
    },
    run_lock,
    shard::{self, Shard},
};

/// The column that a crop adds to the manifest.
const COVERAGE: &str = "face_coverage";

/// Why a manifest's clips cannot be cropped. A clip that cannot be cropped does not stop the run: it gets a
/// row in the errors file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The clips cannot be written, or the unfinished run cannot be resumed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// An option of the face crop is out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// Options of [`crop`].
#[derive(Debug, Clone)]
pub struct CropOptions {
    /// A CSV with a column `video_name`; other columns are copied.
    pub csv: PathBuf,
    /// How the CSV is read: the folder of relative names, and the names of its columns.
    pub manifest: ManifestOptions,
    /// The output folder. A shard writes to a subfolder ([`CropOptions::folder`]).
    pub output: PathBuf,
    /// The shard of the rows to crop; `None` for all rows.
    pub shard: Option<Shard>,
    /// How faces are cropped.
    pub face: FaceCrop,
    /// Number of frames to keep, spread over the clip; `None` for all frames.
    pub frames: Option<usize>,
    /// Side of the output frames, in pixels; `None` to keep the crops without resampling.
    pub size: Option<usize>,
    /// The image format of the frames.
    pub coding: FrameCoding,
    /// The folder for contact sheets; `None` for no sheets.
    pub sheets: Option<PathBuf>,
    /// Clips cropped in parallel; `None` for one.
    pub workers: Option<NonZeroUsize>,
    /// Whether to resume an unfinished run.
    pub resume: bool,
}

impl CropOptions {
    /// The folder that the run writes to.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        match self.shard {
            Some(shard) => self.output.join(shard.folder()),
            None => self.output.clone(),
        }
    }
}

/// The paths in an output folder.
#[derive(Debug, Clone)]
pub struct Names {
    /// The manifest of the cropped clips.
    pub manifest: PathBuf,
    /// The errors file: why other clips were not cropped.
    pub errors: PathBuf,
    /// The options and the result of the run.
    pub summary: PathBuf,
    /// The options of an unfinished run; removed at its end.
    unfinished: PathBuf,
    clips: PathBuf,
}

impl Names {
    /// The paths in the folder `output`.
    #[must_use]
    pub fn new(output: &Path) -> Self {
        Self {
            manifest: output.join("manifest.csv"),
            errors: output.join("crop.errors.csv"),
            summary: output.join("crop.summary.json"),
            unfinished: output.join("crop.unfinished.json"),
            clips: output.join(clip::FOLDER),
        }
    }

    /// The tables with their roles in the summary.
    fn tables(&self) -> [(&'static str, &Path); 2] {
        [("manifest", &self.manifest), ("errors", &self.errors)]
    }
}

/// Crops every clip of a manifest.
///
/// # Errors
/// Fails if the run cannot start or if its files cannot be written. A clip that cannot be cropped does not
/// fail the run: it gets a row in the errors file.
pub fn crop(
    options: &CropOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<CropSummary, CropError> {
    options.face.validate()?;
    let manifest = manifest::scan(&options.csv, &options.manifest, options.shard)?;
    if manifest.columns.iter().any(|column| column == COVERAGE) {
        let path = options.csv.clone();
        return Err(InputError::ColumnClash { path, column: COVERAGE }.into());
    }
    let names = Names::new(&options.folder());
    let run = CropRun::new(options, manifest.id.clone());
    if options.resume
        && !names.unfinished.exists()
        && let Some(finished) = read_json::<CropSummary>(&names.summary)?
    {
        finished.run.expect_same(&run)?;
        vouch::expect_unchanged(&finished.files, &names.tables())?;
        return Ok(finished);
    }
    let (folder, path) = (options.folder(), &names.unfinished);
    let same = |earlier: &CropRun| earlier.expect_same(&run);
    let _lock = run_lock::acquire(&folder, path, options.resume, &run, same)?;
    let summary = crop_all(options, &names, run, &manifest, progress)?;
    write_json(&names.summary, &summary)?;
    fs::remove_file(&names.unfinished).map_err(OutputError::io(&names.unfinished))?;
    Ok(summary)
}

fn crop_all(
    options: &CropOptions,
    names: &Names,
    run: CropRun,
    manifest: &Manifest,
    progress: &mut dyn FnMut(Progress),
) -> Result<CropSummary, CropError> {
    for folder in options.sheets.iter().chain([&names.clips]) {
        fs::create_dir_all(folder).map_err(OutputError::io(folder))?;
    }
    let mut cropped = Table::create(&names.manifest)?;
    let mut errors = Table::create(&names.errors)?;
    let columns = manifest.columns.iter().map(String::as_str);
    cropped.write([NAME_COLUMN].into_iter().chain(columns).chain([COVERAGE]))?;
    errors.write(ERRORS)?;

    let mut summary = CropSummary::new(run, manifest.row_count());
    let plan = Plan::new(options);
    let workers = options.workers.map_or(1, NonZeroUsize::get);
    // Clips are numbered by their rows in the whole manifest, also in a shard.
    let shard = options.shard;
    let rows = manifest.rows(0)?.zip(0_u64..).map(move |(row, nth)| (shard::row(shard, nth), row));
    let clips = Prefetch::new(rows, workers, workers, move |(index, row)| match row {
        Ok(row) => guarded(|| plan.crop(*index, row)),
        Err(_) => Err(CropFailure::Clip(ClipFailure::manifest())),
    });
    let mut coverage = 0.0;
    let mut state = Progress { done: 0, total: manifest.row_count(), failed: 0 };
    for ((_, row), clip) in clips {
        let row = row?;
        match clip {
            Ok(clip) => {
                summary.cropped += 1;
                coverage += clip.coverage;
                let share = format!("{:.4}", clip.coverage);
                let copied = row.extra.iter().map(String::as_str);
                cropped.write([clip.name.as_str()].into_iter().chain(copied).chain([&*share]))?;
            }
            Err(CropFailure::Run(error)) => return Err(error.into()),
            Err(CropFailure::Clip(failure)) => {
                errors.write_failure(&row, &failure)?;
                summary.count_failure(failure.stage);
                state.failed += 1;
            }
        }
        state.done += 1;
        progress(state);
    }
    cropped.finish()?;
    errors.finish()?;
    summary.files = vouch::hashes(&names.tables())?;
    summary.finish(coverage);
    Ok(summary)
}

type Stages = BTreeMap<String, u64>;
