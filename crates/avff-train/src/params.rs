//! A module's parameters as a list, in field order.
//!
//! Optimizers, averages and training checkpoints all use one list of flat tensors, so that none of
//! them depends on modules or tensor ranks. A parameter's index in the list identifies it. Its
//! checkpoint key is its name in files and messages.

use avff_model::checkpoint;
use burn::{
    module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param},
    prelude::*,
    tensor::backend::AutodiffBackend,
};

/// Description of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Checkpoint key.
    pub key: String,
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Whether the parameter is trained.
    pub trained: bool,
}

impl Parameter {
    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a dimension is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns all parameters of a module.
pub fn list<B: Backend, M: Module<B>>(module: &M) -> Vec<Parameter> {
    struct Trained(Vec<bool>);
    impl<B: Backend> ModuleVisitor<B> for Trained {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0.push(param.val().is_require_grad());
        }
    }
    let mut trained = Trained(Vec::new());
    module.visit(&mut trained);
    let keys = checkpoint::required_keys(module).into_iter();
    keys.zip(trained.0).map(|((key, shape), trained)| Parameter { key, shape, trained }).collect()
}

/// Returns the values of every parameter, flat.
pub fn values<B: Backend, M: Module<B>>(module: &M) -> Vec<Tensor<B, 1>> {
    struct Values<B: Backend>(Vec<Tensor<B, 1>>);
    impl<B: Backend> ModuleVisitor<B> for Values<B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.0.push(flat(param.val()));
        }
    }
    let mut values = Values(Vec::new());
    module.visit(&mut values);
    values.0
}

/// Replaces the values of parameters by the results of `change`; `None` leaves a parameter
/// unchanged.
///
/// The closure gets the parameter's index and its values, flat and detached from the graph.
pub fn update<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: M,
    change: impl FnMut(usize, Tensor<B::InnerBackend, 1>) -> Option<Tensor<B::InnerBackend, 1>>,
) -> M {
    struct Update<F> {
        next: usize,
        change: F,
    }
    impl<B, F> ModuleMapper<B> for Update<F>
    where
        B: AutodiffBackend,
        F: FnMut(usize, Tensor<B::InnerBackend, 1>) -> Option<Tensor<B::InnerBackend, 1>>,
    {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let index = self.next;
            self.next += 1;
            let (id, tensor, mapper) = param.consume();
            let trained = tensor.is_require_grad();
            let shape = tensor.shape();
            let tensor = match (self.change)(index, flat(tensor.clone().inner())) {
                None => tensor,
                // A new leaf for the next backward pass.
                Some(new) => {
                    Tensor::from_inner(new.reshape::<D, _>(shape)).set_require_grad(trained)
                }
            };
            Param::from_mapped_value(id, tensor, mapper)
        }
    }
    module.map(&mut Update { next: 0, change })
}

/// Freezes parameters whose keys start with one of the prefixes.
///
/// # Errors
/// The first prefix that matches no key.
pub fn freeze<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: M,
    prefixes: &[String],
) -> Result<M, String> {
    struct Freeze<'a> {
        frozen: &'a [bool],
        next: usize,
    }
    impl<B: Backend> ModuleMapper<B> for Freeze<'_> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let frozen = self.frozen.get(self.next).copied().unwrap_or_default();
            self.next += 1;
            if frozen { param.set_require_grad(false) } else { param }
        }
    }
    let keys: Vec<String> = list(&module).into_iter().map(|parameter| parameter.key).collect();
    let matches = |key: &str, prefix: &String| key.starts_with(prefix.as_str());
    if let Some(prefix) =
        prefixes.iter().find(|prefix| !keys.iter().any(|key| matches(key, prefix)))
    {
        return Err(prefix.clone());
    }
    let frozen: Vec<bool> =
        keys.iter().map(|key| prefixes.iter().any(|prefix| matches(key, prefix))).collect();
    Ok(module.map(&mut Freeze { frozen: &frozen, next: 0 }))
}

pub(crate) fn flat<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Tensor<B, 1> {
    let count = tensor.shape().num_elements();
    tensor.reshape([count])
}
