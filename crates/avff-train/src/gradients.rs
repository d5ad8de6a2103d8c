//! Gradients of a module's parameters, in field order.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::{
    module::{Module, ModuleVisitor, Param},
    prelude::*,
    tensor::{TensorData, backend::AutodiffBackend},
};

use crate::{distributed::Processes, error::TrainError, params::flat};

static RECORDING: Mutex<()> = Mutex::new(());

/// Locks autodiff; hold the guard from the forward to the end of the backward pass.
///
/// Burn 0.21 stores the graphs of all threads together. Cleaning up after one thread's backward
/// pass can remove steps that another thread has just recorded. Its gradients then lack terms,
/// without an error.
pub(crate) fn recording() -> MutexGuard<'static, ()> {
    // The lock guards no data, so a panic elsewhere leaves nothing inconsistent.
    RECORDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One flat gradient per parameter; `None` for a parameter without a gradient.
#[derive(Debug, Clone)]
pub struct Gradients<B: Backend>(pub Vec<Option<Tensor<B, 1>>>);

impl<B: Backend> Gradients<B> {
    /// Takes the gradients of `module`'s parameters out of a backward pass.
    pub fn take<A, M>(mut gradients: A::Gradients, module: &M) -> Self
    where
        A: AutodiffBackend<InnerBackend = B>,
        M: Module<A>,
    {
        struct Take<'a, A: AutodiffBackend> {
            gradients: &'a mut A::Gradients,
            taken: Vec<Option<Tensor<A::InnerBackend, 1>>>,
        }
        impl<A: AutodiffBackend> ModuleVisitor<A> for Take<'_, A> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
                let gradient = param.val().grad_remove(self.gradients);
                self.taken.push(gradient.map(flat));
            }
        }
        let mut take = Take::<A> { gradients: &mut gradients, taken: Vec::new() };
        module.visit(&mut take);
        Self(take.taken)
    }

    /// Adds the gradients of another part of the batch.
    pub fn add(&mut self, other: Self) {
        for (sum, part) in self.0.iter_mut().zip(other.0) {
            *sum = match (sum.take(), part) {
                (Some(sum), Some(part)) => Some(sum + part),
                (sum, part) => sum.or(part),
            };
        }
    }

    /// Multiplies all gradients by `factor`.
    pub fn scale(&mut self, factor: f64) {
        for gradient in self.0.iter_mut() {
            *gradient = gradient.take().map(|gradient| gradient * factor);
        }
    }

    /// Scales the gradients to a norm of `limit` if their `norm` is larger, as PyTorch does.
    pub fn clip(&mut self, norm: f64, limit: f64) {
        if norm > limit {
            self.scale(limit / (norm + 1e-6));
        }
    }

    /// Returns the L2 norm of all gradients together; it is not finite if any value is not.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let sums: Vec<Tensor<B, 1>> =
            self.0.iter().flatten().map(|gradient| gradient.clone().powi_scalar(2).sum()).collect();
        if sums.is_empty() {
            return 0.0;
        }
        let sums = Tensor::cat(sums, 0).into_data();
        sums.iter::<f64>().sum::<f64>().sqrt()
    }

    /// Sums the gradients over all processes, in rank order.
    ///
    /// # Errors
    /// The errors of [`Processes::sum`].
    pub fn sum_over(&mut self, peers: &mut dyn Processes) -> Result<(), TrainError> {
        if peers.world() == 1 {
            return Ok(());
        }
        let mut buffer: Vec<f32> = Vec::new();
        for gradient in self.0.iter().flatten() {
            buffer.extend(gradient.to_data().iter::<f32>());
        }
        peers.sum(&mut buffer)?;
        let mut rest = buffer.as_slice();
        for gradient in self.0.iter_mut() {
            *gradient = gradient.take().map(|gradient| {
                let (own, others) = rest.split_at(gradient.dims()[0].min(rest.len()));
                rest = others;
                let data = TensorData::new(own.to_vec(), [own.len()]);
                Tensor::from_data(data, &gradient.device())
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn clip_limits_the_norm() {
        let part = |values: &[f32]| {
            let data = TensorData::new(values.to_vec(), [values.len()]);
            Some(Tensor::<Flex, 1>::from_data(data, &Default::default()))
        };
        let all = || Gradients(vec![part(&[3.0, 0.0]), None, part(&[0.0, 0.0, -4.0])]);
        for (limit, expected) in [(10.0, 5.0), (5.0, 5.0), (1.0, 1.0)] {
            let mut gradients = all();
            let norm = gradients.norm();
            assert!((norm - 5.0).abs() < 1e-6, "{norm}");
            gradients.clip(norm, limit);
            assert!((gradients.norm() - expected).abs() < 1e-5, "{limit}: {}", gradients.norm());
        }
    }
}
