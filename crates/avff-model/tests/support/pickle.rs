//! Builds pickles instruction by instruction, as PyTorch's pickler writes them.

/// A pickle in progress.
pub struct Pickle {
    bytes: Vec<u8>,
    protocol: u8,
}

impl Pickle {
    pub fn new(protocol: u8) -> Self {
        Self { bytes: vec![0x80, protocol], protocol }
    }

    /// Ends the pickle.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b'.');
        self.bytes
    }

    /// Appends instructions without or with their own arguments.
    pub fn op(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        if self.protocol >= 4 && text.len() < 256 {
            self.op(&[0x8c, text.len() as u8]).op(text.as_bytes()).op(b"\x94")
        } else {
            self.op(b"X").op(&(text.len() as u32).to_le_bytes()).op(text.as_bytes())
        }
    }

    pub fn int(&mut self, value: usize) -> &mut Self {
        match (u8::try_from(value), u16::try_from(value)) {
            (Ok(byte), _) => self.op(&[b'K', byte]),
            (_, Ok(short)) => self.op(b"M").op(&short.to_le_bytes()),
            _ => self.op(b"J").op(&(value as i32).to_le_bytes()),
        }
    }

    pub fn global(&mut self, module: &str, name: &str) -> &mut Self {
        if self.protocol >= 4 {
            self.text(module).text(name).op(b"\x93\x94")
        } else {
            self.op(format!("c{module}\n{name}\n").as_bytes())
        }
    }

    /// A tensor in the storage of number `storage`, which it fills.
    pub fn tensor(&mut self, storage: usize, shape: &[usize]) -> &mut Self {
        self.global("torch._utils", "_rebuild_tensor_v2").op(b"((").text("storage");
        self.global("torch", "FloatStorage").text(&storage.to_string()).text("cpu");
        self.int(shape.iter().product()).op(b"tQK\x00");
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        for sizes in [shape, &strides] {
            self.op(b"(");
            sizes.iter().for_each(|&size| {
                self.int(size);
            });
            self.op(b"t");
        }
        self.op(b"\x89").ordered_dict().op(b"tR")
    }

    pub fn parameter(&mut self, storage: usize, shape: &[usize]) -> &mut Self {
        self.global("torch._utils", "_rebuild_parameter").op(b"(").tensor(storage, shape);
        self.op(b"\x88").ordered_dict().op(b"tR")
    }

    pub fn ordered_dict(&mut self) -> &mut Self {
        self.global("collections", "OrderedDict").op(b")R")
    }

    /// A state dict; tensors have the storages 0, 1, 2...
    pub fn state_dict(&mut self, keys: &[(String, Vec<usize>)], prefix: &str) -> &mut Self {
        self.ordered_dict().op(b"(");
        for (index, (key, shape)) in keys.iter().enumerate() {
            self.text(&format!("{prefix}{key}")).tensor(index, shape);
        }
        self.op(b"u")
    }
}
