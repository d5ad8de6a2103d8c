//! One clip of a data set, with the fields common to all data sets.

use strum::{Display, EnumString, IntoStaticStr};

/// Which streams are fake: the four types of FakeAVCeleb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, IntoStaticStr)]
pub enum Category {
    /// Real video, real audio.
    #[strum(serialize = "RVRA")]
    RealReal,
    /// Real video, fake audio.
    #[strum(serialize = "RVFA")]
    RealFake,
    /// Fake video, real audio.
    #[strum(serialize = "FVRA")]
    FakeReal,
    /// Fake video, fake audio.
    #[strum(serialize = "FVFA")]
    FakeFake,
}

impl Category {
    /// Returns the category of a clip with fake (`true`) or real video and audio.
    #[must_use]
    pub fn new(fake_video: bool, fake_audio: bool) -> Self {
        match (fake_video, fake_audio) {
            (false, false) => Self::RealReal,
            (false, true) => Self::RealFake,
            (true, false) => Self::FakeReal,
            (true, true) => Self::FakeFake,
        }
    }

    /// Returns `RVRA`, `RVFA`, `FVRA` or `FVFA`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns whether any stream is fake.
    #[must_use]
    pub fn is_fake(self) -> bool {
        self != Self::RealReal
    }
}

/// The official split of a clip.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumString, IntoStaticStr,
)]
#[strum(ascii_case_insensitive)]
pub enum Split {
    /// Training clips.
    #[strum(to_string = "train", serialize = "training")]
    Train,
    /// Validation clips.
    #[strum(
        to_string = "val",
        serialize = "valid",
        serialize = "validate",
        serialize = "validation",
        serialize = "dev"
    )]
    Val,
    /// Test clips.
    #[strum(to_string = "test", serialize = "testing")]
    Test,
}

impl Split {
    /// Parses the split names of data sets, ignoring case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        name.trim().parse().ok()
    }

    /// Returns `train`, `val` or `test`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The columns of every manifest, before the columns of [`super::Layout::extra_columns`].
pub const COLUMNS: [&str; 8] =
    ["video_name", "target", "split", "category", "method", "identity", "source", "language"];

/// One clip. Unknown fields are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The file, relative to the root of the data set, separated by `/`.
    pub path: String,
    /// 1 for fake, 0 for real, `None` if the label is hidden.
    pub target: Option<u8>,
    /// The official split.
    pub split: Option<Split>,
    /// The streams that are fake.
    pub category: Option<Category>,
    /// The generation method of a fake, as named by the data set; several are separated by `+`.
    pub method: String,
    /// The persons in the clip, as named by the data set; several are separated by `;`.
    pub identity: String,
    /// The clip from which a fake was generated, relative to the root. A real clip is its own
    /// source.
    pub source: String,
    /// ISO 639-1 code, if known.
    pub language: String,
    /// The cells of the layout's additional columns, in order.
    pub extra: Vec<String>,
}

impl Record {
    /// Creates the record of a real clip.
    #[must_use]
    pub fn real(path: String) -> Self {
        Self {
            target: Some(0),
            category: Some(Category::RealReal),
            source: path.clone(),
            path,
            ..Self::default()
        }
    }

    /// Creates the record of a fake clip with an unknown category.
    #[must_use]
    pub fn fake(path: String) -> Self {
        Self { target: Some(1), path, ..Self::default() }
    }

    /// Creates the record of a clip with a known category.
    #[must_use]
    pub fn with_category(category: Category, path: String) -> Self {
        if category.is_fake() {
            Self { category: Some(category), ..Self::fake(path) }
        } else {
            Self::real(path)
        }
    }
}
