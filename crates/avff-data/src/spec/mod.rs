//! The clip spec: how a clip is converted to tensors, with the sizes and statistics of both
//! tensors.
//!
//! A checkpoint is only meaningful with the spec of its training. The spec is therefore plain
//! serializable data, stored beside the weights.

mod framing;
mod sampling;

use avff_face::FaceCrop;
use avff_media::{DamagePolicy, Decoder, OpenOptions, SettingError, Stream, Tracks, UnknownName};
use serde::{Deserialize, Serialize};

pub use self::{
    framing::{Framing, MAX_RATE, MIN_RATE},
    sampling::{Sampling, TrimSilence},
};

/// The metadata entry of a checkpoint that contains its clip spec.
pub const CLIP_ENTRY: &str = "clip";

/// Mean of ImageNet's R, G, B in `[0, 1]`: torchvision's constant, as in Open-AVFF's loader.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of ImageNet's R, G, B in `[0, 1]`: torchvision's constant.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Limits on a spec, so that a hostile spec cannot request unbounded memory.
const MAX_VIDEO_FRAMES: usize = 1024;
const MAX_SIDE: usize = 4096;
const MAX_VIDEO_VALUES: usize = 1 << 28;
const MAX_AUDIO_FRAMES: usize = 1 << 16;
/// Kaldi rejects three mel bins or fewer.
const MIN_MELS: usize = 4;
const MAX_MELS: usize = 1024;
/// Limits of the fbank frame length: a shorter frame contains no pitch period, a longer one more
/// than a syllable.
const MIN_MS: f64 = 1.0;
const MAX_MS: f64 = 1_000.0;

/// The preparation of a clip: both tensors, and how the clip is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipSpec {
    /// The frames.
    pub video: VideoSpec,
    /// The audio.
    pub audio: AudioSpec,
    /// Face crop applied first; `None` for full frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face: Option<FaceCrop>,
    /// The parts of a clip that become samples.
    #[serde(default, skip_serializing_if = "Sampling::is_whole")]
    pub sampling: Sampling,
    /// Silence trimming; `None` to match the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trim_silence: Option<TrimSilence>,
    /// The decoder.
    #[serde(default, skip_serializing_if = "Decoder::is_auto")]
    pub decoder: Decoder,
    /// The tracks to read where a clip has several.
    #[serde(default, skip_serializing_if = "Tracks::is_default")]
    pub tracks: Tracks,
    /// What is done with a clip that is damaged, where clips are scored.
    #[serde(default, skip_serializing_if = "DamagePolicy::is_refuse")]
    pub damage: DamagePolicy,
    /// Whether a clip gets a score only if a face speaks in it.
    #[serde(default, skip_serializing_if = "Speech::is_any")]
    pub speech: Speech,
    /// Single-modality ablation: the only stream that the network receives. The other stream must
    /// exist and is replaced by its mean. The ablation shows what a network detects from one
    /// modality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Stream>,
}

/// The video tensor `[3, frames, height, width]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoSpec {
    /// Number of frames, spread evenly over the clip.
    pub frames: usize,
    /// Height of each frame, in pixels.
    pub height: usize,
    /// Width of each frame, in pixels.
    pub width: usize,
    /// How a frame is fitted to `height` by `width`.
    pub fit: FrameFit,
    /// Subtracted from R, G, B in `[0, 1]`.
    pub mean: [f32; 3],
    /// Divides R, G, B after subtraction of the mean.
    pub std: [f32; 3],
    /// The colors that the network sees.
    #[serde(default, skip_serializing_if = "FrameColor::is_rgb")]
    pub color: FrameColor,
    /// The statistics that normalize the frames.
    #[serde(default, skip_serializing_if = "Standardize::is_fixed")]
    pub standardize: Standardize,
}

/// The audio tensor `[frames, mels]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioSpec {
    /// Number of fbank frames after stretching.
    pub frames: usize,
    /// Mel bins between 20 Hz and Nyquist.
    pub mels: usize,
    /// Subtracted from the log-mel energies.
    pub mean: f32,
    /// Divides the energies after subtraction of the mean.
    pub std: f32,
    /// Sample rate after resampling, in Hz, so that mel bins cover equal frequencies in every file;
    /// `None` for the file's own rate, as in the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Length of an fbank frame, in milliseconds.
    #[serde(default = "frame_ms", skip_serializing_if = "is_frame_ms")]
    pub frame_ms: f64,
    /// Distance between the starts of consecutive fbank frames, in milliseconds, before stretching
    /// to `frames`.
    #[serde(default = "shift_ms", skip_serializing_if = "is_shift_ms")]
    pub shift_ms: f64,
    /// The statistics that normalize the energies.
    #[serde(default, skip_serializing_if = "Standardize::is_fixed")]
    pub standardize: Standardize,
}

fn frame_ms() -> f64 {
    Framing::default().length_ms
}

fn shift_ms() -> f64 {
    Framing::default().shift_ms
}

fn is_frame_ms(value: &f64) -> bool {
    *value == frame_ms()
}

fn is_shift_ms(value: &f64) -> bool {
    *value == shift_ms()
}

/// How a frame is fitted to the spec's size.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum FrameFit {
    /// Resized with Pillow's antialiased bilinear filter, without preserving the aspect ratio:
    /// Open-AVFF's training and validation.
    Resize,
    /// The center of the frame without scaling, padded with black if smaller: Open-AVFF's
    /// `eval.py`.
    CenterCrop,
    /// Resized with its aspect ratio, with black bars on two sides.
    Letterbox,
}

/// The statistics that normalize a stream.
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
pub enum Standardize {
    /// The mean and standard deviation of the spec, as the reference.
    #[default]
    Fixed,
    /// The sample's own mean and standard deviation, over all its values. Exposure, contrast,
    /// loudness and microphones then differ less between data sets.
    Sample,
}

impl Standardize {
    fn is_fixed(&self) -> bool {
        *self == Self::Fixed
    }
}

/// The colors that the network sees.
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
pub enum FrameColor {
    /// Red, green and blue, as the reference.
    #[default]
    Rgb,
    /// The luma (ITU-R BT.601) in all three channels. Skin, make-up and white balance then differ
    /// less between data sets.
    Gray,
}

impl FrameColor {
    fn is_rgb(&self) -> bool {
        *self == Self::Rgb
    }
}

/// Which clips get a score. Training does not ask for it.
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
pub enum Speech {
    /// All clips that can be read.
    #[default]
    Any,
    /// Those in which a face speaks: lips and voice can be [compared](crate::synchrony). For networks that see
    /// nothing else, whose score of other clips would be invented.
    Required,
}

impl Speech {
    fn is_any(&self) -> bool {
        *self == Self::Any
    }
}

/// An invalid field of a clip spec.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("clip preparation: {field} is {value}, but must be {rule}")]
pub struct SpecError {
    /// The field, as a path from the root of the spec.
    pub field: &'static str,
    /// The value.
    pub value: String,
    /// The accepted values.
    pub rule: String,
}

impl From<SettingError> for SpecError {
    fn from(SettingError { field, value, rule }: SettingError) -> Self {
        Self { field, value, rule }
    }
}

impl ClipSpec {
    /// Returns the spec of the released Open-AVFF checkpoints: 16 frames of 224 x 224, 1024 x 128
    /// log-mels, with the statistics of its `dataloader.py`.
    #[must_use]
    pub fn open_avff() -> Self {
        Self {
            video: VideoSpec {
                frames: 16,
                height: 224,
                width: 224,
                fit: FrameFit::Resize,
                mean: IMAGENET_MEAN,
                std: IMAGENET_STD,
                color: FrameColor::Rgb,
                standardize: Standardize::Fixed,
            },
            audio: AudioSpec::kaldi(1024, 128, [-5.081, 4.4849]),
            face: None,
            sampling: Sampling::Whole,
            trim_silence: None,
            decoder: Decoder::Auto,
            tracks: Tracks::default(),
            damage: DamagePolicy::Refuse,
            speech: Speech::Any,
            only: None,
        }
    }

    /// Returns the preset `avff`: windows of 3.2 s on the clip's time axis, 16 frames at 5 fps and
    /// the audio of the same time span at 16 kHz, in fbank frames of 16 ms every 4 ms. The fbank's
    /// mean and standard deviation are those of [`open_avff`](Self::open_avff) until a data set's
    /// own are measured.
    #[must_use]
    pub fn avff() -> Self {
        let reference = Self::open_avff();
        let seconds = 3.2;
        Self {
            audio: AudioSpec {
                frames: 768,
                rate: Some(16_000),
                frame_ms: 16.0,
                shift_ms: 4.0,
                ..reference.audio
            },
            sampling: Sampling::Window { seconds, fps: 5.0, stride: seconds },
            ..reference
        }
    }

    /// Returns the spec with other sizes: `[frames, mels]` of the audio tensor, `[frames, height,
    /// width]` of the video tensor.
    #[must_use]
    pub fn with_sizes(mut self, audio: [usize; 2], video: [usize; 3]) -> Self {
        [self.audio.frames, self.audio.mels] = audio;
        [self.video.frames, self.video.height, self.video.width] = video;
        self
    }

    /// Returns the spec as weights store it. Which track to read and what to do with damage depend on the
    /// clips, not on the network.
    #[must_use]
    pub fn for_weights(&self) -> Self {
        Self { tracks: Tracks::default(), damage: DamagePolicy::Refuse, ..self.clone() }
    }

    /// Returns how clips are opened. A damaged clip is refused.
    #[must_use]
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions { decoder: self.decoder, tracks: self.tracks, damage: DamagePolicy::Refuse }
    }

    /// Returns how clips are opened for their windows, by the policy on damage. The only window of a
    /// clip that is sampled as a whole would be damaged, so the clip is refused.
    #[must_use]
    pub fn window_options(&self) -> OpenOptions {
        let refuses = self.sampling.is_whole();
        let damage = if refuses { DamagePolicy::Refuse } else { self.damage };
        OpenOptions { damage, ..self.open_options() }
    }

    /// Checks that tensors with bounded size and finite values can be created.
    ///
    /// # Errors
    /// The first field out of range.
    pub fn validate(&self) -> Result<(), SpecError> {
        self.video.validate()?;
        self.audio.validate()?;
        self.face.iter().try_for_each(FaceCrop::validate)?;
        if self.face.is_some() && self.video.fit == FrameFit::CenterCrop {
            let rule = "resize or letterbox if a face is cropped".into();
            return Err(SpecError { field: "video.fit", value: self.video.fit.to_string(), rule });
        }
        self.sampling.validate(self.video.frames)?;
        self.trim_silence.iter().try_for_each(TrimSilence::validate)?;
        if self.decoder.is_built_in() {
            return Ok(());
        }
        let rule = "auto or embedded: this build has no FFmpeg (cargo feature `ffmpeg`)".into();
        Err(SpecError { field: "decoder", value: self.decoder.to_string(), rule })
    }
}

/// Mean and standard deviation of levels in pictures of samples that were standardized by their own.
const SHOWN: [[f32; 3]; 2] = [[0.5; 3], [0.25; 3]];

impl VideoSpec {
    /// Returns the mean and standard deviation, per channel, that turn a sample's values back into
    /// levels from 0 to 1 for a picture. Those of [`Standardize::Sample`] are lost with the sample, so
    /// a picture then has a common brightness and contrast.
    #[must_use]
    pub fn shown(&self) -> [[f32; 3]; 2] {
        match self.standardize {
            Standardize::Fixed => [self.mean, self.std],
            Standardize::Sample => SHOWN,
        }
    }

    /// Returns the number of values in the tensor: `3 * frames * height * width`.
    #[must_use]
    pub fn values(&self) -> usize {
        3_usize.saturating_mul(self.frames).saturating_mul(self.height).saturating_mul(self.width)
    }

    fn validate(&self) -> Result<(), SpecError> {
        within("video.frames", self.frames, 1, MAX_VIDEO_FRAMES)?;
        within("video.height", self.height, 1, MAX_SIDE)?;
        within("video.width", self.width, 1, MAX_SIDE)?;
        within("3 * video.frames * height * width", self.values(), 1, MAX_VIDEO_VALUES)?;
        self.mean.iter().try_for_each(|&mean| finite("video.mean", mean))?;
        self.std.iter().try_for_each(|&std| positive("video.std", std))
    }
}

impl AudioSpec {
    /// Creates a spec with Kaldi's framing at the file's own rate, normalized by `[mean, std]`.
    #[must_use]
    pub fn kaldi(frames: usize, mels: usize, [mean, std]: [f32; 2]) -> Self {
        let Framing { length_ms: frame_ms, shift_ms } = Framing::default();
        let standardize = Standardize::Fixed;
        Self { frames, mels, mean, std, rate: None, frame_ms, shift_ms, standardize }
    }

    /// Returns the framing of a waveform.
    #[must_use]
    pub fn framing(&self) -> Framing {
        Framing { length_ms: self.frame_ms, shift_ms: self.shift_ms }
    }

    /// Returns the number of values in the tensor: `frames * mels`.
    #[must_use]
    pub fn values(&self) -> usize {
        self.frames.saturating_mul(self.mels)
    }

    fn validate(&self) -> Result<(), SpecError> {
        within("audio.frames", self.frames, 1, MAX_AUDIO_FRAMES)?;
        within("audio.mels", self.mels, MIN_MELS, MAX_MELS)?;
        finite("audio.mean", self.mean)?;
        positive("audio.std", self.std)?;
        if let Some(rate) = self.rate {
            within("audio.rate", rate as usize, MIN_RATE as usize, MAX_RATE as usize)?;
        }
        for (field, value) in [("audio.frame_ms", self.frame_ms), ("audio.shift_ms", self.shift_ms)]
        {
            if !(MIN_MS..=MAX_MS).contains(&value) {
                let rule = format!("from {MIN_MS} to {MAX_MS}");
                return Err(SpecError { field, value: value.to_string(), rule });
            }
        }
        Ok(())
    }
}

fn within(field: &'static str, value: usize, low: usize, high: usize) -> Result<(), SpecError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(SpecError { field, value: value.to_string(), rule: format!("from {low} to {high}") })
}

fn finite(field: &'static str, value: f32) -> Result<(), SpecError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(SpecError { field, value: value.to_string(), rule: "a finite number".into() })
}

fn positive(field: &'static str, value: f32) -> Result<(), SpecError> {
    // A subnormal deviation would turn ordinary values into infinities.
    if value.is_normal() && value > 0.0 {
        return Ok(());
    }
    Err(SpecError { field, value: value.to_string(), rule: "a positive number".into() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_and_json_agree() {
        for name in <FrameFit as strum::VariantNames>::VARIANTS {
            let fit: FrameFit = name.parse().unwrap();
            assert_eq!(fit.to_string(), *name);
            assert_eq!(serde_json::to_string(&fit).unwrap(), format!("\"{name}\""));
        }
        assert_eq!("Resize".parse::<FrameFit>(), Err(UnknownName::of::<FrameFit>("Resize")));
    }

    #[test]
    fn spec_round_trips_through_json() {
        let spec = ClipSpec::open_avff();
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<ClipSpec>(&json).unwrap(), spec);
        assert!(
            serde_json::from_str::<ClipSpec>(&json.replacen('{', "{\"fps\":5,", 1)).is_err(),
            "an unknown field would be silently ignored"
        );
    }

    type Modify = fn(&mut ClipSpec);

    #[test]
    fn validation_names_the_field() {
        let valid = ClipSpec::open_avff();
        assert_eq!(valid.validate(), Ok(()));
        assert_eq!(ClipSpec::avff().validate(), Ok(()));
        let cases: [(&str, Modify); 12] = [
            ("video.frames", |s| s.video.frames = 0),
            ("video.height", |s| s.video.height = usize::MAX),
            ("video.width", |s| s.video.width = 0),
            ("3 * video.frames * height * width", |s| {
                (s.video.frames, s.video.height) = (1024, 4096)
            }),
            ("video.mean", |s| s.video.mean[1] = f32::NAN),
            ("video.std", |s| s.video.std[2] = 0.0),
            ("audio.frames", |s| s.audio.frames = usize::MAX),
            ("audio.mels", |s| s.audio.mels = 3),
            ("audio.std", |s| s.audio.std = -1.0),
            ("audio.rate", |s| s.audio.rate = Some(0)),
            ("audio.frame_ms", |s| s.audio.frame_ms = f64::NAN),
            ("audio.shift_ms", |s| s.audio.shift_ms = 0.0),
        ];
        for (field, modify) in cases {
            let mut spec = valid.clone();
            modify(&mut spec);
            assert_eq!(spec.validate().unwrap_err().field, field);
        }
    }
}
