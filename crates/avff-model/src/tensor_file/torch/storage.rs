//! Storages: the arrays that tensors view.

use std::collections::HashMap;

use super::super::{
    StoredDtype,
    pickle::{Arena, Id, Value},
};

/// Location of a storage's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    /// Index of its checksum in [`Listing::checksums`](super::super::Listing::checksums).
    pub(super) checksum: Option<usize>,
}

/// Storages by the key that the pickle gives them.
pub(super) type Storages = HashMap<String, Storage>;

/// The description of a storage in the pickle.
pub(super) struct Description<'a> {
    pub(super) key: &'a str,
    pub(super) dtype: StoredDtype,
    /// Size of an element in bytes.
    pub(super) size: usize,
}

/// Reads `('storage', torch.FloatStorage, key, location, elements)`.
pub(super) fn describe(arena: &Arena, description: Id) -> Result<Description<'_>, String> {
    let Value::Tuple(items) = arena.get(description) else {
        return Err("a storage's description is not a tuple".into());
    };
    let (Some(&class), Some(&key)) = (items.get(1), items.get(2)) else {
        return Err("a storage's description is too short".into());
    };
    let class = match (arena.global(class), arena.str(class)) {
        (Some((_, name)), _) => name,
        (None, Some(name)) => name.trim_start_matches("torch."),
        (None, None) => return Err("a storage has no class".into()),
    };
    let (dtype, size) = match class {
        "DoubleStorage" => (StoredDtype::F64, 8),
        "FloatStorage" => (StoredDtype::F32, 4),
        "HalfStorage" => (StoredDtype::F16, 2),
        "BFloat16Storage" => (StoredDtype::Bf16, 2),
        "LongStorage" => (StoredDtype::NotFloat("i64"), 8),
        "IntStorage" => (StoredDtype::NotFloat("i32"), 4),
        "ShortStorage" => (StoredDtype::NotFloat("i16"), 2),
        "CharStorage" => (StoredDtype::NotFloat("i8"), 1),
        "ByteStorage" => (StoredDtype::NotFloat("u8"), 1),
        "BoolStorage" => (StoredDtype::NotFloat("bool"), 1),
        "ComplexFloatStorage" => (StoredDtype::NotFloat("complex64"), 8),
        "ComplexDoubleStorage" => (StoredDtype::NotFloat("complex128"), 16),
        "QInt8Storage" | "QUInt8Storage" => (StoredDtype::NotFloat("quantized to 8 bits"), 1),
        "QInt32Storage" => (StoredDtype::NotFloat("quantized to 32 bits"), 4),
        "UntypedStorage" => (StoredDtype::NotFloat("an unsupported number format"), 1),
        other => return Err(format!("unknown storage class {other:?}")),
    };
    let key = arena.str(key).ok_or("a storage key is not a string")?;
    Ok(Description { key, dtype, size })
}

/// Whether a persistent id describes a storage. The legacy format also describes classes by them.
pub(super) fn is_storage(arena: &Arena, description: Id) -> bool {
    let kind = arena.items(description).first();
    kind.and_then(|&kind| arena.str(kind)) != Some("module")
}
