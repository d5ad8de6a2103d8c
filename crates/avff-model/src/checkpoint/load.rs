//! Loads the tensors of a file into a module.

use std::collections::BTreeSet;
#[cfg(feature = "flex")]
use std::collections::{HashMap, HashSet};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId},
    prelude::*,
    tensor::TensorData,
};

use super::keys;
use crate::{
    error::{KeyProblems, ModelError},
    tensor_file::{StoredDtype, TensorFile},
};

/// Keys that the file may lack, and keys of the file that may stay unused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tolerance {
    pub(crate) may_be_missing: fn(&str) -> bool,
    pub(crate) may_be_unused: fn(&str) -> bool,
}

impl Tolerance {
    pub(crate) const NONE: Self = Self { may_be_missing: |_| false, may_be_unused: |_| false };
}

/// Loads every parameter of `module` from `file`. Keys must match, except where `tolerance` allows.
///
/// All keys are checked before any value is read, and the error lists every problem.
pub(crate) fn load<B: Backend, M: Module<B>>(
    module: M,
    file: &TensorFile,
    tolerance: Tolerance,
) -> Result<M, ModelError> {
    check(&module, file, tolerance)?;
    fill_where(module, file, |key, _| !(tolerance.may_be_missing)(key))
}

/// Checks that the file has every key of `module` and no other, except where `tolerance` allows.
pub(crate) fn check<B: Backend, M: Module<B>>(
    module: &M,
    file: &TensorFile,
    tolerance: Tolerance,
) -> Result<(), ModelError> {
    let problems = compare(&required(module), file, tolerance);
    if problems.is_empty() {
        return Ok(());
    }
    Err(ModelError::Keys { path: file.path.clone(), problems })
}

/// Loads every parameter except those in `skipped`.
#[cfg(feature = "flex")]
pub(crate) fn fill_except<B: Backend, M: Module<B>>(
    module: M,
    file: &TensorFile,
    skipped: &HashSet<String>,
) -> Result<M, ModelError> {
    fill_where(module, file, |key, _| !skipped.contains(key))
}

/// Loads the parameters that `selected` chooses by key and shape.
pub(super) fn fill_where<B: Backend, M: Module<B>>(
    module: M,
    file: &TensorFile,
    selected: impl Fn(&str, &[usize]) -> bool,
) -> Result<M, ModelError> {
    let mut reader = file.reader()?;
    fill(module, Path::default(), &mut |key, shape| {
        let stored = file.tensors.get(key).filter(|_| selected(key, shape));
        stored.map(|stored| reader.read(stored)).transpose()
    })
}

/// Loads a submodule whose path in its network is `prefix`, with values from a function of key and
/// shape. A parameter keeps its values if the function returns `None`.
pub(crate) fn fill_with_prefix<B: Backend, M: Module<B>>(
    module: M,
    prefix: &str,
    values: &mut Values<'_>,
) -> Result<M, ModelError> {
    fill(module, Path(vec![prefix.into()]), values)
}

fn fill<B: Backend, M: Module<B>>(
    module: M,
    path: Path,
    values: &mut Values<'_>,
) -> Result<M, ModelError> {
    let mut filler = Filler { path, values, error: None };
    let module = module.map(&mut filler);
    match filler.error {
        Some(error) => Err(error),
        None => Ok(module),
    }
}

/// Returns the values for a key and shape, or `None`.
type Values<'v> = dyn FnMut(&str, &[usize]) -> Result<Option<Vec<f32>>, ModelError> + 'v;

/// Returns the keys and shapes of all parameters of a module.
pub(crate) fn required<B: Backend, M: Module<B>>(module: &M) -> Vec<(String, Vec<usize>)> {
    collect(module, Path::default())
}

/// Returns the keys and shapes of a submodule whose path in its network is `prefix`.
pub(crate) fn required_with_prefix<B: Backend, M: Module<B>>(
    module: &M,
    prefix: &str,
) -> Vec<(String, Vec<usize>)> {
    collect(module, Path(vec![prefix.into()]))
}

fn collect<B: Backend, M: Module<B>>(module: &M, path: Path) -> Vec<(String, Vec<usize>)> {
    let mut collector = Collector { path, keys: Vec::new(), ids: Vec::new() };
    module.visit(&mut collector);
    collector.keys
}

/// Returns the key of each parameter.
#[cfg(feature = "flex")]
pub(crate) fn keys_by_id<B: Backend, M: Module<B>>(module: &M) -> HashMap<ParamId, String> {
    let mut collector = Collector { path: Path::default(), keys: Vec::new(), ids: Vec::new() };
    module.visit(&mut collector);
    collector.ids.into_iter().zip(collector.keys.into_iter().map(|(key, _)| key)).collect()
}

/// Returns the keys of a network and of a file that do not match.
pub(super) fn compare(
    required: &[(String, Vec<usize>)],
    file: &TensorFile,
    tolerance: Tolerance,
) -> KeyProblems {
    let mut problems = KeyProblems::default();
    for (key, shape) in required {
        if (tolerance.may_be_missing)(key) {
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
    let names: BTreeSet<&str> = required.iter().map(|(key, _)| key.as_str()).collect();
    let stored = file.tensors.keys().map(String::as_str);
    let others = file.others.iter().map(|(key, _)| key.as_str());
    problems.unused = stored
        .chain(others)
        .filter(|key| !names.contains(key) && !(tolerance.may_be_unused)(key))
        .map(str::to_owned)
        .collect();
    problems
}

/// The module names from the root to a parameter.
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

/// Collects the keys and shapes of a module's parameters.
struct Collector {
    path: Path,
    keys: Vec<(String, Vec<usize>)>,
    ids: Vec<ParamId>,
}

impl<B: Backend> ModuleVisitor<B> for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.keys.push((self.path.key(), param.lazy_shape().to_vec()));
        self.ids.push(param.id);
    }
}

struct Filler<'v, 'w> {
    path: Path,
    values: &'v mut Values<'w>,
    error: Option<ModelError>,
}

impl<B: Backend> ModuleMapper<B> for Filler<'_, '_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        if self.error.is_some() {
            return param;
        }
        let shape = param.lazy_shape();
        match (self.values)(&self.path.key(), &shape.to_vec()) {
            Ok(None) => param,
            Ok(Some(values)) => {
                let device = param.lazy_device();
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
