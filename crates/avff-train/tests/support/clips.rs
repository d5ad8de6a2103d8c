//! Clips without files, and a network that is small enough for many steps.

use std::{path::Path, sync::Arc};

use avff_data::{
    ClipError, ClipSpec,
    decode::{DecodeRequest, DecodedAudio, DecodedClip},
    loader::{Choose, ReadClip},
};
use avff_datasets::{Dataset, manifest::Row};
use avff_media::{Frame, MediaError};

/// Provides clips whose values follow from their names. Clips named `bad...` are unreadable, and
/// the values of clips named `loud...` are not finite.
pub struct SyntheticReader(pub ClipSpec);

impl ReadClip for SyntheticReader {
    fn spec(&self) -> &ClipSpec {
        &self.0
    }

    fn read(&self, path: &Path, _: DecodeRequest, _: Choose<'_>) -> Result<DecodedClip, ClipError> {
        let name = path.to_str().unwrap();
        if name.starts_with("bad") {
            return Err(ClipError::new(path, MediaError::Empty));
        }
        let number: usize = name.trim_start_matches(char::is_alphabetic).parse().unwrap();
        let (width, height) = (self.0.video.width, self.0.video.height);
        let rgb = |frame: usize| {
            let bytes = 0..3 * width * height;
            bytes.map(|i| ((i * (number + 3) + frame * 31) % 251) as u8).collect()
        };
        let frames = (0..self.0.video.frames)
            .map(|frame| Frame { width, height, rgb: rgb(frame) })
            .collect();
        let level = if name.starts_with("loud") { f32::INFINITY } else { 1.0 };
        let fbank = (0..self.0.audio.values())
            .map(|i| (((i * (number + 5)) % 97) as f32 / 20.0 - 7.0) * level)
            .collect();
        let audio = Some(DecodedAudio::Fbank(fbank));
        Ok(DecodedClip { frames, audio, without_face: false })
    }

    fn concat(&self, first: &Path, _: &Path) -> Result<DecodedClip, ClipError> {
        Err(ClipError::new(first, MediaError::Empty))
    }
}

/// A small network.
pub const NETWORK: &str = r#"
[model]
preset = "avff"
[model.config]
audio.frames = 128
audio.mels = 32
video.height = 32
video.width = 32
encoder.dim = 24
encoder.depth = 1
encoder.heads = 3
decoder.dim = 12
decoder.depth = 1
decoder.heads = 3
head.hidden = 16
head.dropout = 0.3
loss = { contrastive = 0.01, contrastive_over = "clips", temperature = 0.05 }
"#;

/// Rows of these names with alternating targets.
pub fn dataset(names: &[&str]) -> Arc<Dataset> {
    let rows = names.iter().enumerate().map(|(index, name)| Row {
        name: (*name).to_owned(),
        path: name.into(),
        target: Some((index % 2) as u8),
        extra: Vec::new(),
        line: index as u64 + 2,
    });
    Arc::new(Dataset::new(rows.collect(), Vec::new()).unwrap())
}
