//! Quotes text of a file in a message.

/// Maximum number of characters of an excerpt.
const MAX_EXCERPT: usize = 60;

/// Quotes text on one line, without control characters and truncated.
pub(super) fn quote(text: &str) -> String {
    let mut excerpt: String = text.chars().take(MAX_EXCERPT).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_EXCERPT).is_some() {
        excerpt.push_str("...");
    }
    format!("`{excerpt}`")
}
