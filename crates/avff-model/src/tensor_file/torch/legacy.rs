//! The format of PyTorch before 1.6: five pickles, then the length and bytes of each storage.

use std::{
    collections::HashMap,
    io::{Read, Seek, SeekFrom},
};

use super::{
    super::{
        Listing, incomplete,
        pickle::{self, Arena, Value},
        source::Bytes,
    },
    MAX_PICKLE, state_dict,
    storage::{self, Storage},
};

/// The number in the first pickle, as the instruction that pushes it.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19";

/// Whether a file starts with the first pickle of the legacy format, of any protocol.
pub(in super::super) fn is_legacy(head: &[u8]) -> bool {
    match head {
        [0x80, 2 | 3, rest @ ..] => rest.starts_with(MAGIC),
        // A frame of 13 bytes follows.
        [0x80, 4 | 5, 0x95, 13, 0, 0, 0, 0, 0, 0, 0, rest @ ..] => rest.starts_with(MAGIC),
        _ => false,
    }
}

/// Lists the tensors of a file in the legacy format.
pub(in super::super) fn list(file: &mut Bytes) -> Result<Listing, String> {
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
    let sizes = element_sizes(arena)?;
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
        let location = Storage { offset: offset + 8, bytes, checksum: None };
        storages.insert(key.to_owned(), location);
        offset = (offset + 8)
            .checked_add(bytes)
            .filter(|&next| next <= end)
            .ok_or_else(|| incomplete(&format!("storage {key} extends past its end")))?;
    }
    state_dict::list(arena, *root, &storages)
}

/// Returns the element size, in bytes, of each storage to which a tensor of the pickle refers.
fn element_sizes(arena: &Arena) -> Result<HashMap<String, usize>, String> {
    let mut sizes = HashMap::new();
    for value in arena.values() {
        let &Value::Persistent(description) = value else { continue };
        if storage::is_storage(arena, description) {
            let storage = storage::describe(arena, description)?;
            if !sizes.contains_key(storage.key) {
                sizes.insert(storage.key.to_owned(), storage.size);
            }
        }
    }
    Ok(sizes)
}
