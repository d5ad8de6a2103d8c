//! A clip's row in a manifest.

use super::{config::SynthConfig, plan::Plan};
use avff_datasets::layout::COLUMNS;

/// The columns after those of every manifest.
pub const EXTRA_COLUMNS: [&str; 4] = ["voice", "shift_ms", "fake_from", "fake_to"];

/// The columns of a set's manifests.
pub fn columns() -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().chain(EXTRA_COLUMNS)
}

impl Plan {
    /// The clip's folder, relative to the set's and parted by `/`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{:06}", self.split, self.index)
    }

    /// The cells of [`columns`]. Faces and voices are named with seed and split, so that no two sets
    /// and no two splits seem to share any.
    #[must_use]
    pub fn row(&self, config: &SynthConfig) -> [String; 12] {
        let person =
            |kind: char, number: u64| format!("s{}-{}-{kind}{number:03}", config.seed, self.split);
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
            person('f', self.face),
            if real { self.name() } else { String::new() },
            String::new(),
            person('v', self.heard_voice(config)),
            self.shift_ms.to_string(),
            from,
            to,
        ]
    }
}
