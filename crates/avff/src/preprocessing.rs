//! Clip preparation for a network.

use avff_data::{
    ClipSpec,
    spec::{CLIP_ENTRY, Sampling},
};
use avff_model::{AvffConfig, Checkpoint, checkpoint::Metadata};

use crate::json_diff;

/// Why clips cannot be prepared for a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessingError {
    /// The clip spec is invalid.
    #[error(transparent)]
    Spec(#[from] avff_data::spec::SpecError),
    /// The clip spec cannot be read from a checkpoint or written to it.
    #[error("the checkpoint's clip spec is invalid: {0}")]
    Stored(#[source] serde_json::Error),
    /// The clip spec does not match the network.
    #[error("the clip spec has {clip} {what}, but the network expects {network}")]
    Mismatch {
        /// The quantity.
        what: &'static str,
        /// Its value in the clip spec.
        clip: usize,
        /// Its value in the network's config.
        network: usize,
    },
    /// Settings of a face crop are given without a face crop.
    #[error(
        "margin and position of face crops and the handling of clips without a face need a face crop"
    )]
    NotCropped,
    /// Windows of damaged clips would be in one batch with those of other clips, whose scores depend on it.
    #[error(
        "with across-batch attention, a damaged clip must be refused: its windows change the scores of others"
    )]
    DamageAcrossBatch,
    /// A stride is given, but clips are scored as a whole.
    #[error("a stride needs windows, but clips are scored as a whole")]
    NoWindows,
}

/// Describes in which ways the preparation of clips differs between training and now.
///
/// The readers give equal frames and samples, and the stride and the policy on damage only set which windows
/// there are. They are no differences.
///
/// # Errors
/// Returns [`PreprocessingError::Stored`] if a spec cannot be written as JSON.
pub fn differences(trained: &ClipSpec, now: &ClipSpec) -> Result<Vec<String>, PreprocessingError> {
    let mut lines = Vec::new();
    let mut compare = |before: String, after: String| {
        if before != after {
            lines.push(format!("trained on {before}, now {after}"));
        }
    };
    compare(sampling(trained), sampling(now));
    compare(faces(trained), faces(now));
    let mut rest = [trained.clone(), now.clone()];
    for spec in &mut rest {
        (spec.sampling, spec.face) = (Sampling::Whole, None);
        (spec.decoder, spec.tracks, spec.damage) = (now.decoder, now.tracks, now.damage);
    }
    let [before, after] = rest.map(serde_json::to_value);
    let stored = PreprocessingError::Stored;
    lines.extend(json_diff::differences(&before.map_err(stored)?, &after.map_err(stored)?));
    Ok(lines)
}

fn sampling(spec: &ClipSpec) -> String {
    match spec.sampling {
        Sampling::Whole => "whole clips".into(),
        Sampling::Window { seconds, .. } => format!("windows of {seconds} s"),
    }
}

fn faces(spec: &ClipSpec) -> String {
    let down = |down| if down == 0.0 { String::new() } else { format!(", {down} sides lower") };
    spec.face.map_or_else(
        || "whole frames".into(),
        |face| format!("face crops of {} face sides{}", face.margin, down(face.down)),
    )
}

/// Returns the clip spec of a checkpoint, or the reference's statistics at the network's sizes if it stores none.
/// `adjust` may change the spec, except for the sizes of the tensors.
///
/// # Errors
/// Returns [`PreprocessingError::Stored`] or [`PreprocessingError::Spec`] for an invalid spec, and
/// [`PreprocessingError::Mismatch`] for a spec that does not match the config.
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

/// Checks that a clip spec matches a network.
///
/// # Errors
/// Returns [`PreprocessingError::Spec`] for an invalid spec, and [`PreprocessingError::Mismatch`] for a spec that
/// does not match.
pub fn check(spec: &ClipSpec, config: &AvffConfig) -> Result<(), PreprocessingError> {
    spec.validate()?;
    for (what, clip, network) in [
        ("fbank frames", spec.audio.frames, config.audio.frames),
        ("mel bins", spec.audio.mels, config.audio.mels),
        ("frames", spec.video.frames, config.video.frames),
        ("rows of pixels", spec.video.height, config.video.height),
        ("columns of pixels", spec.video.width, config.video.width),
        ("color channels", 3, config.video.channels),
    ] {
        if clip != network {
            return Err(PreprocessingError::Mismatch { what, clip, network });
        }
    }
    Ok(())
}

/// Returns the clip spec with the reference's statistics and the sizes of a network.
#[must_use]
pub fn for_config(config: &AvffConfig) -> ClipSpec {
    let (audio, video) = (&config.audio, &config.video);
    ClipSpec::open_avff()
        .with_sizes([audio.frames, audio.mels], [video.frames, video.height, video.width])
}

/// Stores a clip spec in the metadata of weights.
///
/// # Errors
/// Returns [`PreprocessingError::Stored`] if the spec cannot be written as JSON.
pub fn store(metadata: &mut Metadata, spec: &ClipSpec) -> Result<(), PreprocessingError> {
    let json = serde_json::to_value(spec.for_weights()).map_err(PreprocessingError::Stored)?;
    metadata.extra.insert(CLIP_ENTRY.into(), json);
    Ok(())
}
