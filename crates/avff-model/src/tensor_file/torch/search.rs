//! Finds the weights in what a training script saved.

use std::cell::Cell;

use super::{
    super::{
        excerpt::quote,
        pickle::{Arena, Id, Value},
    },
    SAVE_STATE_DICT,
};

/// Keys under which training scripts wrap a state dict or a module. Earlier ones are preferred; an
/// average of the weights is used only if there is nothing else.
const WRAPPERS: [&str; 20] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "network",
    "net",
    "net_state_dict",
    "network_state_dict",
    "weights",
    "params",
    "parameters",
    "model_weights",
    "classifier_state_dict",
    "student",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "params_ema",
    "ema",
];
/// Maximum nesting depth of wrapper dicts.
const MAX_DEPTH: usize = 4;
/// How many entries of a dict show whether it holds tensors.
const PROBED: usize = 64;
/// Limit for the entries that are looked at. Values may refer to one dict many times, so a small
/// file could cause endless work.
const MAX_STEPS: usize = 1 << 24;
/// Maximum number of keys in a message.
const SHOWN: usize = 6;

/// Entries of a dict.
pub(super) type Entries<'a> = &'a [(Id, Id)];

/// A search through the values of a pickle.
pub(super) struct Search<'a> {
    arena: &'a Arena,
    steps: Cell<usize>,
}

impl<'a> Search<'a> {
    pub(super) fn new(arena: &'a Arena) -> Self {
        Self { arena, steps: Cell::new(0) }
    }

    /// Returns the module or the dict of tensors that `root` is, or that it wraps.
    pub(super) fn weights(&self, root: Id) -> Result<Id, String> {
        let mut at = root;
        for _ in 0..MAX_DEPTH {
            if self.module(at)?.is_some() {
                return Ok(at);
            }
            let Some(entries) = self.entries(at)? else {
                return Err(self.not_a_dict(at));
            };
            // Look for wrappers first: a training checkpoint may hold other tensors beside one,
            // and no value of a state dict is a dict.
            at = match self.wrapped(entries)? {
                Some(inner) => inner,
                None if self.holds_tensors(entries)? => return Ok(at),
                None => self.only_dict_of_tensors(entries)?,
            };
        }
        Ok(at)
    }

    fn wrapped(&self, entries: Entries<'a>) -> Result<Option<Id>, String> {
        for wrapper in WRAPPERS {
            if let Some(value) = self.find(entries, wrapper)?
                && self.leads_to_weights(value, MAX_DEPTH)?
            {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn leads_to_weights(&self, id: Id, depth: usize) -> Result<bool, String> {
        if self.module(id)?.is_some() {
            return Ok(true);
        }
        let Some(entries) = self.entries(id)? else { return Ok(false) };
        if self.holds_tensors(entries)? {
            return Ok(true);
        }
        if depth == 0 {
            return Ok(false);
        }
        for wrapper in WRAPPERS {
            if let Some(value) = self.find(entries, wrapper)?
                && self.leads_to_weights(value, depth - 1)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the value that holds tensors, whatever its key, if there is only one.
    fn only_dict_of_tensors(&self, entries: Entries<'a>) -> Result<Id, String> {
        let mut candidates = Vec::new();
        for &(key, value) in entries {
            let holds = match self.entries(value)? {
                Some(inner) => self.holds_tensors(inner)?,
                None => false,
            };
            if holds || self.module(value)?.is_some() {
                candidates.push((key, value));
            }
        }
        match candidates.as_slice() {
            &[(_, only)] => Ok(only),
            [] => Err(format!(
                "it holds no weights but the keys {}: {SAVE_STATE_DICT}",
                self.keys(entries)
            )),
            several => Err(format!(
                "it holds several dicts of tensors, so the choice is ambiguous: {}; save the one \
                 to use with torch.save",
                self.keys(several)
            )),
        }
    }

    /// Returns the entries of a dict or of an object of a subclass of `dict`.
    pub(super) fn entries(&self, id: Id) -> Result<Option<Entries<'a>>, String> {
        let entries: Entries<'a> = match self.arena.get(id) {
            Value::Dict(entries) => entries,
            Value::Object(object) if !object.items.is_empty() => &object.items,
            _ => return Ok(None),
        };
        self.count(1)?;
        Ok(Some(entries))
    }

    /// Returns the attributes of a pickled `torch.nn.Module`, which are in its `__dict__`.
    pub(super) fn module(&self, id: Id) -> Result<Option<Entries<'a>>, String> {
        let Value::Object(object) = self.arena.get(id) else { return Ok(None) };
        let argument = self.arena.items(object.arguments).first().copied();
        for id in object.state.into_iter().chain(argument) {
            // A class with `__slots__` has a tuple of two dicts.
            let first = self.arena.items(id).first().copied().unwrap_or(id);
            let Value::Dict(attributes) = self.arena.get(first) else { continue };
            if self.find(attributes, "_modules")?.is_some()
                && self.find(attributes, "_parameters")?.is_some()
            {
                return Ok(Some(attributes));
            }
        }
        Ok(None)
    }

    /// Returns the value of a key; the last one counts, as in Python.
    pub(super) fn find(&self, entries: Entries<'a>, key: &str) -> Result<Option<Id>, String> {
        self.count(entries.len())?;
        let found = entries.iter().rev().find(|&&(name, _)| self.arena.str(name) == Some(key));
        Ok(found.map(|&(_, value)| value))
    }

    pub(super) fn arena(&self) -> &'a Arena {
        self.arena
    }

    pub(super) fn count(&self, steps: usize) -> Result<(), String> {
        self.steps.set(self.steps.get().saturating_add(steps));
        if self.steps.get() > MAX_STEPS {
            return Err("its dicts refer to each other too often for a checkpoint".into());
        }
        Ok(())
    }

    fn holds_tensors(&self, entries: Entries<'a>) -> Result<bool, String> {
        let probed = entries.get(..PROBED).unwrap_or(entries);
        self.count(probed.len())?;
        Ok(probed.iter().any(|&(key, value)| {
            self.arena.str(key).is_some() && matches!(self.arena.get(value), Value::Tensor(_))
        }))
    }

    fn keys(&self, entries: Entries<'_>) -> String {
        let shown = entries.iter().take(SHOWN);
        let mut keys: Vec<String> =
            shown.map(|&(key, _)| quote(self.arena.str(key).unwrap_or("?"))).collect();
        if entries.len() > SHOWN {
            keys.push(format!("and {} more", entries.len() - SHOWN));
        }
        if keys.is_empty() { "of an empty dict".into() } else { keys.join(", ") }
    }

    fn not_a_dict(&self, id: Id) -> String {
        format!("it holds {}, not a state dict: {SAVE_STATE_DICT}", describe(self.arena, id))
    }
}

/// Names the type of a value.
pub(super) fn describe(arena: &Arena, id: Id) -> String {
    let name = match arena.get(id) {
        Value::None => "None",
        Value::Bool => "a boolean",
        Value::Int(_) => "an integer",
        Value::Float => "a number",
        Value::Str(_) => "a string",
        Value::Bytes => "bytes",
        Value::Tuple(_) | Value::List(_) => "a sequence",
        Value::Dict(_) => "a dict",
        Value::Tensor(_) => "a single tensor",
        Value::Object(object) => match arena.global(object.class) {
            Some((module, name)) => {
                return format!("a Python object of {}", quote(&format!("{module}.{name}")));
            }
            None => "a Python object",
        },
        _ => "a Python object",
    };
    name.into()
}
