//! Detects clips with equal content.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use avff_media::{MediaError, missing};

/// Maximum number of entries of a folder, equal to the limit of the frame folder reader.
const MAX_ENTRIES: usize = 1 << 20;

/// Returns whether a clip is a folder, and its size in bytes. Clips that differ here differ in
/// content.
///
/// # Errors
/// The errors of [`missing`], [`MediaError::NotAFile`], [`MediaError::TooLarge`] for a folder of
/// millions of files, [`MediaError::Io`].
pub fn content_size(path: &Path) -> Result<(bool, u64), MediaError> {
    let metadata = metadata_of(path)?;
    if metadata.is_file() {
        return Ok((false, metadata.len()));
    }
    let sizes = files_in(path)?.into_iter().map(|(_, size)| size);
    Ok((true, sizes.fold(0, u64::saturating_add)))
}

/// Returns the SHA-256 of a file's bytes. For a folder, it hashes the sorted names and hashes of
/// its files, excluding hidden ones.
///
/// # Errors
/// See [`content_size`].
pub fn content_hash(path: &Path) -> Result<[u8; 32], MediaError> {
    if metadata_of(path)?.is_file() {
        return hash_file(path);
    }
    let mut hasher = Sha256::new();
    for (file, _) in files_in(path)? {
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(hash_file(&file)?);
    }
    Ok(hasher.finalize().into())
}

/// Reads the metadata. A pipe is never opened, because opening would wait for its writer.
fn metadata_of(path: &Path) -> Result<Metadata, MediaError> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(path),
        _ => MediaError::Io(error),
    })?;
    match metadata.is_file() || metadata.is_dir() {
        true => Ok(metadata),
        false => Err(MediaError::NotAFile { kind: "special file" }),
    }
}

/// Returns the regular files of a folder with their sizes, sorted by name.
fn files_in(folder: &Path) -> Result<Vec<(PathBuf, u64)>, MediaError> {
    let mut files = Vec::new();
    for (count, entry) in fs::read_dir(folder)?.enumerate() {
        if count >= MAX_ENTRIES {
            let (what, limit) = ("number of files in a folder", MAX_ENTRIES as u64);
            return Err(MediaError::TooLarge { what, value: count as u64 + 1, limit });
        }
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() && !hidden => files.push((path, metadata.len())),
            _ => {}
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn hash_file(path: &Path) -> Result<[u8; 32], MediaError> {
    let mut file = File::open(path)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hex(hash: [u8; 32]) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn file_hash_is_sha256() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        // The example of FIPS 180-2.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(content_hash(&path).unwrap()), expected);
        assert_eq!(content_size(&path).unwrap(), (false, 3));
        let missing = content_hash(&folder.path().join("none"));
        assert!(matches!(missing, Err(MediaError::NotFound)));
    }

    #[test]
    fn folders_with_equal_files_have_equal_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, files: &[(&str, &str)]| {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            for (file, text) in files {
                fs::write(path.join(file), text).unwrap();
            }
            (content_size(&path).unwrap(), content_hash(&path).unwrap())
        };
        let one = make("one", &[("a.png", "x"), ("b.png", "yz")]);
        assert_eq!(one.0, (true, 3));
        assert_eq!(one, make("two", &[("b.png", "yz"), ("a.png", "x"), (".hidden", "q")]));
        // Equal bytes under other names, and equal names with other bytes.
        assert_ne!(one, make("three", &[("a.png", "yz"), ("b.png", "x")]));
        assert_ne!(one, make("four", &[("a.png", "x"), ("c.png", "yz")]));
    }
}
