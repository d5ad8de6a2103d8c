//! The calibration of a checkpoint: in its metadata, or in a file beside a `.pth`.

use std::path::{Path, PathBuf};

use avff_data::{ClipSpec, spec::Speech};
use avff_model::{AvffConfig, Checkpoint, FusionScope};

use super::Record;
use crate::{error::Error, json_diff, score::Aggregate};

/// The metadata entry of a checkpoint that holds its [`Record`].
pub const CALIBRATION_ENTRY: &str = "calibration";

/// The largest calibration beside a `.pth`: one of a million clips has some 20 MB.
const MAX_FILE: u64 = 64 << 20;

/// Why a detector decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Uncalibrated {
    /// The checkpoint has no calibration.
    #[error("the checkpoint has no calibration")]
    Absent,
    /// Clips are prepared, or the network is set, otherwise than for the calibration.
    #[error("clips are prepared otherwise than for the calibration: {}", .0.join("; "))]
    Otherwise(Vec<String>),
}

/// The file beside a checkpoint that holds its calibration if the checkpoint has no place for it.
#[must_use]
pub fn side_file(checkpoint: &Path) -> PathBuf {
    let mut name = checkpoint.file_name().unwrap_or_default().to_owned();
    name.push(".calibration.json");
    checkpoint.with_file_name(name)
}

/// Reads the calibration of a checkpoint.
///
/// # Errors
/// [`Error::Calibration`] if it cannot be read, or if a file beside the checkpoint belongs to another one.
pub fn read(checkpoint: &Checkpoint) -> Result<Option<Record>, Error> {
    let invalid = |path: &Path, reason: String| Error::Calibration { path: path.into(), reason };
    let stored = checkpoint.metadata().and_then(|metadata| metadata.extra.get(CALIBRATION_ENTRY));
    if let Some(json) = stored {
        let record = checked(serde_json::from_value(json.clone()));
        return record.map(Some).map_err(|reason| invalid(checkpoint.path(), reason));
    }
    let path = side_file(checkpoint.path());
    if checkpoint.metadata().is_some() || !path.is_file() {
        return Ok(None);
    }
    let text = avff_files::read_text(&path, MAX_FILE);
    let text = text.map_err(|error| invalid(&path, error.to_string()))?;
    let record = checked(serde_json::from_str(&text)).map_err(|reason| invalid(&path, reason))?;
    let sha256 = checkpoint.sha256()?;
    if record.fitted_on.checkpoint_sha256 != sha256 {
        let of = &record.fitted_on.checkpoint_sha256;
        let reason = format!("it belongs to a checkpoint with SHA-256 {of}, not {sha256}");
        return Err(invalid(&path, reason));
    }
    Ok(Some(record))
}

/// Checks what was read: a file can hold numbers that no fit gives.
fn checked(record: serde_json::Result<Record>) -> Result<Record, String> {
    let record = record.map_err(|error| error.to_string())?;
    record.calibration.check().map_err(|error| error.to_string())?;
    Ok(record)
}

/// Checks that scores are computed as those of the fit.
///
/// Decoder, tracks, and what is done with damage depend on the files. The readers give equal frames and samples.
/// A clip without speech has a score only where the calibration clips could be such clips, too.
///
/// # Errors
/// [`Uncalibrated::Otherwise`] with every difference.
pub(crate) fn expect_same_preparation(
    record: &Record,
    clip: &ClipSpec,
    aggregate: Option<Aggregate>,
    config: &AvffConfig,
    fusion: FusionScope,
) -> Result<(), Uncalibrated> {
    let was = &record.fitted_on;
    let plain = |spec: &ClipSpec| ClipSpec {
        decoder: clip.decoder,
        // A calibration for all clips holds for those with speech.
        speech: if was.clip.speech == Speech::Any { Speech::Any } else { spec.speech },
        ..spec.for_weights()
    };
    // Serializing plain data with string keys cannot fail.
    let json = |spec: &ClipSpec| serde_json::to_value(plain(spec)).unwrap_or_default();
    let network = |config: &AvffConfig| serde_json::to_value(config).unwrap_or_default();
    let mut lines = json_diff::differences(&json(&was.clip), &json(clip));
    lines.extend(json_diff::differences(&network(&was.config), &network(config)));
    let name = |aggregate: Option<Aggregate>| {
        aggregate.map_or_else(|| "none".to_owned(), |aggregate| aggregate.to_string())
    };
    if was.aggregate != aggregate {
        lines.push(format!("aggregate: {}, now {}", name(was.aggregate), name(aggregate)));
    }
    if fusion == FusionScope::AcrossBatch {
        lines.push("scores depend on the other clips of a batch".into());
    }
    if lines.is_empty() { Ok(()) } else { Err(Uncalibrated::Otherwise(lines)) }
}
