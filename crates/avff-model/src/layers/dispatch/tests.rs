#![allow(clippy::unwrap_used)]
//! Compares kernels with the plain operations that define them, forward and backward.

use burn::{
    backend::autodiff::Autodiff,
    prelude::*,
    tensor::{Distribution, ops::FloatTensor},
};
use burn_flex::Flex;

use super::*;
use crate::{
    config::{VideoConfig, VideoGrid, VideoStem},
    layers::{
        attention::Attention, convolution::Convolution, gelu::BiasGelu, linear::Product,
        mean_squares::MeanSquares, norm::Norm, patches::Tubelets, residual::Residual,
    },
};

type Recorded = Autodiff<Flex>;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<Flex, D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Default::default())
}

fn difference<const D: usize>(a: Tensor<Flex, D>, b: Tensor<Flex, D>) -> f32 {
    (a - b).abs().max().into_scalar()
}

/// Checks the output and all gradients against the definition.
fn check<const N: usize>(op: impl CpuKernel<N>, inputs: [Tensor<Flex, 2>; N], ranks: [usize; N]) {
    let shaped = |x: &Tensor<Flex, 2>, rank: usize| -> FloatTensor<Flex> {
        let x = x.clone();
        if rank == 1 { primitive(x.squeeze_dim::<1>(0)) } else { primitive(x) }
    };
    let plain: [FloatTensor<Flex>; N] = std::array::from_fn(|i| shaped(&inputs[i], ranks[i]));
    let want: Tensor<Flex, 2> = tensor(op.plain::<Flex>(plain.clone()));
    let got: Tensor<Flex, 2> = tensor(run::<Flex, N>(op, plain));
    let weights = random(want.dims());
    assert!(difference(got, want) < 2e-6, "{op:?}");

    // The gradient of a weighted sum, from the kernel and from plain operations.
    let gradients = |kernel: bool| -> [Tensor<Flex, 2>; N] {
        let leaves: [Tensor<Recorded, 2>; N] =
            std::array::from_fn(|i| Tensor::from_inner(inputs[i].clone()).require_grad());
        let parts: [FloatTensor<Recorded>; N] = std::array::from_fn(|i| {
            let x = leaves[i].clone();
            if ranks[i] == 1 { primitive(x.squeeze_dim::<1>(0)) } else { primitive(x) }
        });
        let out: Tensor<Recorded, 2> = tensor(if kernel {
            run::<Recorded, N>(op, parts)
        } else {
            op.plain::<Recorded>(parts)
        });
        let gradients = (out * Tensor::from_inner(weights.clone())).sum().backward();
        leaves.map(|leaf| leaf.grad(&gradients).unwrap())
    };
    for (i, (got, want)) in gradients(true).into_iter().zip(gradients(false)).enumerate() {
        // Sums over rows grow with the number of rows.
        let scale = want.clone().abs().max().into_scalar().max(1.0);
        assert!(difference(got, want) < 5e-6 * scale, "{op:?}: gradient of input {i}");
    }
}

#[test]
fn kernels_match_plain_operations() {
    check(Product, [random([50, 33]), random([20, 33])], [2, 2]);
    check(Product, [random([130, 50]), random([70, 50])], [2, 2]);
    check(BiasGelu, [random([50, 33]), random([1, 33])], [2, 1]);
    check(Residual, [random([50, 33]), random([50, 33]), random([1, 33])], [2, 2, 1]);
    check(MeanSquares, [random([50, 33]), random([50, 33])], [2, 2]);
    check(Norm::with(1e-5), [random([50, 33]), random([1, 33]), random([1, 33])], [2, 1, 1]);
    check(Attention { batch: 2, tokens: 25, heads: 3 }, [random([50, 3 * 24])], [2]);
}

/// If a tensor has several users, as in a block, its gradient is the sum of all contributions, also
/// for a leaf.
#[test]
fn gradients_of_shared_tensors_add_up() {
    let (rows, dim) = (40, 24);
    let inputs = [random([rows, dim]), random([dim, dim])];
    let weights = random([rows, dim]);
    let device = Default::default();
    let gradients = |kernels: bool, inner: bool| -> [Tensor<Flex, 2>; 2] {
        let leaves = inputs.clone().map(|x| Tensor::<Recorded, 2>::from_inner(x).require_grad());
        let [x, w] = leaves.clone().map(|x| if inner { x * 1.5 } else { x });
        let one = Tensor::<Recorded, 1>::ones([dim], &device);
        let zero = Tensor::<Recorded, 1>::zeros([dim], &device);
        fn apply<const N: usize>(
            kernels: bool,
            op: impl CpuKernel<N>,
            inputs: [FloatTensor<Recorded>; N],
        ) -> Tensor<Recorded, 2> {
            tensor(if kernels {
                run::<Recorded, N>(op, inputs)
            } else {
                op.plain::<Recorded>(inputs)
            })
        }
        let norm = [primitive(x.clone()), primitive(one), primitive(zero.clone())];
        let normed = apply(kernels, Norm::with(1e-5), norm);
        let y = apply(kernels, Product, [primitive(normed.clone()), primitive(w.clone())]);
        let y = y + apply(kernels, Product, [primitive(normed), primitive(w)]);
        let skip = [primitive(x), primitive(y), primitive(zero)];
        let out = apply(kernels, Residual, skip);
        let gradients = (out * Tensor::from_inner(weights.clone())).sum().backward();
        leaves.map(|leaf| leaf.grad(&gradients).unwrap())
    };
    for inner in [false, true] {
        let [got, want] = [gradients(true, inner), gradients(false, inner)];
        for (got, want) in got.into_iter().zip(want) {
            let scale = want.clone().abs().max().into_scalar().max(1.0);
            assert!(difference(got, want) < 5e-6 * scale, "inner: {inner}");
        }
    }
}

/// Checks forward and backward: each number's gradient returns to its original position.
#[test]
fn tubelets_match_plain_operations() {
    let config = VideoConfig {
        channels: 3,
        frames: 4,
        height: 6,
        width: 9,
        tubelet: 2,
        patch: 3,
        stem: VideoStem::Patches,
    };
    let tubelets = Tubelets::new(&config, VideoGrid { time: 2, rows: 2, columns: 3 });
    let frames = random([2, 3, 4, 6, 9]);
    let want: Tensor<Flex, 3> = tensor(tubelets.plain::<Flex>([primitive(frames.clone())]));
    assert_eq!(tubelets.split(frames.clone()).to_data(), want.to_data());
    assert_eq!(tubelets.join(want.clone()).to_data(), frames.to_data());
    let leaf = Tensor::<Recorded, 5>::from_inner(frames.clone()).require_grad();
    let out = tubelets.split(leaf.clone()) * Tensor::from_inner(want);
    let gradients = out.sum().backward();
    assert_eq!(leaf.grad(&gradients).unwrap().to_data(), frames.to_data());
}

/// Views and shared tensors are not modified.
#[test]
fn inputs_are_not_modified() {
    let x = random([6, 40]);
    let before = x.to_data();
    let view = x.clone().narrow(1, 10, 20);
    let bias = random([20]);
    let y = BiasGelu::forward(view.clone(), bias.clone());
    let want: Tensor<Flex, 2> = tensor(BiasGelu.plain::<Flex>([primitive(view), primitive(bias)]));
    assert!(difference(y, want) < 2e-6);
    assert_eq!(x.to_data(), before);
    let skip = Residual::forward(x.clone(), x.clone(), Tensor::zeros([40], &x.device()));
    assert!(difference(skip, x.clone() * 2.0) < 1e-6);
    assert_eq!(x.to_data(), before);
}

/// A kernel's output is reused once its tensor has a single owner. (No other test uses this
/// length.)
#[test]
fn memory_is_reused() {
    use avff_kernels::memory::scratch;
    let count = (1 << 20) + 3;
    let mut numbers = scratch(count);
    numbers.fill(3.0);
    let tensor = cpu_dispatch::new(numbers, [count]);
    cpu_dispatch::recycle(tensor.clone());
    assert_eq!(scratch(count)[0], 0.0, "the tensor is still shared");
    cpu_dispatch::recycle(tensor);
    assert_eq!(scratch(count)[0], 3.0);
}

/// Half precision has no kernels and uses plain operations.
#[test]
fn other_precisions_use_plain_operations() {
    use burn::tensor::FloatDType;
    let x = random([4, 30]);
    let attention = Attention { batch: 1, tokens: 4, heads: 1 };
    let half = attention.forward(x.clone().cast(FloatDType::F16));
    assert_eq!(half.dtype(), burn::tensor::DType::F16);
    assert!(difference(half.cast(FloatDType::F32), attention.forward(x)) < 5e-3);
}

/// Checks forward and backward, with frames of an odd and an even side.
#[test]
fn convolutions_match_plain_operations() {
    let (x, weight) = (random([7, 9, 6, 3]), random([4, 3, 3, 3]));
    let (bias, op) = (random([4]), Convolution::with(3));
    let outputs = |kernel: bool| -> [Tensor<Flex, 4>; 4] {
        let x = Tensor::<Recorded, 4>::from_inner(x.clone()).require_grad();
        let weight = Tensor::<Recorded, 4>::from_inner(weight.clone()).require_grad();
        let bias = Tensor::<Recorded, 1>::from_inner(bias.clone()).require_grad();
        let inputs = [primitive(x.clone()), primitive(weight.clone()), primitive(bias.clone())];
        let out: Tensor<Recorded, 4> = tensor(match kernel {
            true => run::<Recorded, 3>(op, inputs),
            false => op.plain::<Recorded>(inputs),
        });
        let gradients = out.clone().powi_scalar(2).sum().backward();
        let dbias = bias.grad(&gradients).unwrap().reshape([1, 1, 1, 4]);
        [out.inner(), x.grad(&gradients).unwrap(), weight.grad(&gradients).unwrap(), dbias]
    };
    for (got, want) in outputs(true).into_iter().zip(outputs(false)) {
        let scale = want.clone().abs().max().into_scalar().max(1.0);
        assert!(difference(got, want) < 5e-6 * scale);
    }
}

#[test]
fn relu_matches_plain_operations() {
    let x = random::<1>([40_000]);
    let gradient = |kernel: bool| {
        let x = Tensor::<Recorded, 1>::from_inner(x.clone()).require_grad();
        let out: Tensor<Recorded, 1> = match kernel {
            true => crate::layers::relu(x.clone()),
            false => tensor(crate::layers::relu::Relu.plain::<Recorded>([primitive(x.clone())])),
        };
        let gradients = out.clone().powi_scalar(2).sum().backward();
        (out.inner(), x.grad(&gradients).unwrap())
    };
    let ((out, dx), (want, dwant)) = (gradient(true), gradient(false));
    assert_eq!((difference(out, want), difference(dx, dwant)), (0.0, 0.0));
}
