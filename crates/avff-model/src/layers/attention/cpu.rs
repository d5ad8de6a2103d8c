//! Attention on the CPU: scores never leave the caches.

use avff_kernels::{
    attention::{self, Heads},
    memory::scratch,
};
use burn_flex::FlexTensor;

use super::Attention;
use crate::layers::dispatch::{
    CpuKernel,
    cpu_dispatch::{contiguous, new, numbers, recycle},
};

impl Attention {
    fn kernel(self, qkv: &FlexTensor) -> Heads {
        let Self { batch, tokens, heads } = self;
        let dim = numbers(qkv).len() / (3 * batch * tokens).max(1);
        Heads { batch, tokens, heads, head_dim: dim / heads }
    }
}

impl CpuKernel<1> for Attention {
    /// Input, output, and the logarithms of the softmax sums.
    type Saved = [FlexTensor; 3];

    fn forward(&self, [qkv]: [FlexTensor; 1]) -> FlexTensor {
        let qkv = contiguous(qkv);
        let heads = self.kernel(&qkv);
        let mut out = scratch(heads.rows() * heads.dim());
        attention::forward(heads, numbers(&qkv), &mut out);
        new(out, [heads.rows(), heads.dim()])
    }

    fn forward_saving(&self, [qkv]: [FlexTensor; 1]) -> (FlexTensor, Self::Saved) {
        let qkv = contiguous(qkv);
        let heads = self.kernel(&qkv);
        let mut out = scratch(heads.rows() * heads.dim());
        let mut log_sums = vec![0.0; heads.rows() * heads.heads];
        attention::forward_for_training(heads, numbers(&qkv), &mut out, &mut log_sums);
        let out = new(out, [heads.rows(), heads.dim()]);
        let log_sums = new(log_sums, [heads.rows(), heads.heads]);
        (out.clone(), [qkv, out, log_sums])
    }

    fn backward(
        &self,
        [qkv, out, log_sums]: Self::Saved,
        gradient: FlexTensor,
        _: [bool; 1],
    ) -> [Option<FlexTensor>; 1] {
        let gradient = contiguous(gradient);
        let heads = self.kernel(&qkv);
        let dqkv = attention::backward(
            heads,
            numbers(&qkv),
            numbers(&out),
            numbers(&log_sums),
            numbers(&gradient),
        );
        [qkv, out, gradient].into_iter().for_each(recycle);
        [Some(new(dqkv, [heads.rows(), 3 * heads.dim()]))]
    }
}
