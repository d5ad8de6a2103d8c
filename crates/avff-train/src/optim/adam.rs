//! One step of Adam or AdamW for one parameter.

use burn::prelude::*;

use super::OptimizerKind;

/// Adam's moments of a parameter.
#[derive(Debug, Clone)]
pub(super) struct Moments<B: Backend> {
    /// Exponential moving average of the gradients.
    pub(super) mean: Tensor<B, 1>,
    /// Exponential moving average of the squared gradients.
    pub(super) square: Tensor<B, 1>,
    /// Number of steps taken.
    pub(super) steps: u64,
}

/// Hyperparameters of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) kind: OptimizerKind,
    pub(super) lr: f64,
    pub(super) betas: [f64; 2],
    pub(super) eps: f64,
    pub(super) weight_decay: f64,
}

/// Returns the new values and moments. Bias corrections are computed in f64, as in PyTorch.
///
/// # Shapes
/// - all tensors: `[numbers]`
pub(super) fn step<B: Backend>(
    rates: &Rates,
    values: Tensor<B, 1>,
    gradient: Tensor<B, 1>,
    moments: Option<Moments<B>>,
) -> (Tensor<B, 1>, Moments<B>) {
    let Rates { kind, lr, betas: [beta1, beta2], eps, weight_decay } = *rates;
    let (values, gradient) = match kind {
        _ if weight_decay == 0.0 => (values, gradient),
        OptimizerKind::Adam => {
            let decayed = gradient + values.clone() * weight_decay;
            (values, decayed)
        }
        OptimizerKind::AdamW => (values * (1.0 - lr * weight_decay), gradient),
    };
    let squared = gradient.clone().powi_scalar(2) * (1.0 - beta2);
    let gradient = gradient * (1.0 - beta1);
    let moments = match moments {
        None => Moments { mean: gradient, square: squared, steps: 1 },
        Some(Moments { mean, square, steps }) => Moments {
            mean: mean * beta1 + gradient,
            square: square * beta2 + squared,
            steps: steps + 1,
        },
    };
    // A run has fewer steps than an i32 counts, and after some thousands both powers are 0.
    let steps = i32::try_from(moments.steps).unwrap_or(i32::MAX);
    let corrections = [1.0 - beta1.powi(steps), 1.0 - beta2.powi(steps)];
    let root = moments.square.clone().sqrt() / corrections[1].sqrt() + eps;
    let values = values - moments.mean.clone() / root * (lr / corrections[0]);
    (values, moments)
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    /// Values from PyTorch 2.9.1: `torch.optim.Adam` and `AdamW`, float32, on the CPU.
    #[test]
    fn three_steps_match_pytorch() {
        let gradients = [[0.5_f32, -1.0, 0.0], [0.25, 2.0, -3.0], [-1.0, 0.125, 1e-4]];
        let adam = [
            [0.9_f32, -1.9, 0.4],
            [0.804_390, -1.924_896, 0.472_369],
            [0.811_416, -1.942_379, 0.528_004],
        ];
        let adam_w = [
            [0.89, -1.88, 0.495],
            [0.787_171, -1.897_537, 0.563_546],
            [0.799_641, -1.910_553, 0.615_456],
        ];
        for (kind, expected) in [(OptimizerKind::Adam, adam), (OptimizerKind::AdamW, adam_w)] {
            let rates = Rates { kind, lr: 0.1, betas: [0.9, 0.95], eps: 1e-8, weight_decay: 0.1 };
            let device = Default::default();
            let mut values = Tensor::<Flex, 1>::from_data([1.0_f32, -2.0, 0.5], &device);
            let mut moments = None;
            for (gradient, expected) in gradients.into_iter().zip(expected) {
                let (next, next_moments) =
                    step(&rates, values, Tensor::from_data(gradient, &device), moments);
                (values, moments) = (next, Some(next_moments));
                for (actual, expected) in values.to_data().iter::<f32>().zip(expected) {
                    assert!((actual - expected).abs() < 2e-6, "{kind:?}: {actual} for {expected}");
                }
            }
        }
    }
}
