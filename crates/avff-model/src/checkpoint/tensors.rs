//! The tensors of a checkpoint file, whatever its format: where each lies and how to read it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use half::{bf16, f16, slice::HalfFloatSliceExt};
use sha2::{Digest, Sha256};

use super::{pth, safetensors};
use crate::error::ModelError;

// Tensors are read as they lie in the file, which is little-endian in every format here.
const _: () = assert!(cfg!(target_endian = "little"));

/// Number format of a stored tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredDtype {
    /// IEEE double.
    F64,
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// The upper half of a single.
    Bf16,
    /// Integers, booleans, quantised numbers: not weights of this network.
    NotFloat(&'static str),
}

impl StoredDtype {
    /// Bytes of a number; 0 where it is not a float.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::NotFloat(_) => 0,
        }
    }

    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::NotFloat(name) => name,
        }
    }
}

/// Where a tensor lies in its file.
#[derive(Debug, Clone)]
pub struct StoredTensor {
    /// Dimensions, row-major.
    pub shape: Vec<usize>,
    /// How numbers are stored.
    pub dtype: StoredDtype,
    /// Elements between neighbours along each dimension; `None` when row-major without gaps.
    pub(crate) strides: Option<Vec<usize>>,
    /// Bytes from the start of the file.
    pub(crate) offset: u64,
}

impl StoredTensor {
    /// Numbers in the tensor.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a dimension is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements from the first to the last one used, or `None` where that overflows.
    pub(crate) fn span(&self) -> Option<usize> {
        let count = self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        match &self.strides {
            _ if count == 0 => Some(0),
            None => Some(count),
            Some(strides) => {
                let steps = self.shape.iter().zip(strides).map(|(&d, &s)| (d - 1).checked_mul(s));
                steps.into_iter().try_fold(1usize, |span, step| span.checked_add(step?))
            }
        }
    }
}

/// Container of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `torch.save` since PyTorch 1.6.
    TorchZip,
    /// `torch.save` before that.
    TorchLegacy,
    /// safetensors.
    Safetensors,
}

impl Format {
    /// A name to show.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TorchZip => "PyTorch (zip)",
            Self::TorchLegacy => "PyTorch (legacy)",
            Self::Safetensors => "safetensors",
        }
    }
}

/// An opened checkpoint file: names and places of its tensors, nothing read yet.
#[derive(Debug)]
pub(crate) struct TensorFile {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    /// By key, without the `module.` that data parallel training leaves in front.
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
    /// Keys whose values are no tensors, with what they are.
    pub(crate) others: Vec<(String, String)>,
    /// The `avff` entry of a safetensors file's metadata.
    pub(crate) metadata: Option<String>,
}

/// What a format's reader finds.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) tensors: Vec<(String, StoredTensor)>,
    pub(crate) others: Vec<(String, String)>,
    pub(crate) metadata: Option<String>,
}

impl TensorFile {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::Io { path: path.into(), source };
        let meta = std::fs::metadata(path).map_err(io)?;
        if !meta.is_file() {
            return Err(format_error(path, "not a regular file"));
        }
        let mut file = File::open(path).map_err(io)?;
        let mut magic = [0; 16];
        let length = read_up_to(&mut file, &mut magic).map_err(io)?;
        let (format, listing) = match &magic[..length] {
            [] => return Err(format_error(path, "the file is empty")),
            [b'P', b'K', ..] => (Format::TorchZip, pth::list_zip(&mut file)),
            [0x80, 0x02, 0x8a, 0x0a, ..] => (Format::TorchLegacy, pth::list_legacy(&mut file)),
            [_, _, _, _, _, _, _, _, b'{', ..] => {
                (Format::Safetensors, safetensors::list(&mut file))
            }
            _ => return Err(format_error(path, "neither PyTorch's format nor safetensors")),
        };
        let listing = listing.map_err(|reason| format_error(path, &reason))?;
        let mut tensors = BTreeMap::new();
        for (key, tensor) in listing.tensors {
            check_extent(&key, &tensor, meta.len()).map_err(|e| format_error(path, &e))?;
            let bare = key.strip_prefix("module.").unwrap_or(&key).to_owned();
            if tensors.insert(bare, tensor).is_some() {
                return Err(format_error(path, &format!("{key} is there twice")));
            }
        }
        let strip = |(key, what): (String, String)| {
            (key.strip_prefix("module.").unwrap_or(&key).to_owned(), what)
        };
        let others = listing.others.into_iter().map(strip).collect();
        let metadata = listing.metadata;
        Ok(Self { path: path.into(), format, tensors, others, metadata })
    }

    /// SHA-256 of the file, in hexadecimal; reads all of it.
    pub(crate) fn sha256(&self) -> Result<String, ModelError> {
        let io = |source| ModelError::Io { path: self.path.clone(), source };
        let mut hasher = Sha256::new();
        let mut file = File::open(&self.path).map_err(io)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer).map_err(io)? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            }
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads tensors one after the other.
    pub(crate) fn reader(&self) -> Result<TensorReader<'_>, ModelError> {
        let file = File::open(&self.path)
            .map_err(|source| ModelError::Io { path: self.path.clone(), source })?;
        Ok(TensorReader { of: self, file })
    }
}

/// A file position to read tensors from.
#[derive(Debug)]
pub(crate) struct TensorReader<'a> {
    of: &'a TensorFile,
    file: File,
}

impl TensorReader<'_> {
    /// The numbers of a tensor in row-major order, as f32.
    pub(crate) fn read(&mut self, tensor: &StoredTensor) -> Result<Vec<f32>, ModelError> {
        let io = |source| ModelError::Io { path: self.of.path.clone(), source };
        let span = tensor.span().unwrap_or(0);
        self.file.seek(SeekFrom::Start(tensor.offset)).map_err(io)?;
        let stored = match tensor.dtype {
            StoredDtype::F32 => {
                let mut values = vec![0f32; span];
                self.file.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(io)?;
                values
            }
            StoredDtype::F64 => {
                let mut values = vec![0f64; span];
                self.file.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(io)?;
                values.into_iter().map(|value| value as f32).collect()
            }
            StoredDtype::F16 => {
                let mut values = vec![f16::ZERO; span];
                self.file.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(io)?;
                values.to_f32_vec()
            }
            StoredDtype::Bf16 => {
                let mut values = vec![bf16::ZERO; span];
                self.file.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(io)?;
                values.to_f32_vec()
            }
            // Refused before anything is read.
            StoredDtype::NotFloat(_) => Vec::new(),
        };
        Ok(match &tensor.strides {
            None => stored,
            Some(strides) => gather(&stored, &tensor.shape, strides),
        })
    }
}

/// Row-major order out of a strided tensor.
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

/// No tensor may reach past the end of its file, or be larger than it says it is.
fn check_extent(key: &str, tensor: &StoredTensor, file: u64) -> Result<(), String> {
    let bytes = tensor.span().and_then(|span| span.checked_mul(tensor.dtype.size().max(1)));
    let end = bytes.and_then(|bytes| tensor.offset.checked_add(bytes as u64));
    let count = tensor.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    match (end, count) {
        // Overlapping strides could make a tensor larger than any file; weights have none.
        (Some(end), Some(count)) if end <= file && count as u64 <= file => Ok(()),
        _ => Err(format!("truncated: {key} reaches past the end of the file")),
    }
}

pub(crate) fn format_error(path: &Path, reason: &str) -> ModelError {
    ModelError::Format { path: path.into(), reason: reason.into() }
}

pub(crate) fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
