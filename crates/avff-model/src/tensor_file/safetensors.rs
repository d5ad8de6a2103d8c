//! Lists and writes safetensors files.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use burn::tensor::TensorData;
use half::f16;
use safetensors::{Dtype, View, tensor::Metadata};

use super::{Listing, StoredDtype, StoredTensor, incomplete, source::Bytes};
use crate::error::ModelError;

/// The metadata entry of this library. There is only one, because safetensors writes several in
/// random order, and equal networks should give bit-identical files.
const ENTRY: &str = "avff";
/// Maximum size of a header in bytes; the header of the released network takes 50 KB.
const MAX_HEADER: u64 = 16 << 20;

/// Number format of a written checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Full size, without rounding.
    F32,
    /// Half the size, with rounded values.
    F16,
}

pub(crate) fn list(file: &mut Bytes) -> Result<Listing, String> {
    let end = file.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
    file.seek(SeekFrom::Start(0)).map_err(|e| e.to_string())?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|e| e.to_string())?;
    let header = u64::from_le_bytes(length);
    if header > MAX_HEADER {
        return Err(format!(
            "the safetensors header has {header} bytes, more than {MAX_HEADER}: the file is \
             damaged, or it is not safetensors"
        ));
    }
    if header + 8 > end {
        return Err(incomplete(&format!("its header has {header} bytes, the file has {end}")));
    }
    let mut bytes = Vec::new();
    file.take(header).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let metadata: Metadata =
        serde_json::from_slice(&bytes).map_err(|e| format!("safetensors header: {e}"))?;
    let start = header + 8;
    let mut listing = Listing::default();
    for (key, info) in metadata.tensors() {
        let dtype = match info.dtype {
            Dtype::F64 => StoredDtype::F64,
            Dtype::F32 => StoredDtype::F32,
            Dtype::F16 => StoredDtype::F16,
            Dtype::BF16 => StoredDtype::Bf16,
            _ => StoredDtype::NotFloat("not a float"),
        };
        let tensor = StoredTensor {
            shape: info.shape.clone(),
            dtype,
            strides: None,
            shard: 0,
            offset: start.saturating_add(info.data_offsets.0 as u64),
            checksum: None,
        };
        let (from, to) = info.data_offsets;
        let bytes = tensor.span().and_then(|span| span.checked_mul(dtype.size()));
        if dtype.size() > 0 && (bytes.is_none() || bytes != to.checked_sub(from)) {
            return Err(format!(
                "{key}: the number of bytes does not match its shape {:?}",
                info.shape
            ));
        }
        listing.tensors.push((key, tensor));
    }
    listing.metadata = metadata.metadata().as_ref().and_then(|m| m.get(ENTRY)).cloned();
    Ok(listing)
}

/// A tensor to write; its values are fetched just before they are written.
pub(crate) struct Outgoing {
    pub(crate) key: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Box<dyn Fn() -> TensorData>,
    pub(crate) precision: Precision,
}

impl View for &Outgoing {
    fn dtype(&self) -> Dtype {
        match self.precision {
            Precision::F32 => Dtype::F32,
            Precision::F16 => Dtype::F16,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let data = (self.data)();
        let values = data.iter::<f32>();
        Cow::Owned(match self.precision {
            Precision::F32 => values.flat_map(f32::to_le_bytes).collect(),
            Precision::F16 => values.flat_map(|v| f16::from_f32(v).to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        let size = match self.precision {
            Precision::F32 => 4,
            Precision::F16 => 2,
        };
        self.shape.iter().product::<usize>() * size
    }
}

/// Writes a file atomically.
pub(crate) fn write(path: &Path, tensors: &[Outgoing], metadata: String) -> Result<(), ModelError> {
    let views = tensors.iter().map(|tensor| (tensor.key.clone(), tensor));
    let metadata = HashMap::from([(ENTRY.to_owned(), metadata)]);
    avff_files::replace(path, |temporary| {
        safetensors::serialize_to_file(views, Some(metadata), temporary).map_err(io::Error::other)
    })
    .map_err(|source| ModelError::Io { path: path.into(), source })
}
