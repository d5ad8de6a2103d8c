//! Checks that the sizes of a config are consistent.

use super::{AudioSlices, AvffConfig, HeadInput, STEM_STRIDE, VideoStem, config};
use crate::error::ModelError;

/// Upper limit for all sizes, because a config can come from an untrusted file.
const MAX_SIZE: usize = 1 << 20;
/// Upper limit for the number of transformer blocks in a stack.
const MAX_DEPTH: usize = 512;

impl AvffConfig {
    /// Checks that the sizes are consistent. Every constructor of a model calls it.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the field and the reason.
    pub fn validate(&self) -> Result<(), ModelError> {
        self.validate_sizes()?;
        divides("audio.patch_frames", self.audio.patch_frames, "audio.frames", self.audio.frames)?;
        divides("audio.patch_mels", self.audio.patch_mels, "audio.mels", self.audio.mels)?;
        divides("video.tubelet", self.video.tubelet, "video.frames", self.video.frames)?;
        divides("video.patch", self.video.patch, "video.height", self.video.height)?;
        divides("video.patch", self.video.patch, "video.width", self.video.width)?;
        if self.video.stem == VideoStem::Convolutions && self.video.patch != STEM_STRIDE {
            let reason = format!("is {}, but convolutions need {STEM_STRIDE}", self.video.patch);
            return Err(config("video.patch", reason));
        }
        for (name, stack) in [("encoder", &self.encoder), ("decoder", &self.decoder)] {
            divides(&format!("{name}.heads"), stack.heads, &format!("{name}.dim"), stack.dim)?;
            // The 2-D sine-cosine table has four equal parts.
            divides("4", 4, &format!("{name}.dim"), stack.dim)?;
            if stack.depth > MAX_DEPTH {
                return Err(config(&format!("{name}.depth"), format!("is more than {MAX_DEPTH}")));
            }
            if !(stack.mlp_ratio > 0.0 && stack.mlp_ratio <= 64.0) || stack.hidden() == 0 {
                return Err(config(&format!("{name}.mlp_ratio"), "is not in (0, 64]".into()));
            }
        }
        divides("2", 2, "slices", self.slices)?;
        let audio = self.audio_grid();
        match self.audio_slices {
            AudioSlices::Mel => divides("slices", self.slices, "audio tokens", audio.tokens())?,
            AudioSlices::Time => divides("slices", self.slices, "audio time columns", audio.time)?,
        }
        divides("slices", self.slices, "video tubelets in time", self.video_grid().time)?;
        if self.head.input == HeadInput::Agreement && self.audio_slices != AudioSlices::Time {
            let reason = "compares slices of time, but audio_slices is \"mel\"".into();
            return Err(config("head.input", reason));
        }
        if self.head.input == HeadInput::Agreement && self.slices < 8 {
            return Err(config("slices", "is less than 8, but agreement compares offsets".into()));
        }
        if self.loss.rolled >= self.slices {
            let reason = format!("is not below the number of slices, {}", self.slices);
            return Err(config("loss.rolled", reason));
        }
        if !(0.0..1.0).contains(&self.head.dropout) {
            return Err(config("head.dropout", "is not in [0, 1)".into()));
        }
        if self.loss.temperature.is_nan() || self.loss.temperature <= 0.0 {
            return Err(config("loss.temperature", "is not greater than 0".into()));
        }
        for (field, weight) in [
            ("loss.reconstruction", self.loss.reconstruction),
            ("loss.contrastive", self.loss.contrastive),
        ] {
            if !weight.is_finite() || weight < 0.0 {
                return Err(config(field, "is not a finite number of at least 0".into()));
            }
        }
        Ok(())
    }

    fn validate_sizes(&self) -> Result<(), ModelError> {
        for (field, size) in [
            ("audio.frames", self.audio.frames),
            ("audio.mels", self.audio.mels),
            ("audio.patch_frames", self.audio.patch_frames),
            ("audio.patch_mels", self.audio.patch_mels),
            ("video.channels", self.video.channels),
            ("video.frames", self.video.frames),
            ("video.height", self.video.height),
            ("video.width", self.video.width),
            ("video.tubelet", self.video.tubelet),
            ("video.patch", self.video.patch),
            ("encoder.dim", self.encoder.dim),
            ("encoder.depth", self.encoder.depth),
            ("encoder.heads", self.encoder.heads),
            ("decoder.dim", self.decoder.dim),
            ("decoder.depth", self.decoder.depth),
            ("decoder.heads", self.decoder.heads),
            ("slices", self.slices),
            ("head.hidden", self.head.hidden),
        ] {
            if size == 0 || size > MAX_SIZE {
                return Err(config(field, format!("is {size}, not in 1..={MAX_SIZE}")));
            }
        }
        let (audio, video) = (self.audio_grid(), self.video_grid());
        let products = [
            ("audio tokens", audio.time.checked_mul(audio.mel)),
            (
                "video tokens",
                video.time.checked_mul(video.rows).and_then(|n| n.checked_mul(video.columns)),
            ),
        ];
        for (what, product) in products {
            if product.is_none_or(|n| n > MAX_SIZE) {
                return Err(config(what, format!("are more than {MAX_SIZE}")));
            }
        }
        Ok(())
    }
}

fn divides(part: &str, divisor: usize, whole: &str, size: usize) -> Result<(), ModelError> {
    if divisor != 0 && size != 0 && size.is_multiple_of(divisor) {
        return Ok(());
    }
    Err(config(whole, format!("is {size}, which {part} = {divisor} does not divide")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn inconsistent_sizes_name_their_field() {
        type Break = fn(&mut AvffConfig);
        let cases: [(&str, Break); 10] = [
            ("audio.frames", |c| c.audio.frames = 1000),
            ("video.width", |c| c.video.width = 225),
            ("video.frames", |c| c.video.frames = 0),
            ("video.patch", |c| {
                (c.video.patch, c.video.stem) = (32, VideoStem::Convolutions);
            }),
            ("encoder.dim", |c| c.encoder.heads = 5),
            ("slices", |c| c.slices = 7),
            ("head.dropout", |c| c.head.dropout = 1.0),
            ("loss.rolled", |c| c.loss.rolled = 8),
            ("encoder.depth", |c| c.encoder.depth = 100_000),
            ("encoder.mlp_ratio", |c| c.encoder.mlp_ratio = f64::NAN),
        ];
        for (field, break_it) in cases {
            let mut config = AvffConfig::open_avff();
            break_it(&mut config);
            let error = config.validate().unwrap_err();
            assert!(matches!(&error, ModelError::Config { field: f, .. } if f == field), "{error}");
        }
    }
}
