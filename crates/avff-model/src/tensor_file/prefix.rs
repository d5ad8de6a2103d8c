//! Prefixes that wrappers of a module put before its keys.

/// Prefix that data parallel training adds to every key of a released checkpoint.
pub(crate) const PREFIX: &str = "module.";
/// Prefixes of modules that hold the network: data parallel training, Lightning modules and other
/// wrapper classes.
const OUTER: [&str; 4] = [PREFIX, "model.", "net.", "network."];
/// Names that `torch.compile`, FSDP and activation checkpointing insert, also between other names.
const INSERTED: [&str; 3] = ["_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."];

/// Removes the prefixes of wrappers from a key, in any order.
pub(super) fn strip(key: &str) -> String {
    let mut key = key.to_owned();
    for inserted in INSERTED {
        if key.contains(inserted) {
            key = without_segment(&key, inserted);
        }
    }
    let mut bare = key.as_str();
    while let Some(rest) = OUTER.iter().find_map(|prefix| bare.strip_prefix(prefix))
        && !rest.is_empty()
    {
        bare = rest;
    }
    bare.to_owned()
}

/// Removes a name and its dot where it is a whole name between dots.
fn without_segment(key: &str, segment: &str) -> String {
    let name = segment.trim_end_matches('.');
    let mut kept: Vec<&str> = key.split('.').collect();
    let last = kept.pop();
    kept.retain(|&part| part != name);
    kept.extend(last);
    kept.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_removed_in_any_order() {
        for (key, expected) in [
            ("module.mlp_head.fc1.bias", "mlp_head.fc1.bias"),
            ("_orig_mod.module.mlp_head.fc1.bias", "mlp_head.fc1.bias"),
            ("module._orig_mod.mlp_head.fc1.bias", "mlp_head.fc1.bias"),
            ("model.net._orig_mod.module.mlp_head.fc1.bias", "mlp_head.fc1.bias"),
            ("net.audio_encoder._orig_mod.norm.weight", "audio_encoder.norm.weight"),
            ("_fsdp_wrapped_module.a._checkpoint_wrapped_module.b", "a.b"),
            ("audio_encoder.model.weight", "audio_encoder.model.weight"),
            ("remodel.weight", "remodel.weight"),
            ("not_orig_mod.weight", "not_orig_mod.weight"),
            ("module.", "module."),
            ("model.module.", "module."),
            ("", ""),
        ] {
            assert_eq!(strip(key), expected, "{key}");
        }
    }
}
