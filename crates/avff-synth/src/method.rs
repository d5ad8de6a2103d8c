//! The methods of synthetic clips and their proportions in a dataset.

use std::{fmt, str::FromStr};

use avff_datasets::layout::Category;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantNames};

/// The method of a synthetic clip.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Method {
    /// Frames and audio of one utterance.
    Real,
    /// Real frames with another voice that says something else.
    VoiceSwap,
    /// Real frames with their own audio, early or late.
    TimeShift,
    /// A face whose mouth and jaw articulate other syllables; the audio is the true one.
    MouthSwap,
    /// Like [`MouthSwap`](Self::MouthSwap), as a soft-edged patch over the true mouth with another
    /// color, blur and noise.
    MouthSwapTraces,
    /// Another voice, and a patch with a mouth that follows it.
    LipSync,
    /// Another voice, and a patch with a mouth that follows a third utterance.
    BothSwap,
}

impl Method {
    /// Returns the name on the command line and in the column `method`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns FakeAVCeleb's name of the category, or `SHIFT` for a time shift, in which neither
    /// stream is fake.
    #[must_use]
    pub fn category(self) -> &'static str {
        match self {
            Self::Real => Category::RealReal.name(),
            Self::VoiceSwap => Category::RealFake.name(),
            Self::TimeShift => "SHIFT",
            Self::MouthSwap | Self::MouthSwapTraces => Category::FakeReal.name(),
            Self::LipSync | Self::BothSwap => Category::FakeFake.name(),
        }
    }

    /// Returns whether the combination of frames and audio differs from the recording.
    #[must_use]
    pub fn is_fake(self) -> bool {
        self != Self::Real
    }

    /// Returns whether the mouth is a patch over the true frames.
    #[must_use]
    pub fn has_traces(self) -> bool {
        matches!(self, Self::MouthSwapTraces | Self::LipSync | Self::BothSwap)
    }
}

/// The proportions of the methods in a dataset; they need not sum to a certain value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mix(Vec<(Method, f64)>);

/// The error for a text that is not a valid [`Mix`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} in `{mix}`: write methods and shares, such as real=8,voice-swap=4; methods are {}",
    names()
)]
pub struct MixError {
    /// The invalid text.
    pub mix: String,
    /// The fault.
    pub what: &'static str,
}

fn names() -> String {
    Method::VARIANTS.join(", ")
}

impl Default for Mix {
    /// Half of the clips are real, a quarter have another voice or a time shift, and a quarter have
    /// a redrawn mouth.
    fn default() -> Self {
        Self(vec![
            (Method::Real, 8.0),
            (Method::VoiceSwap, 2.0),
            (Method::TimeShift, 2.0),
            (Method::MouthSwap, 1.0),
            (Method::MouthSwapTraces, 1.0),
            (Method::LipSync, 1.0),
            (Method::BothSwap, 1.0),
        ])
    }
}

impl Mix {
    /// Returns the methods and their proportions.
    #[must_use]
    pub fn shares(&self) -> &[(Method, f64)] {
        &self.0
    }

    /// Returns the fault of the proportions, if any.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let shares = self.0.iter().map(|&(_, share)| share);
        if shares.clone().any(|share| !(0.0..=1e6).contains(&share)) {
            return Some("a share is not a number from 0 to a million");
        }
        if shares.sum::<f64>() <= 0.0 {
            return Some("no share is above 0");
        }
        let occurs_before = |(at, (method, _)): (usize, &(Method, f64))| {
            self.0.iter().take(at).any(|(other, _)| other == method)
        };
        self.0.iter().enumerate().any(occurs_before).then_some("a method occurs twice")
    }

    /// Returns the method at `position` in `[0, 1)`, with all proportions laid end to end.
    pub(super) fn at(&self, position: f64) -> Method {
        let mut remaining = position * self.0.iter().map(|&(_, share)| share).sum::<f64>();
        let mut last = Method::Real;
        for &(method, share) in self.0.iter().filter(|&&(_, share)| share > 0.0) {
            last = method;
            if remaining < share {
                break;
            }
            remaining -= share;
        }
        last
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (method, share)) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{method}={share}")?;
        }
        Ok(())
    }
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let fault = |what| MixError { mix: text.to_owned(), what };
        let part = |part: &str| {
            let (name, share) = part.split_once('=').ok_or(fault("a part without `=`"))?;
            let method = name.trim().parse().map_err(|_| fault("an unknown method"))?;
            let share = share.trim().parse().map_err(|_| fault("a share that is not a number"))?;
            Ok((method, share))
        };
        let mix = Self(text.split(',').map(part).collect::<Result<_, _>>()?);
        mix.fault().map_or(Ok(mix), |what| Err(fault(what)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn mix_round_trips_through_text() {
        let mix = Mix::default();
        assert_eq!(mix.to_string().parse::<Mix>().unwrap(), mix);
        for bad in [
            "",
            "real",
            "real=",
            "real=x",
            "real=-1",
            "real=0",
            "real=NaN",
            "fake=1",
            "real=1,real=2",
        ] {
            assert!(bad.parse::<Mix>().is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_are_laid_end_to_end() {
        let mix: Mix = "real=2,time-shift=0,lip-sync=1,voice-swap=1".parse().unwrap();
        let at = [0.0, 0.49, 0.5, 0.74, 0.75, 0.999_999].map(|position| mix.at(position));
        use Method::{LipSync, Real, VoiceSwap};
        assert_eq!(at, [Real, Real, LipSync, LipSync, VoiceSwap, VoiceSwap]);
    }
}
