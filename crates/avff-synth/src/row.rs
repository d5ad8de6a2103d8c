//! The row of a clip in a manifest.

use super::{config::SynthConfig, plan::Plan};
use avff_datasets::layout::COLUMNS;

/// The extra columns, after the columns of every manifest.
pub const EXTRA_COLUMNS: [&str; 4] = ["voice", "shift_ms", "fake_from", "fake_to"];

/// Returns the columns of a synthetic dataset's manifests.
pub fn columns() -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().chain(EXTRA_COLUMNS)
}

impl Plan {
    /// Returns the clip's folder, relative to the dataset's folder and separated by `/`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{:06}", self.split, self.index)
    }

    /// Returns the cells of [`columns`]. Names of faces and voices contain seed and split, so that
    /// two datasets or two splits never seem to share one.
    #[must_use]
    pub fn row(&self, config: &SynthConfig) -> [String; 12] {
        let voice = format!("s{}-{}-v{:03}", config.seed, self.split, self.audio_voice(config));
        self.row_with_voice(config, voice)
    }

    /// Like [`row`](Self::row), with the name of a recorded speaker.
    #[must_use]
    pub fn row_with_voice(&self, config: &SynthConfig, voice: String) -> [String; 12] {
        let (from, to) = self
            .fake
            .map_or_else(Default::default, |(from, to)| (from.to_string(), to.to_string()));
        let real = !self.method.is_fake();
        [
            self.name(),
            u8::from(!real).to_string(),
            self.split.to_string(),
            self.method.category().to_owned(),
            if real { String::new() } else { self.method.to_string() },
            format!("s{}-{}-f{:03}", config.seed, self.split, self.face),
            if real { self.name() } else { String::new() },
            String::new(),
            voice,
            self.shift_ms.to_string(),
            from,
            to,
        ]
    }
}
