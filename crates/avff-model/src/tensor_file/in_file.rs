//! Weights that stay in their file until a product needs them.
//!
//! Most of the time of loading a network goes into memory that the system hands out for the first time.
//! For one or two forward passes it is faster to read one weight at a time, by all threads, into the same
//! buffer. (A memory-mapped file would need no buffer. But another process could change it meanwhile,
//! which safe Rust does not allow.)

use std::{
    io::{self, Read, Seek, SeekFrom},
    mem::take,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use avff_kernels::product::Weights;
use rayon::prelude::*;

use super::{StoredDtype, StoredTensor, TensorFile, source::Bytes};
use crate::error::ModelError;

/// A file that weights are read from.
#[derive(Debug)]
pub struct InFile {
    path: PathBuf,
    /// The same file, once for each part that is read at the same time.
    files: Vec<Mutex<Bytes>>,
    /// Where the last weight was read to.
    room: Mutex<Room>,
    /// What went wrong first.
    fault: Mutex<Option<io::Error>>,
}

#[derive(Debug, Default)]
struct Room {
    numbers: Vec<f32>,
    packed: Option<Weights>,
}

/// Where a weight lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    offset: u64,
    /// Outputs and inputs.
    pub(crate) shape: [usize; 2],
}

impl Place {
    /// Of a matrix that can be read as it lies.
    pub(crate) fn of(tensor: &StoredTensor) -> Option<Self> {
        let plain = tensor.dtype == StoredDtype::F32 && tensor.strides.is_none();
        match tensor.shape[..] {
            [outputs, inputs] if plain && outputs * inputs > 0 => {
                Some(Self { offset: tensor.offset, shape: [outputs, inputs] })
            }
            _ => None,
        }
    }
}

impl InFile {
    pub(crate) fn open(file: &TensorFile) -> Result<Self, ModelError> {
        let files = (0..rayon::current_num_threads().min(4))
            .map(|_| file.bytes().map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { path: file.path.clone(), files, room: Mutex::default(), fault: Mutex::new(None) })
    }

    /// What reading met since this was last asked. Numbers that could not be read are NaN, and so is all that
    /// comes of them.
    pub fn fault(&self) -> Option<ModelError> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take();
        fault.map(|source| ModelError::Io { path: self.path.clone(), source })
    }

    /// Does something with a weight.
    pub(crate) fn with<T>(&self, place: Place, work: impl FnOnce(&Weights) -> T) -> T {
        // Taken, not locked: whoever finds none makes another.
        let mut room = take(&mut *self.room.lock().unwrap_or_else(PoisonError::into_inner));
        let [outputs, inputs] = place.shape;
        let count = outputs * inputs;
        if room.numbers.len() < count {
            room.numbers = vec![0.0; count];
        }
        let numbers = &mut room.numbers[..count];
        if let Err(error) = self.read(place.offset, numbers) {
            numbers.fill(f32::NAN);
            let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            fault.get_or_insert(error);
        }
        let packed = match room.packed.take() {
            Some(others) => others.instead(numbers, place.shape),
            None => Weights::new(numbers, place.shape),
        };
        let done = work(&packed);
        room.packed = Some(packed);
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = room;
        done
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
