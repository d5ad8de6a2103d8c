//! What a set is made from.

use serde::{Deserialize, Serialize};

use super::method::Mix;
use avff_datasets::layout::Split;
use avff_media::SettingError;

/// Everything that the files of a set depend on, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynthConfig {
    /// What chance depends on.
    pub seed: u64,
    /// Clips to train on.
    pub train: u64,
    /// Clips to choose by.
    pub val: u64,
    /// Clips to report on.
    pub test: u64,
    /// Pixels a side.
    pub size: usize,
    /// Length of a clip.
    pub seconds: f64,
    /// Pictures a second.
    pub fps: f64,
    /// Samples of sound a second.
    pub rate: u32,
    /// Shares of the methods.
    pub mix: Mix,
    /// Faces of a split, and voices; no split has any of another's.
    pub people: u64,
    /// The least and the most that a time shift is, in milliseconds; either sign.
    pub shift_ms: (u32, u32),
    /// Share of the fakes that are fake in one half of the clip only.
    pub half: f64,
    /// Whether fakes start with 25 to 30 ms of digital silence, which alone gives them away.
    pub silence_trap: bool,
}

impl Default for SynthConfig {
    /// 1000 clips of 3.2 s, 96 pixels a side at 25 pictures a second, with 16 kHz sound.
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
        }
    }
}

impl SynthConfig {
    /// Clips of a split.
    #[must_use]
    pub fn clips(&self, split: Split) -> u64 {
        match split {
            Split::Train => self.train,
            Split::Val => self.val,
            Split::Test => self.test,
        }
    }

    /// Pictures of a clip.
    #[must_use]
    pub fn pictures(&self) -> usize {
        (self.seconds * self.fps).round() as usize
    }

    /// Samples of a clip's sound.
    #[must_use]
    pub fn samples(&self) -> usize {
        (self.seconds * f64::from(self.rate)).round() as usize
    }

    /// Checks that clips can be made, and of bounded size.
    ///
    /// # Errors
    /// [`SettingError`] with the first field that is out of its range.
    pub fn validate(&self) -> Result<(), SettingError> {
        let clips = self.train.saturating_add(self.val).saturating_add(self.test);
        within("synth.clips", clips, 1, 10_000_000)?;
        within("synth.size", self.size, 32, 512)?;
        within("synth.seconds", self.seconds, 0.4, 60.0)?;
        within("synth.fps", self.fps, 1.0, 60.0)?;
        within("synth.rate", self.rate, 8_000, 48_000)?;
        within("synth.seconds * fps", self.pictures(), 1, 3_600)?;
        within("synth.people", self.people, 2, 1_000_000)?;
        let (least, most) = self.shift_ms;
        within("synth.shift_ms.0", least, 1, 1_000)?;
        within("synth.shift_ms.1", most, least, 1_000)?;
        within("synth.half", self.half, 0.0, 1.0)?;
        self.mix.fault().map_or(Ok(()), |fault| {
            let (value, rule) = (self.mix.to_string(), format!("usable: {fault}"));
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
    // False for what is no number.
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
        let good = SynthConfig::default();
        good.validate().unwrap();
        assert_eq!((good.pictures(), good.samples()), (80, 51_200));
        type Spoil = fn(&mut SynthConfig);
        let cases: [(&str, Spoil); 10] = [
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
        for (named, spoil) in cases {
            let mut config = good.clone();
            spoil(&mut config);
            assert_eq!(config.validate().unwrap_err().field, named);
        }
    }
}
