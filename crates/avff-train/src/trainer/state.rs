//! Writing and reading training checkpoints.

use std::path::{Path, PathBuf};

use avff_model::checkpoint::archive::{Archive, Entry};
use burn::{
    module::AutodiffModule,
    tensor::{Tensor, TensorData, backend::AutodiffBackend},
};
use serde::{Deserialize, Serialize};

use super::{Identity, Progress, Trainer};
use crate::{error::TrainError, learner::Learner, params};

/// The metadata of a training checkpoint.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    identity: Identity,
    progress: Progress,
    optimizer: Vec<u64>,
    learner: Vec<u64>,
    averaged_epochs: u64,
}

impl<B: AutodiffBackend, L: Learner<B>> Trainer<B, L> {
    /// Resumes from the latest training checkpoint and returns whether there was one. If a
    /// checkpoint is unreadable, for example after a disk failure, the previous one is used, with a
    /// warning.
    ///
    /// # Errors
    /// [`TrainError::Changed`] if the run would continue differently, [`TrainError::Checkpoint`]
    /// for a checkpoint of another version, or the last error if none is readable.
    pub fn resume(&mut self) -> Result<bool, TrainError> {
        let mut unreadable = None;
        let checkpoints = self.parts.checkpoints.list()?;
        for (rank, (_, path)) in checkpoints.iter().enumerate() {
            match self.load(path) {
                Ok(()) => return Ok(true),
                Err(TrainError::Model(error)) => {
                    if rank + 1 < checkpoints.len() {
                        tracing::warn!("{error}; trying the previous training checkpoint");
                    }
                    unreadable = Some(TrainError::Model(error));
                }
                Err(error) => return Err(error),
            }
        }
        unreadable.map_or(Ok(false), Err)
    }

    fn load(&mut self, path: &Path) -> Result<(), TrainError> {
        let error = |reason: String| TrainError::Checkpoint { path: path.into(), reason };
        let archive = Archive::open(path)?;
        let saved: Saved = toml::from_str(archive.metadata().unwrap_or_default())
            .map_err(|source| error(format!("it does not belong to this version: {source}")))?;
        if let Some(difference) = saved.identity.difference(&self.parts.identity) {
            return Err(TrainError::Changed {
                path: path.into(),
                difference,
                weights: self.parts.checkpoints.latest_weights(),
            });
        }
        let device = &self.parts.device;
        let mut reader = archive.reader()?;
        let mut values = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            let count = parameter.len();
            let read = reader.read(&format!("weights/{}", parameter.key), &[count])?;
            values.push(Tensor::from_data(TensorData::new(read, [count]), device));
        }
        self.optimizer.restore("optimizer", &saved.optimizer, &mut reader, device)?;
        self.averages.restore(&self.parameters, saved.averaged_epochs, &mut reader, device)?;
        self.parts.learner.restore(&saved.learner, &mut reader, device)?;
        let model = self.parts.model.clone();
        self.parts.model = params::update::<B, _>(model, |index, _| values.get(index).cloned());
        self.progress = saved.progress;
        self.parts.note = saved.note;
        Ok(())
    }

    /// Saves a training checkpoint, in the first process only.
    pub(super) fn save(&self) -> Result<PathBuf, TrainError> {
        let path = self.parts.checkpoints.checkpoint(self.progress.step);
        if self.parts.peers.rank() != 0 {
            return Ok(path);
        }
        let saved = Saved {
            note: self.parts.note.clone(),
            identity: self.parts.identity.clone(),
            progress: self.progress.clone(),
            optimizer: self.optimizer.steps(),
            learner: self.parts.learner.steps(),
            averaged_epochs: self.averages.epochs(),
        };
        // The metadata is TOML like recipes, which reproduces numbers bit-identically.
        let toml = toml::to_string(&saved).map_err(|error| TrainError::Checkpoint {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let values = params::values(&self.parts.model.valid());
        let weights = self.parameters.iter().zip(values);
        let mut entries: Vec<Entry> = weights
            .map(|(parameter, tensor)| Entry {
                name: format!("weights/{}", parameter.key),
                shape: vec![parameter.len()],
                data: Box::new(move || tensor.to_data()),
            })
            .collect();
        entries.extend(self.optimizer.entries("optimizer"));
        entries.extend(self.averages.entries(&self.parameters));
        entries.extend(self.parts.learner.entries());
        Archive::write(&path, entries, toml)?;
        self.parts.checkpoints.remove_old()?;
        Ok(path)
    }
}
