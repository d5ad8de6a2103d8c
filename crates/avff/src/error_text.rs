//! Formats errors as text.

use std::error::Error;

/// Formats an error and its causes on one line. A cause that is already part of the text is not repeated.
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
    // Errors of avff use this wording for missing files.
    without_error_numbers(&text).replace("No such file or directory", "no such file")
}

/// Removes the error numbers of the operating system, such as ` (os error 2)`.
fn without_error_numbers(text: &str) -> String {
    const PREFIX: &str = " (os error ";
    let mut parts = text.split(PREFIX);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                out.push_str(rest);
            }
            _ => out.extend([PREFIX, part]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn causes_appear_once_and_without_error_numbers() {
        let missing = std::fs::read("no/such/file").unwrap_err();
        let both = avff_data::ClipError::new("a.csv", avff_media::MediaError::Io(missing));
        let text = chain(&both);
        assert!(text.starts_with("a.csv: ") && text.ends_with("no such file"), "{text}");
        assert_eq!(text.matches("no such file").count(), 1, "{text}");
    }
}
