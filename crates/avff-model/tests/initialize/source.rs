//! A published encoder in plain operations.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData, activation::softmax};
use burn_flex::Flex;

use crate::{
    DIM, HEADS,
    published::{Shapes, value},
};

/// The source's blocks and last norm over tokens `[n, DIM]`, including biases.
pub(crate) struct Source {
    values: BTreeMap<String, (Vec<f32>, Vec<usize>)>,
}

impl Source {
    pub(crate) fn new(shapes: &Shapes) -> Self {
        let values =
            shapes.iter().map(|(key, shape)| (key.clone(), (value(key, shape), shape.clone())));
        Self { values: values.collect() }
    }

    pub(crate) fn vector(&self, key: &str) -> Vec<f32> {
        self.values.get(key).map_or_else(|| panic!("{key}"), |(values, _)| values.clone())
    }

    pub(crate) fn row(&self, key: &str) -> Tensor<Flex, 2> {
        let values = self.vector(key);
        let length = values.len();
        Tensor::from_data(TensorData::new(values, [1, length]), &Default::default())
    }

    pub(crate) fn linear(&self, x: Tensor<Flex, 2>, name: &str) -> Tensor<Flex, 2> {
        self.product(x, name) + self.row(&format!("{name}.bias"))
    }

    pub(crate) fn product(&self, x: Tensor<Flex, 2>, name: &str) -> Tensor<Flex, 2> {
        let (values, shape) = &self.values[&format!("{name}.weight")];
        let weight = TensorData::new(values.clone(), [shape[0], shape[1]]);
        x.matmul(Tensor::<Flex, 2>::from_data(weight, &Default::default()).transpose())
    }

    pub(crate) fn norm(&self, x: Tensor<Flex, 2>, name: &str) -> Tensor<Flex, 2> {
        let (var, mean) = x.clone().var_mean_bias(1);
        // AudioMAE itself adds 1e-6, which the report notes.
        let x = (x - mean) / (var + 1e-5).sqrt();
        x * self.row(&format!("{name}.weight")) + self.row(&format!("{name}.bias"))
    }

    /// Applies a block; `qkv_bias` is `[1, 3 * DIM]`.
    pub(crate) fn block(
        &self,
        x: Tensor<Flex, 2>,
        base: &str,
        norms: [&str; 2],
        mlp: [&str; 2],
        qkv_bias: Tensor<Flex, 2>,
    ) -> Tensor<Flex, 2> {
        let y = self.norm(x.clone(), &format!("{base}.{}", norms[0]));
        let qkv = self.product(y, &format!("{base}.attn.qkv")) + qkv_bias;
        let head = DIM / HEADS;
        let heads = (0..HEADS).map(|h| {
            let part = |of: usize| qkv.clone().narrow(1, of * DIM + h * head, head);
            let scores = part(0).matmul(part(1).transpose()) / (head as f64).sqrt();
            softmax(scores, 1).matmul(part(2))
        });
        let y = Tensor::cat(heads.collect(), 1);
        let x = x + self.linear(y, &format!("{base}.attn.proj"));
        let y = self.norm(x.clone(), &format!("{base}.{}", norms[1]));
        let y = self.linear(y, &format!("{base}.{}", mlp[0]));
        let y = y.clone() * ((y / 2f64.sqrt()).erf() + 1.0) * 0.5;
        x + self.linear(y, &format!("{base}.{}", mlp[1]))
    }

    pub(crate) fn timm_block(
        &self,
        x: Tensor<Flex, 2>,
        base: &str,
        norms: [&str; 2],
    ) -> Tensor<Flex, 2> {
        let bias = self.row(&format!("{base}.attn.qkv.bias"));
        self.block(x, base, norms, ["mlp.fc1", "mlp.fc2"], bias)
    }

    /// Applies the patch embedding to one patch, whose values have the order of the kernel.
    pub(crate) fn embed(&self, name: &str, patch: &[f32]) -> Vec<f32> {
        let weight = self.vector(&format!("{name}.weight"));
        let bias = self.vector(&format!("{name}.bias"));
        let kernels = weight.chunks_exact(patch.len()).zip(bias);
        let dot = |kernel: &[f32]| -> f64 {
            kernel.iter().zip(patch).map(|(&w, &x)| f64::from(w) * f64::from(x)).sum()
        };
        kernels.map(|(kernel, bias)| (dot(kernel) + f64::from(bias)) as f32).collect()
    }
}

pub(crate) fn matrix(values: Vec<f32>) -> Tensor<Flex, 2> {
    let rows = values.len() / DIM;
    Tensor::from_data(TensorData::new(values, [rows, DIM]), &Default::default())
}

pub(crate) fn numbers<const D: usize>(tensor: Tensor<Flex, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
