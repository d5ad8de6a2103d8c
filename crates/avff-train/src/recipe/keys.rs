//! The list of all recipe keys, and suggestions for unknown keys.
//!
//! The list comes from the types themselves. Serde's derived code answers an unknown key with all
//! known keys, and an unknown word with all known words. Reading a table with a made-up key at
//! every position therefore lists all keys. Tests compare the list with full recipes and with
//! `docs/src/reference/recipes.md`.

use std::{collections::BTreeSet, sync::LazyLock};

use avff_data::spec::ClipSpec;
use avff_model::AvffConfig;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{
    Recipe,
    deserialize::{Kind, join, read},
};

/// A key and word that does not exist. It sorts before letters, so serde reads it before other
/// keys.
const NONE: &str = "?";
/// Placeholder for the index in a list.
const ITEM: &str = "N";

/// Renamed keys with their new names. A recipe with an old key is refused.
const RENAMED: [(&str, &str); 4] = [
    ("data.ahead", "data.prefetch"),
    ("model.config.loss.contrast", "model.config.loss.contrastive"),
    ("model.config.loss.contrast_over", "model.config.loss.contrastive_over"),
    ("start", "initialize"),
];

/// Returns the old and the new name if `key` is a renamed key or lies in a renamed table.
pub(super) fn renamed(key: &str) -> Option<(&'static str, &'static str)> {
    let is_within = |old: &str| {
        key.strip_prefix(old).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    RENAMED.into_iter().find(|(old, _)| is_within(old))
}

/// Returns the old and the new name of the first renamed key in `recipe`.
pub(super) fn renamed_in(recipe: &Value) -> Option<(&'static str, &'static str)> {
    let has = |old: &str| old.split('.').try_fold(recipe, |at, step| at.get(step)).is_some();
    RENAMED.into_iter().find(|(old, _)| has(old))
}

/// Returns every full key, sorted; `N` is a placeholder for the index in a list.
#[must_use]
pub fn keys() -> &'static [String] {
    static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut keys = BTreeSet::new();
        expand::<Recipe>("", &[], &mut keys);
        // Two tables contain the keys of other types.
        keys.remove("model.config");
        keys.remove("data.clip");
        expand::<AvffConfig>("model.config", &[], &mut keys);
        expand::<ClipSpec>("data.clip", &[], &mut keys);
        // Only scores of clips are by a policy on damage.
        keys.remove("data.clip.damage");
        // Old names are aliases, which serde lists too.
        keys.into_iter().filter(|key| renamed(key).is_none()).collect()
    });
    &KEYS
}

/// Adds the keys below `steps` in a `T` whose own key is `root`.
fn expand<T: DeserializeOwned>(root: &str, steps: &[&str], keys: &mut BTreeSet<String>) {
    match probe::<T>(steps, table([(NONE, Value::Boolean(true))])) {
        Some(Kind::UnknownKey { known, .. }) => {
            known.iter().for_each(|step| expand::<T>(root, &below(steps, step), keys));
        }
        // An enum of words, or of tables with one key.
        Some(Kind::UnknownWord { known, .. }) => {
            for word in &known {
                match probe::<T>(steps, Value::String(word.clone())) {
                    Some(_) => expand::<T>(root, &below(steps, word), keys),
                    None => drop(keys.insert(full(root, steps))),
                }
            }
        }
        // An internally tagged enum.
        Some(Kind::MissingKey { key: tag }) => {
            keys.insert(full(root, &below(steps, &tag)));
            let of_tag = |word: &str| (&*tag, Value::String(word.into()));
            let Some(Kind::UnknownWord { known, .. }) = probe::<T>(steps, table([of_tag(NONE)]))
            else {
                return;
            };
            for word in &known {
                let asked = table([of_tag(word), (NONE, Value::Boolean(true))]);
                if let Some(Kind::UnknownKey { known, .. }) = probe::<T>(steps, asked) {
                    keys.extend(known.iter().map(|step| full(root, &below(steps, step))));
                }
            }
        }
        _ => {
            let items = below(steps, ITEM);
            match probe::<T>(&items, table([(NONE, Value::Boolean(true))])) {
                Some(Kind::UnknownKey { .. }) => expand::<T>(root, &items, keys),
                _ => drop(keys.insert(full(root, steps))),
            }
        }
    }
}

fn full(root: &str, steps: &[&str]) -> String {
    join(std::iter::once(root).chain(steps.iter().copied()))
}

fn below<'a>(steps: &[&'a str], step: &'a str) -> Vec<&'a str> {
    [steps, &[step]].concat()
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| (key.into(), value)).collect::<Table>())
}

/// Returns serde's complaint about `content` at `steps`, or `None` if it accepts that position.
fn probe<T: DeserializeOwned>(steps: &[&str], content: Value) -> Option<Kind> {
    let around = |inner, step: &&str| match *step {
        ITEM => Value::Array(vec![inner]),
        step => table([(step, inner)]),
    };
    let failure = read::<T>(&steps.iter().rev().fold(content, around)).err()?;
    let matches = |(step, actual): (&&str, &String)| *step == actual || *step == ITEM;
    let here = failure.steps.len() >= steps.len() && steps.iter().zip(&failure.steps).all(matches);
    here.then_some(failure.kind)
}

/// Returns the full key that `name` in the table at `at`, with the keys `known`, probably means.
///
/// Keys of the same table come first, then keys of that name in other tables.
pub(super) fn suggested_key(at: &str, name: &str, known: &[String]) -> Option<String> {
    if let Some(sibling) = nearest(name, known.iter().map(String::as_str)) {
        return Some(join([at, sibling]));
    }
    // From the end, because the tables at the beginning are rare in recipes.
    let elsewhere = keys().iter().rev().find_map(|key| {
        let steps: Vec<&str> = key.split('.').collect();
        let position = steps.iter().position(|&step| step == name)?;
        Some(steps.get(..=position)?.join("."))
    });
    elsewhere.filter(|key| *key != join([at, name]))
}

/// Returns the closest name by edit distance, if it is close enough.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = |candidate: &'a str| {
        if name.len() > 1 && candidate.starts_with(name) {
            return Some((1, candidate));
        }
        // No key is that long, and the comparison takes time proportional to both lengths.
        let changes =
            if name.len() > 64 { return None } else { strsim::osa_distance(name, candidate) };
        let limit = (candidate.len().min(name.len()) / 3).max(1);
        (changes <= limit).then_some((changes, candidate))
    };
    known.filter_map(close).min_by_key(|&(changes, _)| changes).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_prefer_the_same_table() {
        let known = ["lr".to_owned(), "betas".into(), "weight_decay".into()];
        for (at, name, expected) in [
            ("optimizer", "lrr", Some("optimizer.lr")),
            ("optimizer", "weightdecay", Some("optimizer.weight_decay")),
            ("optimizer", "weight", Some("optimizer.weight_decay")),
            ("", "beta", Some("betas")),
            ("steps", "cache", Some("data.cache")),
            ("", "encoder", Some("model.config.encoder")),
            // A known key, but not for this kind of schedule.
            ("schedule", "gamma", None),
            ("steps", "momentum", None),
        ] {
            assert_eq!(suggested_key(at, name, &known).as_deref(), expected, "{at}.{name}");
        }
        assert_eq!(nearest(&"x".repeat(100), ["x"].into_iter()), None);
    }
}
