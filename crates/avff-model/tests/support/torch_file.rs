//! Writes what `torch.save` writes for a state dict: a zip archive of a pickle and storages.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use zip::{ZipWriter, write::SimpleFileOptions};

/// One tensor after the other is asked for its numbers, so that a large file needs little memory.
pub fn write(
    path: &Path,
    keys: &[(String, Vec<usize>)],
    values: impl Fn(&str, &[usize]) -> Vec<f32>,
) {
    let mut archive = ZipWriter::new(BufWriter::new(File::create(path).unwrap()));
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .with_alignment(64);
    archive.start_file("archive/data.pkl", options).unwrap();
    archive.write_all(&state_dict(keys)).unwrap();
    archive.start_file("archive/byteorder", options).unwrap();
    archive.write_all(b"little").unwrap();
    for (index, (key, shape)) in keys.iter().enumerate() {
        archive.start_file(format!("archive/data/{index}"), options).unwrap();
        archive.write_all(bytemuck::cast_slice(&values(key, shape))).unwrap();
    }
    archive.finish().unwrap().flush().unwrap();
}

fn state_dict(keys: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (index, (key, shape)) in keys.iter().enumerate() {
        text(&mut out, &format!("module.{key}"));
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, &index.to_string());
        text(&mut out, "cpu");
        int(&mut out, shape.iter().product());
        out.extend(b"tQK\x00");
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        for sizes in [shape, &strides] {
            out.push(b'(');
            sizes.iter().for_each(|&size| int(&mut out, size));
            out.push(b't');
        }
        out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    out.extend(b"u.");
    out
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
