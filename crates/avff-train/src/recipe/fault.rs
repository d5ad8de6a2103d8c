//! What is wrong with a value of a recipe, kept in parts until its place is known.

use std::fmt;

use serde::de::{self, Expected, Unexpected};
use toml::Value;

use super::{
    error::{Place, RecipeError},
    keys::KEYS,
    nearest::meant,
};

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// The way from the part of the recipe at hand, the last step first.
    steps: Vec<String>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Unknown {
        key: String,
        known: &'static [&'static str],
    },
    Missing {
        key: &'static str,
    },
    Value {
        found: String,
        rule: String,
        culprit: Option<Culprit>,
    },
    /// A choice by its name alone, where it has settings.
    Bare {
        word: String,
    },
    Other(String),
}

/// A plain value that was found, to tell its key by.
#[derive(Debug)]
pub(super) enum Culprit {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List,
}

impl Culprit {
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(one), Value::String(other)) => one == other,
            (Self::Integer(one), Value::Integer(other)) => one == other,
            (Self::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
            (Self::Boolean(one), Value::Boolean(other)) => one == other,
            (Self::List, Value::Array(_)) => true,
            _ => false,
        }
    }
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Self { steps: Vec::new(), kind }
    }

    pub(super) fn bare(word: &str) -> Self {
        Self::new(Kind::Bare { word: word.into() })
    }

    pub(super) fn under(mut self, step: &str) -> Self {
        self.steps.push(step.into());
        self
    }

    /// Names the key within `table` that is at fault, where only the table is known: serde reads enums
    /// that are told by a tag from a copy of their own, in which the way is lost.
    pub(super) fn blame(mut self, table: &Value) -> Self {
        if let (Kind::Value { culprit: Some(culprit), .. }, Value::Table(table)) =
            (&self.kind, table)
            && self.steps.is_empty()
        {
            let mut matching = table.iter().filter(|(_, value)| culprit.is(value));
            if let (Some((key, _)), None) = (matching.next(), matching.next()) {
                self.steps.push(key.clone());
            }
        }
        self
    }

    pub(super) fn tell(self, at: &str) -> RecipeError {
        let table = join(std::iter::once(at).chain(self.steps.iter().rev().map(String::as_str)));
        let place = Place::Nowhere;
        match self.kind {
            Kind::Unknown { key, known } => {
                let known: Vec<String> = known.iter().map(|&known| known.to_owned()).collect();
                let nearest = meant(&table, &key, &known);
                RecipeError::UnknownKey { place, key: join([&*table, &key]), nearest, known }
            }
            Kind::Missing { key } => RecipeError::Missing { place, key: join([&*table, key]) },
            Kind::Value { found, rule, .. } => RecipeError::Value {
                place,
                key: table,
                problem: format!("is {found}, it must be {rule}"),
            },
            Kind::Bare { word } => {
                let start = join([&*table, &word, ""]) + ".";
                let settings: Vec<&str> =
                    KEYS.iter().copied().filter(|key| key.starts_with(&start)).collect();
                let problem = format!(
                    "has settings of its own where it is `{word}`: give {}",
                    settings.join(", ")
                );
                RecipeError::Value { place, key: table, problem }
            }
            Kind::Other(problem) => RecipeError::Value {
                place,
                key: table,
                problem: format!("cannot be used: {problem}"),
            },
        }
    }
}

/// The steps of a way that are there, with dots between.
pub(super) fn join<'a>(steps: impl IntoIterator<Item = &'a str>) -> String {
    let steps: Vec<&str> = steps.into_iter().filter(|step| !step.is_empty()).collect();
    steps.join(".")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let culprit = match found {
            Unexpected::Str(text) => Some(Culprit::Text(text.into())),
            Unexpected::Signed(number) => Some(Culprit::Integer(number)),
            Unexpected::Float(number) => Some(Culprit::Float(number)),
            Unexpected::Bool(which) => Some(Culprit::Boolean(which)),
            Unexpected::Seq => Some(Culprit::List),
            _ => None,
        };
        Self::new(Kind::Value { found: found_words(&found), rule: rule_words(expected), culprit })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let found = format!("a list of {length}");
        let culprit = Some(Culprit::List);
        Self::new(Kind::Value { found, rule: rule_words(expected), culprit })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let words: Vec<String> = expected.iter().map(|word| format!("\"{word}\"")).collect();
        let rule = match &*words {
            [] => "left out".into(),
            [only] => only.clone(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        };
        let culprit = Some(Culprit::Text(variant.into()));
        Self::new(Kind::Value { found: format!("\"{variant}\""), rule, culprit })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::Unknown { key: field.into(), known: expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing { key: field })
    }
}

fn found_words(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("the text \"{text}\""),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Float(number) => format!("{number:?}"),
        Unexpected::Bool(which) => which.to_string(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a table".into(),
        other => other.to_string(),
    }
}

/// What serde's derived code expects, in words of a recipe.
fn rule_words(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    match &*words {
        "u8" => "a whole number from 0 to 255".into(),
        "u32" | "u64" | "usize" => "a whole number from 0 up".into(),
        "f32" | "f64" => "a number".into(),
        "a string" | "path string" => "text in quotes".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a map" => "a table".into(),
        "an array of length 2" | "a tuple of size 2" => "a list of 2 numbers".into(),
        "an array of length 3" => "a list of 3 numbers".into(),
        _ if words.starts_with("struct ") => "a table".into(),
        _ if words.contains(" enum ") || words.starts_with("enum ") => {
            "a table with its kind".into()
        }
        _ => words,
    }
}
