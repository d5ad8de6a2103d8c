//! Where two JSON values differ, for messages: whole documents hide the one key that matters.

use serde_json::Value;

/// A key whose values differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key, with the keys above it.
    pub key: String,
    /// The first value.
    pub before: String,
    /// The second value.
    pub after: String,
}

/// One line per key that differs: `key: BEFORE, now AFTER`.
#[must_use]
pub fn differences(before: &Value, after: &Value) -> Vec<String> {
    let line = |Change { key, before, after }| format!("{key}: {before}, now {after}");
    changes(before, after).into_iter().map(line).collect()
}

/// The keys that differ, in the order of the first value.
#[must_use]
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    if let (Value::Object(a), Value::Object(b)) = (before, after) {
        let added = b.keys().filter(|key| !a.contains_key(*key));
        for key in a.keys().chain(added) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let value =
                |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or_default();
            compare(&path, &value(a), &value(b), changes);
        }
        return;
    }
    changes.push(Change { key: path.into(), before: shown(before), after: shown(after) });
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_keys_that_differ_are_named() {
        let before = json!({"video": {"fit": "resize", "frames": 16}, "face": null});
        let after = json!({"video": {"fit": "letterbox", "frames": 16}, "face": {"margin": 1.3}});
        let lines = differences(&before, &after);
        assert_eq!(
            lines,
            [r#"face: none, now {"margin":1.3}"#, "video.fit: resize, now letterbox"]
        );
        assert!(differences(&before, &before).is_empty());
    }
}
