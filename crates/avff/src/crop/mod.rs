//! A manifest's clips, cut to their faces, as frame folders on disk.
//!
//! A clip's folder is written under another name and renamed when it is whole, so what has its name
//! is done: an interrupted run goes on by passing over it. Tables are written anew from the folders,
//! in the manifest's order, and get their names at the end.

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
use avff_datasets::manifest::NAME_COLUMN;
use avff_face::FaceCrop;
use avff_media::{FrameCoding, SettingError};

use self::clip::{Fail, Plan};
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
        write_json,
    },
    run_lock::claim,
    shard::{self, Shard},
};

/// The column that is added.
const COVERAGE: &str = "face_coverage";

/// Why a manifest's clips are not cropped. A clip that cannot be cropped is no such error: it has a row in
/// the errors file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CropError {
    /// The manifest cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The clips cannot be written, or the unfinished run cannot continue.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// An option of the face crop is out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

/// What to crop, how, and where to put it.
#[derive(Debug, Clone)]
pub struct CropOptions {
    /// A CSV with a column `video_name`; others are carried through.
    pub csv: PathBuf,
    /// Where relative paths start; `None` for the CSV's folder.
    pub root: Option<PathBuf>,
    /// The folder that everything goes to; a shard's goes to a folder of its own in it
    /// ([`CropOptions::folder`]).
    pub output: PathBuf,
    /// The part of the rows that is cropped; `None` for all.
    pub shard: Option<Shard>,
    /// How faces are cut.
    pub face: FaceCrop,
    /// Pictures that are kept, spread over the clip; `None` for all.
    pub frames: Option<usize>,
    /// Pixels a side; `None` for the clip's own, which are not resampled.
    pub size: Option<usize>,
    /// How pictures are coded.
    pub coding: FrameCoding,
    /// Where contact sheets go.
    pub sheets: Option<PathBuf>,
    /// Clips worked on at a time; `None` for one.
    pub workers: Option<NonZeroUsize>,
    /// Go on with an unfinished run.
    pub resume: bool,
}

impl CropOptions {
    /// The folder that is written to.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        match self.shard {
            Some(shard) => self.output.join(shard.folder()),
            None => self.output.clone(),
        }
    }
}

/// Where everything is in the output folder.
#[derive(Debug, Clone)]
pub struct Names {
    /// The cropped clips, as a manifest.
    pub manifest: PathBuf,
    /// Why other clips are not among them.
    pub errors: PathBuf,
    /// What the run was and what came of it.
    pub summary: PathBuf,
    /// There while a run is unfinished: what it is.
    unfinished: PathBuf,
    clips: PathBuf,
}

impl Names {
    /// The names in `output`.
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
}

/// Crops every clip of a manifest.
///
/// # Errors
/// Anything that keeps the run from starting or its files from being written. A clip that cannot be
/// cropped is no error of the run: it has a row in the errors file.
pub fn crop(
    options: &CropOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<CropSummary, CropError> {
    options.face.validate()?;
    let manifest = manifest::scan(&options.csv, options.root.as_deref(), options.shard)?;
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
        return Ok(finished);
    }
    let (folder, path) = (options.folder(), &names.unfinished);
    let _lock =
        claim(&folder, path, options.resume, &run, |earlier: &CropRun| earlier.expect_same(&run))?;
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

    let mut summary = CropSummary::new(run, manifest.due());
    let plan = Plan::new(options);
    let workers = options.workers.map_or(1, NonZeroUsize::get);
    // By their places in the manifest, whatever the shard.
    let place = options.shard;
    let rows = manifest.rows(0)?.zip(0_u64..).map(move |(row, nth)| (shard::row(place, nth), row));
    let clips = Prefetch::new(rows, workers, workers, move |(index, row)| match row {
        Ok(row) => guarded(|| plan.crop(*index, row)),
        Err(_) => Err(Fail::Clip(ClipFailure::manifest())),
    });
    let mut coverage = 0.0;
    let mut state = Progress { done: 0, total: manifest.due(), failed: 0 };
    for ((_, row), clip) in clips {
        let row = row?;
        match clip {
            Ok(clip) => {
                summary.cropped += 1;
                coverage += clip.coverage;
                let share = format!("{:.4}", clip.coverage);
                let carried = row.extra.iter().map(String::as_str);
                cropped.write([clip.name.as_str()].into_iter().chain(carried).chain([&*share]))?;
            }
            Err(Fail::Run(error)) => return Err(error.into()),
            Err(Fail::Clip(failure)) => {
                errors.failure(&row, &failure)?;
                summary.count_failure(failure.stage);
                state.failed += 1;
            }
        }
        state.done += 1;
        progress(state);
    }
    cropped.finish()?;
    errors.finish()?;
    summary.finish(coverage);
    Ok(summary)
}

type Stages = BTreeMap<String, u64>;
