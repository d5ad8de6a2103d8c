//! Every key that a recipe may have, found in the types themselves, and the key that was meant by
//! one that is not there.
//!
//! Serde's derived code answers a key that it does not know with those that it knows, and a word that
//! it does not know with the words that it knows. So reading a table with a made-up key, place by
//! place, lists all keys. Tests hold the list to full recipes, and `docs/training.md` to the list.

use std::{collections::BTreeSet, sync::LazyLock};

use avff_data::spec::ClipSpec;
use avff_model::AvffConfig;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{
    Recipe,
    fault::{Kind, join, read},
};

/// A key and a word that are none. It sorts before letters, so it is read before other keys.
const NONE: &str = "?";
/// Stands for the place in a list.
const ITEM: &str = "N";

/// Every key from the root, sorted; `N` stands for the place in a list.
#[must_use]
pub fn keys() -> &'static [String] {
    static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut keys = BTreeSet::new();
        expand::<Recipe>("", &[], &mut keys);
        // Two tables hold the keys of other types.
        keys.remove("model.config");
        keys.remove("data.clip");
        expand::<AvffConfig>("model.config", &[], &mut keys);
        expand::<ClipSpec>("data.clip", &[], &mut keys);
        keys.into_iter().collect()
    });
    &KEYS
}

/// Adds the keys at `steps` of a `T`, which lies at the key `root`.
fn expand<T: DeserializeOwned>(root: &str, steps: &[&str], keys: &mut BTreeSet<String>) {
    match probe::<T>(steps, table([(NONE, Value::Boolean(true))])) {
        Some(Kind::UnknownKey { known, .. }) => {
            known.iter().for_each(|step| expand::<T>(root, &below(steps, step), keys));
        }
        // An enum: words, or tables of one key.
        Some(Kind::UnknownWord { known, .. }) => {
            for word in &known {
                match probe::<T>(steps, Value::String(word.clone())) {
                    Some(_) => expand::<T>(root, &below(steps, word), keys),
                    None => drop(keys.insert(full(root, steps))),
                }
            }
        }
        // An enum that a tag beside its settings tells.
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

/// What a `T` says of `content` at `steps`; none where it has nothing against that place.
fn probe<T: DeserializeOwned>(steps: &[&str], content: Value) -> Option<Kind> {
    let around = |inner, step: &&str| match *step {
        ITEM => Value::Array(vec![inner]),
        step => table([(step, inner)]),
    };
    let fault = read::<T>(&steps.iter().rev().fold(content, around)).err()?;
    let same = |(step, found): (&&str, &String)| *step == found || *step == ITEM;
    let here = fault.steps.len() >= steps.len() && steps.iter().zip(&fault.steps).all(same);
    here.then_some(fault.kind)
}

/// The key that was meant by `name` in the table at `at`, which has the keys `known`; from the root.
///
/// A key of the same table first, then one of the same name in another table.
pub(super) fn meant(at: &str, name: &str, known: &[String]) -> Option<String> {
    if let Some(sibling) = nearest(name, known.iter().map(String::as_str)) {
        return Some(join([at, sibling]));
    }
    // From the end, as the tables that recipes rarely have happen to come first.
    let elsewhere = keys().iter().rev().find_map(|key| {
        let steps: Vec<&str> = key.split('.').collect();
        let place = steps.iter().position(|&step| step == name)?;
        Some(steps.get(..=place)?.join("."))
    });
    elsewhere.filter(|key| *key != join([at, name]))
}

/// The name of `known` that is fewest changes away from `name`, if it is few.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &'a str| {
        if name.len() > 1 && candidate.starts_with(name) {
            return Some((1, candidate));
        }
        // A longer name is none of ours, and comparing takes the product of both lengths.
        let changes =
            if name.len() > 64 { return None } else { strsim::osa_distance(name, candidate) };
        let most = (candidate.len().min(name.len()) / 3).max(1);
        (changes <= most).then_some((changes, candidate))
    };
    known.filter_map(near).min_by_key(|&(changes, _)| changes).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_is_meant_before_a_namesake() {
        let known = ["lr".to_owned(), "betas".into(), "weight_decay".into()];
        for (at, name, expected) in [
            ("optimizer", "lrr", Some("optimizer.lr")),
            ("optimizer", "weightdecay", Some("optimizer.weight_decay")),
            ("optimizer", "weight", Some("optimizer.weight_decay")),
            ("", "beta", Some("betas")),
            ("steps", "cache", Some("data.cache")),
            ("", "encoder", Some("model.config.encoder")),
            // Known, but not of this kind.
            ("schedule", "gamma", None),
            ("steps", "momentum", None),
        ] {
            assert_eq!(meant(at, name, &known).as_deref(), expected, "{at}.{name}");
        }
        assert_eq!(nearest(&"x".repeat(100), ["x"].into_iter()), None);
    }
}
