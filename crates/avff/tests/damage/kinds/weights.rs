//! Weights: bits, bytes and cuts of safetensors and `.pth` files.

use std::{fs, path::Path};

use avff::{
    Device,
    checkpoint::{ConvertOptions, convert},
    model::{
        Checkpoint,
        checkpoint::{Precision, WriteOptions},
    },
};
use serde_json::Value;

use super::{
    super::{
        change::Change,
        oracle::{Observed, WEIGHTS},
        random::Random,
        writers,
    },
    Result, scratch,
};

/// A healthy file of weights.
struct File {
    name: &'static str,
    ending: &'static str,
    bytes: Vec<u8>,
    /// Keys of the config that the file does not hold.
    config: Option<Value>,
    /// What the file holds.
    content: Vec<u8>,
}

/// The healthy files of weights.
pub struct Weights([File; 3]);

impl Weights {
    pub fn new(root: &Path) -> Self {
        let checkpoint = Checkpoint::open(WEIGHTS).unwrap();
        let (pth, sealed) = (root.join("healthy.pth"), root.join("healthy.safetensors"));
        let write = WriteOptions { precision: Precision::F16, ..Default::default() };
        let half = ConvertOptions { write, ..Default::default() };
        writers::weights::write_pth(&checkpoint, &pth);
        convert(WEIGHTS.as_ref(), &sealed, &half, Device::Cpu).unwrap();
        let config = serde_json::to_value(checkpoint.config(None).unwrap()).unwrap();
        let file = |name, path: &Path, ending, config: Option<Value>| {
            let content = content(path, root, config.as_ref()).unwrap();
            File { name, ending, bytes: fs::read(path).unwrap(), config, content }
        };
        Self([
            file("safetensors of avff", &sealed, "safetensors", None),
            file("bundled safetensors", WEIGHTS.as_ref(), "safetensors", None),
            file("pth", &pth, "pth", Some(config)),
        ])
    }

    /// Damages a file. `root` is a folder of this thread.
    pub fn damage(&self, root: &Path, random: &mut Random) -> Result {
        let file = &self.0[random.below(self.0.len())];
        let mut bytes = file.bytes.clone();
        let how = if random.below(5) == 0 {
            bytes.truncate(random.below(bytes.len()));
            "cut"
        } else {
            // Headers are a small part of the file, and lie at both ends.
            let end = bytes.len();
            let range = [0..end, 0..end.min(4096), end.saturating_sub(4096)..end];
            let change = random.choose(&Change::ALL);
            change.apply(&mut bytes, range[random.below(3)].clone(), random);
            change.name()
        };
        let path = scratch(root, &format!("damaged.{}", file.ending));
        fs::write(&path, bytes).unwrap();
        let observed = match content(&path, root, file.config.as_ref()) {
            Err(_) => Observed::Refused("weights".into()),
            Ok(content) if content == file.content => Observed::Same,
            Ok(_) => Observed::Changed(1.0),
        };
        Result { site: format!("{}, {how}", file.name), what: String::new(), observed }
    }
}

/// Returns the tensors and settings of a file as safetensors, without the hash of the file.
fn content(
    path: &Path,
    root: &Path,
    config: Option<&Value>,
) -> std::result::Result<Vec<u8>, avff::checkpoint::ConvertError> {
    let out = scratch(root, "content.safetensors");
    if out.exists() {
        fs::remove_file(&out).unwrap();
    }
    let options = ConvertOptions { overrides: config.cloned(), ..Default::default() };
    convert(path, &out, &options, Device::Cpu)?;
    let converted = Checkpoint::open(&out).unwrap();
    let mut metadata = converted.metadata().unwrap().clone();
    metadata.extra.remove("converted_from");
    let mut content = serde_json::to_vec(&metadata).unwrap();
    let bytes = fs::read(&out).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    content.extend(&bytes[8 + header..]);
    content.extend(
        converted
            .tensors()
            .flat_map(|(key, tensor)| format!("{key} {:?}", tensor.shape).into_bytes()),
    );
    Ok(content)
}
