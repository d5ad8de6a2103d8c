//! States the range of a number where a value of another type was given.
//!
//! Serde knows the type of a key but not its range. The range comes from validation: it is the rule
//! that a number far outside of it breaks.

use toml::Value;

use super::{Recipe, deserialize::typed};
use crate::error::RecipeError;

/// What [`deserialize`](super::deserialize) requires of whole numbers and of other numbers.
pub(super) const WHOLE_NUMBER: &str = "a whole number of at least 0";
pub(super) const NUMBER: &str = "a number";

const MUST_BE: &str = "but must be ";

/// Replaces the type in an error about a value of `recipe` by the range of its key, if it has one.
pub(super) fn with_range(error: RecipeError, recipe: &Value) -> RecipeError {
    let RecipeError::Value { origin, key, problem } = error else { return error };
    let Some((start, rule)) = problem.rsplit_once(MUST_BE) else {
        return RecipeError::Value { origin, key, problem };
    };
    let range = match rule {
        WHOLE_NUMBER => range_of(&key, recipe, Value::Integer(0)).map(|range| {
            match range.strip_prefix("at least") {
                Some(rest) => format!("a whole number of at least{rest}"),
                None if range.starts_with("a whole number") => range,
                None => format!("a whole number {range}"),
            }
        }),
        NUMBER => range_of(&key, recipe, Value::Float(-1.0)).map(|range| {
            if range.starts_with(NUMBER) { range } else { format!("{NUMBER} {range}") }
        }),
        _ => None,
    };
    let problem = range.map_or_else(|| problem.clone(), |range| format!("{start}{MUST_BE}{range}"));
    RecipeError::Value { origin, key, problem }
}

/// Returns the rule that the recipe breaks if `key` is `probe`; `None` if it breaks none.
fn range_of(key: &str, recipe: &Value, probe: Value) -> Option<String> {
    let mut recipe = recipe.clone();
    let place = key.split('.').try_fold(&mut recipe, |at, step| match at {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => at.get_mut(step),
    })?;
    *place = probe;
    let recipe: Recipe = typed("", &recipe).ok()?;
    match recipe.validate().err()? {
        RecipeError::Value { key: broken, problem, .. } if broken == key => {
            problem.rsplit_once(MUST_BE).map(|(_, rule)| rule.to_owned())
        }
        _ => None,
    }
}
