//! The files of a run of `avff eval`, finished and unfinished, with `--resume`.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use avff::{
    Detector, Device,
    datasets::manifest::ManifestOptions,
    evaluate::{EvalOptions, EvaluateError, Paths, Progress},
};

use super::super::super::{
    oracle::{Observed, WEIGHTS},
    random::Random,
};

/// Clips of a run, of which the last one does not exist.
const CLIPS: [&str; 4] =
    ["h264_flac.mp4", "h264_mp3.mp4", "absent.mp4", "opengop_cropped_alac.mp4"];
/// Rows that an interrupted run has done.
const DONE: u64 = 3;

/// The files in a folder, by name.
type Files = BTreeMap<String, Vec<u8>>;

/// A finished and an interrupted run.
pub(super) struct Runs {
    detector: Detector,
    manifest: PathBuf,
    finished: Files,
    interrupted: Files,
}

impl Runs {
    pub(super) fn new(root: &Path) -> Self {
        let manifest = root.join("rows.csv");
        let rows = CLIPS.map(|clip| format!("{clip},1\n")).concat();
        fs::write(&manifest, format!("video_name,target\n{rows}")).unwrap();
        let detector = Detector::builder().device(Device::Cpu).window(0.8).open(WEIGHTS).unwrap();
        let folder = root.join("run");
        fs::create_dir_all(&folder).unwrap();
        let mut runs =
            Self { detector, manifest, finished: Files::new(), interrupted: Files::new() };
        let mut interrupted = Files::new();
        runs.evaluate(&folder, false, &mut |progress| {
            if progress.done == DONE {
                interrupted = files(&folder);
            }
        })
        .unwrap();
        runs.interrupted = interrupted;
        runs.finished = files(&folder);
        runs
    }

    /// Damages a file of a run and resumes it.
    pub(super) fn damage(
        &self,
        root: &Path,
        random: &mut Random,
        change: &mut dyn FnMut(&mut Vec<u8>, &mut Random),
    ) -> (&'static str, Observed) {
        let (healthy, unfinished) = match random.below(2) {
            0 => (&self.interrupted, true),
            _ => (&self.finished, false),
        };
        let folder = root.join("run");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        let mut copy = healthy.clone();
        let names: Vec<&String> =
            healthy.keys().filter(|name| !healthy[*name].is_empty()).collect();
        let name = random.choose(&names);
        change(copy.get_mut(name).unwrap(), random);
        copy.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
        let observed = match self.evaluate(&folder, true, &mut |_| {}) {
            Err(_) => Observed::Refused("run".into()),
            Ok(()) if files(&folder) == self.finished => Observed::Same,
            Ok(()) => Observed::Changed(1.0),
        };
        let site = match (unfinished, name.as_str()) {
            (true, "out.journal") => "journal",
            (true, _) => "unfinished table",
            (false, "out.summary.json") => "summary",
            (false, _) => "finished table",
        };
        (site, observed)
    }

    fn evaluate(
        &self,
        folder: &Path,
        resume: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), EvaluateError> {
        let output = Paths::new(&folder.join("out.csv")).predictions;
        let options = EvalOptions {
            manifest: ManifestOptions::with_root("../avff-media/tests/fixtures/media"),
            workers: NonZeroUsize::new(1),
            resume,
            ..EvalOptions::new(&self.manifest, output)
        };
        self.detector.evaluate_with(&options, progress).map(drop)
    }
}

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    entries.map(named).collect()
}
