//! The kinds of clips in a set, and in which shares.

use std::{fmt, str::FromStr};

use avff_datasets::layout::Category;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantNames};

/// How a clip is made.
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
    /// A real picture with another voice that says something else.
    VoiceSwap,
    /// A real picture with its own sound, early or late.
    TimeShift,
    /// A mouth drawn to other syllables, jaw and all; the sound is the true one.
    MouthSwap,
    /// The same as a soft-edged patch over the true mouth, with another colour, blur and noise.
    MouthSwapTraces,
    /// Another voice, and a patch with a mouth that follows it.
    LipSync,
    /// Another voice, and a patch with a mouth that follows a third utterance.
    BothSwap,
}

impl Method {
    /// The word for it on the command line and in the column `method`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// FakeAVCeleb's name for its kind; `SHIFT` for a time shift, in which neither stream is fake.
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

    /// Whether the pair of picture and sound is not what was recorded.
    #[must_use]
    pub fn is_fake(self) -> bool {
        self != Self::Real
    }

    /// Whether the mouth is a patch over the true picture.
    #[must_use]
    pub fn has_traces(self) -> bool {
        matches!(self, Self::MouthSwapTraces | Self::LipSync | Self::BothSwap)
    }
}

/// Shares of the methods in a set; they need not sum to anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mix(Vec<(Method, f64)>);

/// A text that is no [`Mix`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} in `{mix}`: write methods and shares, such as real=8,voice-swap=4; methods are {}",
    names()
)]
pub struct NoMix {
    /// The text.
    pub mix: String,
    /// What is wrong with it.
    pub what: &'static str,
}

fn names() -> String {
    Method::VARIANTS.join(", ")
}

impl Default for Mix {
    /// Half of the clips are real; a quarter have another voice or another time, a quarter a re-drawn
    /// mouth.
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
    /// The methods and their shares.
    #[must_use]
    pub fn shares(&self) -> &[(Method, f64)] {
        &self.0
    }

    /// What is wrong with the shares, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let shares = self.0.iter().map(|&(_, share)| share);
        if shares.clone().any(|share| !(0.0..=1e6).contains(&share)) {
            return Some("a share is not a number from 0 to a million");
        }
        if shares.sum::<f64>() <= 0.0 {
            return Some("no share is above 0");
        }
        let twice = |(at, (method, _)): (usize, &(Method, f64))| {
            self.0.iter().take(at).any(|(other, _)| other == method)
        };
        self.0.iter().enumerate().any(twice).then_some("a method is there twice")
    }

    /// The method at `place` in `[0, 1)` of all shares laid end to end.
    pub(super) fn at(&self, place: f64) -> Method {
        let mut left = place * self.0.iter().map(|&(_, share)| share).sum::<f64>();
        let mut last = Method::Real;
        for &(method, share) in self.0.iter().filter(|&&(_, share)| share > 0.0) {
            last = method;
            if left < share {
                break;
            }
            left -= share;
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
    type Err = NoMix;

    fn from_str(text: &str) -> Result<Self, NoMix> {
        let fault = |what| NoMix { mix: text.to_owned(), what };
        let part = |part: &str| {
            let (name, share) = part.split_once('=').ok_or(fault("a part without `=`"))?;
            let method = name.trim().parse().map_err(|_| fault("an unknown method"))?;
            let share = share.trim().parse().map_err(|_| fault("a share that is no number"))?;
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
    fn mixes_are_read_as_they_are_written() {
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
        let at = [0.0, 0.49, 0.5, 0.74, 0.75, 0.999_999].map(|place| mix.at(place));
        use Method::{LipSync, Real, VoiceSwap};
        assert_eq!(at, [Real, Real, LipSync, LipSync, VoiceSwap, VoiceSwap]);
    }
}
