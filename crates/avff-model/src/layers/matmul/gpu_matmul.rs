//! Matrix products in full single precision on GPUs.
//!
//! On a GPU with tensor cores, Burn computes f32 products in TF32, which keeps 10 bits of each
//! factor. That moves the outputs of the released network by 1e-3. PyTorch leaves TF32 off unless
//! the user requests it, and this crate does too.

use burn::{
    backend::autodiff::{
        Autodiff,
        checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    prelude::Backend,
    tensor::{DType, Shape, TensorMetadata, ops::FloatTensor},
};
use burn_cubecl::{CubeRuntime, kernel::matmul::init_matmul_output, tensor::CubeTensor};
use cubek::{
    matmul::{
        definition::{MatmulElems, MatmulGlobalElems},
        launch::{Strategy, launch_ref},
    },
    std::InputBinding,
};

use crate::layers::dispatch::{cast, same};

/// Multiplies on a GPU backend, with or without autodiff; returns the factors unchanged on other
/// backends.
pub(super) fn matmul<B: Backend>(
    mut factors: [FloatTensor<B>; 2],
) -> Result<FloatTensor<B>, [FloatTensor<B>; 2]> {
    if factors.iter().any(|factor| factor.dtype() != DType::F32) {
        return Err(factors);
    }
    #[cfg(feature = "cuda")]
    {
        use burn_cubecl::{CubeBackend, cubecl::cuda::CudaRuntime};
        factors = match on::<B, CubeBackend<CudaRuntime, f32, i32, u8>, _>(factors) {
            Ok(product) => return Ok(product),
            Err(factors) => factors,
        };
    }
    #[cfg(feature = "wgpu")]
    {
        use burn_cubecl::{CubeBackend, cubecl::wgpu::WgpuRuntime};
        factors = match on::<B, CubeBackend<WgpuRuntime, f32, i32, u32>, _>(factors) {
            Ok(product) => return Ok(product),
            Err(factors) => factors,
        };
    }
    Err(factors)
}

fn on<B, C, R>(factors: [FloatTensor<B>; 2]) -> Result<FloatTensor<B>, [FloatTensor<B>; 2]>
where
    B: Backend,
    C: Backend<FloatTensorPrimitive = CubeTensor<R>>,
    R: CubeRuntime,
{
    let factors = match cast::<_, [CubeTensor<R>; 2]>(factors) {
        Ok(factors) => return Ok(same(product::<C, R>(factors))),
        Err(factors) => factors,
    };
    let factors = cast::<_, [FloatTensor<Autodiff<C>>; 2]>(factors)?;
    let nodes = factors.each_ref().map(|factor| factor.node.clone());
    let factors = factors.map(|factor| factor.primitive);
    let recorded: FloatTensor<Autodiff<C>> =
        match Node.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(factors.clone(), product::<C, R>(factors))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(product::<C, R>(factors)),
        };
    Ok(same(recorded))
}

/// Multiplies with each thread's own multiply-adds, or with Burn's kernel if these do not fit the
/// sizes. In cubek 0.2.0 the double-buffered kernel (`DoubleUnit`) is wrong for small inner sizes:
/// `[20, 8]` by `[8, 12]`.
fn product<C, R>([left, right]: [CubeTensor<R>; 2]) -> CubeTensor<R>
where
    C: Backend<FloatTensorPrimitive = CubeTensor<R>>,
    R: CubeRuntime,
{
    let single = DType::F32.into();
    let types = MatmulGlobalElems { lhs: single, rhs: single, out: single };
    let out = init_matmul_output(&left, &right, DType::F32);
    let [lhs, rhs] = [&left, &right].map(|x| InputBinding::new(x.clone().binding(), single));
    let mut types = MatmulElems::from_globals(&types);
    let strategy = Strategy::SimpleUnit(Default::default());
    let (client, into) = (&left.client, out.clone().binding());
    match launch_ref(&strategy, client, lhs, rhs, into, &mut types) {
        Ok(()) => out,
        Err(_) => C::float_matmul(left, right),
    }
}

#[derive(Debug)]
struct Node;

impl<C, R> Backward<C, 2> for Node
where
    C: Backend<FloatTensorPrimitive = CubeTensor<R>>,
    R: CubeRuntime,
{
    type State = [CubeTensor<R>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<C>(&ops.node);
        let ([left, right], [left_parent, right_parent]) = (ops.state, ops.parents);
        let shapes = [left.shape(), right.shape()];
        let transposed = |x: CubeTensor<R>| {
            let rank = x.shape().num_dims();
            C::float_swap_dims(x, rank - 2, rank - 1)
        };
        if let Some(parent) = left_parent {
            let product = product::<C, R>([gradient.clone(), transposed(right)]);
            gradients.register::<C>(parent.id, summed::<C, R>(product, &shapes[0]));
        }
        if let Some(parent) = right_parent {
            let product = product::<C, R>([transposed(left), gradient]);
            gradients.register::<C>(parent.id, summed::<C, R>(product, &shapes[1]));
        }
    }
}

/// Sums a gradient over the axes along which the factor was broadcast.
fn summed<C, R>(gradient: CubeTensor<R>, shape: &Shape) -> CubeTensor<R>
where
    C: Backend<FloatTensorPrimitive = CubeTensor<R>>,
    R: CubeRuntime,
{
    let axes = 0..shape.num_dims();
    axes.fold(gradient, |gradient, axis| {
        if gradient.shape()[axis] == shape[axis] {
            gradient
        } else {
            C::float_sum_dim(gradient, axis)
        }
    })
}

#[cfg(all(test, feature = "wgpu"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed step should fail the test")]
    use burn::{
        backend::Wgpu,
        tensor::{Tensor, TensorData},
    };
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::{super::matmul, *};

    type B = Autodiff<Wgpu>;

    /// Batches, rows, inner size and columns.
    type Sizes = ([usize; 2], [usize; 3]);

    /// Sizes of the networks' products, and sizes smaller than a tile.
    const SIZES: [Sizes; 12] = [
        ([1, 1], [1, 1, 1]),
        ([1, 1], [7, 5, 3]),
        ([2, 2], [16, 6, 16]),
        ([1, 3], [20, 12, 8]),
        ([3, 1], [9, 33, 17]),
        ([2, 2], [64, 64, 64]),
        ([1, 1], [64, 96, 288]),
        ([1, 1], [130, 48, 96]),
        ([1, 2], [49, 64, 96]),
        ([4, 4], [70, 32, 70]),
        ([1, 1], [256, 256, 96]),
        ([1, 1], [33, 1537, 40]),
    ];

    fn numbers(rng: &mut ChaCha8Rng, shape: [usize; 3]) -> Vec<f32> {
        (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    #[test]
    fn products_are_exact() {
        assert!(super::super::products_are_exact::<Wgpu>(&Default::default()));
    }

    /// `sum(product * weight)` has the gradients `weight rightᵀ` and `leftᵀ weight`, so it checks
    /// three products.
    #[test]
    fn products_and_their_gradients() {
        let device = Default::default();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for (batches, [rows, inner, columns]) in SIZES {
            let batch = batches[0].max(batches[1]);
            let shapes =
                [[batches[0], rows, inner], [batches[1], inner, columns], [batch, rows, columns]];
            let values = shapes.map(|shape| numbers(&mut rng, shape));
            let [left, right, weight] = [0, 1, 2].map(|at| {
                let data = TensorData::new(values[at].clone(), shapes[at]);
                Tensor::<B, 3>::from_data(data, &device).require_grad()
            });
            // Layers also use the right factor as a transposed view.
            let across = right.clone().swap_dims(1, 2).inner() + 0.0;
            let across = Tensor::<B, 3>::from_inner(across).swap_dims(1, 2);
            let plain = matmul(left.clone(), right.clone());
            let strided = matmul(left.clone(), across);
            let gradients = (plain.clone() * weight).sum().backward();
            let actual = [
                plain.into_data(),
                strided.into_data(),
                left.grad(&gradients).unwrap().into_data(),
                right.grad(&gradients).unwrap().into_data(),
            ];
            let [l, r, w] = &values;
            let mut expected =
                [vec![0.0; w.len()], Vec::new(), vec![0.0; l.len()], vec![0.0; r.len()]];
            for place in 0..batch * rows * columns * inner {
                let (at, k) = (place / inner, place % inner);
                let (clip, row, column) = (at / columns / rows, at / columns % rows, at % columns);
                let i = (clip % batches[0] * rows + row) * inner + k;
                let j = (clip % batches[1] * inner + k) * columns + column;
                expected[0][at] += f64::from(l[i]) * f64::from(r[j]);
                expected[2][i] += f64::from(w[at]) * f64::from(r[j]);
                expected[3][j] += f64::from(l[i]) * f64::from(w[at]);
            }
            expected[1] = expected[0].clone();
            for (what, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                let max_error = actual
                    .iter::<f32>()
                    .zip(expected)
                    .map(|(actual, expected)| (f64::from(actual) - expected).abs())
                    .fold(0.0, f64::max);
                // Sums of up to 1,537 terms of size 1, in single precision.
                assert!(
                    max_error < 1e-4,
                    "{what} of {batches:?} {rows} {inner} {columns}: {max_error}"
                );
            }
        }
    }
}
