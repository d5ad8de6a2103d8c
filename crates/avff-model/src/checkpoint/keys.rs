//! Module paths and checkpoint keys.
//!
//! Fields are named as the reference names its own, so a path is a key but for two things:
//! Burn's LayerNorm calls its weight and bias `gamma` and `beta`, and visual blocks name the
//! layers of their MLP `layers.0.linear` and `layers.1.linear`.

/// The checkpoint key, without prefix, of a module path.
pub(crate) fn key(path: &str) -> String {
    let key = match path.rsplit_once('.') {
        Some((parent, "gamma")) => format!("{parent}.weight"),
        Some((parent, "beta")) => format!("{parent}.bias"),
        _ => path.to_owned(),
    };
    if !key.starts_with("visual_") {
        return key;
    }
    key.replace(".mlp.fc1.", ".mlp.layers.0.linear.").replace(".mlp.fc2.", ".mlp.layers.1.linear.")
}

/// Keys of the decoders, which the classifier lacks.
pub(crate) fn of_decoders(key: &str) -> bool {
    key.contains("decoder")
}

/// Keys of what leads to the head, which pre-training lacks.
pub(crate) fn of_head(key: &str) -> bool {
    ["mlp_vision", "mlp_audio", "mlp_head."].iter().any(|prefix| key.starts_with(prefix))
}

/// Keys of the token maps of A2V and V2A: maps of whole clips change their sizes when nothing is masked.
pub(crate) fn of_token_maps(key: &str) -> bool {
    key.starts_with("a2v.mlp.") || key.starts_with("v2a.mlp.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_map_to_keys() {
        for (path, wanted) in [
            (
                "audio_encoder.transformer.3.mlp.fc1.weight",
                "audio_encoder.transformer.3.mlp.fc1.weight",
            ),
            (
                "visual_decoder.blocks.0.mlp.fc2.bias",
                "visual_decoder.blocks.0.mlp.layers.1.linear.bias",
            ),
            ("visual_encoder.norm.gamma", "visual_encoder.norm.weight"),
            ("a2v.transformer.norm1.beta", "a2v.transformer.norm1.bias"),
            ("mlp_head.fc1.weight", "mlp_head.fc1.weight"),
        ] {
            assert_eq!(key(path), wanted);
        }
    }
}
