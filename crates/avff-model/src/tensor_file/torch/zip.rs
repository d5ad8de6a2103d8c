//! The zip archive of PyTorch 1.6 and later: a pickle and one uncompressed member for each storage.

use std::{
    collections::HashMap,
    io::{BufReader, ErrorKind, Read},
};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::{
    super::{Listing, checksum::Checksum, excerpt::quote, pickle, source::Bytes},
    MAX_PICKLE, state_dict,
    storage::Storage,
};

/// Endings of checkpoints that an archive may hold.
const CHECKPOINTS: [&str; 6] = [".pth", ".pt", ".ckpt", ".safetensors", ".pth.tar", ".bin"];

type Archive<'a> = ZipArchive<BufReader<&'a mut Bytes>>;

/// Lists the tensors of a zip archive.
pub(in super::super) fn list(file: &mut Bytes) -> Result<Listing, String> {
    // The directory is at the end, so it is the first part that an incomplete file lacks.
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
        ZipError::Io(error) if error.kind() != ErrorKind::UnexpectedEof => error.to_string(),
        _ => "the file is incomplete or not a checkpoint: its zip directory, which is at the end, \
              cannot be read; copy or download it again"
            .to_owned(),
    })?;
    let pickle_name = archive
        .file_names()
        .find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .map(str::to_owned)
        .ok_or_else(|| without_pickle(&archive))?;
    let folder = pickle_name.trim_end_matches("data.pkl").to_owned();
    if archive.file_names().any(|name| name.strip_prefix(&folder) == Some("constants.pkl")) {
        return Err("it is a TorchScript archive of torch.jit.save: in Python, save \
                    torch.save(torch.jit.load(path).state_dict(), \"weights.pth\")"
            .into());
    }
    let byte_order = format!("{folder}byteorder");
    if archive.file_names().any(|name| name == byte_order) {
        let order = read(&mut archive, &byte_order, 16)?;
        let order = String::from_utf8_lossy(&order);
        if order.trim() != "little" {
            return Err(format!(
                "the byte order is {}, not little: save the file again on a little-endian machine",
                quote(&order)
            ));
        }
    }
    let bytes = read(&mut archive, &pickle_name, MAX_PICKLE)?;
    let (arena, root, _) = pickle::read(&bytes)?;
    let mut storages = HashMap::new();
    let mut checksums = Vec::new();
    let prefix = format!("{folder}data/");
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(zip_error)?;
        let Some(key) = member.name().strip_prefix(&prefix) else { continue };
        if member.compression() != CompressionMethod::Stored {
            return Err(repacked(member.name()));
        }
        let offset = member.data_start().ok_or("zip archive: a member has no data offset")?;
        let bytes = member.size();
        // PyTorch can be told to write no checksums (`set_crc32_options`).
        let checksum = (member.crc32() != 0).then(|| {
            checksums.push(Checksum {
                shard: 0,
                member: member.name().to_owned(),
                offset,
                bytes,
                crc32: member.crc32(),
            });
            checksums.len() - 1
        });
        storages.insert(key.to_owned(), Storage { offset, bytes, checksum });
    }
    Ok(Listing { checksums, ..state_dict::list(&arena, root, &storages)? })
}

/// Reads a whole member of at most `limit` bytes and checks its checksum.
fn read(archive: &mut Archive<'_>, name: &str, limit: u64) -> Result<Vec<u8>, String> {
    let member = archive.by_name(name).map_err(|error| match error {
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            repacked(name)
        }
        other => zip_error(other),
    })?;
    if member.size() > limit {
        return Err(format!("{name} has {} bytes, more than {limit}", member.size()));
    }
    let mut bytes = Vec::new();
    member.take(limit + 1).read_to_end(&mut bytes).map_err(|error| {
        format!("its member {name} is damaged: {error}; copy or download the file again")
    })?;
    Ok(bytes)
}

fn zip_error(error: ZipError) -> String {
    format!("zip archive: {error}; copy or download the file again")
}

fn repacked(name: &str) -> String {
    format!(
        "{} is compressed or encrypted, as torch.save never writes it: give the original file, \
         not one that was unpacked and packed again",
        quote(name)
    )
}

/// Returns what a zip archive without a pickle holds.
fn without_pickle(archive: &Archive<'_>) -> String {
    let inner = archive
        .file_names()
        .find(|name| CHECKPOINTS.iter().any(|ending| name.to_lowercase().ends_with(ending)));
    if let Some(name) = inner {
        return format!(
            "it is a zip archive that holds {}: unpack it and give that file",
            quote(name)
        );
    }
    if archive.file_names().any(|name| name.ends_with(".npy")) {
        return "it holds NumPy arrays (.npz): save the state dict with torch.save or safetensors"
            .into();
    }
    "the zip archive has no data.pkl, so torch.save did not write it: give a file of torch.save or \
     safetensors"
        .into()
}
