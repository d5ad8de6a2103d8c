//! Recognizes a file by its first bytes.

use std::io::{self, Read, Seek, SeekFrom};

use super::{Format, excerpt::quote, source::Bytes, tar, torch};

/// Number of bytes that decide. A tar archive has its mark at byte 257.
const HEAD: u64 = 512;

/// What a file is.
#[derive(Debug)]
pub(super) enum Recognized {
    /// One of the formats that hold tensors.
    Tensors(Format),
    /// The index of a sharded checkpoint.
    Index,
    /// Another file, with the reason why it is refused.
    Foreign(String),
}

/// Magic numbers of files that are not checkpoints, with what they are and the remedy.
const FOREIGN: [(&[u8], &str); 12] = [
    (
        b"version https://",
        "it is a Git LFS pointer instead of the file: fetch the file with `git lfs pull`",
    ),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it and give the file inside"),
    (b"BZh", "it is compressed with bzip2: unpack it and give the file inside"),
    (b"\xfd7zXZ\0", "it is compressed with xz: unpack it and give the file inside"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd: unpack it and give the file inside"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive: unpack it and give the file inside"),
    (b"Rar!", "it is a RAR archive: unpack it and give the file inside"),
    (b"\x89HDF", "it is HDF5: save the weights with torch.save or safetensors"),
    (b"\x93NUMPY", "it is a NumPy array: save the state dict with torch.save or safetensors"),
    (b"GGUF", "it is GGUF: save the weights with torch.save or safetensors"),
    (b"%PDF", "it is a PDF document: give the file of weights"),
    (
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        "it starts with zeros: its download did not finish, or \
      the disk lost its contents; copy or download it again",
    ),
];

/// Recognizes a file.
pub(super) fn recognize(file: &mut Bytes) -> io::Result<Recognized> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let text = start_of_text(&head);
    Ok(match &head[..] {
        [] => Recognized::Foreign("the file is empty: copy or download it again".into()),
        [b'P', b'K', ..] => Recognized::Tensors(Format::TorchZip),
        head if torch::is_legacy(head) => Recognized::Tensors(Format::TorchLegacy),
        head if tar::is_tar(head) => Recognized::Foreign(tar::reason(file)?),
        _ if text.is_some_and(|text| text.starts_with('{')) => Recognized::Index,
        [_, _, _, _, _, _, _, _, b'{', ..] => Recognized::Tensors(Format::Safetensors),
        head => Recognized::Foreign(foreign(head, text)),
    })
}

fn foreign(head: &[u8], text: Option<&str>) -> String {
    if let Some((_, reason)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return (*reason).into();
    }
    match (head, text) {
        (_, Some(text)) if text.starts_with('<') => {
            "it is a web page or XML that was saved instead of the file: download the file itself"
                .into()
        }
        (_, Some(text)) => {
            let line = text.lines().next().unwrap_or_default();
            format!(
                "it has neither PyTorch's format nor safetensors, but is text that starts with {}: \
                 download the file itself",
                quote(line)
            )
        }
        ([0x80, 2..=5, ..], None) => {
            "it is a Python pickle that torch.save did not write: load it in Python and save the \
             state dict with torch.save"
                .into()
        }
        _ => "it has neither PyTorch's format nor safetensors: give a file of torch.save or \
              safetensors"
            .into(),
    }
}

/// Returns the start of a text file, after white space and a byte order mark.
fn start_of_text(head: &[u8]) -> Option<&str> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_text = !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace());
    (is_text && !text.trim().is_empty()).then(|| text.trim_start())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]
mod tests {
    use std::{io::Cursor, sync::Arc};

    use super::*;

    fn reason(bytes: &[u8]) -> String {
        match recognize(&mut Bytes::Memory(Cursor::new(Arc::from(bytes)))).unwrap() {
            Recognized::Foreign(reason) => reason,
            other => panic!("{bytes:?}: {other:?}"),
        }
    }

    #[test]
    fn files_in_place_of_a_checkpoint_are_named_with_the_remedy() {
        for (bytes, what, remedy) in [
            (&b""[..], "empty", "download it again"),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
            (b"<!DOCTYPE html><html>", "web page", "download the file itself"),
            (b"\xef\xbb\xbf\r\n  <html>", "web page", "download the file itself"),
            (b"\n\n<?xml version='1.0'?>", "web page or XML", "download the file itself"),
            (b"Entry not found", "text that starts with `Entry not found`", "download"),
            (b"\x1f\x8b\x08\0", "gzip", "unpack"),
            (b"\x80\x04\x95\x05\0\0\0\0\0\0\0}\x94.", "torch.save did not write", "torch.save"),
            (&[0; 100], "starts with zeros", "download it again"),
            (b"\x01\x02\x03", "neither PyTorch's format nor safetensors", "torch.save"),
        ] {
            let reason = reason(bytes);
            assert!(reason.contains(what) && reason.contains(remedy), "{reason}");
        }
    }

    #[test]
    fn safetensors_is_not_taken_for_an_index() {
        for (bytes, index) in [
            (&b"{\0\0\0\0\0\0\0{\"w\":1}"[..], false),
            (b"{\"metadata\": {}, \"weight_map\": {}}", true),
            (b"\n{\"weight_map\":{}}", true),
        ] {
            let file = &mut Bytes::Memory(Cursor::new(Arc::from(bytes)));
            let recognized = recognize(file).unwrap();
            assert_eq!(matches!(recognized, Recognized::Index), index, "{recognized:?}");
        }
    }
}
