//! Reading, overriding and writing a recipe file.

use std::{io::Read, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use toml::{Table, Value};

use super::{
    Recipe, Stage,
    deserialize::{inapplicable, join, typed},
    keys::renamed_in,
    origins::{Origins, line_and_column},
    overrides::Override,
    paths,
    ranges::with_range,
};
use crate::error::{Origin, RecipeError};

/// Maximum size of a recipe in bytes.
const MAX_BYTES: u64 = 1 << 20;

impl Recipe {
    /// Reads the recipe at `path` and applies `overrides`, each `KEY=VALUE` as for `--set`.
    ///
    /// All paths become absolute. Relative paths in the file start at its folder, and those of an
    /// override at the current folder. The result is validated ([`Recipe::validate`]).
    ///
    /// # Errors
    /// [`RecipeError`] with the faulty line or override.
    pub fn read(path: impl AsRef<Path>, overrides: &[String]) -> Result<Self, RecipeError> {
        let path = path.as_ref();
        Self::parse(&read_text(path)?, path, overrides)
    }

    /// Parses the `text` of the file at `path` as [`read`](Recipe::read) does.
    ///
    /// # Errors
    /// The errors of [`read`](Recipe::read).
    pub fn parse(text: &str, path: &Path, overrides: &[String]) -> Result<Self, RecipeError> {
        let mut value = syntax(text, path)?;
        let overrides: Vec<Override> =
            overrides.iter().map(|text| Override::parse(text)).collect::<Result<_, _>>()?;
        let origins = Origins { path, text, overrides: &overrides };
        let folder = path.parent().unwrap_or(Path::new(""));
        paths::resolve("", &mut value, folder).map_err(|problem| origins.of(problem.into()))?;
        for change in &overrides {
            change.apply(&mut value, Path::new(""))?;
        }
        Self::from_value(&value).map_err(|error| origins.of(error))
    }

    fn from_value(value: &Value) -> Result<Self, RecipeError> {
        if let Some((old, new_key)) = renamed_in(value) {
            let origin = Origin::Unknown;
            return Err(RecipeError::RenamedKey {
                origin,
                key: old.into(),
                new_key: new_key.into(),
            });
        }
        let mut recipe: Self = typed("", value).map_err(|error| with_range(error, value))?;
        let written = Value::try_from(&recipe).map_err(|error| write_error(&error))?;
        if let Some(error) = ignored_key("", value, &written) {
            return Err(error);
        }
        if recipe.stage == Stage::Finetune {
            recipe.finetune.get_or_insert_default();
        }
        recipe.validate()?;
        Ok(recipe)
    }

    /// Writes the recipe as TOML, with every key that has a value, including defaults.
    /// [`read`](Recipe::read) restores an equal recipe.
    ///
    /// # Errors
    /// [`RecipeError::Write`] for a path that is not UTF-8 or a number above `i64::MAX`.
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        toml::to_string(self).map_err(|error| write_error(&error))
    }
}

fn write_error(error: &toml::ser::Error) -> RecipeError {
    RecipeError::Write { reason: error.to_string() }
}

fn read_text(path: &Path) -> Result<String, RecipeError> {
    let read_error = |source| RecipeError::Read { path: path.into(), source };
    let mut bytes = Vec::new();
    avff_files::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(read_error)?;
    let not_a_recipe = |reason: String| RecipeError::NotARecipe { path: path.into(), reason };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(not_a_recipe(format!("it is larger than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes)
        .map_err(|error| not_a_recipe(format!("it is not UTF-8: {}", error.utf8_error())))
}

fn syntax(text: &str, path: &Path) -> Result<Value, RecipeError> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let reason = error.message().replace('\n', "; ");
        let path = path.into();
        match error.span() {
            Some(span) => {
                let (line, column) = line_and_column(text, span.start);
                RecipeError::Syntax { path, line, column, reason }
            }
            None => RecipeError::NotARecipe { path, reason },
        }
    })?;
    Ok(Value::Table(table))
}

/// Returns an error for the first key of `given` that deserialization ignored. Serde ignores keys
/// beside the tag of a unit variant.
fn ignored_key(at: &str, given: &Value, written: &Value) -> Option<RecipeError> {
    match (given, written) {
        (Value::Table(given), Value::Table(written)) => given.iter().find_map(|(key, value)| {
            let table = at;
            let at = join([at, key]);
            match written.get(key) {
                Some(written) => ignored_key(&at, value, written),
                None if is_empty(value) => None,
                None => inapplicable(table, key, given).or_else(|| {
                    let known = written.keys().cloned().collect();
                    let origin = Origin::Unknown;
                    Some(RecipeError::UnknownKey { origin, key: at, nearest: None, known })
                }),
            }
        }),
        (Value::Array(given), Value::Array(written)) => {
            given.iter().zip(written).enumerate().find_map(|(index, (given, written))| {
                ignored_key(&join([at, &index.to_string()]), given, written)
            })
        }
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Table(table) => table.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Merges `table` into `base`. Tables are merged key by key, and other values are replaced. An
/// optional value can be set but not removed.
///
/// `at` is the key of `table` in the recipe, for messages.
///
/// # Errors
/// [`RecipeError`] for an unknown key or a value of a wrong type.
pub fn merge<T: Serialize + DeserializeOwned>(
    at: &'static str,
    base: &T,
    table: &Table,
) -> Result<T, RecipeError> {
    let mut value = Value::try_from(base).map_err(|error| write_error(&error))?;
    for (key, over) in table {
        merge_key(&mut value, key, over);
    }
    typed(at, &value)
}

fn merge_key(base: &mut Value, key: &str, over: &Value) {
    let Value::Table(table) = base else { return };
    match (table.get_mut(key), over) {
        (Some(inner @ Value::Table(_)), Value::Table(changes)) => {
            for (key, over) in changes {
                merge_key(inner, key, over);
            }
        }
        _ => {
            table.insert(key.into(), over.clone());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
