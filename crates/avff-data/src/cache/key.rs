//! The key of a cache entry: a hash of everything that determines its content.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{spec::ClipSpec, windows::Span};

/// Version of the data path. It is increased when decoding, fitting or the filterbank change their
/// results, so that entries of older code no longer match.
const DATA_PATH: u32 = 2;
/// Maximum number of entries of a folder, equal to the limit of the folder reader.
const MAX_ENTRIES: usize = 1 << 20;

/// How the cache identifies a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// By path, size and modification time, without reading the file.
    #[default]
    Stat,
    /// By content, independent of the path. Every file is read completely each time, which is
    /// slower than reading a cached clip, but files may be copied or touched.
    Content,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Frames = 1,
    Fbank = 2,
    Wave = 3,
}

/// The key of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(pub(super) [u8; 32]);

impl Key {
    /// Returns the key in hexadecimal.
    pub(super) fn name(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A file with a spec: everything in a key except kind and span.
#[derive(Debug, Clone)]
pub(super) struct Source(Sha256);

impl Source {
    /// # Errors
    /// The system's error for the file, or a spec that is not valid JSON.
    pub(super) fn new(path: &Path, identity: Identity, spec: &ClipSpec) -> io::Result<Self> {
        let mut hash = Sha256::new();
        hash.update(DATA_PATH.to_le_bytes());
        field(&mut hash, &serde_json::to_vec(spec)?);
        let path = path.canonicalize()?;
        let metadata = fs::metadata(&path)?;
        if metadata.is_dir() {
            for file in source_files(&path)? {
                // Names are relative to the folder, so a file beside the folder differs from an
                // equally named file in it.
                let name = file.strip_prefix(&path).unwrap_or(&file);
                field(&mut hash, name.as_os_str().as_encoded_bytes());
                identify(&mut hash, &file, &fs::metadata(&file)?, identity)?;
            }
        } else {
            identify(&mut hash, &path, &metadata, identity)?;
        }
        Ok(Self(hash))
    }

    pub(super) fn key(&self, kind: Kind, span: Option<Span>) -> Key {
        let mut hash = self.0.clone();
        hash.update([kind as u8, u8::from(span.is_some())]);
        for second in span.into_iter().flat_map(|span| [span.start, span.end]) {
            hash.update(second.to_bits().to_le_bytes());
        }
        Key(hash.finalize().into())
    }
}

/// Returns the files from which a folder of frames is read: its own files, and the WAV files beside
/// it.
fn source_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
        if files.len() > MAX_ENTRIES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
    files.sort_unstable();
    for extension in [".wav", ".w64"] {
        let mut wav = folder.as_os_str().to_owned();
        wav.push(extension);
        let wav = PathBuf::from(wav);
        if wav.is_file() {
            files.push(wav);
        }
    }
    Ok(files)
}

fn identify(
    hash: &mut Sha256,
    path: &Path,
    metadata: &Metadata,
    identity: Identity,
) -> io::Result<()> {
    hash.update(metadata.len().to_le_bytes());
    match identity {
        Identity::Stat => {
            field(hash, path.as_os_str().as_encoded_bytes());
            let (before, age) = match metadata.modified()?.duration_since(UNIX_EPOCH) {
                Ok(age) => (0, age),
                Err(error) => (1, error.duration()),
            };
            hash.update([before]);
            hash.update(age.as_nanos().to_le_bytes());
        }
        Identity::Content => {
            let (mut file, mut buffer) = (File::open(path)?, vec![0; 1 << 16]);
            loop {
                let count = file.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                hash.update(buffer.get(..count).unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// Hashes bytes with their length first, so that different lists of fields never collide.
fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(path: &Path, identity: Identity) -> Key {
        let source = Source::new(path, identity, &ClipSpec::open_avff()).unwrap();
        source.key(Kind::Frames, None)
    }

    fn set_age(path: &Path, seconds: u64) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::new(seconds, 1)).unwrap();
    }

    #[test]
    fn key_depends_on_everything_that_determines_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        fs::write(&path, "one").unwrap();
        let spec = ClipSpec::open_avff();
        let source = Source::new(&path, Identity::Stat, &spec).unwrap();
        let mut keys = vec![
            source.key(Kind::Frames, None),
            source.key(Kind::Fbank, None),
            source.key(Kind::Frames, Some(Span { start: 0.0, end: 1.0 })),
            source.key(Kind::Frames, Some(Span { start: 0.5, end: 1.0 })),
            source.key(Kind::Frames, Some(Span { start: 0.0, end: 1.5 })),
            key(&path, Identity::Content),
        ];
        let mut other = spec;
        other.video.width = 112;
        keys.push(Source::new(&path, Identity::Stat, &other).unwrap().key(Kind::Frames, None));
        set_age(&path, 1);
        keys.push(key(&path, Identity::Stat));
        let moved = folder.path().join("b.mp4");
        fs::rename(&path, &moved).unwrap();
        keys.push(key(&moved, Identity::Stat));
        for (index, one) in keys.iter().enumerate() {
            assert!(keys[index + 1..].iter().all(|other| other != one), "{index}: {keys:?}");
        }
        assert_eq!(key(&moved, Identity::Stat), keys[8]);
        assert!(
            Source::new(&path, Identity::Stat, &ClipSpec::open_avff()).is_err(),
            "the file was moved"
        );
    }

    #[test]
    fn content_identity_ignores_path_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.mp4"), folder.path().join("b.mp4"));
        fs::write(&a, "one").unwrap();
        fs::write(&b, "one").unwrap();
        set_age(&b, 1);
        assert_eq!(key(&a, Identity::Content), key(&b, Identity::Content));
        fs::write(&b, "two").unwrap();
        assert_ne!(key(&a, Identity::Content), key(&b, Identity::Content));
    }

    #[test]
    fn folder_key_covers_its_files_and_the_wav_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("clip");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("1.png"), "frame").unwrap();
        for identity in [Identity::Stat, Identity::Content] {
            let without_audio = key(&folder, identity);
            fs::write(root.path().join("clip.wav"), "audio").unwrap();
            let with_audio = key(&folder, identity);
            assert_ne!(without_audio, with_audio);
            fs::write(folder.join("2.png"), "frame").unwrap();
            assert_ne!(key(&folder, identity), with_audio);
            // Writing a file in place does not change the folder's modification time.
            fs::write(folder.join("2.png"), "another frame").unwrap();
            let other = key(&folder, identity);
            fs::write(folder.join("2.png"), "a third frame, longer").unwrap();
            assert_ne!(key(&folder, identity), other);
            fs::remove_file(root.path().join("clip.wav")).unwrap();
            fs::remove_file(folder.join("2.png")).unwrap();
        }
    }

    #[test]
    fn names_are_hexadecimal() {
        let name = Key(std::array::from_fn(|index| 16 * 9 + index as u8)).name();
        assert_eq!((name.len(), &name[..6]), (64, "909192"));
    }
}
