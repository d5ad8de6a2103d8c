//! How clips are prepared for a network.

use avff_data::ClipSpec;
use avff_model::{AvffConfig, Checkpoint, Preset, checkpoint::Metadata};
use avff_train::{recipe::clip_spec, trainer::CLIP_ENTRY};

use crate::error::Error;

/// The spec a checkpoint was trained with: the one stored with it, else the reference's statistics
/// at the network's sizes. `adjust` may change what does not change the tensors' sizes.
///
/// # Errors
/// [`Error::StoredSpec`] or [`Error::ClipSpec`] for one that cannot be used, [`Error::Spec`] for one that does not fit the config.
pub fn spec(
    checkpoint: &Checkpoint,
    config: &AvffConfig,
    adjust: impl FnOnce(&mut ClipSpec) -> Result<(), Error>,
) -> Result<ClipSpec, Error> {
    let stored = checkpoint.metadata().and_then(|metadata| metadata.extra.get(CLIP_ENTRY));
    let mut spec = match stored {
        Some(json) => serde_json::from_value(json.clone()).map_err(Error::StoredSpec)?,
        None => for_config(config),
    };
    adjust(&mut spec)?;
    check(&spec, config)?;
    Ok(spec)
}

/// Whether clips prepared by a spec fit a network.
///
/// # Errors
/// [`Error::ClipSpec`] for a spec that cannot be used, [`Error::Spec`] for one that does not fit.
pub fn check(spec: &ClipSpec, config: &AvffConfig) -> Result<(), Error> {
    spec.validate()?;
    for (what, clip, network) in [
        ("fbank frames", spec.audio.frames, config.audio.frames),
        ("mel bins", spec.audio.mels, config.audio.mels),
        ("frames", spec.video.frames, config.video.frames),
        ("height", spec.video.height, config.video.height),
        ("width", spec.video.width, config.video.width),
        ("colour channels", 3, config.video.channels),
    ] {
        if clip != network {
            return Err(Error::Spec { what, clip, network });
        }
    }
    Ok(())
}

/// The reference's statistics at the sizes of a network.
#[must_use]
pub fn for_config(config: &AvffConfig) -> ClipSpec {
    clip_spec(Preset::OpenAvff, config)
}

/// Keeps a spec with the weights it belongs to.
///
/// # Errors
/// [`Error::StoredSpec`] where it cannot be written as JSON.
pub fn store(metadata: &mut Metadata, spec: &ClipSpec) -> Result<(), Error> {
    let json = serde_json::to_value(spec).map_err(Error::StoredSpec)?;
    metadata.extra.insert(CLIP_ENTRY.into(), json);
    Ok(())
}
