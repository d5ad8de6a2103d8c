//! The settings of the face crop.

use avff_media::{SettingError, UnknownName};
use serde::{Deserialize, Serialize};

/// The range of `margin`; at 1 the crop reaches from the brows to the chin, at 0.6 and 0.25 sides
/// further down it holds the mouth.
const MARGIN: (f64, f64) = (0.3, 4.0);
/// The range of `down`.
const DOWN: (f64, f64) = (-1.0, 1.0);
/// The range of `min_size`; below it, detection takes seconds per frame, and such faces show too
/// little.
const MIN_SIZE: (f64, f64) = (0.05, 1.0);

/// Crops every frame to the main face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaceCrop {
    /// The side of the crop, in sides of the detected face. A detected face reaches from the brows
    /// to the chin.
    pub margin: f64,
    /// How far the crop's center lies below the center of the detected face, in sides of the face.
    #[serde(skip_serializing_if = "is_zero")]
    pub down: f64,
    /// The smallest detected face, as a fraction of the frame's shorter side. Detection time grows
    /// with its inverse square. Faces below 40 pixels are never detected.
    pub min_size: f64,
    /// The fraction of frames in which the main face must be detected. Between these frames its
    /// position is interpolated.
    pub min_seen: f64,
    /// The handling of a clip without a face.
    pub no_face: NoFace,
}

impl Default for FaceCrop {
    /// A margin of 1.3 sides, which includes hair and chin; faces from 0.15 of the frame, detected
    /// in half of the frames; a clip without a face is an error.
    fn default() -> Self {
        Self { margin: 1.3, down: 0.0, min_size: 0.15, min_seen: 0.5, no_face: NoFace::Error }
    }
}

impl FaceCrop {
    /// Checks that all settings are in range.
    ///
    /// # Errors
    /// Returns the first field that is out of its range.
    pub fn validate(&self) -> Result<(), SettingError> {
        for (field, value, (low, high)) in [
            ("face.margin", self.margin, MARGIN),
            ("face.down", self.down, DOWN),
            ("face.min_size", self.min_size, MIN_SIZE),
            ("face.min_seen", self.min_seen, (0.0, 1.0)),
        ] {
            if !(low..=high).contains(&value) {
                let rule = format!("from {low} to {high}");
                return Err(SettingError { field, value: value.to_string(), rule });
            }
        }
        Ok(())
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// The handling of a clip in which no face is detected.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum NoFace {
    /// The clip is an error, like any other clip that cannot be read.
    #[default]
    Error,
    /// The clip is left out and listed, and counts neither as read nor as missing.
    Skip,
    /// The whole frame is used. This preprocessing differs from that of the other clips, which
    /// alone can change a score.
    Full,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_and_json_agree() {
        for name in <NoFace as strum::VariantNames>::VARIANTS {
            let no_face: NoFace = name.parse().unwrap();
            assert_eq!(no_face.to_string(), *name);
            assert_eq!(serde_json::to_string(&no_face).unwrap(), format!("\"{name}\""));
        }
        assert!("Full".parse::<NoFace>().is_err());
        assert_eq!(serde_json::from_str::<FaceCrop>("{}").unwrap(), FaceCrop::default());
        assert!(serde_json::from_str::<FaceCrop>(r#"{"margins": 2}"#).is_err());
    }

    #[test]
    fn validation_names_the_field() {
        assert_eq!(FaceCrop::default().validate(), Ok(()));
        for (field, invalid) in [
            ("face.margin", FaceCrop { margin: f64::NAN, ..FaceCrop::default() }),
            ("face.down", FaceCrop { down: 1.5, ..FaceCrop::default() }),
            ("face.min_size", FaceCrop { min_size: 0.0, ..FaceCrop::default() }),
            ("face.min_seen", FaceCrop { min_seen: 1.1, ..FaceCrop::default() }),
        ] {
            assert_eq!(invalid.validate().unwrap_err().field, field);
        }
    }
}
