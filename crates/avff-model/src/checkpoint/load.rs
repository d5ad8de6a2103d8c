//! Puts the tensors of a file into a module.

use std::collections::BTreeSet;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    prelude::*,
    tensor::TensorData,
};

use super::{
    keys,
    tensors::{StoredDtype, TensorFile, TensorReader},
};
use crate::error::{KeyProblems, ModelError};

/// Which keys may be absent from the file, and which of the file may be left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) may_lack: fn(&str) -> bool,
    pub(crate) may_drop: fn(&str) -> bool,
}

impl Tolerance {
    pub(crate) const NONE: Self = Self { may_lack: |_| false, may_drop: |_| false };
}

/// Every parameter of `module` from `file`; keys must match but for what `tolerance` allows.
///
/// All keys are checked before any number is read, and every problem is reported at once.
pub(crate) fn load<B: Backend, M: Module<B>>(
    module: M,
    file: &TensorFile,
    tolerance: Tolerance,
) -> Result<M, ModelError> {
    let problems = compare(&wanted_keys(&module), file, tolerance);
    if !problems.is_empty() {
        return Err(ModelError::Keys { path: file.path.clone(), problems });
    }
    let mut filler =
        Filler { path: Path::default(), file, reader: file.reader()?, tolerance, error: None };
    let module = module.map(&mut filler);
    match filler.error {
        Some(error) => Err(error),
        None => Ok(module),
    }
}

/// Keys and shapes a module needs.
pub(crate) fn wanted_keys<B: Backend, M: Module<B>>(module: &M) -> Vec<(String, Vec<usize>)> {
    let mut wanted = Wanted::default();
    module.visit(&mut wanted);
    wanted.keys
}

fn compare(
    wanted: &[(String, Vec<usize>)],
    file: &TensorFile,
    tolerance: Tolerance,
) -> KeyProblems {
    let mut problems = KeyProblems::default();
    for (key, shape) in wanted {
        if (tolerance.may_lack)(key) {
            continue;
        }
        match file.tensors.get(key) {
            None => problems.missing.push(key.clone()),
            Some(stored) => {
                if let StoredDtype::NotFloat(what) = stored.dtype {
                    problems.not_float.push((key.clone(), what.into()));
                } else if stored.shape != *shape {
                    problems.misshapen.push((key.clone(), stored.shape.clone(), shape.clone()));
                }
            }
        }
    }
    let names: BTreeSet<&str> = wanted.iter().map(|(key, _)| key.as_str()).collect();
    let stored = file.tensors.keys().map(String::as_str);
    let others = file.others.iter().map(|(key, _)| key.as_str());
    problems.unused = stored
        .chain(others)
        .filter(|key| !names.contains(key) && !(tolerance.may_drop)(key))
        .map(str::to_owned)
        .collect();
    problems
}

/// The names on the way from the root to a parameter.
#[derive(Debug, Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.into());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn key(&self) -> String {
        keys::key(&self.0.join("."))
    }
}

/// Collects the keys and shapes a module needs.
#[derive(Debug, Default)]
struct Wanted {
    path: Path,
    keys: Vec<(String, Vec<usize>)>,
}

impl<B: Backend> ModuleVisitor<B> for Wanted {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.keys.push((self.path.key(), param.lazy_shape().to_vec()));
    }
}

struct Filler<'a> {
    path: Path,
    file: &'a TensorFile,
    reader: TensorReader<'a>,
    tolerance: Tolerance,
    error: Option<ModelError>,
}

impl<B: Backend> ModuleMapper<B> for Filler<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let key = self.path.key();
        let stored = self.file.tensors.get(&key).filter(|_| !(self.tolerance.may_lack)(&key));
        let Some(stored) = stored.filter(|_| self.error.is_none()) else { return param };
        match self.reader.read(stored) {
            Ok(values) => {
                let (shape, device) = (param.lazy_shape(), param.lazy_device());
                let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}
