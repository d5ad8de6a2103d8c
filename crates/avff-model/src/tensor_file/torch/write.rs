//! Writes a state dict as `torch.save` does: an uncompressed zip archive of a pickle, the storages,
//! and the format's version.
//!
//! The pickle has protocol 2 and names only what `torch.load(weights_only=True)` accepts. Every
//! member starts at a multiple of 64 bytes, as PyTorch aligns them, so `mmap=True` works too. Equal
//! networks give bit-identical files, because the archive stores neither its name nor the time.

use std::{
    io::{self, Write},
    path::Path,
};

use safetensors::{Dtype, View};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::super::safetensors::Outgoing;
use crate::error::ModelError;

/// Alignment of the archive's members in bytes, as in PyTorch.
const ALIGNMENT: u16 = 64;
/// Largest number of bytes of a member without the 64-bit fields of the zip format.
const MAX_SHORT_MEMBER: usize = u32::MAX as usize;

/// Writes a file atomically. Values are fetched one tensor at a time.
pub(crate) fn write(path: &Path, tensors: &[Outgoing]) -> Result<(), ModelError> {
    let write = |out: &mut io::BufWriter<std::fs::File>| {
        let mut archive = ZipWriter::new(out);
        let mut member = |name: &str, bytes: &[u8]| {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(DateTime::default())
                .large_file(bytes.len() > MAX_SHORT_MEMBER)
                .with_alignment(ALIGNMENT);
            archive.start_file(format!("archive/{name}"), options).map_err(io::Error::other)?;
            archive.write_all(bytes)
        };
        member("data.pkl", &state_dict(tensors))?;
        member("byteorder", b"little")?;
        for (index, tensor) in tensors.iter().enumerate() {
            member(&format!("data/{index}"), &tensor.data())?;
        }
        member("version", b"3\n")?;
        archive.finish().map_err(io::Error::other)?;
        Ok(())
    };
    avff_files::write_with(path, write)
        .map_err(|source| ModelError::Io { path: path.into(), source })
}

/// Returns the pickle of an `OrderedDict` of tensors, in the order of their storages.
fn state_dict(tensors: &[Outgoing]) -> Vec<u8> {
    let mut pickle = Pickle(b"\x80\x02".to_vec());
    pickle.empty_ordered_dict();
    pickle.0.push(b'(');
    for (index, tensor) in tensors.iter().enumerate() {
        pickle.text(&tensor.key);
        pickle.tensor(index, tensor);
    }
    pickle.0.extend(b"u.");
    pickle.0
}

/// The instructions of a pickle.
struct Pickle(Vec<u8>);

impl Pickle {
    fn global(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").as_bytes());
    }

    fn empty_ordered_dict(&mut self) {
        self.global("collections", "OrderedDict");
        self.0.extend(b")R");
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`.
    fn tensor(&mut self, index: usize, tensor: &Outgoing) {
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.0.extend(b"((");
        self.text("storage");
        let class = match (&tensor).dtype() {
            Dtype::F16 => "HalfStorage",
            _ => "FloatStorage",
        };
        self.global("torch", class);
        self.text(&index.to_string());
        self.text("cpu");
        self.int(tensor.shape.iter().product());
        self.0.extend(b"tQ");
        self.int(0);
        let mut strides = Vec::with_capacity(tensor.shape.len());
        let mut stride = 1;
        for size in tensor.shape.iter().rev() {
            strides.insert(0, stride);
            stride *= size;
        }
        for sizes in [&tensor.shape, &strides] {
            self.0.push(b'(');
            sizes.iter().for_each(|&size| self.int(size));
            self.0.push(b't');
        }
        // False for `requires_grad`.
        self.0.push(0x89);
        self.empty_ordered_dict();
        self.0.extend(b"tR");
    }

    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.0.extend(text.as_bytes());
    }

    fn int(&mut self, value: usize) {
        match i32::try_from(value) {
            Ok(value) => {
                self.0.push(b'J');
                self.0.extend(value.to_le_bytes());
            }
            Err(_) => {
                // A length, then that many bytes in two's complement: the ninth keeps it positive.
                self.0.extend(b"\x8a\x09");
                self.0.extend((value as u64).to_le_bytes());
                self.0.push(0);
            }
        }
    }
}
