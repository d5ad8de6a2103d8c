//! Labels of clips.

use super::{TARGET_COLUMN, quote};

/// Words for real and fake clips, in the words of the published data sets.
const WORDS: [(&str, u8); 15] = [
    ("real", 0),
    ("genuine", 0),
    ("bonafide", 0),
    ("bona fide", 0),
    ("bona-fide", 0),
    ("bona_fide", 0),
    ("authentic", 0),
    ("pristine", 0),
    ("original", 0),
    ("fake", 1),
    ("deepfake", 1),
    ("spoof", 1),
    ("spoofed", 1),
    ("forged", 1),
    ("manipulated", 1),
];

/// Parses a cell of [`TARGET_COLUMN`]: 1 or `fake` for fake, 0 or `real` for real, `None` if empty.
/// Words may be in any case.
///
/// # Errors
/// A message with the accepted values.
pub fn label(cell: &str) -> Result<Option<u8>, String> {
    let trimmed = cell.trim();
    match trimmed {
        "" => return Ok(None),
        // pandas writes the second form if any cell of the column is empty; the third has a decimal
        // comma.
        "0" | "0.0" | "0,0" => return Ok(Some(0)),
        "1" | "1.0" | "1,0" => return Ok(Some(1)),
        _ => {}
    }
    let known = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(trimmed));
    known.map(|&(_, label)| Some(label)).ok_or_else(|| {
        // `true` can mean a true clip or a true deepfake.
        format!("`{TARGET_COLUMN}` is {}: write 1 or fake, 0 or real, or nothing", quote(cell))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_labels() {
        for (cells, expected) in [
            (&["", "  "][..], None),
            (&["0", " 0.0 ", "0,0", "real", "REAL", "Genuine", "bonafide", "Bona Fide"], Some(0)),
            (&["1", "1.0", "1,0", "fake", "FAKE", " Spoof ", "DeepFake"], Some(1)),
        ] {
            for cell in cells {
                assert_eq!(label(cell), Ok(expected), "{cell}");
            }
        }
        for cell in ["2", "-1", "true", "False", "yes", "realfake", "0.5", "0,5", "r\u{e9}al"] {
            let error = label(cell).unwrap_err();
            assert!(error.contains(cell) && error.contains("1 or fake, 0 or real"), "{error}");
        }
    }
}
