//! A run's state as a file.

use std::path::{Path, PathBuf};

use avff_model::checkpoint::archive::{Archive, Entry};
use burn::{
    module::AutodiffModule,
    tensor::{Tensor, TensorData, backend::AutodiffBackend},
};
use serde::{Deserialize, Serialize};

use super::{Identity, Progress, Trainer};
use crate::{error::TrainError, learner::Learner, params};

/// What a state holds besides tensors.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    identity: Identity,
    progress: Progress,
    optimizer: Vec<u64>,
    learner: Vec<u64>,
    averaged_epochs: u64,
}

impl<B: AutodiffBackend, L: Learner<B>> Trainer<B, L> {
    /// Goes on from the latest state there is, and says whether there was one. A state that cannot be
    /// read - a disk can lose what it promised to keep - gives way to the one before it, with a warning.
    ///
    /// # Errors
    /// [`TrainError::State`] for a state of another run, or the last fault where none can be read.
    pub fn resume(&mut self) -> Result<bool, TrainError> {
        let mut unreadable = None;
        for (_, path) in self.parts.keeper.states()? {
            match self.load(&path) {
                Ok(()) => return Ok(true),
                Err(TrainError::Model(error)) => {
                    tracing::warn!("{error}; trying the state before it");
                    unreadable = Some(TrainError::Model(error));
                }
                Err(error) => return Err(error),
            }
        }
        unreadable.map_or(Ok(false), Err)
    }

    fn load(&mut self, path: &Path) -> Result<(), TrainError> {
        let state = |reason: String| TrainError::State { path: path.into(), reason };
        let archive = Archive::open(path)?;
        let saved: Saved = toml::from_str(archive.metadata().unwrap_or_default())
            .map_err(|error| state(format!("it is none of this version: {error}")))?;
        if let Some(difference) = saved.identity.difference(&self.parts.identity) {
            return Err(state(difference));
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
        self.parts.model = params::update::<B, _>(model, |place, _| values.get(place).cloned());
        self.progress = saved.progress;
        Ok(())
    }

    /// Saves a state, by the first process alone.
    pub(super) fn save(&self) -> Result<PathBuf, TrainError> {
        let path = self.parts.keeper.state(self.progress.step);
        if self.parts.peers.rank() != 0 {
            return Ok(path);
        }
        let saved = Saved {
            identity: self.parts.identity.clone(),
            progress: self.progress.clone(),
            optimizer: self.optimizer.steps(),
            learner: self.parts.learner.steps(),
            averaged_epochs: self.averages.epochs(),
        };
        // TOML, as recipes are; and its numbers come back to the last bit.
        let toml = toml::to_string(&saved)
            .map_err(|error| TrainError::State { path: path.clone(), reason: error.to_string() })?;
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
        self.parts.keeper.tidy()?;
        Ok(path)
    }
}
