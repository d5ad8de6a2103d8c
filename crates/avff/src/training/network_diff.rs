//! The differences between the network of a checkpoint and the network of a recipe.

use std::collections::BTreeMap;

use avff_model::{AvffConfig, checkpoint::Kind};
use serde_json::Value;

/// Maximum number of differences that an error lists.
const LISTED: usize = 4;
/// Settings that change no loaded tensor: tables of the config, and single keys.
const WITHOUT_TENSORS: [&str; 5] =
    ["loss", "reconstruction", "mask", "head.dropout", "visual_decoder_init"];

/// Describes on one line in which sizes and options two configs differ, as far as tensors depend on them. `None` if
/// they are equal.
pub(super) fn describe(
    checkpoint: &AvffConfig,
    recipe: &AvffConfig,
    needed: Kind,
) -> Option<String> {
    let (checkpoint, recipe) = (flat(checkpoint), flat(recipe));
    let mut all: Vec<String> = Vec::new();
    for (key, was) in &checkpoint {
        let ignored = WITHOUT_TENSORS.iter().any(|other| within(key, other))
            || (needed == Kind::Classifier && within(key, "decoder"))
            || (needed == Kind::Pretrain && within(key, "head"));
        let Some(now) = recipe.get(key).filter(|now| *now != was && !ignored) else { continue };
        all.push(format!("{key} is {was} in the checkpoint and {now} in the recipe"));
    }
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    (!all.is_empty()).then(|| all.join("; "))
}

/// Whether a key is `table` or lies in it.
fn within(key: &str, table: &str) -> bool {
    key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The values of a config by their full keys.
fn flat(config: &AvffConfig) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut rest = vec![(String::new(), serde_json::to_value(config).unwrap_or_default())];
    while let Some((at, value)) = rest.pop() {
        match value {
            Value::Object(table) => rest.extend(table.into_iter().map(|(key, value)| {
                (if at.is_empty() { key } else { format!("{at}.{key}") }, value)
            })),
            value => {
                all.insert(at, value);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_differences_in_tensors_are_listed() {
        let mut config = AvffConfig::avff();
        let recipe = config.clone();
        assert_eq!(describe(&config, &recipe, Kind::Pretrain), None);
        config.encoder.dim = 24;
        (config.decoder.dim, config.loss.contrastive, config.head.dropout) = (12, 9.0, 0.25);
        let dim =
            format!("encoder.dim is 24 in the checkpoint and {} in the recipe", recipe.encoder.dim);
        assert_eq!(describe(&config, &recipe, Kind::Classifier).unwrap(), dim);
        let both = describe(&config, &recipe, Kind::Pretrain).unwrap();
        assert!(both.starts_with("decoder.dim is 12") && both.ends_with(&dim), "{both}");
    }

    #[test]
    fn long_lists_are_cut() {
        let open = AvffConfig::open_avff();
        let mut other = open.clone();
        (other.encoder.dim, other.encoder.depth, other.encoder.heads) = (24, 1, 3);
        (other.decoder.dim, other.decoder.depth, other.decoder.heads) = (12, 1, 3);
        let text = describe(&other, &open, Kind::Pretrain).unwrap();
        assert!(text.ends_with("; and 2 more"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
