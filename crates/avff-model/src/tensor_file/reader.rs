//! Reads the values of tensors.

use std::io::{Read, Seek, SeekFrom};

use half::{bf16, f16, slice::HalfFloatSliceExt};

use super::{StoredDtype, StoredTensor, TensorFile, source::Bytes};
use crate::error::ModelError;

// Values are read in the byte order of the file, which is little-endian in every supported format.
const _: () = assert!(cfg!(target_endian = "little"));

/// Reads tensors of one file.
#[derive(Debug)]
pub(crate) struct TensorReader<'a> {
    file: &'a TensorFile,
    bytes: Bytes,
}

impl<'a> TensorReader<'a> {
    pub(super) fn new(file: &'a TensorFile) -> Result<Self, ModelError> {
        Ok(Self { file, bytes: file.bytes()? })
    }

    /// Reads a tensor's values in row-major order, as f32.
    pub(crate) fn read(&mut self, tensor: &StoredTensor) -> Result<Vec<f32>, ModelError> {
        let io = |source| ModelError::Io { path: self.file.path.clone(), source };
        let span = tensor.span().unwrap_or(0);
        self.bytes.seek(SeekFrom::Start(tensor.offset)).map_err(io)?;
        let stored = match tensor.dtype {
            StoredDtype::F32 => {
                let mut values = vec![0f32; span];
                self.bytes.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(io)?;
                values
            }
            StoredDtype::F64 => {
                let mut values = vec![0f64; span];
                self.bytes.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(io)?;
                values.into_iter().map(|value| value as f32).collect()
            }
            StoredDtype::F16 => {
                let mut values = vec![f16::ZERO; span];
                self.bytes.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(io)?;
                values.to_f32_vec()
            }
            StoredDtype::Bf16 => {
                let mut values = vec![bf16::ZERO; span];
                self.bytes.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(io)?;
                values.to_f32_vec()
            }
            // The check of the keys excludes these.
            StoredDtype::NotFloat(_) => Vec::new(),
        };
        Ok(match &tensor.strides {
            None => stored,
            Some(strides) => gather(&stored, &tensor.shape, strides),
        })
    }
}

/// Copies a strided tensor into row-major order.
fn gather(stored: &[f32], shape: &[usize], strides: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    let mut out = Vec::with_capacity(count);
    let mut index = vec![0usize; shape.len()];
    for _ in 0..count {
        let at: usize = index.iter().zip(strides).map(|(i, s)| i * s).sum();
        out.push(stored.get(at).copied().unwrap_or(f32::NAN));
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}
