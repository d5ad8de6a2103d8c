//! Weights that stay in their file and are read for each product.
//!
//! Most of the loading time of a network is spent on fresh memory from the operating system. For
//! one or two forward passes it is faster to read one weight at a time into a reused buffer, with
//! all threads. (A memory-mapped file would need no buffer, but another process could change it
//! meanwhile, which safe Rust does not allow.)

use std::{
    collections::BTreeSet,
    io::{self, Read, Seek, SeekFrom},
    mem::take,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use avff_kernels::product::Weights;
use rayon::prelude::*;

use super::{StoredDtype, StoredTensor, TensorFile, source::Bytes};
use crate::error::ModelError;

/// A checkpoint file from which weights are read on demand.
#[derive(Debug)]
pub struct OffloadedWeights {
    path: PathBuf,
    /// Several handles of the file, one for each part that is read in parallel.
    files: Vec<Mutex<Bytes>>,
    /// Buffer for the weight that was read last.
    buffer: Mutex<Buffer>,
    /// The first error.
    first_error: Mutex<Option<io::Error>>,
}

#[derive(Debug, Default)]
struct Buffer {
    numbers: Vec<f32>,
    packed: Option<Weights>,
}

/// Location of a weight in its file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WeightLocation {
    offset: u64,
    /// Outputs and inputs.
    pub(crate) shape: [usize; 2],
}

impl WeightLocation {
    /// Returns the location of a matrix whose stored values can be used directly. Only the first
    /// file of a sharded checkpoint is kept open.
    pub(crate) fn of(tensor: &StoredTensor) -> Option<Self> {
        let plain = tensor.dtype == StoredDtype::F32 && tensor.strides.is_none();
        let plain = plain && tensor.shard == 0;
        match tensor.shape[..] {
            [outputs, inputs] if plain && outputs * inputs > 0 => {
                Some(Self { offset: tensor.offset, shape: [outputs, inputs] })
            }
            _ => None,
        }
    }
}

impl OffloadedWeights {
    pub(crate) fn open(file: &TensorFile) -> Result<Self, ModelError> {
        let files = (0..rayon::current_num_threads().min(4))
            .map(|_| file.bytes().map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            path: file.path.clone(),
            files,
            buffer: Mutex::default(),
            first_error: Mutex::new(None),
        })
    }

    /// Checks the storages of weights that will be read later.
    pub(crate) fn check<'a>(
        file: &TensorFile,
        weights: impl Iterator<Item = &'a StoredTensor>,
    ) -> Result<(), ModelError> {
        let checksums: BTreeSet<usize> = weights.filter_map(|weight| weight.checksum).collect();
        let results: Vec<_> =
            checksums.into_par_iter().map(|index| file.check_storage(index)).collect();
        results.into_iter().collect()
    }

    /// Returns and clears the first read error. Unreadable weights become NaN, and so do all
    /// results that depend on them.
    pub fn take_error(&self) -> Option<ModelError> {
        let error = self.first_error.lock().unwrap_or_else(PoisonError::into_inner).take();
        error.map(|source| ModelError::Io { path: self.path.clone(), source })
    }

    /// Reads and packs a weight and calls `work` with it.
    pub(crate) fn with<T>(&self, place: WeightLocation, work: impl FnOnce(&Weights) -> T) -> T {
        // The buffer is taken, not locked: a concurrent caller creates another one.
        let mut buffer = take(&mut *self.buffer.lock().unwrap_or_else(PoisonError::into_inner));
        let [outputs, inputs] = place.shape;
        let count = outputs * inputs;
        if buffer.numbers.len() < count {
            buffer.numbers = vec![0.0; count];
        }
        let numbers = &mut buffer.numbers[..count];
        if let Err(error) = self.read(place.offset, numbers) {
            numbers.fill(f32::NAN);
            let mut first = self.first_error.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error);
        }
        let packed = match buffer.packed.take() {
            Some(packed) => packed.repack(numbers, place.shape),
            None => Weights::new(numbers, place.shape),
        };
        let result = work(&packed);
        buffer.packed = Some(packed);
        *self.buffer.lock().unwrap_or_else(PoisonError::into_inner) = buffer;
        result
    }

    fn read(&self, offset: u64, numbers: &mut [f32]) -> io::Result<()> {
        let part = numbers.len().div_ceil(self.files.len().max(1)).max(1);
        let parts = numbers.par_chunks_mut(part).zip(&self.files).enumerate();
        parts.try_for_each(|(index, (numbers, file))| {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let start = offset + (index * part * size_of::<f32>()) as u64;
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(bytemuck::cast_slice_mut(numbers))
        })
    }
}
