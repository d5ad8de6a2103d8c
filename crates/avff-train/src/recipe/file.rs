//! A recipe as a file: read, changed by `--set`, written back.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};
use toml::{Table, Value};

use super::{
    Recipe, Stage,
    fault::{join, typed},
    origins::{Origins, line_and_column},
    overrides::Override,
    paths,
};
use crate::error::{Place, RecipeError};

/// The most bytes of a recipe.
const MAX_BYTES: u64 = 1 << 20;

impl Recipe {
    /// Reads the recipe at `path` and lays `overrides` over it, each `KEY=VALUE` as of `--set`.
    ///
    /// Paths in it are absolute afterwards: those of the file start at its folder, those of an override at
    /// the current folder. All of it is checked ([`Recipe::validate`]).
    ///
    /// # Errors
    /// [`RecipeError`] with the line or override that is at fault.
    pub fn read(path: impl AsRef<Path>, overrides: &[String]) -> Result<Self, RecipeError> {
        let path = path.as_ref();
        Self::parse(&read_text(path)?, path, overrides)
    }

    /// [`read`](Recipe::read) for the `text` of the file at `path`.
    ///
    /// # Errors
    /// As `read`.
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
        let mut recipe: Self = typed("", value)?;
        let kept = Value::try_from(&recipe).map_err(|error| write_error(&error))?;
        if let Some(error) = lost("", value, &kept) {
            return Err(error);
        }
        if recipe.stage == Stage::Finetune {
            recipe.finetune.get_or_insert_default();
        }
        recipe.validate()?;
        Ok(recipe)
    }

    /// The recipe as TOML with every key that has a value, defaults too; [`read`](Recipe::read) gives the
    /// same recipe back.
    ///
    /// # Errors
    /// [`RecipeError::Write`] for a path that is not UTF-8 and a number above `i64::MAX`.
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        toml::to_string(self).map_err(|error| write_error(&error))
    }
}

fn write_error(error: &toml::ser::Error) -> RecipeError {
    RecipeError::Write { reason: error.to_string() }
}

fn read_text(path: &Path) -> Result<String, RecipeError> {
    let fault = |source| RecipeError::Read { path: path.into(), source };
    // Opening a pipe would wait for its writer.
    if !path.metadata().map_err(fault)?.is_file() {
        return Err(fault(io::Error::other("not a regular file")));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(fault)?;
    let no_text = |reason: String| RecipeError::NoText { path: path.into(), reason };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(no_text(format!("it is larger than {MAX_BYTES} bytes")));
    }
    String::from_utf8(bytes)
        .map_err(|error| no_text(format!("it is not UTF-8: {}", error.utf8_error())))
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
            None => RecipeError::NoText { path, reason },
        }
    })?;
    Ok(Value::Table(table))
}

/// The first key of `given` that reading it has dropped: serde passes over the keys beside a tag that
/// stands for nothing more.
fn lost(at: &str, given: &Value, kept: &Value) -> Option<RecipeError> {
    match (given, kept) {
        (Value::Table(given), Value::Table(kept)) => given.iter().find_map(|(key, value)| {
            let at = join([at, key]);
            match kept.get(key) {
                Some(kept) => lost(&at, value, kept),
                None if is_empty(value) => None,
                None => {
                    let known = kept.keys().cloned().collect();
                    let place = Place::Nowhere;
                    Some(RecipeError::UnknownKey { place, key: at, nearest: None, known })
                }
            }
        }),
        (Value::Array(given), Value::Array(kept)) => {
            given.iter().zip(kept).enumerate().find_map(|(place, (given, kept))| {
                lost(&join([at, &place.to_string()]), given, kept)
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

/// `base` with the keys of `table` changed. Tables are changed key by key, anything else is replaced; what
/// is optional can be set but not unset.
///
/// `at` is the key of `table` in the recipe, for messages.
///
/// # Errors
/// [`RecipeError`] for a key or value that a `T` does not have.
pub fn overlay<T: Serialize + DeserializeOwned>(
    at: &'static str,
    base: &T,
    table: &Table,
) -> Result<T, RecipeError> {
    let mut value = Value::try_from(base).map_err(|error| write_error(&error))?;
    for (key, over) in table {
        lay(&mut value, key, over);
    }
    typed(at, &value)
}

fn lay(base: &mut Value, key: &str, over: &Value) {
    let Value::Table(table) = base else { return };
    match (table.get_mut(key), over) {
        (Some(inner @ Value::Table(_)), Value::Table(changes)) => {
            for (key, over) in changes {
                lay(inner, key, over);
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
