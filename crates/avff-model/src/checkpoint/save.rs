//! Collects a module's tensors with the keys and layouts of the reference.

use burn::{
    module::{Module, ModuleVisitor, Param},
    prelude::*,
};

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use super::load::Path;
use crate::{
    error::ModelError,
    tensor_file::{
        PREFIX,
        safetensors::{Outgoing, Precision},
    },
};

/// The form of a written checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Number format.
    pub precision: Precision,
    /// Names of the keys.
    pub keys: KeyStyle,
}

/// Names of the keys in a written checkpoint. This library reads both.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum KeyStyle {
    /// With the prefix `module.`, as in the released checkpoints: for scripts that load weights
    /// into `torch.nn.DataParallel`.
    #[default]
    Module,
    /// Without a prefix: for scripts that load weights into the bare module.
    Plain,
}

/// Returns every parameter of `module`, sorted by key.
///
/// # Errors
/// [`ModelError::Prepared`] for a network with packed or rounded weights.
pub(super) fn collect<B: Backend, M: Module<B>>(
    module: &M,
    options: WriteOptions,
) -> Result<Vec<Outgoing>, ModelError> {
    let mut collector = Collector { path: Path::default(), options, tensors: Vec::new() };
    module.visit(&mut collector);
    let mut tensors = collector.tensors;
    if tensors.iter().any(|tensor| tensor.shape.contains(&0)) {
        return Err(ModelError::Prepared);
    }
    tensors.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(tensors)
}

struct Collector {
    path: Path,
    options: WriteOptions,
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
        let key = self.path.key();
        self.tensors.push(Outgoing {
            key: match self.options.keys {
                KeyStyle::Module => format!("{PREFIX}{key}"),
                KeyStyle::Plain => key,
            },
            shape: value.dims().to_vec(),
            data: Box::new(move || value.to_data()),
            precision: self.options.precision,
        });
    }
}
