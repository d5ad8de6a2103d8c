//! Unicode normal forms of file names.
//!
//! An accented letter is one character (composed, NFC) or a letter and an accent (decomposed, NFD).
//! macOS and archives made there often decompose names, while tables compose them. Both look equal.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Returns the composed form of a name.
pub(crate) fn composed(name: &str) -> Cow<'_, str> {
    if name.is_ascii() { name.into() } else { name.nfc().collect::<String>().into() }
}

/// Returns the composed and the decomposed form of a name, without forms that equal the name.
pub(crate) fn others(name: &str) -> Vec<String> {
    if name.is_ascii() {
        return Vec::new();
    }
    let mut forms = vec![name.nfc().collect::<String>(), name.nfd().collect()];
    forms.retain(|form| form != name);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_forms_are_composed_and_decomposed() {
        assert_eq!(others("caf\u{e9}"), ["cafe\u{301}"]);
        assert_eq!(others("cafe\u{301}"), ["caf\u{e9}"]);
        assert_eq!(others("\u{ac00}"), ["\u{1100}\u{1161}"]);
        assert_eq!(others("\u{e9} e\u{301}"), ["\u{e9} \u{e9}", "e\u{301} e\u{301}"]);
        assert_eq!((composed("cafe\u{301}"), composed("a")), ("caf\u{e9}".into(), "a".into()));
        assert!(others("cafe").is_empty() && others("\u{4e2d}").is_empty());
    }
}
