//! Gradients of a module's parameters, in the order of its fields.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::{
    module::{Module, ModuleVisitor, Param},
    prelude::*,
    tensor::{TensorData, backend::AutodiffBackend},
};

use crate::{distributed::Processes, error::TrainError, params::flat};

static RECORDING: Mutex<()> = Mutex::new(());

/// To be held while a graph is recorded and walked back. Burn 0.21 keeps the graphs of all threads in one
/// place, and clearing up after one thread's backward pass can take steps away that another thread has
/// just recorded: its gradients then lack terms, without an error.
pub(crate) fn recording() -> MutexGuard<'static, ()> {
    // It guards no data, so a panic elsewhere leaves nothing half done.
    RECORDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A gradient for each parameter, flat; `None` where none came.
#[derive(Debug, Clone)]
pub struct Gradients<B: Backend>(pub Vec<Option<Tensor<B, 1>>>);

impl<B: Backend> Gradients<B> {
    /// Takes those of `module`'s parameters out of a backward pass.
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

    /// Adds those of another part of the batch.
    pub fn add(&mut self, other: Self) {
        for (sum, part) in self.0.iter_mut().zip(other.0) {
            *sum = match (sum.take(), part) {
                (Some(sum), Some(part)) => Some(sum + part),
                (sum, part) => sum.or(part),
            };
        }
    }

    /// Multiplies all of them.
    pub fn scale(&mut self, factor: f64) {
        for gradient in self.0.iter_mut() {
            *gradient = gradient.take().map(|gradient| gradient * factor);
        }
    }

    /// Shortens them to a norm of `limit`, where their `norm` is above it: as PyTorch does.
    pub fn clip(&mut self, norm: f64, limit: f64) {
        if norm > limit {
            self.scale(limit / (norm + 1e-6));
        }
    }

    /// The L2 norm of all of them together; not finite where one of their numbers is not.
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

    /// Sums them over all processes, in the order of ranks.
    ///
    /// # Errors
    /// What the engine reports.
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
    fn a_norm_above_the_limit_becomes_the_limit() {
        let part = |values: &[f32]| {
            let data = TensorData::new(values.to_vec(), [values.len()]);
            Some(Tensor::<Flex, 1>::from_data(data, &Default::default()))
        };
        let all = || Gradients(vec![part(&[3.0, 0.0]), None, part(&[0.0, 0.0, -4.0])]);
        for (limit, want) in [(10.0, 5.0), (5.0, 5.0), (1.0, 1.0)] {
            let mut gradients = all();
            let norm = gradients.norm();
            assert!((norm - 5.0).abs() < 1e-6, "{norm}");
            gradients.clip(norm, limit);
            assert!((gradients.norm() - want).abs() < 1e-5, "{limit}: {}", gradients.norm());
        }
    }
}
