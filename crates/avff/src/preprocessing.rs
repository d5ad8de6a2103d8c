//! How clips are prepared for a network.

use avff_data::{ClipSpec, spec::CLIP_ENTRY};
use avff_model::{AvffConfig, Checkpoint, checkpoint::Metadata};

/// Why clips cannot be prepared for a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessingError {
    /// A spec that cannot be used for any network.
    #[error(transparent)]
    Spec(#[from] avff_data::spec::SpecError),
    /// The spec in a checkpoint cannot be read, or written into one.
    #[error("the checkpoint's clip spec: {0}")]
    Stored(#[source] serde_json::Error),
    /// The spec does not fit the network.
    #[error("the clip's {what} of {clip} does not fit the network's {network}")]
    Mismatch {
        /// The size.
        what: &'static str,
        /// In the clip spec.
        clip: usize,
        /// In the network's config.
        network: usize,
    },
    /// Details of a face crop are given for clips that are not cropped.
    #[error(
        "the margin of a face crop, and what happens without a face, are for clips that are cropped to the face"
    )]
    NotCropped,
}

/// The spec a checkpoint was trained with: the one stored with it, else the reference's statistics
/// at the network's sizes. `adjust` may change what does not change the tensors' sizes.
///
/// # Errors
/// [`PreprocessingError::Stored`] or [`PreprocessingError::Spec`] for a spec that cannot be used,
/// [`PreprocessingError::Mismatch`] for one that does not fit the config.
pub fn spec(
    checkpoint: &Checkpoint,
    config: &AvffConfig,
    adjust: impl FnOnce(&mut ClipSpec) -> Result<(), PreprocessingError>,
) -> Result<ClipSpec, PreprocessingError> {
    let stored = checkpoint.metadata().and_then(|metadata| metadata.extra.get(CLIP_ENTRY));
    let mut spec = match stored {
        Some(json) => serde_json::from_value(json.clone()).map_err(PreprocessingError::Stored)?,
        None => for_config(config),
    };
    adjust(&mut spec)?;
    check(&spec, config)?;
    Ok(spec)
}

/// Whether clips prepared by a spec fit a network.
///
/// # Errors
/// [`PreprocessingError::Spec`] for a spec that cannot be used, [`PreprocessingError::Mismatch`] for one
/// that does not fit.
pub fn check(spec: &ClipSpec, config: &AvffConfig) -> Result<(), PreprocessingError> {
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
            return Err(PreprocessingError::Mismatch { what, clip, network });
        }
    }
    Ok(())
}

/// The reference's statistics at the sizes of a network.
#[must_use]
pub fn for_config(config: &AvffConfig) -> ClipSpec {
    let (audio, video) = (&config.audio, &config.video);
    ClipSpec::open_avff()
        .with_sizes([audio.frames, audio.mels], [video.frames, video.height, video.width])
}

/// Keeps a spec with the weights it belongs to.
///
/// # Errors
/// [`PreprocessingError::Stored`] where it cannot be written as JSON.
pub fn store(metadata: &mut Metadata, spec: &ClipSpec) -> Result<(), PreprocessingError> {
    let json = serde_json::to_value(spec).map_err(PreprocessingError::Stored)?;
    metadata.extra.insert(CLIP_ENTRY.into(), json);
    Ok(())
}
