//! `--set key=value`: a recipe's values changed from the command line.

use std::path::Path;

use toml::{Table, Value};

use super::{
    keys::{keys, meant},
    paths,
};
use crate::error::{Place, RecipeError};

/// The most steps of a key. Tables are walked by recursion, so their depth is bounded.
const MAX_STEPS: usize = 16;

/// One `--set`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Override {
    /// As it was given.
    pub(super) text: String,
    /// The dotted key.
    pub(super) key: String,
    /// None removes the key.
    value: Option<Value>,
}

impl Override {
    /// Understands `key=value`.
    ///
    /// A value is read as TOML; a bare word, such as a path, that is no TOML is text. An empty one
    /// removes the key.
    pub(super) fn parse(text: &str) -> Result<Self, RecipeError> {
        let fault = |reason: String| RecipeError::Override { text: text.into(), reason };
        let Some((key, value)) = text.split_once('=') else {
            return Err(fault("must be KEY=VALUE".into()));
        };
        let (key, value) = (key.trim(), value.trim());
        let bare = |step: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            !step.is_empty() && step.chars().all(allowed)
        };
        if !key.split('.').all(bare) || key.split('.').count() > MAX_STEPS {
            return Err(fault(format!("`{key}` must be a key such as optimizer.lr")));
        }
        let value = match value.parse::<Value>() {
            _ if value.is_empty() => None,
            // No key holds a date, but names may look like one.
            Ok(Value::Datetime(_)) => Some(Value::String(value.into())),
            Ok(value) => Some(value),
            // Whoever opens a quote or bracket means TOML.
            Err(error) if value.starts_with(['"', '\'', '[', '{']) => {
                return Err(fault(format!(
                    "the value is no TOML: {}; text in lists and tables is in quotes",
                    error.message()
                )));
            }
            Err(_) => Some(Value::String(value.into())),
        };
        Ok(Self { text: text.into(), key: key.into(), value })
    }

    /// Changes `recipe`. Relative paths in the value start at `folder`.
    pub(super) fn apply(&self, recipe: &mut Value, folder: &Path) -> Result<(), RecipeError> {
        let fault = |reason: String| RecipeError::Override { text: self.text.clone(), reason };
        let (parent, last) = self.key.rsplit_once('.').unwrap_or(("", &self.key));
        let mut way = parent.split('.').filter(|step| !step.is_empty());
        let Some(mut value) = self.value.clone() else {
            let table = way.try_fold(recipe, |at, step| inner(at, step, false));
            let removed = table.is_some_and(|table| remove(table, last));
            return if removed || self.is_known() { Ok(()) } else { Err(self.unknown()) };
        };
        paths::resolve(&self.key, &mut value, folder)
            .map_err(|problem| fault(format!("`{}` {}", problem.key, problem.text)))?;
        let table = way.try_fold(recipe, |at, step| {
            let missing = || fault(format!("there is no `{step}` on the way to `{}`", self.key));
            inner(at, step, true).ok_or_else(missing)
        })?;
        let is_list = table.is_array();
        match inner(table, last, true) {
            Some(place) => *place = value,
            None if is_list => {
                return Err(fault(format!("the list has no item {last}; the first is 0")));
            }
            None => return Err(fault(format!("`{parent}` is no table"))),
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
            place: Place::Set { text: self.text.clone() },
            nearest: meant(table, name, &known),
            key: self.key.clone(),
            known,
        }
    }
}

/// What a table or list has under a step; where `make`, a table gets a new table there.
fn inner<'a>(at: &'a mut Value, step: &str, make: bool) -> Option<&'a mut Value> {
    match at {
        Value::Table(table) => match make {
            true => Some(table.entry(step).or_insert_with(|| Value::Table(Table::new()))),
            false => table.get_mut(step),
        },
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Whether there was something to remove.
fn remove(at: &mut Value, step: &str) -> bool {
    match (at, step.parse::<usize>()) {
        (Value::Table(table), _) => table.remove(step).is_some(),
        (Value::Array(items), Ok(place)) if place < items.len() => {
            items.remove(place);
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
    fn nothing_removes() {
        let recipe = "[data]\nbatch = 2\n[data.cache]\nbytes = 3";
        let expected: Table = "[data]\nbatch = 2".parse().unwrap();
        assert_eq!(changed(recipe, &["data.cache="]).unwrap(), expected);
        assert_eq!(changed(recipe, &["data.cache=", "average.ema="]).unwrap(), expected);
        let message = changed(recipe, &["data.chache="]).unwrap_err().to_string();
        assert_eq!(
            message,
            "--set data.chache=: there is no key `data.chache`; did you mean `data.cache`?"
        );
    }

    #[test]
    fn what_makes_no_sense_is_repeated() {
        let recipe = "epochs = 3\ngroups = [1]";
        for (text, part) in [
            ("epochs", "KEY=VALUE"),
            ("=3", "such as optimizer.lr"),
            ("a..b=3", "such as optimizer.lr"),
            ("a b=3", "such as optimizer.lr"),
            ("steps.freeze=[audio]", "in quotes"),
            ("epochs.x=3", "`epochs` is no table"),
            ("epochs.x.y=3", "no `x` on the way"),
            ("groups.1=3", "no item 1"),
            ("groups.-1=3", "no item -1"),
        ] {
            let message = changed(recipe, &[text]).unwrap_err().to_string();
            assert!(message.starts_with(&format!("--set {text}: ")), "{message}");
            assert!(message.contains(part), "{message}");
        }
    }
}
