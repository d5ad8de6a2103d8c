//! A stem of convolutions before the tokens of the visual encoder.

use burn::{module::Param, nn::LayerNorm, prelude::*};

use super::{Convolution, layer_norm, normalize, relu};
use crate::{
    config::{STEM_FEATURES, STEM_STRIDE},
    init::{Init, Initializer},
};

/// The frames that the first convolution sees: a frame, and two on either side.
const CONTEXT: usize = 5;
/// Features of each layer; every layer halves the rows and columns.
const WIDTHS: [usize; 4] = [16, 32, 48, STEM_FEATURES];
const _: () = assert!(1 << WIDTHS.len() == STEM_STRIDE, "every layer halves the sides");
/// The kernel of the first layer and of the others, in pixels.
const KERNELS: [usize; 4] = [5, 3, 3, 3];

/// A convolution, a LayerNorm over features, and a ReLU.
#[derive(Module, Debug)]
pub struct StemLayer<B: Backend> {
    /// `[outputs, inputs, kernel, kernel]`.
    pub weight: Param<Tensor<B, 4>>,
    /// `[outputs]`.
    pub bias: Param<Tensor<B, 1>>,
    /// LayerNorm over the features of each place.
    pub norm: LayerNorm<B>,
}

impl<B: Backend> StemLayer<B> {
    /// # Shapes
    /// - `x`: `[frames, height, width, inputs]`
    /// - output: `[frames, height / 2, width / 2, outputs]`
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = Convolution::forward(x, self.weight.val(), self.bias.val());
        relu(normalize(&self.norm, x))
    }
}

/// Four convolutions with stride 2, which see each frame with its neighbors.
///
/// Motion and edges are found everywhere in a frame by the same weights, where the embedding of a
/// tubelet has to learn them for each place of its patch. In the runs of docs/src/archive/experiments.md,
/// lips were learned in fewer steps. Convolutions before a transformer: Xiao et al., 2021, "Early convolutions help
/// transformers see better".
///
/// The convolutions see the mean of the color channels. Before the first and after the last frame,
/// that frame is repeated. There are no statistics over a batch.
#[derive(Module, Debug)]
pub struct ConvStem<B: Backend> {
    /// The layers, from the frames to the features.
    pub layers: Vec<StemLayer<B>>,
}

impl<B: Backend> ConvStem<B> {
    pub(crate) fn new(init: &mut Init, device: &B::Device) -> Self {
        let inputs = [CONTEXT].into_iter().chain(WIDTHS);
        let layer = |((inputs, outputs), kernel): ((usize, usize), usize)| {
            let initializer = Initializer::TorchDefault { fan_in: inputs * kernel * kernel };
            StemLayer {
                weight: init.param([outputs, inputs, kernel, kernel], initializer, device),
                bias: init.param([outputs], initializer, device),
                norm: layer_norm(outputs, device),
            }
        };
        Self { layers: inputs.zip(WIDTHS).zip(KERNELS).map(layer).collect() }
    }

    /// # Shapes
    /// - `frames`: `[batch, channels, frames, height, width]`
    /// - output: `[batch, 64, frames, height / 16, width / 16]`
    pub fn forward(&self, frames: Tensor<B, 5>) -> Tensor<B, 5> {
        let [batch, _, count, height, width] = frames.dims();
        let gray: Tensor<B, 4> = frames.mean_dim(1).squeeze_dim(1);
        let edge = CONTEXT / 2;
        let repeated = |at: usize| gray.clone().narrow(1, at, 1).repeat_dim(1, edge);
        let padded = Tensor::cat(vec![repeated(0), gray.clone(), repeated(count - 1)], 1);
        let neighbor = |at: usize| padded.clone().narrow(1, at, count).unsqueeze_dim::<5>(4);
        let seen = Tensor::cat((0..CONTEXT).map(neighbor).collect(), 4);
        let seen = seen.reshape([batch * count, height, width, CONTEXT]);
        let features = self.layers.iter().fold(seen, |x, layer| layer.forward(x));
        let [_, rows, columns, width_out] = features.dims();
        features.reshape([batch, count, rows, columns, width_out]).permute([0, 4, 1, 2, 3])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn::tensor::{Distribution, TensorData};
    use burn_flex::Flex;

    use super::*;

    fn numbers<const D: usize>(x: Tensor<Flex, D>) -> Vec<f32> {
        x.into_data().to_vec().unwrap()
    }

    /// The definition: a convolution with zeros beyond the edges, LayerNorm over features, ReLU.
    fn layer(layer: &StemLayer<Flex>, x: &[f32], inputs: usize, side: usize) -> Vec<f32> {
        let [outputs, _, kernel, _] = layer.weight.dims();
        let (weight, bias) = (numbers(layer.weight.val()), numbers(layer.bias.val()));
        let half = side / 2;
        let mut out = vec![0.0; outputs * half * half];
        for at in 0..half * half {
            let (row, column) = (2 * (at / half), 2 * (at % half));
            let mut features = Vec::new();
            for (output, &bias) in bias.iter().enumerate() {
                let mut sum = f64::from(bias);
                for input in 0..inputs {
                    for tap in 0..kernel * kernel {
                        let y = (row + tap / kernel).checked_sub(kernel / 2).filter(|y| *y < side);
                        let x_at =
                            (column + tap % kernel).checked_sub(kernel / 2).filter(|x| *x < side);
                        if let (Some(y), Some(x_at)) = (y, x_at) {
                            let value = x[(input * side + y) * side + x_at];
                            let tap = (output * inputs + input) * kernel * kernel + tap;
                            sum += f64::from(weight[tap]) * f64::from(value);
                        }
                    }
                }
                features.push(sum);
            }
            let mean = features.iter().sum::<f64>() / outputs as f64;
            let var =
                features.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / outputs as f64;
            for (output, value) in features.iter().enumerate() {
                out[output * half * half + at] =
                    (((value - mean) / (var + 1e-5).sqrt()) as f32).max(0.0);
            }
        }
        out
    }

    #[test]
    fn stem_computes_its_definition() {
        let device = Default::default();
        let stem = ConvStem::<Flex>::new(&mut Init::seeded(3), &device);
        let (count, side) = (4, 32);
        let frames = Tensor::<Flex, 5>::random(
            [2, 3, count, side, side],
            Distribution::Normal(0.0, 1.0),
            &device,
        );
        let output = stem.forward(frames.clone());
        assert_eq!(output.dims(), [2, STEM_FEATURES, count, 2, 2]);
        let gray = numbers(frames.narrow(0, 1, 1).mean_dim(1));
        let actual = numbers(output.narrow(0, 1, 1));
        for frame in 0..count {
            let neighbors = (0..CONTEXT).flat_map(|at| {
                let seen = (frame + at).saturating_sub(CONTEXT / 2).min(count - 1);
                gray[seen * side * side..(seen + 1) * side * side].to_vec()
            });
            let mut x: Vec<f32> = neighbors.collect();
            let (mut inputs, mut size) = (CONTEXT, side);
            for (own, width) in stem.layers.iter().zip(WIDTHS) {
                x = layer(own, &x, inputs, size);
                (inputs, size) = (width, size / 2);
            }
            for feature in 0..STEM_FEATURES {
                for place in 0..4 {
                    let got = actual[(feature * count + frame) * 4 + place];
                    let expected = x[feature * 4 + place];
                    assert!((got - expected).abs() < 1e-4, "{got}, expected {expected}");
                }
            }
        }
    }

    /// All frames have the same number of features, also a single one.
    #[test]
    fn a_single_frame_is_its_own_neighbor() {
        let device = Default::default();
        let stem = ConvStem::<Flex>::new(&mut Init::seeded(3), &device);
        let one = TensorData::new(vec![0.5_f32; 16 * 16], [1, 1, 1, 16, 16]);
        let once = stem.forward(Tensor::from_data(one, &device));
        let many = TensorData::new(vec![0.5_f32; 3 * 16 * 16], [1, 1, 3, 16, 16]);
        let many = stem.forward(Tensor::from_data(many, &device));
        let (once, many) = (numbers(once), numbers(many));
        for (feature, value) in once.iter().enumerate() {
            assert!((value - many[3 * feature + 1]).abs() < 1e-6);
        }
    }
}
