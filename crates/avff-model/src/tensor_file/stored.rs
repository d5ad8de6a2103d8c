//! Descriptions of stored tensors.

use strum::{Display, IntoStaticStr};

/// Number format of a stored tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredDtype {
    /// IEEE double.
    F64,
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16: the upper half of a single.
    Bf16,
    /// Integers, booleans or quantized numbers, which are not weights of this network.
    NotFloat(&'static str),
}

impl StoredDtype {
    /// Returns the size of a number in bytes, or 0 if it is not a float.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::NotFloat(_) => 0,
        }
    }

    /// Returns the usual name.
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

/// Shape, number format and location of a tensor in its file.
#[derive(Debug, Clone)]
pub struct StoredTensor {
    /// Dimensions, row-major.
    pub shape: Vec<usize>,
    /// Number format.
    pub dtype: StoredDtype,
    /// Elements between neighbors along each dimension; `None` for row-major order without gaps.
    pub(crate) strides: Option<Vec<usize>>,
    /// Index of the file that holds the values; 0 unless the checkpoint is sharded.
    pub(crate) shard: usize,
    /// Offset in bytes from the start of that file.
    pub(crate) offset: u64,
    /// Index of the checksum of the storage that holds the values, if there is one.
    pub(crate) checksum: Option<usize>,
}

impl StoredTensor {
    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a dimension is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of elements from the first to the last used one, or `None` on overflow.
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

/// File format of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr)]
pub enum Format {
    /// `torch.save` since PyTorch 1.6.
    #[strum(serialize = "PyTorch (zip)")]
    TorchZip,
    /// `torch.save` before PyTorch 1.6.
    #[strum(serialize = "PyTorch (legacy)")]
    TorchLegacy,
    /// safetensors.
    #[strum(serialize = "safetensors")]
    Safetensors,
    /// Several files and an index that names the file of each tensor.
    #[strum(serialize = "sharded by an index")]
    Sharded,
}
