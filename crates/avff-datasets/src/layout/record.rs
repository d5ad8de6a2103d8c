//! One clip of a data set, in the vocabulary that all data sets share.

use strum::{Display, EnumString, IntoStaticStr};

/// Which of the two streams is fake: the four types of FakeAVCeleb.
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
    /// The category of a clip with fake (`true`) or real video and audio.
    #[must_use]
    pub fn new(fake_video: bool, fake_audio: bool) -> Self {
        match (fake_video, fake_audio) {
            (false, false) => Self::RealReal,
            (false, true) => Self::RealFake,
            (true, false) => Self::FakeReal,
            (true, true) => Self::FakeFake,
        }
    }

    /// `RVRA`, `RVFA`, `FVRA` or `FVFA`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether anything in the clip is fake.
    #[must_use]
    pub fn is_fake(self) -> bool {
        self != Self::RealReal
    }
}

/// The part of a data set that its makers put a clip into.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Display, EnumString, IntoStaticStr,
)]
#[strum(ascii_case_insensitive)]
pub enum Split {
    /// To train on.
    #[strum(to_string = "train", serialize = "training")]
    Train,
    /// To choose by.
    #[strum(
        to_string = "val",
        serialize = "valid",
        serialize = "validate",
        serialize = "validation",
        serialize = "dev"
    )]
    Val,
    /// To report on.
    #[strum(to_string = "test", serialize = "testing")]
    Test,
}

impl Split {
    /// Reads the names that data sets give their splits, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        name.trim().parse().ok()
    }

    /// `train`, `val` or `test`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The columns of every manifest, before those of [`super::Layout::extra_columns`].
pub const COLUMNS: [&str; 8] =
    ["video_name", "target", "split", "category", "method", "identity", "source", "language"];

/// One clip. What the data set does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The file, relative to the root of the data set, parted by `/`.
    pub path: String,
    /// 1 for fake, 0 for real, none where the data set hides it.
    pub target: Option<u8>,
    /// The official split.
    pub split: Option<Split>,
    /// Which stream is fake.
    pub category: Option<Category>,
    /// The tool a fake was made with, as the data set names it; several are parted by `+`.
    pub method: String,
    /// Who is shown, as the data set names them; several are parted by `;`.
    pub identity: String,
    /// The clip a fake was made from, relative to the root; a real clip is its own source.
    pub source: String,
    /// ISO 639-1, where it is known.
    pub language: String,
    /// The cells of the layout's own columns, in their order.
    pub extra: Vec<String>,
}

impl Record {
    /// A clip in which nothing is fake.
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

    /// A fake of which only that is known.
    #[must_use]
    pub fn fake(path: String) -> Self {
        Self { target: Some(1), path, ..Self::default() }
    }

    /// A clip of a known category.
    #[must_use]
    pub fn of(category: Category, path: String) -> Self {
        if category.is_fake() {
            Self { category: Some(category), ..Self::fake(path) }
        } else {
            Self::real(path)
        }
    }
}
