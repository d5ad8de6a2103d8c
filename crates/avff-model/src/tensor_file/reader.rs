//! Reads the values of tensors.

use std::{
    collections::HashSet,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use half::{bf16, f16, slice::HalfFloatSliceExt};

use super::{StoredDtype, StoredTensor, TensorFile, format_error, source::Bytes};
use crate::error::ModelError;

// Values are read in the byte order of the file, which is little-endian in every supported format.
const _: () = assert!(cfg!(target_endian = "little"));

/// Reads tensors of one file and checks the checksums of their storages.
#[derive(Debug)]
pub(crate) struct TensorReader<'a> {
    file: &'a TensorFile,
    /// Handles of the files that hold values, once opened.
    handles: Vec<Option<Bytes>>,
    /// Checksums that were found correct.
    checked: HashSet<usize>,
}

impl<'a> TensorReader<'a> {
    pub(super) fn new(file: &'a TensorFile) -> Result<Self, ModelError> {
        let handles = file.shards.iter().map(|_| None).collect();
        Ok(Self { file, handles, checked: HashSet::new() })
    }

    /// Reads a tensor's values in row-major order, as f32.
    pub(crate) fn read(&mut self, tensor: &StoredTensor) -> Result<Vec<f32>, ModelError> {
        let span = tensor.span().unwrap_or(0);
        let stored = match tensor.dtype {
            StoredDtype::F32 => {
                let mut values = vec![0f32; span];
                self.fill(tensor, bytemuck::cast_slice_mut(&mut values))?;
                values
            }
            StoredDtype::F64 => {
                let mut values = vec![0f64; span];
                self.fill(tensor, bytemuck::cast_slice_mut(&mut values))?;
                values.into_iter().map(|value| value as f32).collect()
            }
            StoredDtype::F16 => {
                let mut values = vec![f16::ZERO; span];
                self.fill(tensor, bytemuck::cast_slice_mut(&mut values))?;
                values.to_f32_vec()
            }
            StoredDtype::Bf16 => {
                let mut values = vec![bf16::ZERO; span];
                self.fill(tensor, bytemuck::cast_slice_mut(&mut values))?;
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

    /// Reads the bytes of a tensor and checks its storage.
    fn fill(&mut self, tensor: &StoredTensor, bytes: &mut [u8]) -> Result<(), ModelError> {
        let path = self.path(tensor.shard).to_owned();
        let io = |source| ModelError::Io { path: path.clone(), source };
        let handle = self.handle(tensor.shard)?;
        handle.seek(SeekFrom::Start(tensor.offset)).map_err(io)?;
        handle.read_exact(bytes).map_err(io)?;
        self.check_storage(tensor, Some(bytes))
    }

    /// Checks the storage of a tensor, once. `read` are the bytes of the tensor; a tensor that
    /// fills its storage needs no second read.
    fn check_storage(
        &mut self,
        tensor: &StoredTensor,
        read: Option<&[u8]>,
    ) -> Result<(), ModelError> {
        let Some(index) = tensor.checksum.filter(|index| !self.checked.contains(index)) else {
            return Ok(());
        };
        let file = self.file;
        let Some(checksum) = file.checksums.get(index) else { return Ok(()) };
        let whole = read.filter(|bytes| {
            tensor.offset == checksum.offset && bytes.len() as u64 == checksum.bytes
        });
        let path = self.path(checksum.shard).to_owned();
        let result = match whole {
            Some(bytes) => checksum.check_bytes(bytes),
            None => checksum
                .check_file(self.handle(checksum.shard)?)
                .map_err(|source| ModelError::Io { path: path.clone(), source })?,
        };
        result.map_err(|reason| format_error(&path, &reason))?;
        self.checked.insert(index);
        Ok(())
    }

    fn path(&self, shard: usize) -> &'a Path {
        self.file.shards.get(shard).map_or(&self.file.path, |shard| &shard.path)
    }

    fn handle(&mut self, index: usize) -> Result<&mut Bytes, ModelError> {
        let (Some(handle), Some(shard)) =
            (self.handles.get_mut(index), self.file.shards.get(index))
        else {
            return Err(format_error(&self.file.path, "a shard is missing"));
        };
        match handle {
            Some(handle) => Ok(handle),
            empty => Ok(empty.insert(shard.bytes()?)),
        }
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
