//! The network that comes with this crate.

/// Its name in messages and results.
pub(crate) const NAME: &str = "avff-lips";

/// Its weights. data/avff-lips/README.md is the card.
pub(crate) const WEIGHTS: &[u8] = include_bytes!("../assets/avff-lips.safetensors");
