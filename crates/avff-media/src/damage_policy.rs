//! What is done with a clip that is damaged.

use serde::{Deserialize, Serialize};

use crate::error::UnknownName;

/// What is done with a clip that is damaged.
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
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum DamagePolicy {
    /// The clip is refused.
    #[default]
    Refuse,
    /// Where the damage has a known place in time, the rest of the clip is read. Otherwise the clip is
    /// refused.
    Windows,
}

impl DamagePolicy {
    /// Returns whether this is [`DamagePolicy::Refuse`].
    #[must_use]
    pub fn is_refuse(&self) -> bool {
        *self == Self::Refuse
    }
}
