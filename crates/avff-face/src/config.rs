//! What is looked for, and what happens where it is not there.

use avff_media::{SettingError, UnknownName};
use serde::{Deserialize, Serialize};

/// The crop's side in sides of the face; 1 is from the brows to the chin.
const MARGIN: (f64, f64) = (1.0, 4.0);
/// Below it detection would take seconds a picture, and the faces hold nothing to judge.
const MIN_SIZE: (f64, f64) = (0.05, 1.0);

/// Cuts the main face out of every picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaceCrop {
    /// Side of the crop in sides of the detected face, which reaches from the brows to the chin.
    pub margin: f64,
    /// The smallest face that is looked for, as a share of the picture's shorter side. Smaller ones
    /// cost time with its square. None below 40 pixels is found.
    pub min_size: f64,
    /// The share of pictures that the main face must be found in; in between its place is
    /// interpolated.
    pub min_seen: f64,
    /// What happens to a clip without a face.
    pub no_face: NoFace,
}

impl Default for FaceCrop {
    /// 1.3 sides, which takes in hair and chin; faces of 0.15 of the picture and more, in half of the
    /// pictures; without one the clip is an error.
    fn default() -> Self {
        Self { margin: 1.3, min_size: 0.15, min_seen: 0.5, no_face: NoFace::Error }
    }
}

impl FaceCrop {
    /// Checks that a crop can be made.
    ///
    /// # Errors
    /// The first field that is out of its range.
    pub fn validate(&self) -> Result<(), SettingError> {
        for (field, value, (low, high)) in [
            ("face.margin", self.margin, MARGIN),
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

/// What happens to a clip in which no face is found.
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
    /// It is an error, like any other clip that cannot be read.
    #[default]
    Error,
    /// It is left out and named, and counts neither as read nor as missing.
    Skip,
    /// The whole picture is taken: another preparation than that of the other clips, which by itself
    /// can move a score.
    Full,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn words_and_json_agree() {
        for word in <NoFace as strum::VariantNames>::VARIANTS {
            let way: NoFace = word.parse().unwrap();
            assert_eq!(way.to_string(), *word);
            assert_eq!(serde_json::to_string(&way).unwrap(), format!("\"{word}\""));
        }
        assert!("Full".parse::<NoFace>().is_err());
        assert_eq!(serde_json::from_str::<FaceCrop>("{}").unwrap(), FaceCrop::default());
        assert!(serde_json::from_str::<FaceCrop>(r#"{"margins": 2}"#).is_err());
    }

    #[test]
    fn validation_names_the_field() {
        assert_eq!(FaceCrop::default().validate(), Ok(()));
        for (field, spoilt) in [
            ("face.margin", FaceCrop { margin: f64::NAN, ..FaceCrop::default() }),
            ("face.min_size", FaceCrop { min_size: 0.0, ..FaceCrop::default() }),
            ("face.min_seen", FaceCrop { min_seen: 1.1, ..FaceCrop::default() }),
        ] {
            assert_eq!(spoilt.validate().unwrap_err().field, field);
        }
    }
}
