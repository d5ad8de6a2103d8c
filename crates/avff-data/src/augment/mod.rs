//! Data augmentation of training samples.
//!
//! An [`AugmentConfig`] defines the augmentations. A [`Plan`] holds the random choices for one
//! sample, which depend only on seed, epoch and row ([`avff_rng`]). Applying a plan is
//! deterministic. All augmentations are off by default. A plan is applied in the order of the data:
//!
//! 1. fitted frames, identically to all frames of a sample: [`Crop`], [`Flip`], [`Resample`],
//!    [`ColorJitter`], [`Jpeg`];
//! 2. the waveform: [`Gain`], [`WhiteNoise`];
//! 3. the stretched filterbank before normalization: [`Lag`], [`Masks`];
//! 4. the normalized filterbank: [`Noise`].
//!
//! [`Masks`], [`Noise`] and [`Mix`] are the reference's augmentations. Only mixing, the lag and the
//! roll of the noise shift a stream in time.

mod color;
mod geometry;
mod jpeg;
mod lag;
mod masks;
mod mix;
mod noise;
mod wave;

use serde::{Deserialize, Serialize};

pub(crate) use self::mix::partner;
pub use self::{
    color::ColorJitter,
    geometry::{Crop, Flip, Resample},
    jpeg::Jpeg,
    lag::Lag,
    masks::Masks,
    mix::{Mix, Mixing},
    noise::Noise,
    wave::{Gain, WhiteNoise},
};
use crate::{
    error::DataError,
    spec::{AudioSpec, ClipSpec},
};
use avff_media::{Audio, Frame, SettingError};
use avff_rng::{Purpose, Rng, RngKey};

/// The augmentations of training samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the types are documented")]
pub struct AugmentConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip: Option<Flip>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resample: Option<Resample>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<ColorJitter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jpeg: Option<Jpeg>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub white_noise: Option<WhiteNoise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<Lag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masks: Option<Masks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
}

impl AugmentConfig {
    /// Open-AVFF's augmentation in stages 1 and 2: noise.
    #[must_use]
    pub fn open_avff_pretraining() -> Self {
        Self { noise: Some(Noise::open_avff()), ..Self::default() }
    }

    /// Open-AVFF's augmentation in stage 3: noise, and mixing 5 : 1 : 1.
    #[must_use]
    pub fn open_avff_finetuning() -> Self {
        Self { mix: Some(Mix::open_avff()), ..Self::open_avff_pretraining() }
    }

    /// Checks every range for samples created with `spec`.
    ///
    /// # Errors
    /// [`SettingError`] for the first field out of range.
    pub fn validate(&self, spec: &ClipSpec) -> Result<(), SettingError> {
        self.mix.iter().try_for_each(|mix| mix.validate(spec))?;
        self.crop.iter().try_for_each(Crop::validate)?;
        self.flip.iter().try_for_each(Flip::validate)?;
        self.resample.iter().try_for_each(Resample::validate)?;
        self.color.iter().try_for_each(ColorJitter::validate)?;
        self.jpeg.iter().try_for_each(Jpeg::validate)?;
        self.gain.iter().try_for_each(Gain::validate)?;
        self.white_noise.iter().try_for_each(WhiteNoise::validate)?;
        self.lag.iter().try_for_each(|lag| lag.validate(&spec.audio))?;
        self.masks.iter().try_for_each(|masks| masks.validate(&spec.audio))?;
        self.noise.iter().try_for_each(Noise::validate)
    }

    /// Draws the random choices for one sample. Mixing is drawn separately ([`Mix::draw`]), before
    /// frames exist.
    #[must_use]
    pub fn plan(&self, key: RngKey, spec: &ClipSpec) -> Plan {
        let rng = |purpose| key.rng(purpose);
        let (width, height) = (spec.video.width, spec.video.height);
        let crop = |crop: &Crop| crop.draw(&mut rng(Purpose::Crop), width, height);
        let flip = |flip: &Flip| flip.draw(&mut rng(Purpose::Flip));
        let resample =
            |resample: &Resample| resample.draw(&mut rng(Purpose::Resample), width, height);
        let color = |color: &ColorJitter| color.draw(&mut rng(Purpose::Color));
        let jpeg = |jpeg: &Jpeg| jpeg.draw(&mut rng(Purpose::Jpeg));
        Plan {
            frame_steps: [
                self.crop.as_ref().map(crop),
                self.flip.as_ref().and_then(flip),
                self.resample.as_ref().map(resample),
                self.color.as_ref().map(color),
                self.jpeg.as_ref().map(jpeg),
            ]
            .into_iter()
            .flatten()
            .collect(),
            gain: self.gain.as_ref().map(|gain| gain.draw(&mut rng(Purpose::Gain))),
            white_noise: self.white_noise.as_ref().map(|noise| {
                let mut noise_rng = rng(Purpose::WhiteNoise);
                (noise.draw(&mut noise_rng), noise_rng)
            }),
            lag: self.lag.map_or(0, |lag| lag.draw(&mut rng(Purpose::Lag))),
            masks: self
                .masks
                .as_ref()
                .map(|masks| masks.draw(&mut rng(Purpose::Masks), &spec.audio)),
            noise: self.noise.map(|noise| (noise, rng(Purpose::Noise))),
        }
    }
}

/// An augmentation of a frame, drawn once per sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FrameStep {
    Crop(geometry::Area),
    Flip,
    Resample { width: usize, height: usize },
    Color(color::Steps),
    Jpeg(u8),
}

/// The random choices for one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    frame_steps: Vec<FrameStep>,
    gain: Option<f32>,
    white_noise: Option<(f64, Rng)>,
    lag: i32,
    masks: Option<masks::Spans>,
    noise: Option<(Noise, Rng)>,
}

impl Plan {
    /// Returns whether the plan modifies the waveform.
    #[must_use]
    pub fn changes_wave(&self) -> bool {
        self.gain.is_some() || self.white_noise.is_some()
    }

    /// Augments the frames, which keep their size.
    ///
    /// # Errors
    /// [`MediaError::Damaged`](avff_media::MediaError::Damaged) for frames that do not have the
    /// spec's size.
    pub fn frames(&self, frames: &mut [Frame]) -> Result<(), DataError> {
        for frame in frames {
            for step in &self.frame_steps {
                match step {
                    FrameStep::Crop(area) => *frame = area.apply(frame)?,
                    FrameStep::Flip => geometry::flip(frame),
                    &FrameStep::Resample { width, height } => {
                        *frame = geometry::resample(frame, width, height)?;
                    }
                    FrameStep::Color(steps) => steps.apply(frame),
                    &FrameStep::Jpeg(quality) => *frame = jpeg::recode(frame, quality)?,
                }
            }
        }
        Ok(())
    }

    /// Augments a waveform, which keeps its length.
    pub fn wave(&mut self, audio: &mut Audio) {
        if let Some(factor) = self.gain {
            wave::gain(audio, factor);
        }
        if let Some((ratio, rng)) = &mut self.white_noise {
            wave::white_noise(audio, *ratio, rng);
        }
    }

    /// Augments a filterbank before normalization.
    pub fn fbank(&self, rows: &mut [f32], spec: &AudioSpec) {
        lag::apply(rows, spec.mels, self.lag);
        if let Some(masks) = &self.masks {
            masks.apply(rows, spec.mels);
        }
    }

    /// Augments a normalized filterbank.
    pub fn normalized(&mut self, rows: &mut [f32], spec: &AudioSpec) {
        if let Some((noise, rng)) = &mut self.noise {
            noise.apply(rows, spec, rng);
        }
    }
}

/// Returns an error if a value is outside `low` to `high`.
fn within(field: &'static str, value: f64, low: f64, high: f64) -> Result<(), SettingError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let rule = format!("from {low} to {high}");
    Err(SettingError::new(field, value, rule))
}

/// Returns an error if a range is outside `low` to `high` or reversed.
fn range(
    field: &'static str,
    (from, to): (f64, f64),
    low: f64,
    high: f64,
) -> Result<(), SettingError> {
    within(field, from, low, high)?;
    within(field, to, from, high)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn all() -> AugmentConfig {
        AugmentConfig {
            mix: None,
            crop: Some(Crop { min_area: 0.5 }),
            flip: Some(Flip { probability: 0.5 }),
            resample: Some(Resample { scale: (0.3, 0.9) }),
            color: Some(ColorJitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
            jpeg: Some(Jpeg { quality: (30, 90) }),
            gain: Some(Gain { db: 6.0 }),
            white_noise: Some(WhiteNoise { snr_db: (10.0, 40.0) }),
            lag: None,
            masks: Some(Masks { frequency: 3, time: 5 }),
            noise: Some(Noise { level: 0.1, roll: false }),
        }
    }

    fn spec() -> ClipSpec {
        let mut spec = ClipSpec::open_avff();
        (spec.video.frames, spec.video.height, spec.video.width) = (3, 16, 24);
        (spec.audio.frames, spec.audio.mels) = (20, 8);
        spec
    }

    fn at(row: u64) -> RngKey {
        RngKey { seed: 1, epoch: 2, row, occurrence: 0 }
    }

    /// Three frames of noise; the last repeats the first.
    fn frames() -> Vec<Frame> {
        let frame = |salt: usize| {
            let rgb = (0..24 * 16 * 3).map(|i| ((i * i * 7 + i * salt) % 251) as u8).collect();
            Frame { width: 24, height: 16, rgb }
        };
        vec![frame(13), frame(57), frame(13)]
    }

    #[test]
    fn default_config_changes_nothing() {
        let config: AugmentConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(config, AugmentConfig::default());
        let mut plan = config.plan(at(0), &spec());
        let (mut augmented, mut rows) = (frames(), vec![1.5; 160]);
        let mut audio = Audio { rate: 8_000, channels: vec![vec![0.5; 9]] };
        plan.frames(&mut augmented).unwrap();
        plan.wave(&mut audio);
        plan.fbank(&mut rows, &spec().audio);
        plan.normalized(&mut rows, &spec().audio);
        assert_eq!(
            (augmented, rows, audio.channels),
            (frames(), vec![1.5; 160], vec![vec![0.5; 9]])
        );
        assert!(!plan.changes_wave());
    }

    #[test]
    fn configs_round_trip_and_reject_unknown_fields() {
        let json = serde_json::to_string(&all()).unwrap();
        assert_eq!(serde_json::from_str::<AugmentConfig>(&json).unwrap(), all());
        for text in [r#"{"flips":{}}"#, r#"{"flip":{"probability":0.5,"p":1}}"#, r#"{"flip":{}}"#] {
            assert!(serde_json::from_str::<AugmentConfig>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plans_depend_only_on_the_key() {
        let run = |key: RngKey| {
            let mut plan = all().plan(key, &spec());
            let (mut augmented, mut rows) = (frames(), vec![1.5; 160]);
            let mut audio = Audio { rate: 8_000, channels: vec![vec![0.5; 99]] };
            plan.frames(&mut augmented).unwrap();
            plan.wave(&mut audio);
            plan.fbank(&mut rows, &spec().audio);
            plan.normalized(&mut rows, &spec().audio);
            (augmented, audio, rows)
        };
        let first = run(at(5));
        assert_eq!(run(at(5)), first);
        let others = [at(6), RngKey { epoch: 3, ..at(5) }, RngKey { occurrence: 1, ..at(5) }];
        for other in others {
            let other = run(other);
            assert_ne!(other.0, first.0);
            assert_ne!(other.1, first.1);
            assert_ne!(other.2, first.2);
        }
    }

    /// Equal frames stay equal at any position, and audio keeps its length and position.
    #[test]
    fn synchronization_is_preserved() {
        for row in 0..20 {
            let mut plan = all().plan(at(row), &spec());
            let mut augmented = frames();
            plan.frames(&mut augmented).unwrap();
            assert_eq!(augmented[0], augmented[2]);
            assert_ne!(augmented[0], augmented[1]);
            assert!(
                augmented.iter().all(|p| (p.width, p.height, p.rgb.len()) == (24, 16, 24 * 16 * 3))
            );
            let mut click = Audio { rate: 8_000, channels: vec![vec![0.0; 1_000]; 2] };
            click.channels[0][321] = 1.0;
            plan.wave(&mut click);
            assert_eq!(click.channels.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 1_000]);
            let loudest = (0..1_000)
                .max_by(|&a, &b| click.channels[0][a].abs().total_cmp(&click.channels[0][b].abs()));
            assert_eq!(loudest, Some(321));
        }
    }

    #[test]
    fn augmentations_are_independent() {
        let only_masks = AugmentConfig { masks: all().masks, ..AugmentConfig::default() };
        for row in 0..20 {
            assert_eq!(only_masks.plan(at(row), &spec()).masks, all().plan(at(row), &spec()).masks);
        }
    }

    type Modify = fn(&mut AugmentConfig);

    #[test]
    fn validation_names_the_field() {
        all().validate(&spec()).unwrap();
        let cases: [(&str, Modify); 13] = [
            ("augment.mix.none", |c| c.mix = Some(Mix { none: f64::NAN, ..Mix::open_avff() })),
            ("augment.mix", |c| {
                c.mix = Some(Mix { none: 0.0, concat: 0.0, replace: 0.0, shift: 0.0 })
            }),
            ("augment.crop.min_area", |c| c.crop = Some(Crop { min_area: 0.0 })),
            ("augment.flip.probability", |c| c.flip = Some(Flip { probability: 1.1 })),
            ("augment.resample.scale", |c| c.resample = Some(Resample { scale: (0.9, 0.3) })),
            ("augment.color.hue", |c| c.color.as_mut().unwrap().hue = 0.6),
            ("augment.color.contrast", |c| c.color.as_mut().unwrap().contrast = -0.1),
            ("augment.jpeg.quality", |c| c.jpeg = Some(Jpeg { quality: (0, 90) })),
            ("augment.gain.db", |c| c.gain = Some(Gain { db: f64::INFINITY })),
            ("augment.white_noise.snr_db", |c| c.white_noise.as_mut().unwrap().snr_db.1 = 1e9),
            ("augment.masks.frequency", |c| c.masks = Some(Masks { frequency: 9, time: 0 })),
            ("augment.masks.time", |c| c.masks = Some(Masks { frequency: 0, time: 21 })),
            ("augment.noise.level", |c| c.noise = Some(Noise { level: -1.0, roll: true })),
        ];
        for (expected, modify) in cases {
            let mut config = all();
            modify(&mut config);
            let error = config.validate(&spec()).unwrap_err();
            assert!(error.field == expected, "{error}");
        }
    }
}
