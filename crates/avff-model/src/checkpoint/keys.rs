//! Converts module paths to checkpoint keys.
//!
//! Fields have the names of the reference, so a path equals its key, with two exceptions. Burn's
//! LayerNorm calls its weight and bias `gamma` and `beta`. Visual blocks name the layers of their
//! MLP `layers.0.linear` and `layers.1.linear`.

/// Returns the checkpoint key of a module path, without prefix.
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

/// Whether a key belongs to a decoder, which the classifier lacks.
pub(crate) fn is_decoder_key(key: &str) -> bool {
    key.contains("decoder")
}

/// Whether a key belongs to the head or to its input layers, which pre-training lacks.
pub(crate) fn is_head_key(key: &str) -> bool {
    ["mlp_vision", "mlp_audio", "mlp_head."].iter().any(|prefix| key.starts_with(prefix))
}

/// Whether a key belongs to a token map of A2V or V2A. Maps that span a clip change size between
/// pre-training, where half of the tokens are masked, and the classifier.
pub(crate) fn is_token_map_key(key: &str) -> bool {
    key.starts_with("a2v.mlp.") || key.starts_with("v2a.mlp.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_map_to_keys() {
        for (path, expected) in [
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
            assert_eq!(key(path), expected);
        }
    }
}
