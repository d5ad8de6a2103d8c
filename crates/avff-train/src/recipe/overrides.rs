//! Overrides from the command line: `--set key=value`.

use std::path::Path;

use toml::{Table, Value};

use super::{
    keys::{keys, renamed, suggested_key},
    paths,
};
use crate::error::{Origin, RecipeError};

/// Maximum number of steps in a key, because tables are walked recursively.
const MAX_STEPS: usize = 16;

/// One `--set` argument.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Override {
    /// The argument.
    pub(super) text: String,
    /// The dotted key.
    pub(super) key: String,
    /// New value; `None` removes the key.
    value: Option<Value>,
}

impl Override {
    /// Parses `key=value`.
    ///
    /// A value is read as TOML. A bare word that is not TOML, such as a path, is text. An empty
    /// value removes the key.
    pub(super) fn parse(text: &str) -> Result<Self, RecipeError> {
        let invalid = |reason: String| RecipeError::Override { text: text.into(), reason };
        let Some((key, value)) = text.split_once('=') else {
            return Err(invalid("must be KEY=VALUE".into()));
        };
        let (key, value) = (key.trim(), value.trim());
        let bare = |step: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            !step.is_empty() && step.chars().all(allowed)
        };
        if !key.split('.').all(bare) || key.split('.').count() > MAX_STEPS {
            return Err(invalid(format!("`{key}` must be a key such as optimizer.lr")));
        }
        if let Some((old, new_key)) = renamed(key) {
            let origin = Origin::Set { text: text.into() };
            return Err(RecipeError::RenamedKey {
                origin,
                key: old.into(),
                new_key: new_key.into(),
            });
        }
        let value = match value.parse::<Value>() {
            _ if value.is_empty() => None,
            // No key holds a date, but names may look like one.
            Ok(Value::Datetime(_)) => Some(Value::String(value.into())),
            Ok(value) => Some(value),
            // An opening quote or bracket indicates TOML.
            Err(error) if value.starts_with(['"', '\'', '[', '{']) => {
                return Err(invalid(format!(
                    "the value is not TOML: {}; text in lists and tables needs quotes",
                    error.message()
                )));
            }
            Err(_) => Some(Value::String(value.into())),
        };
        Ok(Self { text: text.into(), key: key.into(), value })
    }

    /// Applies the override to `recipe`. Relative paths in the value start at `folder`.
    pub(super) fn apply(&self, recipe: &mut Value, folder: &Path) -> Result<(), RecipeError> {
        let invalid = |reason: String| RecipeError::Override { text: self.text.clone(), reason };
        let (parent, last) = self.key.rsplit_once('.').unwrap_or(("", &self.key));
        let mut way = parent.split('.').filter(|step| !step.is_empty());
        let Some(mut value) = self.value.clone() else {
            let table = way.try_fold(recipe, |at, step| inner(at, step, false));
            let removed = table.is_some_and(|table| remove(table, last));
            return if removed || self.is_known() { Ok(()) } else { Err(self.unknown()) };
        };
        paths::resolve(&self.key, &mut value, folder)
            .map_err(|problem| invalid(format!("`{}` {}", problem.key, problem.text)))?;
        let table = way.try_fold(recipe, |at, step| {
            let missing = || invalid(format!("`{step}` in `{}` does not exist", self.key));
            inner(at, step, true).ok_or_else(missing)
        })?;
        let is_list = table.is_array();
        match inner(table, last, true) {
            Some(entry) => *entry = value,
            None if is_list => {
                return Err(invalid(format!("the list has no item {last}; items count from 0")));
            }
            None => return Err(invalid(format!("`{parent}` is not a table"))),
        }
        Ok(())
    }

    fn is_known(&self) -> bool {
        keys().iter().any(|key| {
            key.strip_prefix(&*self.key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    fn unknown(&self) -> RecipeError {
        let (table, name) = self.key.rsplit_once('.').unwrap_or(("", &self.key));
        let within = |key: &String| {
            let rest = if table.is_empty() {
                Some(&**key)
            } else {
                key.strip_prefix(table)?.strip_prefix('.')
            };
            rest?.split('.').next().map(str::to_owned)
        };
        let mut known: Vec<String> = keys().iter().filter_map(within).collect();
        known.dedup();
        RecipeError::UnknownKey {
            origin: Origin::Set { text: self.text.clone() },
            nearest: suggested_key(table, name, &known),
            key: self.key.clone(),
            known,
        }
    }
}

/// Returns the entry of a table or list; with `create`, a missing entry of a table becomes a new
/// table.
fn inner<'a>(at: &'a mut Value, step: &str, create: bool) -> Option<&'a mut Value> {
    match at {
        Value::Table(table) => match create {
            true => Some(table.entry(step).or_insert_with(|| Value::Table(Table::new()))),
            false => table.get_mut(step),
        },
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Removes an entry and returns whether it existed.
fn remove(at: &mut Value, step: &str) -> bool {
    match (at, step.parse::<usize>()) {
        (Value::Table(table), _) => table.remove(step).is_some(),
        (Value::Array(items), Ok(index)) if index < items.len() => {
            items.remove(index);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn changed(recipe: &str, overrides: &[&str]) -> Result<Table, RecipeError> {
        let mut value = Value::Table(recipe.parse().unwrap());
        for text in overrides {
            Override::parse(text)?.apply(&mut value, Path::new("/here"))?;
        }
        Ok(value.as_table().unwrap().clone())
    }

    #[test]
    fn values_are_toml_or_words() {
        let recipe =
            "name = 'a'\nepochs = 3\n[optimizer]\nlr = 1e-4\n[[optimizer.groups]]\nkeys = ['x']";
        let overrides = [
            "optimizer.lr=3e-5",
            " epochs = 7 ",
            "name=a b=c",
            "data.train=sub/clips.csv",
            "data.cache={ folder = 'f', bytes = 1_000 }",
            "steps.freeze=[\"audio\", 'video']",
            "optimizer.groups.0.lr_factor=50",
            "average.ema=0.999",
            "validation=2026-01-01",
        ];
        let expected = "
            name = 'a b=c'
            epochs = 7
            validation = '2026-01-01'
            steps.freeze = ['audio', 'video']
            average.ema = 0.999
            data.train = '/here/sub/clips.csv'
            data.cache = { folder = '/here/f', bytes = 1000 }
            [optimizer]
            lr = 3e-5
            groups = [{ keys = ['x'], lr_factor = 50 }]
        ";
        assert_eq!(changed(recipe, &overrides).unwrap(), expected.parse().unwrap());
    }

    #[test]
    fn empty_value_removes_key() {
        let recipe = "[data]\nbatch = 2\n[data.cache]\nbytes = 3";
        let expected: Table = "[data]\nbatch = 2".parse().unwrap();
        assert_eq!(changed(recipe, &["data.cache="]).unwrap(), expected);
        assert_eq!(changed(recipe, &["data.cache=", "average.ema="]).unwrap(), expected);
        let message = changed(recipe, &["data.chache="]).unwrap_err().to_string();
        assert_eq!(
            message,
            "--set data.chache=: unknown key `data.chache`; did you mean `data.cache`?"
        );
    }

    #[test]
    fn invalid_overrides_show_the_argument() {
        let recipe = "epochs = 3\ngroups = [1]";
        for (text, part) in [
            ("epochs", "KEY=VALUE"),
            ("=3", "such as optimizer.lr"),
            ("a..b=3", "such as optimizer.lr"),
            ("a b=3", "such as optimizer.lr"),
            ("steps.freeze=[audio]", "needs quotes"),
            ("epochs.x=3", "`epochs` is not a table"),
            ("epochs.x.y=3", "`x` in `epochs.x.y` does not exist"),
            ("groups.1=3", "no item 1"),
            ("groups.-1=3", "no item -1"),
        ] {
            let message = changed(recipe, &[text]).unwrap_err().to_string();
            assert!(message.starts_with(&format!("--set {text}: ")), "{message}");
            assert!(message.contains(part), "{message}");
        }
    }
}
