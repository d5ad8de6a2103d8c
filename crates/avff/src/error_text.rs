//! Errors as text.

use std::error::Error;

/// An error and its causes on one line. A cause that an error already shows is not repeated.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    // The wording of our own errors.
    without_numbers(&text).replace("No such file or directory", "no such file")
}

/// Without the numbers that a system adds to the words of its errors.
fn without_numbers(text: &str) -> String {
    const BEFORE: &str = " (os error ";
    let mut parts = text.split(BEFORE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                out.push_str(rest);
            }
            _ => out.extend([BEFORE, part]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cause_is_said_once_and_without_its_number() {
        let missing = std::fs::read("no/such/file").unwrap_err();
        let both = avff_data::ClipError::new("a.csv", avff_media::MediaError::Io(missing));
        let text = chain(&both);
        assert!(text.starts_with("a.csv: ") && text.ends_with("no such file"), "{text}");
        assert_eq!(text.matches("no such file").count(), 1, "{text}");
    }
}
