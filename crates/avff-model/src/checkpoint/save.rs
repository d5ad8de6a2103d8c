//! Collects a module's tensors with the keys and layouts of the reference.

use burn::{
    module::{Module, ModuleVisitor, Param},
    prelude::*,
};

use super::load::Path;
use crate::tensor_file::{
    PREFIX,
    safetensors::{Outgoing, Precision},
};

/// Returns every parameter of `module`, sorted by key.
pub(crate) fn collect<B: Backend, M: Module<B>>(module: &M, precision: Precision) -> Vec<Outgoing> {
    let mut collector = Collector { path: Path::default(), precision, tensors: Vec::new() };
    module.visit(&mut collector);
    collector.tensors.sort_by(|a, b| a.key.cmp(&b.key));
    collector.tensors
}

struct Collector {
    path: Path,
    precision: Precision,
    tensors: Vec<Outgoing>,
}

impl<B: Backend> ModuleVisitor<B> for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        self.tensors.push(Outgoing {
            key: format!("{PREFIX}{}", self.path.key()),
            shape: value.dims().to_vec(),
            data: Box::new(move || value.to_data()),
            precision: self.precision,
        });
    }
}
