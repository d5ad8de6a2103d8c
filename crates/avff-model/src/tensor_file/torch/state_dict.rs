//! Lists the tensors of a state dict.

use std::collections::HashSet;

use super::{
    super::{
        Listing,
        pickle::{Arena, Id, Value},
    },
    module,
    search::{self, Search},
    storage::Storages,
    tensor,
};

/// Maximum number of entries of a state dict; the released networks have under 1000.
const MAX_ENTRIES: usize = 1 << 16;

/// Lists the tensors of the state dict or module that `root` is, or that it wraps.
pub(super) fn list(arena: &Arena, root: Id, storages: &Storages) -> Result<Listing, String> {
    let search = Search::new(arena);
    let weights = search.weights(root)?;
    let entries = if search.module(weights)?.is_some() {
        module::list(&search, weights)?
    } else {
        let entries = search.entries(weights)?.ok_or("the state dict is not a dict")?;
        check_count(entries.len())?;
        let name = |key| arena.str(key).map(str::to_owned).ok_or("a key is not a string");
        entries
            .iter()
            .map(|&(key, value)| Ok((name(key)?, value)))
            .collect::<Result<_, String>>()?
    };
    check_count(entries.len())?;
    let mut listing = Listing::default();
    let mut seen = HashSet::new();
    for (name, value) in entries {
        if !seen.insert(name.clone()) {
            return Err(format!("{name} occurs twice"));
        }
        match arena.get(value) {
            Value::Tensor(parts) => {
                let tensor = tensor::locate(arena, storages, **parts)
                    .map_err(|what| format!("{name}: {what}"))?;
                listing.tensors.push((name, tensor));
            }
            _ => listing.others.push((name, search::describe(arena, value))),
        }
    }
    Ok(listing)
}

fn check_count(count: usize) -> Result<(), String> {
    if count > MAX_ENTRIES {
        return Err(format!("its state dict has {count} entries, more than {MAX_ENTRIES}"));
    }
    Ok(())
}
