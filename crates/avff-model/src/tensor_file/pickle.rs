//! Reads the data of a pickle without executing it.
//!
//! A pickle is a program for a stack machine. This machine supports the instructions that build
//! data. It treats every call as inert, except for the few with which PyTorch describes tensors: it
//! never resolves a name from the file. Burn's own reader is not used, because it fills unreadable
//! tensors with zeros and ignores strides. A damaged file would load as a network.
//!
//! Values are stored in one arena and refer to each other by index, so hostile nesting cannot
//! exhaust the call stack. Every instruction adds at most one value, so it cannot exhaust memory
//! either. Values that an instruction can repeat by reference (a string, a shape) have a size
//! limit, so that nothing grows faster than the file.

/// Limit for values, stack slots and memo entries; a released network needs some tens of thousands.
const MAX_VALUES: usize = 1 << 22;
/// Maximum length of a string in bytes. Keys and names are far shorter.
const MAX_TEXT: usize = 4096;
/// Maximum number of tensor dimensions: `dim_bitset_size` of PyTorch's ATen.
const MAX_DIMENSIONS: usize = 64;

/// Index of a value in the [`Arena`].
pub(crate) type Id = usize;

/// A value in a pickle.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Str(String),
    Bytes,
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// `module name`, never resolved.
    Global(String),
    /// A persistent id: the description of a storage.
    Persistent(Id),
    /// `torch._utils._rebuild_tensor*(storage, offset, shape, stride, ..)`.
    Tensor {
        storage: Id,
        offset: Id,
        shape: Id,
        stride: Option<Id>,
    },
    /// Any other value, such as the result of a call, which is never executed.
    Opaque,
}

/// All values of one pickle.
#[derive(Debug, Default)]
pub(crate) struct Arena(Vec<Value>);

impl Arena {
    fn push(&mut self, value: Value) -> Id {
        self.0.push(value);
        self.0.len() - 1
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, id: Id) -> &Value {
        self.0.get(id).unwrap_or(&Value::Opaque)
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

    /// Returns a tuple or list of non-negative integers, up to the maximum number of dimensions.
    pub(crate) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        match self.get(id) {
            Value::Tuple(items) | Value::List(items) if items.len() <= MAX_DIMENSIONS => {
                items.iter().map(|&i| usize::try_from(self.int(i)?).ok()).collect()
            }
            _ => None,
        }
    }

    fn items(&self, id: Id) -> &[Id] {
        match self.get(id) {
            Value::Tuple(items) | Value::List(items) => items,
            _ => &[],
        }
    }
}

/// How an error ends that more bytes may resolve.
pub(crate) const END: &str = "unexpected end of data";

/// Runs one pickle from the start of `bytes`.
///
/// Returns its value and its length in bytes, or a description of the error.
pub(crate) fn read(bytes: &[u8]) -> Result<(Arena, Id, usize), String> {
    let mut machine = Machine { bytes, at: 0, ..Machine::default() };
    let root = machine.run().map_err(|what| format!("pickle at byte {}: {what}", machine.at))?;
    Ok((machine.arena, root, machine.at))
}

/// A stack slot: a value, or a mark between values.
#[derive(Debug, Clone, Copy)]
enum Slot {
    Value(Id),
    Mark,
}

#[derive(Debug, Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    arena: Arena,
    stack: Vec<Slot>,
    memo: std::collections::HashMap<u64, Id>,
}

type Step<T> = Result<T, &'static str>;

impl Machine<'_> {
    fn run(&mut self) -> Step<Id> {
        loop {
            if self.arena.len().max(self.stack.len()).max(self.memo.len()) > MAX_VALUES {
                return Err("it has more values than any state dict");
            }
            let op = self.take(1)?[0];
            match op {
                b'.' => return self.pop(),
                b'\x80' => drop(self.take(1)?),
                b'\x95' => drop(self.take(8)?),
                b'(' => self.stack.push(Slot::Mark),
                b'0' => drop(self.stack.pop()),
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let top = self.pop()?;
                    self.stack.extend([Slot::Value(top), Slot::Value(top)]);
                }
                b'N' => self.make(Value::None),
                b'\x88' | b'\x89' => self.make(Value::Bool),
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.make(Value::Int(value.into()));
                }
                b'K' => {
                    let value = self.take(1)?[0];
                    self.make(Value::Int(value.into()));
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.make(Value::Int(value.into()));
                }
                b'\x8a' => {
                    let length = self.take(1)?[0];
                    self.long(length.into())?;
                }
                b'\x8b' => {
                    let length = self.length(4)?;
                    self.long(length)?;
                }
                b'G' => {
                    self.take(8)?;
                    self.make(Value::Float);
                }
                b'X' => self.text(4)?,
                b'\x8c' | b'U' => self.text(1)?,
                b'\x8d' => self.text(8)?,
                b'T' => self.text(4)?,
                b'C' => self.raw(1)?,
                b'B' => self.raw(4)?,
                b'\x8e' | b'\x96' => self.raw(8)?,
                b')' => self.make(Value::Tuple(Vec::new())),
                b']' => self.make(Value::List(Vec::new())),
                b'}' => self.make(Value::Dict(Vec::new())),
                b'\x8f' => self.make(Value::Opaque),
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.make(Value::Tuple(items));
                }
                b'\x85' => self.tuple(1)?,
                b'\x86' => self.tuple(2)?,
                b'\x87' => self.tuple(3)?,
                b'l' => {
                    let items = self.pop_to_mark()?;
                    self.make(Value::List(items));
                }
                b'd' => {
                    let items = self.pop_to_mark()?;
                    self.make(Value::Dict(pairs(&items)));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(&[item])?;
                }
                b'e' | b'\x90' => {
                    let items = self.pop_to_mark()?;
                    self.extend(&items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.insert(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.insert(&items)?;
                }
                b'c' => {
                    let name = format!("{} {}", self.line()?, self.line()?);
                    self.make(Value::Global(name));
                }
                b'\x93' => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let text =
                        |id| self.arena.str(id).ok_or("the name of a global is not a string");
                    let name = format!("{} {}", text(module)?, text(name)?);
                    self.make(Value::Global(name));
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.make(Value::Persistent(id));
                }
                b'R' | b'\x81' => {
                    let (arguments, callee) = (self.pop()?, self.pop()?);
                    let value = self.call(callee, arguments);
                    self.make(value);
                }
                // Sets an object's state, which no value here has.
                b'b' => drop(self.pop()?),
                b'q' => {
                    let key = self.take(1)?[0];
                    self.remember(key.into())?;
                }
                b'r' => {
                    let key = u32::from_le_bytes(self.array()?);
                    self.remember(key.into())?;
                }
                b'\x94' => self.remember(self.memo.len() as u64)?,
                b'h' => {
                    let key = self.take(1)?[0];
                    self.recall(key.into())?;
                }
                b'j' => {
                    let key = u32::from_le_bytes(self.array()?);
                    self.recall(key.into())?;
                }
                _ => return Err("unsupported instruction, which no state dict has"),
            }
        }
    }

    /// Returns the description of a call, which is never executed.
    fn call(&self, callee: Id, arguments: Id) -> Value {
        let Value::Global(name) = self.arena.get(callee) else { return Value::Opaque };
        let items = self.arena.items(arguments);
        match (name.as_str(), items) {
            ("collections OrderedDict", _) => Value::Dict(Vec::new()),
            ("torch._utils _rebuild_tensor_v2", &[storage, offset, shape, stride, ..]) => {
                Value::Tensor { storage, offset, shape, stride: Some(stride) }
            }
            ("torch._utils _rebuild_tensor", &[storage, offset, shape, stride, ..]) => {
                Value::Tensor { storage, offset, shape, stride: Some(stride) }
            }
            ("torch._utils _rebuild_parameter", &[tensor, ..]) => match self.arena.get(tensor) {
                tensor @ Value::Tensor { .. } => tensor.clone(),
                _ => Value::Opaque,
            },
            _ => Value::Opaque,
        }
    }

    fn take(&mut self, count: usize) -> Step<&[u8]> {
        let end = self.at.checked_add(count).ok_or("a length overflows")?;
        let taken = self.bytes.get(self.at..end).ok_or(END)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| END)
    }

    fn line(&mut self) -> Step<String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&b| b == b'\n').ok_or(END)?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Ok(line)
    }

    fn length(&mut self, width: usize) -> Step<usize> {
        let bytes = self.take(width)?;
        let value = bytes.iter().rev().fold(0u64, |value, &b| (value << 8) | u64::from(b));
        usize::try_from(value).map_err(|_| "a length overflows")
    }

    fn text(&mut self, width: usize) -> Step<()> {
        let length = self.length(width)?;
        let text = self.take(length)?;
        let value = if length > MAX_TEXT {
            Value::Opaque
        } else {
            Value::Str(String::from_utf8_lossy(text).into_owned())
        };
        self.make(value);
        Ok(())
    }

    fn raw(&mut self, width: usize) -> Step<()> {
        let length = self.length(width)?;
        self.take(length)?;
        self.make(Value::Bytes);
        Ok(())
    }

    /// Reads a little-endian two's complement integer; one of more than 64 bits becomes opaque.
    fn long(&mut self, length: usize) -> Step<()> {
        let bytes = self.take(length)?;
        let value = if length > 8 {
            Value::Opaque
        } else {
            let negative = bytes.last().is_some_and(|&b| b & 0x80 != 0);
            let mut wide = [if negative { 0xff } else { 0 }; 8];
            wide[..length].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(wide))
        };
        self.make(value);
        Ok(())
    }

    fn make(&mut self, value: Value) {
        let id = self.arena.push(value);
        self.stack.push(Slot::Value(id));
    }

    fn pop(&mut self) -> Step<Id> {
        match self.stack.pop() {
            Some(Slot::Value(id)) => Ok(id),
            _ => Err("stack underflow: a value is missing"),
        }
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.stack.iter().rposition(|slot| matches!(slot, Slot::Mark));
        let mark = mark.ok_or("stack underflow: a mark is missing")?;
        let items = self.stack.drain(mark..).filter_map(|slot| match slot {
            Slot::Value(id) => Some(id),
            Slot::Mark => None,
        });
        Ok(items.collect())
    }

    fn tuple(&mut self, count: usize) -> Step<()> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Step<Vec<Id>>>()?;
        items.reverse();
        self.make(Value::Tuple(items));
        Ok(())
    }

    fn top(&mut self) -> Step<&mut Value> {
        let Some(&Slot::Value(id)) = self.stack.last() else {
            return Err("stack underflow: a container is missing");
        };
        self.arena.0.get_mut(id).ok_or("stack underflow: a container is missing")
    }

    fn extend(&mut self, items: &[Id]) -> Step<()> {
        match self.top()? {
            Value::List(list) => list.extend(items),
            Value::Opaque => {}
            _ => return Err("items are appended to a value that is not a list"),
        }
        Ok(())
    }

    fn insert(&mut self, items: &[Id]) -> Step<()> {
        match self.top()? {
            Value::Dict(dict) => dict.extend(pairs(items)),
            Value::Opaque => {}
            _ => return Err("items are set on a value that is not a dict"),
        }
        Ok(())
    }

    fn remember(&mut self, key: u64) -> Step<()> {
        let Some(&Slot::Value(id)) = self.stack.last() else {
            return Err("stack underflow: a value to memoize is missing");
        };
        self.memo.insert(key, id);
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Step<()> {
        let id = *self.memo.get(&key).ok_or("a memo entry is missing")?;
        self.stack.push(Slot::Value(id));
        Ok(())
    }
}

fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn calls_are_inert() {
        // os.system("true"), as in a malicious checkpoint.
        let (arena, root, used) = read(b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.").unwrap();
        assert!(matches!(arena.get(root), Value::Opaque));
        assert_eq!(used, 25);
    }

    #[test]
    fn integers_keep_their_sign() {
        for (bytes, wanted) in [
            (&b"\x80\x02\x8a\x01\xff."[..], -1),
            (b"\x80\x02\x8a\x02\x00\x01.", 256),
            (b"J\xfe\xff\xff\xff.", -2),
            (b"M\x00\x03.", 768),
        ] {
            let (arena, root, _) = read(bytes).unwrap();
            assert_eq!(arena.int(root), Some(wanted));
        }
    }

    /// Instructions of a few bytes could copy each of these values repeatedly.
    #[test]
    fn repeatable_values_are_short() {
        let text = |length: usize| {
            let mut bytes = b"X".to_vec();
            bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
            bytes.extend(vec![b'a'; length]);
            bytes.push(b'.');
            let (arena, root, _) = read(&bytes).unwrap();
            arena.str(root).map(str::len)
        };
        assert_eq!((text(MAX_TEXT), text(MAX_TEXT + 1)), (Some(MAX_TEXT), None));
        let shape = |dimensions: usize| {
            let bytes = [b"(".to_vec(), b"K\x02".repeat(dimensions), b"t.".to_vec()].concat();
            let (arena, root, _) = read(&bytes).unwrap();
            arena.sizes(root).map(|sizes| sizes.len())
        };
        assert_eq!((shape(MAX_DIMENSIONS), shape(MAX_DIMENSIONS + 1)), (Some(64), None));
        let list = b"ctorch._utils\n_rebuild_parameter\n(NNNl\x85R.";
        let (arena, root, _) = read(list).unwrap();
        assert!(matches!(arena.get(root), Value::Opaque));
        let many = vec![b'N'; MAX_VALUES + 2];
        assert!(read(&many).unwrap_err().contains("more values"));
    }

    #[test]
    fn deep_nesting_does_not_overflow_stack() {
        let mut bytes = vec![b']'; 1_000_000];
        bytes.extend(std::iter::repeat_n(b'a', 999_999));
        bytes.push(b'.');
        read(&bytes).unwrap();
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }
    }
}
