//! Lists the tensors of a `torch.save` file: the zip archive of PyTorch 1.6 and later, or the
//! earlier sequence of pickles.

use std::{
    collections::{HashMap, HashSet},
    io::{BufReader, ErrorKind, Read, Seek, SeekFrom},
};

use super::{
    Listing, StoredDtype, StoredTensor, incomplete,
    pickle::{self, Arena, Id, Value},
    source::Bytes,
};

/// Maximum size of a checkpoint's description in bytes; the released checkpoints need under 100 KB.
const MAX_PICKLE: u64 = 64 << 20;
/// Keys under which training scripts wrap a state dict.
const WRAPPERS: [&str; 4] = ["state_dict", "model_state_dict", "model", "module"];
/// Maximum nesting depth of wrapper dicts.
const MAX_DEPTH: usize = 4;

/// Location of a storage's bytes.
#[derive(Debug, Clone, Copy)]
struct Storage {
    offset: u64,
    bytes: u64,
}

/// Lists the tensors of a zip archive: a pickle and one uncompressed member for each storage.
pub(crate) fn list_zip(file: &mut Bytes) -> Result<Listing, String> {
    let zip_error = |e: zip::result::ZipError| format!("zip archive: {e}");
    // The directory is at the end, so it is the first part that an incomplete file lacks.
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
        zip::result::ZipError::Io(error) if error.kind() != ErrorKind::UnexpectedEof => {
            error.to_string()
        }
        _ => "the file is incomplete or not a checkpoint: its zip directory, which is at the end, \
              cannot be read; copy or download it again"
            .to_owned(),
    })?;
    let pickle_name = archive
        .file_names()
        .find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .map(str::to_owned)
        .ok_or("the zip archive has no data.pkl, so torch.save did not write it")?;
    let folder = pickle_name.trim_end_matches("data.pkl").to_owned();
    let byte_order = format!("{folder}byteorder");
    if archive.file_names().any(|name| name == byte_order) {
        let mut order = String::new();
        let member = archive.by_name(&byte_order).map_err(zip_error)?;
        member.take(16).read_to_string(&mut order).map_err(|e| e.to_string())?;
        if order.trim() != "little" {
            return Err(format!("the byte order is {}, not little", order.trim()));
        }
    }
    let mut bytes = Vec::new();
    let member = archive.by_name(&pickle_name).map_err(zip_error)?;
    if member.size() > MAX_PICKLE {
        return Err(format!("data.pkl has {} bytes, more than {MAX_PICKLE}", member.size()));
    }
    member.take(MAX_PICKLE).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let (arena, root, _) = pickle::read(&bytes)?;
    let mut storages = HashMap::new();
    let prefix = format!("{folder}data/");
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(zip_error)?;
        let Some(key) = member.name().strip_prefix(&prefix) else { continue };
        if member.compression() != zip::CompressionMethod::Stored {
            return Err(format!("{} is compressed, which torch.save never does", member.name()));
        }
        let offset = member.data_start().ok_or("zip archive: a member has no data offset")?;
        storages.insert(key.to_owned(), Storage { offset, bytes: member.size() });
    }
    list_state_dict(&arena, root, &storages)
}

/// Lists the tensors of the legacy format: five pickles, then the length and bytes of each storage.
pub(crate) fn list_legacy(file: &mut Bytes) -> Result<Listing, String> {
    let end = file.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
    file.seek(SeekFrom::Start(0)).map_err(|e| e.to_string())?;
    // The pickles come first; their length is only known after reading them.
    let mut head = Vec::new();
    let mut pickles = Vec::new();
    let mut at = 0;
    let mut step = 1 << 20;
    while pickles.len() < 5 {
        match pickle::read(head.get(at..).unwrap_or_default()) {
            Ok((arena, root, used)) => {
                pickles.push((arena, root));
                at += used;
            }
            Err(_) if (head.len() as u64) < end.min(MAX_PICKLE) => {
                file.take(step).read_to_end(&mut head).map_err(|e| e.to_string())?;
                step *= 4;
            }
            Err(what) if what.ends_with(pickle::END) => {
                return Err(incomplete("it ends within its description"));
            }
            Err(what) => return Err(what),
        }
    }
    let [_, _, (info, info_root), (arena, root), (keys, keys_root)] = &pickles[..] else {
        return Err("the file does not have the five pickles of torch.save".into());
    };
    if !matches!(info.get(*info_root), Value::Dict(_)) {
        return Err("the system information is not a dict".into());
    }
    let Value::List(keys_ids) = keys.get(*keys_root) else {
        return Err("the storage keys are not a list".into());
    };
    let sizes = storage_sizes(arena)?;
    let mut storages = HashMap::new();
    let mut offset = at as u64;
    for &id in keys_ids {
        let key = keys.str(id).ok_or("a storage key is not a string")?;
        let size = *sizes.get(key).ok_or_else(|| format!("storage {key} has no description"))?;
        let mut length = [0; 8];
        file.seek(SeekFrom::Start(offset)).map_err(|e| e.to_string())?;
        file.read_exact(&mut length)
            .map_err(|_| incomplete(&format!("storage {key} is missing")))?;
        let bytes = u64::from_le_bytes(length)
            .checked_mul(size as u64)
            .ok_or_else(|| format!("storage {key} is larger than any file"))?;
        storages.insert(key.to_owned(), Storage { offset: offset + 8, bytes });
        offset = (offset + 8)
            .checked_add(bytes)
            .filter(|&next| next <= end)
            .ok_or_else(|| incomplete(&format!("storage {key} extends past its end")))?;
    }
    list_state_dict(arena, *root, &storages)
}

/// Returns the element size, in bytes, of each storage to which a tensor of the pickle refers.
fn storage_sizes(arena: &Arena) -> Result<HashMap<String, usize>, String> {
    let mut sizes = HashMap::new();
    for id in 0..arena.len() {
        let Value::Persistent(description) = arena.get(id) else { continue };
        let (dtype, key) = storage(arena, *description)?;
        let size = match dtype {
            StoredDtype::NotFloat(name) => integer_size(name),
            float => float.size(),
        };
        sizes.insert(key, size);
    }
    Ok(sizes)
}

fn integer_size(name: &str) -> usize {
    match name {
        "i64" => 8,
        "i32" => 4,
        "i16" => 2,
        _ => 1,
    }
}

/// Reads `('storage', torch.FloatStorage, key, location, elements)`.
fn storage(arena: &Arena, description: Id) -> Result<(StoredDtype, String), String> {
    let Value::Tuple(items) = arena.get(description) else {
        return Err("a storage's description is not a tuple".into());
    };
    let (Some(&class), Some(&key)) = (items.get(1), items.get(2)) else {
        return Err("a storage's description is too short".into());
    };
    let class = match arena.get(class) {
        Value::Global(name) | Value::Str(name) => name.as_str(),
        _ => return Err("a storage has no class".into()),
    };
    let dtype = match class.trim_start_matches("torch ").trim_start_matches("torch.") {
        "DoubleStorage" => StoredDtype::F64,
        "FloatStorage" => StoredDtype::F32,
        "HalfStorage" => StoredDtype::F16,
        "BFloat16Storage" => StoredDtype::Bf16,
        "LongStorage" => StoredDtype::NotFloat("i64"),
        "IntStorage" => StoredDtype::NotFloat("i32"),
        "ShortStorage" => StoredDtype::NotFloat("i16"),
        "CharStorage" => StoredDtype::NotFloat("i8"),
        "ByteStorage" => StoredDtype::NotFloat("u8"),
        "BoolStorage" => StoredDtype::NotFloat("bool"),
        other => return Err(format!("unknown storage class {other}")),
    };
    let key = arena.str(key).ok_or("a storage key is not a string")?;
    Ok((dtype, key.to_owned()))
}

fn list_state_dict(
    arena: &Arena,
    root: Id,
    storages: &HashMap<String, Storage>,
) -> Result<Listing, String> {
    let mut dict = root;
    for _ in 0..MAX_DEPTH {
        let Value::Dict(entries) = arena.get(dict) else {
            return Err("the root is not a dict: save a state_dict, not a whole model".into());
        };
        // Look for wrappers first: a training checkpoint may hold other tensors beside one, and no
        // value of a state dict is a dict.
        let inner = WRAPPERS.iter().find_map(|wrapper| {
            entries.iter().find_map(|&(key, value)| {
                (arena.str(key) == Some(wrapper) && matches!(arena.get(value), Value::Dict(_)))
                    .then_some(value)
            })
        });
        match inner {
            Some(inner) => dict = inner,
            None => break,
        }
    }
    let Value::Dict(entries) = arena.get(dict) else {
        return Err("the state dict is not a dict".into());
    };
    let mut listing = Listing::default();
    let mut seen = HashSet::new();
    for &(key, value) in entries {
        let name = arena.str(key).ok_or("a key is not a string")?.to_owned();
        if !seen.insert(name.clone()) {
            return Err(format!("{name} occurs twice"));
        }
        match arena.get(value) {
            Value::Tensor { storage, offset, shape, stride } => {
                let tensor = tensor(arena, storages, (*storage, *offset, *shape, *stride))
                    .map_err(|what| format!("{name}: {what}"))?;
                listing.tensors.push((name, tensor));
            }
            other => listing.others.push((name, describe(other).into())),
        }
    }
    Ok(listing)
}

fn tensor(
    arena: &Arena,
    storages: &HashMap<String, Storage>,
    (storage_id, offset, shape, stride): (Id, Id, Id, Option<Id>),
) -> Result<StoredTensor, String> {
    let Value::Persistent(description) = arena.get(storage_id) else {
        return Err("a tensor has no storage".into());
    };
    let (dtype, key) = storage(arena, *description)?;
    let shape = arena.sizes(shape).ok_or("the shape is not a tuple of sizes")?;
    let strides = match stride {
        None => None,
        Some(id) => {
            let strides = arena.sizes(id).ok_or("the strides are not a tuple of sizes")?;
            if strides.len() != shape.len() {
                return Err("the strides do not match the shape".into());
            }
            (!row_major(&shape, &strides)).then_some(strides)
        }
    };
    let location = storages.get(&key).ok_or_else(|| format!("storage {key} is not in the file"))?;
    let offset = arena.int(offset).and_then(|o| u64::try_from(o).ok()).ok_or("invalid offset")?;
    let mut tensor = StoredTensor { shape, dtype, strides, offset: location.offset };
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

fn describe(value: &Value) -> &'static str {
    match value {
        Value::None => "None",
        Value::Bool => "a boolean",
        Value::Int(_) => "an integer",
        Value::Float => "a number",
        Value::Str(_) => "a string",
        Value::Bytes => "bytes",
        Value::Tuple(_) | Value::List(_) => "a sequence",
        Value::Dict(_) => "a dict",
        _ => "a Python object",
    }
}
