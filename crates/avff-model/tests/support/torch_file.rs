//! Writes a state dict as `torch.save` does: a zip archive of a pickle and storages.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use zip::{ZipWriter, write::SimpleFileOptions};

/// Writes a state dict. Values are requested one tensor at a time, so that a large file needs
/// little memory. Every key gets the prefix `module.` of data parallel training.
pub fn write(
    path: &Path,
    keys: &[(String, Vec<usize>)],
    values: impl Fn(&str, &[usize]) -> Vec<f32>,
) {
    let named: Vec<_> =
        keys.iter().map(|(key, shape)| (format!("module.{key}"), shape.clone())).collect();
    write_pickle(path, keys, values, &[state_dict(&named), b".".to_vec()].concat());
}

/// Writes a state dict with the keys as they are.
#[allow(dead_code, reason = "some users of this file only write released keys")]
pub fn write_plain(
    path: &Path,
    keys: &[(String, Vec<usize>)],
    values: impl Fn(&str, &[usize]) -> Vec<f32>,
) {
    write_pickle(path, keys, values, &[state_dict(keys), b".".to_vec()].concat());
}

/// Writes a training checkpoint, with the state dict under `wrapper` and without `module.`. Beside
/// it are an optimizer state with numbers as keys, an object with arguments, and a tensor.
#[allow(dead_code, reason = "some users of this file only write weights")]
pub fn write_training_checkpoint(
    path: &Path,
    wrapper: &str,
    keys: &[(String, Vec<usize>)],
    values: impl Fn(&str, &[usize]) -> Vec<f32>,
) {
    let mut out = b"\x80\x02}(".to_vec();
    text(&mut out, "epoch");
    int(&mut out, 31);
    text(&mut out, "best");
    tensor(&mut out, 0, &keys[0].1);
    text(&mut out, "optimizer");
    out.extend(b"}(");
    text(&mut out, "state");
    out.extend(b"}(");
    int(&mut out, 0);
    tensor(&mut out, 0, &keys[0].1);
    out.extend(b"uu");
    text(&mut out, wrapper);
    // Omits the protocol bytes of the state dict.
    out.extend(&state_dict(keys)[2..]);
    text(&mut out, "args");
    out.extend(b"cargparse\nNamespace\n)\x81}(");
    text(&mut out, "lr");
    out.extend(b"G\x3f\xf0\0\0\0\0\0\0ubu.");
    write_pickle(path, keys, values, &out);
}

/// Writes a zip archive with a pickle and one storage for each key.
pub fn write_pickle(
    path: &Path,
    keys: &[(String, Vec<usize>)],
    values: impl Fn(&str, &[usize]) -> Vec<f32>,
    pickle: &[u8],
) {
    let mut archive = ZipWriter::new(BufWriter::new(File::create(path).unwrap()));
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .with_alignment(64);
    archive.start_file("archive/data.pkl", options).unwrap();
    archive.write_all(pickle).unwrap();
    archive.start_file("archive/byteorder", options).unwrap();
    archive.write_all(b"little").unwrap();
    for (index, (key, shape)) in keys.iter().enumerate() {
        archive.start_file(format!("archive/data/{index}"), options).unwrap();
        archive.write_all(bytemuck::cast_slice(&values(key, shape))).unwrap();
    }
    archive.finish().unwrap().flush().unwrap();
}

/// Returns the pickle of a state dict without its stop instruction.
fn state_dict(keys: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (index, (key, shape)) in keys.iter().enumerate() {
        text(&mut out, key);
        tensor(&mut out, index, shape);
    }
    out.push(b'u');
    out
}

fn tensor(out: &mut Vec<u8>, storage: usize, shape: &[usize]) {
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(out, "storage");
    out.extend(b"ctorch\nFloatStorage\n");
    text(out, &storage.to_string());
    text(out, "cpu");
    int(out, shape.iter().product());
    out.extend(b"tQK\x00");
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    for sizes in [shape, &strides] {
        out.push(b'(');
        sizes.iter().for_each(|&size| int(out, size));
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn int(out: &mut Vec<u8>, value: usize) {
    out.push(b'J');
    out.extend((value as i32).to_le_bytes());
}
