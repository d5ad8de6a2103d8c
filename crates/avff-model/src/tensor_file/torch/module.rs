//! Lists the weights of a whole module that `torch.save(model)` pickled.
//!
//! The pickled `__dict__` of a `torch.nn.Module` has its parameters, buffers and submodules. They
//! are read as data, in the order and with the keys of `state_dict()`.

use std::collections::HashSet;

use super::{
    super::pickle::{Id, Value},
    search::{Entries, Search},
};

/// Maximum nesting depth of modules.
const MAX_DEPTH: usize = 64;
/// Maximum size of all keys in bytes. A module can be part of two others, and each place has its
/// own keys.
const MAX_KEYS: usize = 16 << 20;

/// Lists the keys of a module and the ids of their values.
pub(super) fn list(search: &Search<'_>, root: Id) -> Result<Vec<(String, Id)>, String> {
    let mut walk = Walk { search, keys: Vec::new(), bytes: 0 };
    walk.visit(root, "", 0)?;
    Ok(walk.keys)
}

struct Walk<'s, 'a> {
    search: &'s Search<'a>,
    keys: Vec<(String, Id)>,
    bytes: usize,
}

impl<'a> Walk<'_, 'a> {
    fn visit(&mut self, module: Id, prefix: &str, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("its modules are nested too deeply".into());
        }
        let Some(attributes) = self.search.module(module)? else {
            return Err(format!("its submodule {prefix:?} is not a torch.nn.Module"));
        };
        let transient = self.transient(attributes)?;
        for kind in ["_parameters", "_buffers"] {
            for &(name, value) in self.members(attributes, kind)? {
                let arena = self.search.arena();
                let name = arena.str(name).ok_or("the name of a parameter is not a string")?;
                let skipped = kind == "_buffers" && transient.contains(name);
                if skipped || matches!(arena.get(value), Value::None) {
                    continue;
                }
                let key = self.key(prefix, name)?;
                self.keys.push((key, value));
            }
        }
        for &(name, child) in self.members(attributes, "_modules")? {
            let arena = self.search.arena();
            let name = arena.str(name).ok_or("the name of a module is not a string")?;
            if !matches!(arena.get(child), Value::None) {
                let prefix = format!("{}.", self.key(prefix, name)?);
                self.visit(child, &prefix, depth + 1)?;
            }
        }
        Ok(())
    }

    /// Returns the names of buffers that a state dict leaves out.
    fn transient(&self, attributes: Entries<'a>) -> Result<HashSet<&'a str>, String> {
        let arena = self.search.arena();
        let Some(set) = self.search.find(attributes, "_non_persistent_buffers_set")? else {
            return Ok(HashSet::new());
        };
        // Protocols before 4 write `set([..])`.
        let set = match arena.get(set) {
            Value::Object(object) => arena.items(object.arguments).first().copied(),
            _ => Some(set),
        };
        let names = set.map_or(&[][..], |set| arena.items(set));
        self.search.count(names.len())?;
        Ok(names.iter().filter_map(|&name| arena.str(name)).collect())
    }

    fn members(&self, attributes: Entries<'a>, kind: &str) -> Result<Entries<'a>, String> {
        let Some(id) = self.search.find(attributes, kind)? else { return Ok(&[]) };
        let members = self.search.entries(id)?.unwrap_or(&[]);
        self.search.count(members.len())?;
        Ok(members)
    }

    fn key(&mut self, prefix: &str, name: &str) -> Result<String, String> {
        let key = format!("{prefix}{name}");
        self.bytes = self.bytes.saturating_add(key.len());
        if self.bytes > MAX_KEYS {
            return Err("its modules have more keys than any network".into());
        }
        Ok(key)
    }
}
