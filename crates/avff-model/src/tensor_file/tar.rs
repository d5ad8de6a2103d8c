//! Names what a tar archive holds. Only the names of its members are read.

use std::io::{self, Read, Seek, SeekFrom};

use super::{excerpt::quote, source::Bytes};

/// Size of a header and of the blocks that hold a member.
const BLOCK: u64 = 512;
/// Maximum number of members that are looked at.
const MAX_MEMBERS: usize = 256;

/// Whether a file starts with the header of a tar archive.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar") || (head.len() == BLOCK as usize && has_checksum(head))
}

/// Whether a block has the checksum of an old header, without the mark `ustar`: its bytes, with
/// spaces in place of the checksum.
fn has_checksum(block: &[u8]) -> bool {
    let stated = block.get(148..156).and_then(octal);
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(index, &byte)| if (148..156).contains(&index) { 32 } else { u64::from(byte) })
        .sum();
    // A block of zeros has no checksum.
    stated.is_some_and(|stated| stated == sum) && block.first() != Some(&0)
}

/// Returns the reason why a tar archive is refused.
pub(super) fn reason(file: &mut Bytes) -> io::Result<String> {
    let names = names(file)?;
    let has = |name: &str| names.iter().any(|member| member.trim_start_matches("./") == name);
    if has("storages") && has("tensors") && has("pickle") {
        return Ok("it has the format of PyTorch 0.1: load it in PyTorch and save it again with \
                   torch.save"
            .into());
    }
    let checkpoint = names.iter().find(|name| {
        [".pth", ".pt", ".ckpt", ".safetensors", ".bin"].iter().any(|ending| name.ends_with(ending))
    });
    Ok(match checkpoint.or(names.first()) {
        Some(name) => {
            format!("it is a tar archive that holds {}: unpack it and give that file", quote(name))
        }
        None => "it is a tar archive: unpack it and give the file inside".into(),
    })
}

fn names(file: &mut Bytes) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut at = 0u64;
    while names.len() < MAX_MEMBERS {
        file.seek(SeekFrom::Start(at))?;
        let mut header = Vec::new();
        file.by_ref().take(BLOCK).read_to_end(&mut header)?;
        let (Some(name), Some(size)) = (header.get(..100), header.get(124..136).and_then(octal))
        else {
            break;
        };
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        if name.is_empty() {
            break;
        }
        names.push(String::from_utf8_lossy(name).into_owned());
        let Some(next) = size.div_ceil(BLOCK).checked_add(1).and_then(|n| n.checked_mul(BLOCK))
        else {
            break;
        };
        at = at.saturating_add(next);
    }
    Ok(names)
}

/// Parses an octal number that spaces or zeros end.
fn octal(field: &[u8]) -> Option<u64> {
    let text = str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    u64::from_str_radix(text, 8).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::{io::Cursor, sync::Arc};

    use super::*;

    fn archive(members: &[&str], mark: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in members {
            let mut header = vec![0; 512];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..136].copy_from_slice(b"00000000003\0");
            header[148..156].fill(b' ');
            header[257..257 + mark.len()].copy_from_slice(mark);
            let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            bytes.extend(header);
            bytes.extend([1; 3]);
            bytes.extend([0; 509]);
        }
        bytes.extend([0; 1024]);
        bytes
    }

    fn reason_of(members: &[&str], mark: &[u8]) -> String {
        let bytes = archive(members, mark);
        assert!(is_tar(&bytes[..512]));
        reason(&mut Bytes::Memory(Cursor::new(Arc::from(bytes)))).unwrap()
    }

    #[test]
    fn members_are_named() {
        for mark in [&b"ustar\0"[..], b""] {
            let reason = reason_of(&["readme.txt", "runs/best.pth"], mark);
            assert!(reason.contains("tar archive that holds `runs/best.pth`"), "{reason}");
            assert!(reason_of(&["a.txt"], mark).contains("`a.txt`"));
            let old = reason_of(&["sys_info", "pickle", "tensors", "storages"], mark);
            assert!(old.contains("PyTorch 0.1"), "{old}");
        }
    }

    #[test]
    fn damaged_archives_end() {
        let mut bytes = archive(&["a", "b"], b"ustar");
        bytes[124..136].copy_from_slice(b"77777777777\0");
        assert!(!reason(&mut Bytes::Memory(Cursor::new(Arc::from(bytes)))).unwrap().is_empty());
        assert!(!is_tar(&[0; 512]) && !is_tar(b""));
    }
}
