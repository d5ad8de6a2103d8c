//! Writes a data set of synthetic clips: frame folders, one manifest per split, and a summary.
//!
//! A clip's folder is written under a temporary name and renamed when it is complete, so a resumed run skips
//! finished clips. Manifests are written last.

mod summary;

use std::{
    fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use avff_data::prefetch::Prefetch;
use avff_datasets::layout::Split;
use avff_media::SettingError;
use avff_synth::{
    Plan, SynthClip, SynthConfig, columns, shortest_utterance,
    voices::{Library, VoicesError, audio_speaker},
};

pub use self::summary::{SynthRun, SynthSummary};
use crate::{
    evaluate::Progress,
    output::{OutputError, read_json, write_json},
    run_lock,
};

/// Every split, in the order of writing.
const SPLITS: [Split; 3] = [Split::Train, Split::Val, Split::Test];

/// Why a synthetic data set cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// A setting is out of range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The folder of recorded voices cannot be used.
    #[error(transparent)]
    Voices(#[from] VoicesError),
    /// The data set cannot be written, or the unfinished run cannot be resumed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Options of [`synth`].
#[derive(Debug, Clone)]
pub struct SynthOptions {
    /// The config of the clips.
    pub config: SynthConfig,
    /// The output folder.
    pub output: PathBuf,
    /// Clips generated in parallel; `None` for one. The clips do not depend on it.
    pub workers: Option<NonZeroUsize>,
    /// Whether to resume an unfinished run.
    pub resume: bool,
}

/// The paths in an output folder.
#[derive(Debug, Clone)]
pub struct Names {
    folder: PathBuf,
    /// The config and the contents of the data set.
    pub summary: PathBuf,
    /// The config of an unfinished run; removed at its end.
    unfinished: PathBuf,
}

impl Names {
    /// The paths in the folder `output`.
    #[must_use]
    pub fn new(output: &Path) -> Self {
        Self {
            folder: output.into(),
            summary: output.join("synth.json"),
            unfinished: output.join("synth.unfinished.json"),
        }
    }

    /// The manifest of a split.
    #[must_use]
    pub fn manifest(&self, split: Split) -> PathBuf {
        self.folder.join(format!("{split}.csv"))
    }
}

/// Generates a data set of synthetic clips.
///
/// # Errors
/// Fails if the config is invalid, if the folder has other content, or if a file cannot be written.
pub fn synth(
    options: &SynthOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<SynthSummary, SynthError> {
    options.config.validate()?;
    let names = Names::new(&options.output);
    let run = SynthRun::new(&options.config);
    if options.resume
        && !names.unfinished.exists()
        && let Some(finished) = read_json::<SynthSummary>(&names.summary)?
    {
        finished.run.expect_same(&run)?;
        return Ok(finished);
    }
    let (folder, path) = (&options.output, &names.unfinished);
    let same = |earlier: &SynthRun| earlier.expect_same(&run);
    let _lock = run_lock::acquire(folder, path, options.resume, &run, same)?;
    let shortest = shortest_utterance(&options.config);
    let library = options.config.voices.as_deref().map(|folder| Library::read(folder, shortest));
    let library = library.transpose()?.map(Arc::new);
    write_clips(options, library.clone(), progress)?;
    let mut summary = SynthSummary::new(run.clone());
    for split in SPLITS {
        if options.config.clips(split) > 0 {
            let path = names.manifest(split);
            let library = library.as_deref();
            let voices = speakers(&options.config, library, split)?;
            write_manifest(&options.config, split, voices.as_deref(), &path, &mut summary)
                .map_err(OutputError::io(&path))?;
        }
    }
    write_json(&names.summary, &summary)?;
    fs::remove_file(&names.unfinished).map_err(OutputError::io(&names.unfinished))?;
    Ok(summary)
}

fn write_clips(
    options: &SynthOptions,
    library: Option<Arc<Library>>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), SynthError> {
    let config = &options.config;
    for split in SPLITS {
        if config.clips(split) > 0 {
            let folder = options.output.join(split.name());
            fs::create_dir_all(&folder).map_err(OutputError::io(&folder))?;
        }
    }
    let counts = SPLITS.map(|split| (split, config.clips(split)));
    let total = counts.iter().map(|&(_, count)| count).sum();
    let clips = counts.into_iter().flat_map(|(split, count)| (0..count).map(move |at| (split, at)));
    let workers = options.workers.map_or(1, NonZeroUsize::get);
    let (clip_config, folder) = (config.clone(), options.output.clone());
    let written = Prefetch::new(clips, workers, workers, move |&(split, index)| {
        write_clip(&clip_config, library.as_deref(), &folder, split, index)
    });
    for ((_, clip), done) in written.zip(1..) {
        clip?;
        progress(Progress { done, total, failed: 0 });
    }
    Ok(())
}

/// Writes one clip, unless an earlier run did.
fn write_clip(
    config: &SynthConfig,
    library: Option<&Library>,
    folder: &Path,
    split: Split,
    index: u64,
) -> Result<(), SynthError> {
    let done = folder.join(Plan::new(config, split, index).name());
    if done.exists() {
        return Ok(());
    }
    let partial = folder.join(split.name()).join(format!(".{index:06}.partial"));
    let clip = match library {
        Some(library) => SynthClip::recorded(config, library, split, index)?,
        None => SynthClip::new(config, split, index),
    };
    let write = || {
        match fs::remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&partial)?,
        }
        clip.write(&partial)?;
        avff_files::finish(&partial, &done)
    };
    write().map_err(OutputError::io(&partial)).map_err(SynthError::from)
}

/// Returns the speaker in the audio of every clip of a split, if voices are recorded.
fn speakers(
    config: &SynthConfig,
    library: Option<&Library>,
    split: Split,
) -> Result<Option<Vec<String>>, VoicesError> {
    let Some(library) = library else { return Ok(None) };
    let speaker = |index| audio_speaker(config, library, &Plan::new(config, split, index));
    (0..config.clips(split)).map(speaker).collect::<Result<_, _>>().map(Some)
}

fn write_manifest(
    config: &SynthConfig,
    split: Split,
    voices: Option<&[String]>,
    path: &Path,
    summary: &mut SynthSummary,
) -> io::Result<()> {
    avff_files::write_with(path, |file| {
        let mut csv = csv::Writer::from_writer(file);
        csv.write_record(columns())?;
        for index in 0..config.clips(split) {
            let plan = Plan::new(config, split, index);
            let voice = usize::try_from(index).ok().and_then(|at| voices?.get(at));
            let row = match voice {
                Some(voice) => plan.row_with_voice(config, voice.clone()),
                None => plan.row(config),
            };
            csv.write_record(row)?;
            summary.count(split, plan.method);
        }
        csv.flush()
    })
}
