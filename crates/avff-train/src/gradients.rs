//! Gradients of a module's parameters, in field order.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::{
    module::{Module, ModuleVisitor, Param},
    prelude::*,
    tensor::{TensorData, backend::AutodiffBackend},
};

use crate::{
    distributed::{Processes, Replicas, tree::Partial},
    error::TrainError,
    params::flat,
};

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

    /// Returns the numbers of all gradients, one after the other.
    fn numbers(&self) -> Vec<f32> {
        let mut numbers = Vec::new();
        for gradient in self.0.iter().flatten() {
            numbers.extend(gradient.to_data().iter::<f32>());
        }
        numbers
    }

    /// Replaces the numbers of all gradients.
    fn replace(&mut self, numbers: &[f32]) {
        let mut rest = numbers;
        for gradient in self.0.iter_mut() {
            *gradient = gradient.take().map(|gradient| {
                let (own, others) = rest.split_at(gradient.dims()[0].min(rest.len()));
                rest = others;
                let data = TensorData::new(own.to_vec(), [own.len()]);
                Tensor::from_data(data, &gradient.device())
            });
        }
    }
}

/// Adds the gradients of all replicas of all processes, in the order of one tree.
pub(crate) struct ReplicaSum<B: Backend> {
    replicas: Replicas,
    partial: Partial<Gradients<B>>,
    next: usize,
}

impl<B: Backend> ReplicaSum<B> {
    /// Starts a sum with the first replica of this process.
    pub(crate) fn new(replicas: Replicas) -> Self {
        let partial = Partial::new(replicas.count());
        Self { replicas, partial, next: replicas.own().start }
    }

    /// Adds the gradients of this process's next replica.
    pub(crate) fn push(&mut self, gradients: Gradients<B>) {
        self.partial.push(self.next, gradients, |mut sum, part| {
            sum.add(part);
            sum
        });
        self.next += 1;
    }

    /// Returns the sum over all processes, after the last replica of this one.
    ///
    /// # Errors
    /// The errors of [`Processes`].
    pub(crate) fn finish(self, peers: &mut dyn Processes) -> Result<Gradients<B>, TrainError> {
        let mut own = self.partial.finish();
        let numbers: Option<Vec<Vec<f32>>> =
            (peers.world() > 1).then(|| own.iter().map(Gradients::numbers).collect());
        let mut gradients = own.pop().unwrap_or(Gradients(Vec::new()));
        if let Some(numbers) = numbers {
            drop(own);
            gradients.replace(&peers.sum_replicas(&self.replicas, &numbers)?);
        }
        Ok(gradients)
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
