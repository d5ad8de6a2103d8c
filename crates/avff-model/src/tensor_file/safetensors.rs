//! Lists and writes safetensors files.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use burn::tensor::TensorData;
use half::f16;
use safetensors::{
    Dtype, SafeTensors, View,
    tensor::{Metadata, TensorView},
};

use super::{
    Listing, StoredDtype, StoredTensor,
    checksum::Checksum,
    incomplete,
    seal::{self, Seal},
    source::Bytes,
};
use crate::error::ModelError;

/// The metadata entry of this library. There is only one, because safetensors writes several in
/// random order, and equal networks should give bit-identical files.
const ENTRY: &str = "avff";
/// Maximum size of a header in bytes; the header of the released network takes 50 KB.
const MAX_HEADER: u64 = 16 << 20;

/// Number format of a written checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// Full size, without rounding.
    #[default]
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
    let values = metadata.tensors().values().map(|info| info.data_offsets.1).max().unwrap_or(0);
    let extra = (end - start).saturating_sub(values as u64);
    if extra > 0 {
        return Err(format!("{extra} bytes follow its tensors: the file is damaged"));
    }
    let mut listing = Listing::default();
    let tensors = metadata.tensors();
    let own = metadata.metadata().as_ref().and_then(|m| m.get(ENTRY));
    let others = metadata.metadata().iter().flatten().filter(|(name, _)| *name != ENTRY);
    if own.is_none() && others.into_iter().any(|(_, text)| seal::is_sealed(text)) {
        return Err("the header is damaged: its metadata has another name".into());
    }
    let mut sealed = None;
    if let Some(own) = own {
        let described = seal::describe(
            tensors
                .iter()
                .map(|(key, info)| (key.as_str(), info.dtype.to_string(), &info.shape[..])),
        );
        let (own, seal) = seal::split(own, &described)?;
        (listing.metadata, sealed) = (Some(own), seal);
    }
    for (key, info) in tensors {
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
        let stated = sealed.as_ref().and_then(|seal| seal.get(&key));
        let tensor = match stated.and_then(|text| u32::from_str_radix(text, 16).ok()) {
            None => tensor,
            Some(crc32) => {
                let (offset, bytes) = (tensor.offset, (to - from) as u64);
                listing.checksums.push(Checksum {
                    shard: 0,
                    member: key.clone(),
                    offset,
                    bytes,
                    crc32,
                });
                StoredTensor { checksum: Some(listing.checksums.len() - 1), ..tensor }
            }
        };
        listing.tensors.push((key, tensor));
    }
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

/// A tensor's bytes as they are in a file.
struct Copied<'a>(TensorView<'a>);

impl View for &Copied<'_> {
    fn dtype(&self) -> Dtype {
        self.0.dtype()
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0.data())
    }

    fn data_len(&self) -> usize {
        self.0.data().len()
    }
}

/// Writes the tensors of a safetensors file, byte for byte, with other metadata.
pub(crate) fn copy(bytes: &[u8], path: &Path, metadata: &str) -> Result<(), ModelError> {
    let io = |source| ModelError::Io { path: path.into(), source };
    let file = SafeTensors::deserialize(bytes).map_err(|error| io(io::Error::other(error)))?;
    let tensors: Vec<(String, Copied<'_>)> =
        file.tensors().into_iter().map(|(key, view)| (key, Copied(view))).collect();
    write_views(path, tensors.iter().map(|(key, view)| (key.as_str(), view)), metadata)
}

/// Writes a file atomically, with checksums. Values are fetched twice, because the checksums precede
/// them.
pub(crate) fn write(path: &Path, tensors: &[Outgoing], metadata: &str) -> Result<(), ModelError> {
    write_views(path, tensors.iter().map(|tensor| (tensor.key.as_str(), tensor)), metadata)
}

/// As [`write`], for tensors of any origin.
fn write_views<'a, V: View + Copy>(
    path: &Path,
    tensors: impl Iterator<Item = (&'a str, V)> + Clone,
    metadata: &str,
) -> Result<(), ModelError> {
    let checksums: Seal =
        tensors.clone().map(|(key, view)| (key.to_owned(), seal::checksum(&view.data()))).collect();
    let shapes: Vec<(&str, String, Vec<usize>)> = tensors
        .clone()
        .map(|(key, view)| (key, view.dtype().to_string(), view.shape().to_vec()))
        .collect();
    let described =
        seal::describe(shapes.iter().map(|(key, dtype, shape)| (*key, dtype.clone(), &shape[..])));
    let io = |source| ModelError::Io { path: path.into(), source };
    let metadata = seal::append(metadata, checksums, &described)
        .map_err(|error| io(io::Error::other(error)))?;
    let metadata = HashMap::from([(ENTRY.to_owned(), metadata)]);
    avff_files::replace(path, |temporary| {
        safetensors::serialize_to_file(tensors, Some(metadata), temporary).map_err(io::Error::other)
    })
    .map_err(io)
}
