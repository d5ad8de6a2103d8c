//! Converts TOML values to the types of a recipe and reports the full key of every invalid value.
//!
//! `serde_path_to_error` locates the invalid value, and serde describes the problem. Serde reads
//! internally tagged enums from a copy of their table, where the path ends.

use serde::de::{DeserializeOwned, Unexpected};
use serde_path_to_error::Segment;
use toml::Value;

use super::{
    keys::{keys, renamed, suggested_key},
    ranges::{NUMBER, WHOLE_NUMBER},
};
use crate::error::{Origin, RecipeError};

/// Converts `value` to a `T`; `at` is its key in the recipe, empty for the root.
pub(super) fn typed<T: DeserializeOwned>(at: &str, value: &Value) -> Result<T, RecipeError> {
    read(value).map_err(|mut failure| {
        if let Kind::Value { expected, .. } = &mut failure.kind
            && *expected == "fewer elements in array"
            && let Some(shorter) = with_empty_list(value, &failure.steps)
            && let Err(Failure { kind: Kind::Value { expected: rule, .. }, .. }) =
                read::<T>(&shorter)
        {
            *expected = rule;
        }
        failure.locate(value).into_error(at, value)
    })
}

/// Returns `value` with an empty list at `steps`: serde states the required length only for a list
/// that is too short.
fn with_empty_list(value: &Value, steps: &[String]) -> Option<Value> {
    let mut whole = value.clone();
    let list = steps.iter().try_fold(&mut whole, |at, step| match at {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => at.get_mut(step),
    })?;
    *list = Value::Array(Vec::new());
    Some(whole)
}

pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value.clone()).map_err(|error| {
        let step = |segment: &Segment| match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } | Segment::Enum { variant: key } => key.clone(),
            Segment::Unknown => String::new(),
        };
        let steps = error.path().iter().map(step).collect();
        Failure::new(steps, error.inner().message())
    })
}

/// A problem and its location.
#[derive(Debug)]
pub(super) struct Failure {
    /// The path to the value, or to the table with an unknown or missing key.
    pub(super) steps: Vec<String>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    UnknownKey { key: String, known: Vec<String> },
    MissingKey { key: String },
    UnknownWord { word: String, known: Vec<String> },
    Value { actual: String, expected: String },
    Other(String),
}

impl Failure {
    fn new(mut steps: Vec<String>, message: &str) -> Self {
        let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
        let mut first = || quoted.next().unwrap_or_default();
        let kind = if message.starts_with("unknown field ") {
            let key = first();
            // The path includes the key itself unless serde lost it.
            steps.pop_if(|last| *last == key);
            Kind::UnknownKey { key, known: quoted.collect() }
        } else if message.starts_with("missing field ") {
            Kind::MissingKey { key: first() }
        } else if message.starts_with("unknown variant ") {
            Kind::UnknownWord { word: first(), known: quoted.collect() }
        } else if let Some((actual, expected)) = message.rsplit_once(", expected ") {
            let actual = actual.split_once(": ").map_or(actual, |(_, actual)| actual).into();
            Kind::Value { actual, expected: expected.into() }
        } else {
            Kind::Other(message.into())
        };
        Self { steps, kind }
    }

    /// Extends a path that ends at a table to the invalid key, if only one key has the reported
    /// value.
    fn locate(mut self, value: &Value) -> Self {
        let actual = match &self.kind {
            Kind::UnknownWord { word, .. } => Unexpected::Str(word).to_string(),
            Kind::Value { actual, .. } => actual.clone(),
            _ => return self,
        };
        if let Some(Value::Table(table)) = reach(value, &self.steps).1 {
            let mut matching = table.iter().filter(|(_, value)| serde_words(value) == actual);
            if let (Some((key, _)), None) = (matching.next(), matching.next()) {
                self.steps.push(key.clone());
            }
        }
        self
    }

    fn into_error(self, at: &str, value: &Value) -> RecipeError {
        let origin = Origin::Unknown;
        let (reached, actual) = reach(value, &self.steps);
        let steps = self.steps.get(..reached).unwrap_or_default();
        let table = join(std::iter::once(at).chain(steps.iter().map(String::as_str)));
        let problem = match self.kind {
            Kind::UnknownKey { key, mut known } => {
                // Serde lists aliases, which are old names.
                known.retain(|key| renamed(&join([&*table, key])).is_none());
                if let Some(Value::Table(given)) = actual
                    && let Some(error) = inapplicable(&table, &key, given)
                {
                    return error;
                }
                let nearest = suggested_key(&table, &key, &known);
                return RecipeError::UnknownKey {
                    origin,
                    key: join([&*table, &key]),
                    nearest,
                    known,
                };
            }
            Kind::MissingKey { key } => {
                return RecipeError::Missing { origin, key: join([&*table, &key]) };
            }
            Kind::UnknownWord { word, known } => {
                format!("is \"{word}\", but must be {}", alternatives(&known))
            }
            // An enum given by its name alone, although the variant has settings.
            Kind::Value { expected, .. } if expected.ends_with(" variant") => {
                let word = actual.and_then(Value::as_str).unwrap_or_default();
                let prefix = join([&*table, word]) + ".";
                let settings = keys().iter().filter(|key| key.starts_with(&prefix));
                let settings = settings.map(String::as_str).collect::<Vec<_>>().join(", ");
                format!("needs settings for `{word}`: {settings}")
            }
            Kind::Value { actual: words, expected } => {
                let actual = actual.map_or(words, recipe_words);
                format!("is {actual}, but must be {}", rule_words(&expected))
            }
            Kind::Other(problem) => format!("cannot be used: {problem}"),
        };
        RecipeError::Value { origin, key: table, problem }
    }
}

/// Returns the error for a key that its table `given`, at `at`, has with another kind alone; `None` for a key that it
/// never has.
pub(super) fn inapplicable(at: &str, key: &str, given: &toml::Table) -> Option<RecipeError> {
    let exists = |key: &str| keys().iter().any(|known| known == key);
    let key = join([at, key]);
    let mut texts = given.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    // The kind of a table is a text, and may be the only one.
    let kind = texts.find_map(|(name, word)| {
        let tag = join([at, name]);
        (tag != key && exists(&tag)).then(|| format!("{tag} = \"{word}\""))
    })?;
    exists(&key).then_some(RecipeError::Inapplicable { origin: Origin::Unknown, key, kind })
}

/// Returns the number of steps that exist below `value`, and the value that they reach.
fn reach<'a>(value: &'a Value, steps: &[String]) -> (usize, Option<&'a Value>) {
    let mut at = value;
    for (done, step) in steps.iter().enumerate() {
        let next = match at {
            Value::Array(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
            _ => at.get(step),
        };
        let Some(next) = next else { return (done, Some(at)) };
        at = next;
    }
    (steps.len(), Some(at))
}

/// Joins the non-empty steps of a path with dots.
pub(super) fn join<'a>(steps: impl IntoIterator<Item = &'a str>) -> String {
    let steps: Vec<&str> = steps.into_iter().filter(|step| !step.is_empty()).collect();
    steps.join(".")
}

/// Lists words in quotes, with "or" before the last one.
fn alternatives(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match &*words {
        [] => "left out".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Describes a value as serde does in its messages.
fn serde_words(value: &Value) -> String {
    let unexpected = match value {
        Value::String(text) => Unexpected::Str(text),
        Value::Integer(number) => Unexpected::Signed(*number),
        Value::Float(number) => Unexpected::Float(*number),
        Value::Boolean(which) => Unexpected::Bool(*which),
        Value::Array(_) => Unexpected::Seq,
        Value::Table(_) | Value::Datetime(_) => Unexpected::Map,
    };
    unexpected.to_string()
}

/// Describes a value for an error message.
fn recipe_words(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text \"{text}\""),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Table(_) => "a table".into(),
        plain => plain.to_string(),
    }
}

/// Translates serde's expectations into words of a recipe.
fn rule_words(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".into(),
        "u32" | "u64" | "usize" => WHOLE_NUMBER.into(),
        "f32" | "f64" => NUMBER.into(),
        "a string" | "path string" => "text in quotes".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a map" => "a table".into(),
        "string only" => "a word, or a table with one key".into(),
        "an array of length 2" | "a tuple of size 2" => "a list of 2 numbers".into(),
        "an array of length 3" => "a list of 3 numbers".into(),
        words if words.starts_with("struct ") => "a table".into(),
        words if words.contains("enum ") => "a table with its kind".into(),
        words => words.into(),
    }
}
