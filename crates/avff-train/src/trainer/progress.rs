//! The progress and the identity of a run.

use avff_data::loader::LoaderState;
use serde::{Deserialize, Serialize};

use crate::{recipe::Recipe, schedule::PlateauState};

/// The state of a run besides its tensors. It holds no times, so equal runs write bit-identical
/// files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Number of steps taken or skipped.
    pub step: u64,
    /// Position in the data; its epoch is the current one.
    pub loader: LoaderState,
    /// Sums over the epoch's batches so far, weighted by their numbers of clips.
    pub sums: Vec<(String, f64)>,
    /// Number of clips in the sums.
    pub clips: u64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// State of the plateau schedule.
    pub plateau: PlateauState,
    /// Value and epoch, counted from 1, of the best validation so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<(f64, u64)>,
    /// Number of steps skipped because of non-finite values.
    pub skipped: u64,
    /// Loss scale of half precision.
    pub loss_scale: f64,
    /// Number of steps since the loss scale changed.
    pub steady: u64,
}

impl Progress {
    /// Returns the progress at the start of a run.
    #[must_use]
    pub fn start(loss_scale: f64) -> Self {
        Self {
            step: 0,
            loader: LoaderState::start(0),
            sums: Vec::new(),
            clips: 0,
            lr: 0.0,
            plateau: PlateauState::default(),
            best: None,
            skipped: 0,
            loss_scale,
            steady: 0,
        }
    }

    /// Adds the values of a step to the epoch's means.
    pub(super) fn count(&mut self, values: &[(&'static str, f64)], clips: usize) {
        self.clips += clips as u64;
        for &(name, value) in values {
            let weighted = value * clips as f64;
            match self.sums.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += weighted,
                None => self.sums.push((name.to_owned(), weighted)),
            }
        }
    }

    /// Returns the means over the epoch so far, with equal weight for each clip.
    #[must_use]
    pub fn means(&self) -> Vec<(String, f64)> {
        let clips = self.clips as f64;
        self.sums.iter().map(|(name, sum)| (name.clone(), sum / clips)).collect()
    }

    /// Moves on to the next epoch.
    pub(super) fn next_epoch(&mut self) {
        self.loader = LoaderState::start(self.loader.epoch + 1);
        self.sums.clear();
        self.clips = 0;
    }
}

/// The properties that two runs must share for one to resume from the other's checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The recipe that was followed.
    pub recipe: Recipe,
    /// Hashes of the manifests, by role.
    pub manifests: Vec<(String, String)>,
    /// Version of the library.
    pub version: String,
    /// Device, such as `cpu`; other backends round differently.
    pub device: String,
    /// Number of processes.
    pub world: usize,
}

impl Identity {
    /// Returns why `now` cannot resume from a checkpoint of `self`, or `None` if it can.
    ///
    /// The length of a run, its checkpoint settings and its reading of data may change, because no
    /// earlier step depends on them. Files may move as long as the manifests are equal. A schedule
    /// may depend on the last epoch, but changing `epochs` requests that explicitly.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<String> {
        if let Some((what, _)) =
            self.manifests.iter().find(|manifest| !now.manifests.contains(manifest))
        {
            return Some(format!("`data.{what}` is a different manifest or is missing"));
        }
        if let Some((what, _)) =
            now.manifests.iter().find(|manifest| !self.manifests.contains(manifest))
        {
            return Some(format!("`data.{what}` is new"));
        }
        for (what, was, is) in [
            ("version", &self.version, &now.version),
            ("device", &self.device, &now.device),
            ("number of processes", &self.world.to_string(), &now.world.to_string()),
        ] {
            // Replicas are computed alike by any number of processes.
            let any = what == "number of processes" && now.recipe.steps.replicas.is_some();
            if was != is && !any {
                return Some(format!("the {what} was {was}, but now it is {is}"));
            }
        }
        let bare = |recipe: &Recipe| {
            let mut recipe = recipe.clone();
            recipe.name.clear();
            recipe.epochs = 0;
            recipe.keep = Default::default();
            recipe.initialize = Default::default();
            let data = &mut recipe.data;
            (data.workers, data.prefetch, data.cache) = (None, 0, None);
            (data.train, data.validation, data.root) = Default::default();
            data.preflight = false;
            // The identity of the shards says which ones were read.
            data.missing_shards = Default::default();
            recipe.to_toml().unwrap_or_default()
        };
        let (was, is) = (bare(&self.recipe), bare(&now.recipe));
        let mut lines = was.lines().zip(is.lines());
        match lines.find(|(was, is)| was != is) {
            Some((was, is)) => Some(format!("the recipe had `{was}`, but now it has `{is}`")),
            None if was != is => Some("the recipe has different keys".into()),
            None => None,
        }
    }
}
