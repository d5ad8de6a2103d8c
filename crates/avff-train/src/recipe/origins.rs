//! Locates the origin of recipe keys.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::overrides::Override;
use crate::error::{Origin, RecipeError};

/// The texts from which a recipe was read.
pub(super) struct Origins<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) overrides: &'a [Override],
}

impl Origins<'_> {
    /// Adds the origin of its key to `error`.
    pub(super) fn of(&self, mut error: RecipeError) -> RecipeError {
        if let Some((key, origin)) = error.origin()
            && *origin == Origin::Unknown
        {
            *origin = self.origin(key);
        }
        error
    }

    fn origin(&self, key: &str) -> Origin {
        // The last override that set the key or a table around it.
        let around = |set: &&Override| {
            key.strip_prefix(&*set.key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if let Some(set) = self.overrides.iter().rev().find(around) {
            return Origin::Set { text: set.text.clone() };
        }
        Origin::File { path: self.path.into(), line: line(self.text, key) }
    }
}

/// Returns the line, from 1, of a dotted key or of the innermost table around it.
fn line(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut steps = key.split('.');
    let (name, mut at) = document
        .get_ref()
        .iter()
        .find(|(name, _)| Some(&**name.get_ref()) == steps.clone().next())?;
    steps.next();
    let mut start = name.span().start;
    for step in steps {
        let entry = match at.get_ref() {
            DeValue::Table(table) => table.iter().find(|(name, _)| name.get_ref() == step),
            DeValue::Array(items) => {
                let item = step.parse().ok().and_then(|index: usize| items.get(index));
                let Some(item) = item else { break };
                (start, at) = (item.span().start, item);
                continue;
            }
            _ => None,
        };
        let Some((name, value)) = entry else { break };
        (start, at) = (name.span().start, value);
    }
    Some(line_and_column(text, start).0)
}

/// Returns the line and column of a byte, both from 1; columns count characters.
pub(super) fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_key() {
        let text = "name = 'x'\n\n[data]\ntrain = 'a'\ncache = { folder = 'f',\n  bytes = 3 }\n\n\
                    [[optimizer.groups]]\nkeys = []\n[[optimizer.groups]]\nkeys = []\nlr_factor = 2\n";
        for (key, expected) in [
            ("name", Some(1)),
            ("data.train", Some(4)),
            ("data.cache.bytes", Some(6)),
            ("data.batch", Some(3)),
            ("optimizer.groups.0.keys", Some(9)),
            ("optimizer.groups.1.lr_factor", Some(12)),
            ("model.preset", None),
        ] {
            assert_eq!(line(text, key), expected, "{key}");
        }
        assert_eq!(line_and_column("ä\nöü", 5), (2, 2));
    }
}
