//! The configuration of a synthetic dataset.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use super::method::Mix;
use avff_datasets::layout::Split;
use avff_media::SettingError;

/// How the head of a person is drawn.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Head {
    /// Flat shapes.
    #[default]
    Drawn,
    /// A mesh in space with ARKit's actions.
    Mesh,
}

/// How far clips with a mesh differ from each other.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Appearance {
    /// Square frames, soft light, a good camera, a plain background, and no accessories.
    Plain,
    /// As in videos of all kinds.
    #[default]
    Varied,
}

/// The settings that determine the files of a synthetic dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynthConfig {
    /// The random seed.
    pub seed: u64,
    /// The number of training clips.
    pub train: u64,
    /// The number of validation clips.
    pub val: u64,
    /// The number of test clips.
    pub test: u64,
    /// Width and height of a frame, in pixels.
    pub size: usize,
    /// Duration of a clip, in seconds.
    pub seconds: f64,
    /// Frames per second.
    pub fps: f64,
    /// Audio samples per second.
    pub rate: u32,
    /// The proportions of the methods.
    pub mix: Mix,
    /// The number of faces, and of voices, in each split. Splits share no face and no voice.
    pub people: u64,
    /// The minimum and maximum of a time shift, in milliseconds; shifts have either sign.
    pub shift_ms: (u32, u32),
    /// The fraction of fakes that are fake in only one half of the clip.
    pub half: f64,
    /// Whether fakes start with 25 to 30 ms of digital silence, a shortcut that alone reveals them.
    pub silence_trap: bool,
    /// How heads are drawn.
    #[serde(default)]
    pub head: Head,
    /// The folder of recorded voices; `None` for synthetic ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<PathBuf>,
    /// How far clips with a mesh differ from each other; without effect on drawn heads.
    #[serde(default)]
    pub appearance: Appearance,
}

impl Default for SynthConfig {
    /// 1000 clips of 3.2 s with 96 x 96 pixels at 25 frames per second and 16 kHz audio.
    fn default() -> Self {
        Self {
            seed: 0,
            train: 700,
            val: 100,
            test: 200,
            size: 96,
            seconds: 3.2,
            fps: 25.0,
            rate: 16_000,
            mix: Mix::default(),
            people: 200,
            shift_ms: (80, 800),
            half: 0.0,
            silence_trap: false,
            voices: None,
            head: Head::Drawn,
            appearance: Appearance::Varied,
        }
    }
}

impl SynthConfig {
    /// Returns the number of clips of a split.
    #[must_use]
    pub fn clips(&self, split: Split) -> u64 {
        match split {
            Split::Train => self.train,
            Split::Val => self.val,
            Split::Test => self.test,
        }
    }

    /// Returns the number of frames of a clip.
    #[must_use]
    pub fn frames(&self) -> usize {
        (self.seconds * self.fps).round() as usize
    }

    /// Returns the number of audio samples of a clip.
    #[must_use]
    pub fn samples(&self) -> usize {
        (self.seconds * f64::from(self.rate)).round() as usize
    }

    /// Checks that the settings are valid and that clips have a bounded size.
    ///
    /// # Errors
    /// Returns a [`SettingError`] with the first field that is out of its range.
    pub fn validate(&self) -> Result<(), SettingError> {
        let clips = self.train.saturating_add(self.val).saturating_add(self.test);
        within("synth.clips", clips, 1, 10_000_000)?;
        within("synth.size", self.size, 32, 512)?;
        within("synth.seconds", self.seconds, 0.4, 60.0)?;
        within("synth.fps", self.fps, 1.0, 60.0)?;
        within("synth.rate", self.rate, 8_000, 48_000)?;
        within("synth.seconds * fps", self.frames(), 1, 3_600)?;
        within("synth.people", self.people, 2, 1_000_000)?;
        let (least, most) = self.shift_ms;
        within("synth.shift_ms.0", least, 1, 1_000)?;
        within("synth.shift_ms.1", most, least, 1_000)?;
        within("synth.half", self.half, 0.0, 1.0)?;
        if self.voices.is_some() && self.half > 0.0 {
            let rule = "0 with recorded voices, which cannot change within a sentence".to_owned();
            return Err(SettingError { field: "synth.half", value: self.half.to_string(), rule });
        }
        self.mix.fault().map_or(Ok(()), |fault| {
            let (value, rule) = (self.mix.to_string(), format!("valid: {fault}"));
            Err(SettingError { field: "synth.mix", value, rule })
        })
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    field: &'static str,
    value: T,
    low: T,
    high: T,
) -> Result<(), SettingError> {
    // The comparison is false for NaN.
    if low <= value && value <= high {
        return Ok(());
    }
    let rule = format!("from {low} to {high}");
    Err(SettingError { field, value: value.to_string(), rule })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn validation_names_the_field() {
        let valid = SynthConfig::default();
        valid.validate().unwrap();
        assert_eq!((valid.frames(), valid.samples()), (80, 51_200));
        type Invalidate = fn(&mut SynthConfig);
        let cases: [(&str, Invalidate); 10] = [
            ("synth.clips", |c| (c.train, c.val, c.test) = (0, 0, 0)),
            ("synth.clips", |c| c.test = u64::MAX),
            ("synth.size", |c| c.size = usize::MAX),
            ("synth.seconds", |c| c.seconds = f64::NAN),
            ("synth.fps", |c| c.fps = f64::INFINITY),
            ("synth.rate", |c| c.rate = 0),
            ("synth.people", |c| c.people = 1),
            ("synth.shift_ms.1", |c| c.shift_ms = (500, 400)),
            ("synth.half", |c| c.half = -0.1),
            ("synth.mix", |c| c.mix = serde_json::from_str(r#"[["real", 0.0]]"#).unwrap()),
        ];
        for (expected, invalidate) in cases {
            let mut config = valid.clone();
            invalidate(&mut config);
            assert_eq!(config.validate().unwrap_err().field, expected);
        }
    }
}
