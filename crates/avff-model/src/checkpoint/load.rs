//! Puts the tensors of a file into a module.

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
    check(&module, file, tolerance)?;
    fill_where(module, file, |key| !(tolerance.may_lack)(key))
}

/// Whether the file has all that `module` needs and nothing else, but for what `tolerance` allows.
pub(crate) fn check<B: Backend, M: Module<B>>(
    module: &M,
    file: &TensorFile,
    tolerance: Tolerance,
) -> Result<(), ModelError> {
    let problems = compare(&wanted_keys(module), file, tolerance);
    if problems.is_empty() {
        return Ok(());
    }
    Err(ModelError::Keys { path: file.path.clone(), problems })
}

/// Every parameter but those that are `left` as they are.
#[cfg(feature = "flex")]
pub(crate) fn fill_but<B: Backend, M: Module<B>>(
    module: M,
    file: &TensorFile,
    left: &HashSet<String>,
) -> Result<M, ModelError> {
    fill_where(module, file, |key| !left.contains(key))
}

fn fill_where<B: Backend, M: Module<B>>(
    module: M,
    file: &TensorFile,
    wanted: impl Fn(&str) -> bool,
) -> Result<M, ModelError> {
    let mut reader = file.reader()?;
    fill(module, Path::default(), &mut |key, _| {
        let stored = file.tensors.get(key).filter(|_| wanted(key));
        stored.map(|stored| reader.read(stored)).transpose()
    })
}

/// As [`load`], with numbers from a function of key and shape, for a part whose path in its network is
/// `under`; a parameter that gets none stays as it is.
pub(crate) fn fill_under<B: Backend, M: Module<B>>(
    module: M,
    under: &str,
    values: &mut Values<'_>,
) -> Result<M, ModelError> {
    fill(module, Path(vec![under.into()]), values)
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

/// Numbers for a key and shape, if there are any.
type Values<'v> = dyn FnMut(&str, &[usize]) -> Result<Option<Vec<f32>>, ModelError> + 'v;

/// Keys and shapes a module needs.
pub(crate) fn wanted_keys<B: Backend, M: Module<B>>(module: &M) -> Vec<(String, Vec<usize>)> {
    wanted(module, Path::default())
}

/// As [`wanted_keys`], for a part whose path in its network is `under`.
pub(crate) fn wanted_keys_under<B: Backend, M: Module<B>>(
    module: &M,
    under: &str,
) -> Vec<(String, Vec<usize>)> {
    wanted(module, Path(vec![under.into()]))
}

fn wanted<B: Backend, M: Module<B>>(module: &M, path: Path) -> Vec<(String, Vec<usize>)> {
    let mut wanted = Wanted { path, keys: Vec::new(), ids: Vec::new() };
    module.visit(&mut wanted);
    wanted.keys
}

/// The key of each parameter.
#[cfg(feature = "flex")]
pub(crate) fn keys_by_id<B: Backend, M: Module<B>>(module: &M) -> HashMap<ParamId, String> {
    let mut wanted = Wanted { path: Path::default(), keys: Vec::new(), ids: Vec::new() };
    module.visit(&mut wanted);
    wanted.ids.into_iter().zip(wanted.keys.into_iter().map(|(key, _)| key)).collect()
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
struct Wanted {
    path: Path,
    keys: Vec<(String, Vec<usize>)>,
    ids: Vec<ParamId>,
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
