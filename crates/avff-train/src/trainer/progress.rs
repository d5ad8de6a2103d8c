//! Where a run stands.

use avff_data::loader::LoaderState;
use serde::{Deserialize, Serialize};

use crate::{recipe::Recipe, schedule::PlateauState};

/// Everything about a run that is no tensor. It holds no times, so equal runs save equal files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps taken or left out.
    pub step: u64,
    /// The place in the data; its epoch is the one in progress.
    pub loader: LoaderState,
    /// Sums over the epoch's batches so far, times their clips.
    pub sums: Vec<(String, f64)>,
    /// Clips in the sums.
    pub clips: u64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Of the schedule.
    pub plateau: PlateauState,
    /// Value and epoch, counted from 1, of the best validation so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<(f64, u64)>,
    /// Steps that were left out as a number was not finite.
    pub skipped: u64,
    /// What losses are multiplied by in half precision.
    pub loss_scale: f64,
    /// Steps since the scale changed.
    pub steady: u64,
}

impl Progress {
    /// The start of a run.
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

    /// Takes a step's values into the epoch's means.
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

    /// Means over the epoch so far, each clip counted once.
    #[must_use]
    pub fn means(&self) -> Vec<(String, f64)> {
        let clips = self.clips as f64;
        self.sums.iter().map(|(name, sum)| (name.clone(), sum / clips)).collect()
    }

    /// Moves to the next epoch.
    pub(super) fn next_epoch(&mut self) {
        self.loader = LoaderState::start(self.loader.epoch + 1);
        self.sums.clear();
        self.clips = 0;
    }
}

/// What two runs must share for one to go on from the other's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The recipe, as it was followed.
    pub recipe: Recipe,
    /// Hashes of the manifests, by what they are for.
    pub manifests: Vec<(String, String)>,
    /// Version of the library.
    pub version: String,
    /// Where it ran, such as `cpu`: another backend rounds otherwise.
    pub device: String,
    /// Processes.
    pub world: usize,
}

impl Identity {
    /// Why a state of `self` is none of `now`; nothing where it is.
    ///
    /// How long a run is, what it keeps and how it reads ahead may change: no step taken so far depends
    /// on them. Files may move as long as manifests are the same. A schedule may look ahead to the last
    /// epoch, but changing `epochs` says that this is wanted.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<String> {
        if let Some((what, _)) =
            self.manifests.iter().find(|manifest| !now.manifests.contains(manifest))
        {
            return Some(format!("`data.{what}` is another manifest than it was, or none"));
        }
        if let Some((what, _)) =
            now.manifests.iter().find(|manifest| !self.manifests.contains(manifest))
        {
            return Some(format!("there was no `data.{what}`"));
        }
        for (what, was, is) in [
            ("version", &self.version, &now.version),
            ("device", &self.device, &now.device),
            ("number of processes", &self.world.to_string(), &now.world.to_string()),
        ] {
            if was != is {
                return Some(format!("the {what} was {was}, now it is {is}"));
            }
        }
        let bare = |recipe: &Recipe| {
            let mut recipe = recipe.clone();
            recipe.name.clear();
            recipe.epochs = 0;
            recipe.keep = Default::default();
            recipe.start = Default::default();
            let data = &mut recipe.data;
            (data.workers, data.ahead, data.cache) = (None, 0, None);
            (data.train, data.validation, data.root) = Default::default();
            recipe.to_toml().unwrap_or_default()
        };
        let (was, is) = (bare(&self.recipe), bare(&now.recipe));
        let mut lines = was.lines().zip(is.lines());
        match lines.find(|(was, is)| was != is) {
            Some((was, is)) => Some(format!("the recipe had `{was}`, now it has `{is}`")),
            None if was != is => Some("the recipe was another one".into()),
            None => None,
        }
    }
}
