//! The values of a pickle, in one arena.

/// Maximum number of tensor dimensions: `dim_bitset_size` of PyTorch's ATen.
pub(super) const MAX_DIMENSIONS: usize = 64;

/// Index of a value in the [`Arena`].
pub(crate) type Id = u32;

/// A value in a pickle.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Str(Box<str>),
    Bytes,
    /// A tuple or a frozen set.
    Tuple(Box<[Id]>),
    /// A list or a set.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function, never resolved. Its module and name are strings of the arena, because
    /// a copy for each mention would let a small file fill the memory.
    Global {
        module: Id,
        name: Id,
    },
    /// A persistent id: the description of a storage or of a class.
    Persistent(Id),
    Tensor(Box<TensorValue>),
    /// The result of a call, which is never executed.
    Object(Box<Object>),
    /// Any other value.
    Opaque,
}

/// The arguments of `torch._utils._rebuild_tensor*`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TensorValue {
    pub(crate) storage: Id,
    pub(crate) offset: Id,
    pub(crate) shape: Id,
    pub(crate) stride: Id,
    /// Whether the number format stands beside the storage (`_rebuild_tensor_v3`), as it does only
    /// for formats without a storage class.
    pub(crate) separate_dtype: bool,
}

/// A call, with what the pickle later sets on its result.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The class or function.
    pub(crate) class: Id,
    pub(crate) arguments: Id,
    /// The state that `BUILD` sets: usually the `__dict__`.
    pub(crate) state: Option<Id>,
    /// The items of a subclass of `dict`.
    pub(crate) items: Vec<(Id, Id)>,
}

/// All values of one pickle.
#[derive(Debug)]
pub(crate) struct Arena(Vec<Value>);

/// Values without content are stored once, so that a file of them stays small in memory.
const SHARED: [Value; 5] = [Value::None, Value::Bool, Value::Float, Value::Bytes, Value::Opaque];

impl Default for Arena {
    fn default() -> Self {
        Self(SHARED.to_vec())
    }
}

impl Arena {
    pub(super) fn push(&mut self, value: Value) -> Id {
        match value {
            Value::None => 0,
            Value::Bool => 1,
            Value::Float => 2,
            Value::Bytes => 3,
            Value::Opaque => 4,
            other => {
                self.0.push(other);
                // The machine stops long before 2^32 values.
                u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Iterates over all values.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    pub(crate) fn get(&self, id: Id) -> &Value {
        self.0.get(id as usize).unwrap_or(&Value::Opaque)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.0.get_mut(id as usize)
    }

    pub(crate) fn int(&self, id: Id) -> Option<i64> {
        match self.get(id) {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn str(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Str(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the module and name of a class or function. PyTorch's legacy format wraps the class
    /// of a module in a persistent id, `('module', class, file, source)`.
    pub(crate) fn global(&self, id: Id) -> Option<(&str, &str)> {
        let id = match self.get(id) {
            &Value::Persistent(description) => match self.items(description) {
                &[kind, class, ..] if self.str(kind) == Some("module") => class,
                _ => return None,
            },
            _ => id,
        };
        match self.get(id) {
            &Value::Global { module, name } => Some((self.str(module)?, self.str(name)?)),
            _ => None,
        }
    }

    /// Returns a tuple or list of non-negative integers, up to the maximum number of dimensions.
    pub(crate) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        let (Value::Tuple(_) | Value::List(_)) = self.get(id) else { return None };
        let items = self.items(id);
        if items.len() > MAX_DIMENSIONS {
            return None;
        }
        items.iter().map(|&i| usize::try_from(self.int(i)?).ok()).collect()
    }

    /// Returns the items of a tuple, list or set; none for other values.
    pub(crate) fn items(&self, id: Id) -> &[Id] {
        match self.get(id) {
            Value::Tuple(items) => items,
            Value::List(items) => items,
            _ => &[],
        }
    }
}
