//! Locates a tensor in its storage.

use super::{
    super::{
        StoredDtype, StoredTensor,
        pickle::{Arena, TensorValue, Value},
    },
    storage::{self, Storages},
};

pub(super) fn locate(
    arena: &Arena,
    storages: &Storages,
    value: TensorValue,
) -> Result<StoredTensor, String> {
    let &Value::Persistent(description) = arena.get(value.storage) else {
        return Err("a tensor has no storage".into());
    };
    let storage = storage::describe(arena, description)?;
    let dtype = match storage.dtype {
        _ if value.separate_dtype => StoredDtype::NotFloat("an unsupported number format"),
        dtype => dtype,
    };
    let shape = arena.sizes(value.shape).ok_or("the shape is not a tuple of sizes")?;
    let strides = arena.sizes(value.stride).ok_or("the strides are not a tuple of sizes")?;
    if strides.len() != shape.len() {
        return Err("the strides do not match the shape".into());
    }
    let strides = (!row_major(&shape, &strides)).then_some(strides);
    let key = storage.key;
    let location = storages.get(key).ok_or_else(|| format!("storage {key} is not in the file"))?;
    let offset =
        arena.int(value.offset).and_then(|o| u64::try_from(o).ok()).ok_or("invalid offset")?;
    let mut tensor = StoredTensor {
        shape,
        dtype,
        strides,
        shard: 0,
        offset: location.offset,
        checksum: location.checksum,
    };
    if dtype.size() == 0 {
        return Ok(tensor);
    }
    let size = dtype.size() as u64;
    let span = tensor.span().ok_or("the shape overflows")? as u64;
    let end = offset.checked_add(span).and_then(|end| end.checked_mul(size));
    if end.is_none_or(|end| end > location.bytes) {
        return Err(format!(
            "truncated: it extends past the {} bytes of its storage",
            location.bytes
        ));
    }
    tensor.offset += offset * size;
    Ok(tensor)
}

/// Whether the strides are row-major without gaps; a dimension of 1 may have any stride.
fn row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1usize;
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        if size != 1 && stride != expected {
            return false;
        }
        expected = expected.saturating_mul(size);
    }
    true
}
