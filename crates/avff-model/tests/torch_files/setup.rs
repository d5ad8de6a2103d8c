//! A classifier with known weights, and files that hold them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use avff_model::{Checkpoint, Classifier, Init, ModelError, checkpoint};
use burn_flex::Flex;
use tempfile::TempDir;

use crate::{
    networks::{nano, weights},
    pickle::Pickle,
    torch_file,
};

pub struct Network {
    pub folder: TempDir,
    pub keys: Vec<(String, Vec<usize>)>,
    pub values: BTreeMap<String, Vec<f32>>,
}

impl Network {
    pub fn new() -> Self {
        let model = Classifier::<Flex>::new(&nano(), &mut Init::seeded(7), &Default::default());
        let model = model.unwrap();
        Self {
            folder: TempDir::new().unwrap(),
            keys: checkpoint::required_keys(&model),
            values: weights(&model),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a zip archive with this pickle and the weights as storages 0, 1, 2...
    pub fn write(&self, pickle: Pickle) -> PathBuf {
        let path = self.path("file.pth");
        torch_file::write_pickle(
            &path,
            &self.keys,
            |key, _| self.values[key].clone(),
            &pickle.finish(),
        );
        path
    }

    /// Checks that a file loads with bit-identical weights.
    #[track_caller]
    pub fn assert_loads(&self, path: &Path) {
        assert_eq!(load(path).unwrap(), self.values);
    }

    #[track_caller]
    pub fn assert_refused(&self, pickle: Pickle, parts: &[&str]) {
        let error = load(&self.write(pickle)).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

pub fn load(path: &Path) -> Result<BTreeMap<String, Vec<f32>>, ModelError> {
    let file = Checkpoint::open(path)?;
    let model: Classifier<Flex> = file.classifier(&nano(), &Default::default())?;
    Ok(weights(&model))
}
