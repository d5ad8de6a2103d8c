//! A module's parameters as a list, in the order of its fields.
//!
//! Optimizers, averages and saved states all walk over the same list of flat tensors, so none of them
//! has to know modules or ranks. A parameter's place in it is what identifies it; its key, as in a
//! checkpoint, is its name in files and messages.

use avff_model::checkpoint;
use burn::{
    module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param},
    prelude::*,
    tensor::backend::AutodiffBackend,
};

/// A parameter without its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// As in a checkpoint.
    pub key: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Whether it follows gradients.
    pub trained: bool,
}

impl Parameter {
    /// Numbers in it.
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

/// All parameters of a module.
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

/// The numbers of every parameter, flat.
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

/// What is computed of each parameter takes its place; a `None` leaves it as it is.
///
/// The closure gets the parameter's place and its numbers, flat and off the graph.
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
            let place = self.next;
            self.next += 1;
            let (id, tensor, mapper) = param.consume();
            let trained = tensor.is_require_grad();
            let shape = tensor.shape();
            let tensor = match (self.change)(place, flat(tensor.clone().inner())) {
                None => tensor,
                // A leaf of its own, which gradients start from again.
                Some(new) => {
                    Tensor::from_inner(new.reshape::<D, _>(shape)).set_require_grad(trained)
                }
            };
            Param::from_mapped_value(id, tensor, mapper)
        }
    }
    module.map(&mut Update { next: 0, change })
}

/// Parameters whose keys start with one of `starts` no longer follow gradients.
///
/// # Errors
/// The first start that no key has.
pub fn freeze<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: M,
    starts: &[String],
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
    let begins = |key: &str, start: &String| key.starts_with(start.as_str());
    if let Some(start) = starts.iter().find(|start| !keys.iter().any(|key| begins(key, start))) {
        return Err(start.clone());
    }
    let frozen: Vec<bool> =
        keys.iter().map(|key| starts.iter().any(|start| begins(key, start))).collect();
    Ok(module.map(&mut Freeze { frozen: &frozen, next: 0 }))
}

pub(crate) fn flat<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Tensor<B, 1> {
    let count = tensor.shape().num_elements();
    tensor.reshape([count])
}
