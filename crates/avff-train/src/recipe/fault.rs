//! From TOML values to the types of a recipe, with the full key of every fault.
//!
//! `serde_path_to_error` finds the way to a value at fault, and serde says in a sentence what is wrong.
//! Serde reads enums that a tag tells apart from a copy of their table, in which the way ends.

use serde::de::{DeserializeOwned, Unexpected};
use serde_path_to_error::Segment;
use toml::Value;

use super::keys::{keys, meant};
use crate::error::{Place, RecipeError};

/// `value` as a `T`; `at` is where it lies in the recipe, empty for the root.
pub(super) fn typed<T: DeserializeOwned>(at: &str, value: &Value) -> Result<T, RecipeError> {
    read(value).map_err(|mut fault| {
        if let Kind::Value { expected, .. } = &mut fault.kind
            && *expected == "fewer elements in array"
            && let Some(shorter) = emptied(value, &fault.steps)
            && let Err(Fault { kind: Kind::Value { expected: rule, .. }, .. }) = read::<T>(&shorter)
        {
            *expected = rule;
        }
        fault.blame(value).into_error(at, value)
    })
}

/// `value` with an empty list at `steps`: of a list that is too short, serde says how long it must be.
fn emptied(value: &Value, steps: &[String]) -> Option<Value> {
    let mut whole = value.clone();
    let list = steps.iter().try_fold(&mut whole, |at, step| match at {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => at.get_mut(step),
    })?;
    *list = Value::Array(Vec::new());
    Some(whole)
}

pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Fault> {
    serde_path_to_error::deserialize(value.clone()).map_err(|error| {
        let step = |segment: &Segment| match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } | Segment::Enum { variant: key } => key.clone(),
            Segment::Unknown => String::new(),
        };
        let steps = error.path().iter().map(step).collect();
        Fault::new(steps, error.inner().message())
    })
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// The way to the value, or to the table that has or lacks a key.
    pub(super) steps: Vec<String>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    UnknownKey { key: String, known: Vec<String> },
    MissingKey { key: String },
    UnknownWord { word: String, known: Vec<String> },
    Value { found: String, expected: String },
    Other(String),
}

impl Fault {
    fn new(mut steps: Vec<String>, message: &str) -> Self {
        let mut quoted = message.split('`').skip(1).step_by(2).map(str::to_owned);
        let mut first = || quoted.next().unwrap_or_default();
        let kind = if message.starts_with("unknown field ") {
            let key = first();
            // The way goes on to the key itself unless it was lost.
            steps.pop_if(|last| *last == key);
            Kind::UnknownKey { key, known: quoted.collect() }
        } else if message.starts_with("missing field ") {
            Kind::MissingKey { key: first() }
        } else if message.starts_with("unknown variant ") {
            Kind::UnknownWord { word: first(), known: quoted.collect() }
        } else if let Some((found, expected)) = message.rsplit_once(", expected ") {
            let found = found.split_once(": ").map_or(found, |(_, found)| found).into();
            Kind::Value { found, expected: expected.into() }
        } else {
            Kind::Other(message.into())
        };
        Self { steps, kind }
    }

    /// Goes on to the key at fault where the way ends at a table: the only one with what was found.
    fn blame(mut self, value: &Value) -> Self {
        let found = match &self.kind {
            Kind::UnknownWord { word, .. } => Unexpected::Str(word).to_string(),
            Kind::Value { found, .. } => found.clone(),
            _ => return self,
        };
        if let Some(Value::Table(table)) = reach(value, &self.steps).1 {
            let mut matching = table.iter().filter(|(_, value)| serde_words(value) == found);
            if let (Some((key, _)), None) = (matching.next(), matching.next()) {
                self.steps.push(key.clone());
            }
        }
        self
    }

    fn into_error(self, at: &str, value: &Value) -> RecipeError {
        let place = Place::Nowhere;
        let (reached, found) = reach(value, &self.steps);
        let steps = self.steps.get(..reached).unwrap_or_default();
        let table = join(std::iter::once(at).chain(steps.iter().map(String::as_str)));
        let problem = match self.kind {
            Kind::UnknownKey { key, known } => {
                let nearest = meant(&table, &key, &known);
                return RecipeError::UnknownKey {
                    place,
                    key: join([&*table, &key]),
                    nearest,
                    known,
                };
            }
            Kind::MissingKey { key } => {
                return RecipeError::Missing { place, key: join([&*table, &key]) };
            }
            Kind::UnknownWord { word, known } => {
                format!("is \"{word}\", it must be {}", alternatives(&known))
            }
            // A choice by its name alone, where it has settings.
            Kind::Value { expected, .. } if expected.ends_with(" variant") => {
                let word = found.and_then(Value::as_str).unwrap_or_default();
                let start = join([&*table, word]) + ".";
                let settings = keys().iter().filter(|key| key.starts_with(&start));
                let settings = settings.map(String::as_str).collect::<Vec<_>>().join(", ");
                format!("has settings of its own where it is `{word}`: give {settings}")
            }
            Kind::Value { found: words, expected } => {
                let found = found.map_or(words, recipe_words);
                format!("is {found}, it must be {}", rule_words(&expected))
            }
            Kind::Other(problem) => format!("cannot be used: {problem}"),
        };
        RecipeError::Value { place, key: table, problem }
    }
}

/// How many of the steps lead on from `value`, and to what.
fn reach<'a>(value: &'a Value, steps: &[String]) -> (usize, Option<&'a Value>) {
    let mut at = value;
    for (done, step) in steps.iter().enumerate() {
        let next = match at {
            Value::Array(items) => step.parse().ok().and_then(|place: usize| items.get(place)),
            _ => at.get(step),
        };
        let Some(next) = next else { return (done, Some(at)) };
        at = next;
    }
    (steps.len(), Some(at))
}

/// The steps of a way that are there, with dots between.
pub(super) fn join<'a>(steps: impl IntoIterator<Item = &'a str>) -> String {
    let steps: Vec<&str> = steps.into_iter().filter(|step| !step.is_empty()).collect();
    steps.join(".")
}

/// Words in quotes, the last two with "or" between.
fn alternatives(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match &*words {
        [] => "left out".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// As serde calls a value that it did not expect.
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

/// As an error calls a value.
fn recipe_words(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text \"{text}\""),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Table(_) => "a table".into(),
        plain => plain.to_string(),
    }
}

/// What serde's derived code expects, in words of a recipe.
fn rule_words(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".into(),
        "u32" | "u64" | "usize" => "a whole number from 0 up".into(),
        "f32" | "f64" => "a number".into(),
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
