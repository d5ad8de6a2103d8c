//! Infers the sizes of a network from the tensor shapes of a checkpoint without a config.

use crate::{
    config::{AvffConfig, TransformerConfig},
    error::ModelError,
    kind::Kind,
    tensor_file::TensorFile,
};

/// Features per attention head in every released network.
const HEAD_DIM: usize = 64;

/// Returns the config of `open_avff` with the sizes that the tensor shapes show.
///
/// The released networks provide the remaining values: 128 mel bins, 16 frames, square frames, 8
/// slices, and 64 features per head.
pub(crate) fn config(file: &TensorFile, kind: Kind) -> Result<AvffConfig, ModelError> {
    let shapes = Shapes { file };
    let mut config = AvffConfig::open_avff();

    let [dim, _, patch_mels, patch_frames] =
        shapes.of("audio patch size", "audio_encoder.patch_embed.proj.weight")?;
    let [_, audio_tokens, _] = shapes.of("audio tokens", "audio_encoder.pos_embed")?;
    config.audio.patch_mels = patch_mels;
    config.audio.patch_frames = patch_frames;
    let rows = config.audio.mels.checked_div(patch_mels).unwrap_or(0);
    if rows == 0 || audio_tokens % rows != 0 {
        return Err(shapes.error(
            "audio frames",
            format!(
                "{audio_tokens} tokens are not a multiple of the {rows} patches in 128 mel bins"
            ),
        ));
    }
    config.audio.frames = (audio_tokens / rows).saturating_mul(patch_frames);

    let [_, channels, tubelet, patch, _] =
        shapes.of("tubelet size", "visual_encoder.patch_embedding.projection.weight")?;
    let [_, video_tokens, _] = shapes.of("visual tokens", "visual_encoder.pos_embedding.emb")?;
    config.video.channels = channels;
    config.video.tubelet = tubelet;
    config.video.patch = patch;
    let times = config.video.frames.checked_div(tubelet).unwrap_or(0);
    let side = video_tokens.checked_div(times).unwrap_or(0).isqrt();
    if side == 0 || side * side * times != video_tokens {
        return Err(shapes.error(
            "frame size",
            format!("{video_tokens} tokens do not form {times} square grids, as 16 frames require"),
        ));
    }
    config.video.height = side.saturating_mul(patch);
    config.video.width = config.video.height;

    config.encoder = shapes.stack(
        "encoder",
        dim,
        ("audio_encoder.transformer.", "audio_encoder.transformer.0.mlp.fc1.weight"),
    )?;
    match kind {
        Kind::Pretrain => {
            let [dim, _] = shapes.of("decoder width", "audio_decoder.decoder_embed.weight")?;
            config.decoder = shapes.stack(
                "decoder",
                dim,
                ("audio_decoder.blocks.", "audio_decoder.blocks.0.mlp.fc1.weight"),
            )?;
        }
        Kind::Classifier => {
            let [hidden, _] = shapes.of("head width", "mlp_head.fc2.weight")?;
            config.head.hidden = hidden;
        }
    }
    Ok(config)
}

struct Shapes<'a> {
    file: &'a TensorFile,
}

impl Shapes<'_> {
    fn of<const D: usize>(&self, what: &'static str, key: &str) -> Result<[usize; D], ModelError> {
        let tensor = self
            .file
            .tensors
            .get(key)
            .ok_or_else(|| self.error(what, format!("the file lacks {key}")))?;
        <[usize; D]>::try_from(tensor.shape.as_slice()).map_err(|_| {
            self.error(what, format!("{key} has shape {:?}, not {D} dimensions", tensor.shape))
        })
    }

    fn stack(
        &self,
        what: &'static str,
        dim: usize,
        (prefix, mlp): (&str, &str),
    ) -> Result<TransformerConfig, ModelError> {
        let depth = self
            .file
            .tensors
            .keys()
            .filter_map(|key| key.strip_prefix(prefix)?.split('.').next()?.parse::<usize>().ok())
            .max()
            .map_or(0, |last| last.saturating_add(1));
        let [hidden, _] = self.of(what, mlp)?;
        if dim == 0 {
            return Err(self.error(what, "the width is 0".into()));
        }
        // 0 marks an unknown number of heads, for which `Checkpoint::config` asks the user.
        let heads = if dim.is_multiple_of(HEAD_DIM) { dim / HEAD_DIM } else { 0 };
        Ok(TransformerConfig { dim, depth, heads, mlp_ratio: hidden as f64 / dim as f64 })
    }

    fn error(&self, what: &'static str, reason: String) -> ModelError {
        let reason = format!("{reason}; give the sizes in a config file");
        ModelError::Infer { path: self.file.path.clone(), what, reason }
    }
}
