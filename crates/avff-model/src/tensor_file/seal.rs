//! Checksums in the safetensors files of this library.
//!
//! The format itself has none: a flipped bit of a weight is another weight. So the metadata ends with
//! the CRC-32 of each tensor's bytes, and of the rest of the header under the empty key:
//!
//! ```text
//! {"config": ..., "crc32":{"":"8c6f0a11","module.norm.weight":"1f00c3d2"}}
//! ```
//!
//! Metadata that is no JSON object ends with the same object in a comment line. Files of other
//! programs have no checksums, and nothing is checked.

use std::collections::BTreeMap;

use crc32fast::Hasher;

/// The checksums by key, in hexadecimal.
pub(super) type Seal = BTreeMap<String, String>;

/// The key of the checksums in a JSON object.
const FIELD: &str = "\"crc32\":";
/// The start of a comment line with the checksums.
const LINE: &str = "\n# crc32 ";

/// The start of the checksums.
const START: &str = "{\"\":\"";

/// Whether text has a part of a seal, which damage may have left.
pub(super) fn is_sealed(text: &str) -> bool {
    [FIELD, LINE, START].iter().any(|part| text.contains(part))
}

/// Describes the tensors of a file, in any order: key, number format and shape.
pub(super) fn describe<'a>(
    tensors: impl Iterator<Item = (&'a str, String, &'a [usize])>,
) -> BTreeMap<&'a str, String> {
    tensors.map(|(key, dtype, shape)| (key, format!("{dtype} {shape:?}"))).collect()
}

/// Returns the checksum of bytes.
pub(super) fn checksum(bytes: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}

/// Returns the checksum of the header: the metadata without its seal, and the tensors.
fn header_checksum(metadata: &str, tensors: &BTreeMap<&str, String>) -> String {
    let mut hasher = Hasher::new();
    hasher.update(metadata.as_bytes());
    for (key, what) in tensors {
        hasher.update(format!("\n{key} {what}").as_bytes());
    }
    format!("{:08x}", hasher.finalize())
}

/// Appends a seal to metadata. `seal` has the checksums of the tensors.
pub(super) fn append(
    metadata: &str,
    mut seal: Seal,
    tensors: &BTreeMap<&str, String>,
) -> Result<String, serde_json::Error> {
    seal.insert(String::new(), header_checksum(metadata, tensors));
    let seal = serde_json::to_string(&seal)?;
    Ok(match metadata.strip_suffix('}').filter(|text| text.starts_with('{')) {
        Some("{") => format!("{{{FIELD}{seal}}}"),
        Some(object) => format!("{object},{FIELD}{seal}}}"),
        None => format!("{metadata}{LINE}{seal}\n"),
    })
}

/// Splits metadata into the part that was sealed and its seal, and checks that part.
///
/// # Errors
/// The reason why the header is damaged.
pub(super) fn split(
    text: &str,
    tensors: &BTreeMap<&str, String>,
) -> Result<(String, Option<Seal>), String> {
    let parts = if text.starts_with('{') {
        let split = text.rfind(FIELD).map(|at| text.split_at(at));
        split.and_then(|(rest, seal)| {
            let rest = rest.strip_suffix(',').unwrap_or(rest);
            Some((format!("{rest}}}"), seal.strip_prefix(FIELD)?.strip_suffix('}')?))
        })
    } else {
        let split = text.rfind(LINE).map(|at| text.split_at(at));
        split.and_then(|(rest, seal)| Some((rest.to_owned(), seal.strip_prefix(LINE)?)))
    };
    let Some((rest, seal)) = parts else {
        return match is_sealed(text) {
            true => Err("the header is damaged: its checksums cannot be read".into()),
            false => Ok((text.to_owned(), None)),
        };
    };
    let seal: Seal = serde_json::from_str(seal.trim_end()).map_err(|error| {
        format!("the header is damaged: its checksums cannot be read ({error})")
    })?;
    let expected = header_checksum(&rest, tensors);
    match seal.get("") {
        Some(actual) if *actual == expected => Ok((rest, Some(seal))),
        actual => Err(format!(
            "the header is damaged: its CRC-32 is {expected}, but the file says {}; copy the file \
             again",
            actual.map_or("none", String::as_str)
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn sealed_metadata_splits_into_its_parts() {
        let shape = [2, 3];
        let tensors = || describe([("w", "F32".to_owned(), &shape[..])].into_iter());
        let seal = Seal::from([("w".to_owned(), checksum(b"bytes"))]);
        for text in ["{}", "{\"a\":{\"b\":1}}", "name = \"x\"\n[table]\nkey = 1\n", ""] {
            let sealed = append(text, seal.clone(), &tensors()).unwrap();
            let (rest, read) = split(&sealed, &tensors()).unwrap();
            assert_eq!(rest, text);
            assert_eq!(read.unwrap()["w"], checksum(b"bytes"));
            if text.starts_with('{') {
                serde_json::from_str::<serde_json::Value>(&sealed).unwrap();
            }
            let other = describe([("w", "F16".to_owned(), &shape[..])].into_iter());
            assert!(split(&sealed, &other).unwrap_err().contains("the header is damaged"));
        }
        for text in ["{}", "", "a = 1\n", "{\"a\":1}"] {
            assert_eq!(split(text, &tensors()).unwrap(), (text.to_owned(), None));
        }
    }
}
