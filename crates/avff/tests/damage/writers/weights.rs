//! A `.pth` file with the keys and shapes of the bundled weights.

use std::path::Path;

use avff::model::Checkpoint;

use super::super::torch_file;

/// Writes it. Its values follow from the keys, so that each tensor differs from the others.
pub fn write_pth(of: &Checkpoint, path: &Path) {
    let keys: Vec<_> =
        of.tensors().map(|(key, tensor)| (key.to_owned(), tensor.shape.clone())).collect();
    torch_file::write(path, &keys, |key, shape| {
        let start = crc32fast::hash(key.as_bytes()) as usize;
        let count = shape.iter().product::<usize>();
        (start..start + count).map(|index| (index as f32 * 0.618).sin() * 0.05).collect()
    });
}
