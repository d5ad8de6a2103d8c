//! Reads the data of a pickle without executing it.
//!
//! A pickle is a program for a stack machine. This machine supports the instructions that build
//! data, which are those of protocols 2 to 5. It treats every call as inert, except for the few
//! with which PyTorch describes tensors: it never resolves a name from the file. Burn's own reader
//! is not used, because it fills unreadable tensors with zeros and ignores strides. A damaged file
//! would load as a network.
//!
//! Values are stored in one arena and refer to each other by index, so hostile nesting cannot
//! exhaust the call stack. Every instruction adds at most three values of a fixed size and the
//! bytes that it holds itself, so nothing grows faster than the file.

mod call;
mod value;

pub(crate) use value::{Arena, Id, TensorValue, Value};

/// Limit for values, stack slots and memo entries; a released network needs some tens of thousands.
const MAX_VALUES: usize = 1 << 21;
/// Maximum number of instructions.
const MAX_INSTRUCTIONS: usize = 1 << 24;
/// Maximum length of a string in bytes. Keys and names are far shorter.
const MAX_TEXT: usize = 4096;

/// How an error ends that more bytes may resolve.
pub(crate) const END: &str = "unexpected end of data";

/// Runs one pickle from the start of `bytes`.
///
/// Returns its value and its length in bytes, or a description of the error.
pub(crate) fn read(bytes: &[u8]) -> Result<(Arena, Id, usize), String> {
    let mut machine = Machine { bytes, copies: MAX_VALUES, ..Machine::default() };
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
    /// How many items may still be copied from lists into dicts.
    copies: usize,
}

type Step<T> = Result<T, &'static str>;

impl Machine<'_> {
    fn run(&mut self) -> Step<Id> {
        for _ in 0..MAX_INSTRUCTIONS {
            if self.arena.len().max(self.stack.len()).max(self.memo.len()) > MAX_VALUES {
                return Err("it has more values than any checkpoint");
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
                b')' => self.make(Value::Tuple(Box::default())),
                b']' => self.make(Value::List(Vec::new())),
                b'}' => self.make(Value::Dict(Vec::new())),
                b'\x8f' => self.make(Value::List(Vec::new())),
                b't' | b'\x91' => {
                    let items = self.pop_to_mark()?;
                    self.make(Value::Tuple(items.into()));
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
                    self.make(Value::Dict(pairs(&items)?));
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
                    let [module, name] = [self.line()?, self.line()?];
                    let [module, name] = [module, name].map(|value| self.arena.push(value));
                    self.make(Value::Global { module, name });
                }
                b'\x93' => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    self.make(Value::Global { module, name });
                }
                // A class by its number in the registry of copyreg, which only the writer has.
                b'\x82' => {
                    self.take(1)?;
                    self.make(Value::Opaque);
                }
                b'\x83' => {
                    self.take(2)?;
                    self.make(Value::Opaque);
                }
                b'\x84' => {
                    self.take(4)?;
                    self.make(Value::Opaque);
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.make(Value::Persistent(id));
                }
                b'R' | b'\x81' => {
                    let (arguments, callee) = (self.pop()?, self.pop()?);
                    self.call(callee, arguments);
                }
                b'\x92' => {
                    let (_keywords, arguments, callee) = (self.pop()?, self.pop()?, self.pop()?);
                    self.call(callee, arguments);
                }
                b'b' => {
                    let state = self.pop()?;
                    if let Value::Object(object) = self.top()? {
                        object.state.get_or_insert(state);
                    }
                }
                // A buffer beside the pickle, and its mark as read-only.
                b'\x97' => self.make(Value::Bytes),
                b'\x98' => {}
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
                b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'g' | b'i' | b'o' | b'p' => {
                    return Err("an instruction of pickle protocol 0 or 1: save the file again \
                                with protocol 2, which torch.save uses by default");
                }
                _ => return Err("an unknown instruction: the file is damaged"),
            }
        }
        Err("it has more instructions than any checkpoint")
    }

    /// Replaces a call by its description. It is never executed.
    fn call(&mut self, callee: Id, arguments: Id) {
        let value = call::describe(&self.arena, callee, arguments, &mut self.copies);
        self.make(value);
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

    /// Reads a line of text.
    fn line(&mut self) -> Step<Value> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&b| b == b'\n').ok_or(END)?;
        let line = text(&rest[..length]);
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
        let value = text(self.take(length)?);
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
        self.make(Value::Tuple(items.into()));
        Ok(())
    }

    fn top(&mut self) -> Step<&mut Value> {
        let Some(&Slot::Value(id)) = self.stack.last() else {
            return Err("stack underflow: a container is missing");
        };
        self.arena.get_mut(id).ok_or("stack underflow: a container is missing")
    }

    fn extend(&mut self, items: &[Id]) -> Step<()> {
        match self.top()? {
            Value::List(list) => list.extend(items),
            // An object may be a list or a set; neither holds weights.
            Value::Object(_) | Value::Opaque => {}
            _ => return Err("items are appended to a value that is not a list"),
        }
        Ok(())
    }

    fn insert(&mut self, items: &[Id]) -> Step<()> {
        match self.top()? {
            Value::Dict(dict) => dict.extend(pairs(items)?),
            Value::Object(object) => object.items.extend(pairs(items)?),
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

/// Returns a string, or an opaque value if it is longer than any key or name.
fn text(bytes: &[u8]) -> Value {
    if bytes.len() > MAX_TEXT {
        return Value::Opaque;
    }
    Value::Str(String::from_utf8_lossy(bytes).into())
}

fn pairs(items: &[Id]) -> Step<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("a key of a dict has no value");
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use proptest::prelude::*;

    use super::{value::MAX_DIMENSIONS, *};

    #[test]
    fn calls_are_inert() {
        // os.system("true"), as in a malicious checkpoint.
        let (arena, root, used) = read(b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.").unwrap();
        assert!(matches!(arena.get(root), Value::Object(_)));
        assert_eq!(used, 25);
    }

    /// Every instruction that the standard pickler writes for protocols 2 to 5.
    #[test]
    fn instructions_of_all_protocols_are_read() {
        for (bytes, expected) in [
            (&b"\x80\x04\x95\x05\0\0\0\0\0\0\0(K\x01K\x02\x91."[..], "Tuple([5, 6])"),
            (b"\x80\x04\x8f\x94(K\x01K\x02\x90.", "List([6, 7])"),
            (b"\x80\x05\x96\x02\0\0\0\0\0\0\0ab.", "Bytes"),
            (b"\x80\x05\x97\x98.", "Bytes"),
            (b"\x80\x04\x8e\x02\0\0\0\0\0\0\0ab.", "Bytes"),
            (b"\x80\x03C\x02ab.", "Bytes"),
            (b"\x80\x03B\x02\0\0\0ab.", "Bytes"),
            (b"\x80\x04\x8d\x02\0\0\0\0\0\0\0ab.", "Str(\"ab\")"),
            (b"\x80\x02X\x02\0\0\0ab.", "Str(\"ab\")"),
            (b"\x80\x04\x8c\x02ab.", "Str(\"ab\")"),
            (b"\x80\x02U\x02ab.", "Str(\"ab\")"),
            (b"\x80\x02T\x02\0\0\0ab.", "Str(\"ab\")"),
            (b"\x80\x02\x8b\x01\0\0\0\x07.", "Int(7)"),
            (b"\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\x40.", "Opaque"),
            (b"\x80\x02G\0\0\0\0\0\0\0\0.", "Float"),
            (b"\x80\x02\x88.", "Bool"),
            (b"\x80\x02\x82\x01)R.", "Object"),
            (b"\x80\x02\x83\x01\0)R.", "Object"),
            (b"\x80\x02\x84\x01\0\0\0)R.", "Object"),
            (b"\x80\x02cm\nC\n)\x81}b.", "Object"),
            (b"\x80\x04\x8c\x01m\x8c\x01C\x93)}\x92.", "Object"),
            (b"\x80\x02cm\nC\n)\x81(K\x01K\x02e.", "Object"),
            (b"\x80\x02cm\nC\n)\x81K\x01K\x02s.", "Object"),
            (b"\x80\x02N(K\x01K\x021.", "None"),
            (b"\x80\x02NK\x010.", "None"),
            (b"\x80\x02](K\x01K\x02eK\x03a.", "List([6, 7, 8])"),
            (b"\x80\x02}K\x01K\x02s(K\x03K\x04u.", "Dict([(6, 7), (8, 9)])"),
            (b"\x80\x02(K\x01K\x02l.", "List([5, 6])"),
            (b"\x80\x02(K\x01K\x02d.", "Dict([(5, 6)])"),
            (b"\x80\x02K\x01q\x07r\x08\0\0\0h\x07j\x08\0\0\0\x87.", "Tuple([5, 5, 5])"),
            (b"\x80\x02K\x01Q.", "Persistent(5)"),
        ] {
            let (arena, root, used) = read(bytes).unwrap();
            let actual = format!("{:?}", arena.get(root));
            assert!(actual.starts_with(expected), "{bytes:?}: {actual}");
            assert_eq!(used, bytes.len());
        }
    }

    #[test]
    fn other_instructions_are_refused_with_the_remedy() {
        for (bytes, what) in [
            (&b"I1\n."[..], "protocol 0 or 1: save the file again with protocol 2"),
            (b"(icollections\nOrderedDict\n.", "protocol 0 or 1"),
            (b"\xff.", "unknown instruction: the file is damaged"),
            (b"(K\x01d.", "a key of a dict has no value"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }

    /// Python 2 writes an `OrderedDict` as a call with a list of pairs.
    #[test]
    fn pairs_of_an_ordered_dict_are_entries() {
        let bytes = b"\x80\x02ccollections\nOrderedDict\n]](U\x01aK\x07ea\x85R.";
        let (arena, root, _) = read(bytes).unwrap();
        let Value::Dict(entries) = arena.get(root) else { panic!("{:?}", arena.get(root)) };
        let &[(key, value)] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((arena.str(key), arena.int(value)), (Some("a"), Some(7)));
    }

    /// Repeating the call would copy the list each time.
    #[test]
    fn repeated_copies_of_a_list_are_limited() {
        let mut bytes = b"\x80\x02ccollections\nOrderedDict\nq\x00".to_vec();
        bytes.extend(b"](");
        bytes.extend(b"NN\x86".repeat(100_000));
        bytes.extend(b"e\x85q\x010");
        bytes.extend(b"h\x00h\x01R".repeat(100_000));
        bytes.push(b'.');
        let (arena, root, _) = read(&bytes).unwrap();
        assert!(matches!(arena.get(root), Value::Opaque));
        let entries = arena.values().map(|value| match value {
            Value::Dict(entries) => entries.len(),
            _ => 0,
        });
        assert!(entries.sum::<usize>() <= MAX_VALUES);
    }

    /// A name of 4096 bytes can be mentioned by instructions of a few bytes.
    #[test]
    fn repeated_names_are_not_copied() {
        let mut bytes = b"\x80\x02X\x00\x10\0\0".to_vec();
        bytes.extend([b'a'; 4096]);
        bytes.extend(b"q\x000(");
        bytes.extend(b"h\x00h\x00\x93".repeat(200_000));
        bytes.extend(b"l.");
        let (arena, _, _) = read(&bytes).unwrap();
        let strings = arena.values().filter(|value| matches!(value, Value::Str(_)));
        assert_eq!(strings.count(), 1);
        assert!(size_of::<Value>() <= 32);
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
        assert!(matches!(arena.get(root), Value::Object(_)));
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
