//! Data sets as they lie on a disk, to rows of a manifest.
//!
//! Every data set has its own way to say which clip is fake: a table, a list, the name of a folder.
//! A [`Layout`] knows one of them. [`scan`] lists the files below a root once, reads the metadata
//! row by row, and tells of each clip what all data sets have in common: a [`Record`]. Clips that are
//! listed but not there are reported and left out, so that a copy of a part of a data set is one too.
//!
//! Metadata is taken to be hostile like any other file: rows and elements are bounded, nothing
//! leaves the root, and what cannot be trusted is refused with its place. [`metadata`] reads it
//! without a disk.

mod arrow;
mod av_deepfake1m;
mod df_timit;
mod dfdc;
mod fakeavceleb;
mod flat;
mod folder;
mod json;
mod kinetics;
mod kodf;
mod lav_df;
mod lrs3;
mod mavos_dd;
pub mod metadata;
mod path;
mod record;
mod scan;
mod table;
mod tree;
mod voxceleb2;

use std::{fmt, fs, ops::ControlFlow, path::Path, str::FromStr};

pub use self::{
    record::{COLUMNS, Category, Record, Split},
    scan::{Event, Problem, Summary},
};
use self::{
    scan::Scanner,
    tree::{Glimpse, Tree, Wanted},
};
use crate::error::{DatasetError, Reason};

/// A data set, by the way it lies on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// FakeAVCeleb v1.2.
    FakeAvCeleb,
    /// DFDC: training parts, preview, validation and test sets.
    Dfdc,
    /// KoDF.
    Kodf,
    /// LAV-DF.
    LavDf,
    /// AV-Deepfake1M and AV-Deepfake1M++.
    AvDeepfake1m,
    /// DeepfakeTIMIT.
    DfTimit,
    /// VoxCeleb2.
    VoxCeleb2,
    /// LRS3.
    Lrs3,
    /// Kinetics-400.
    Kinetics400,
    /// MAVOS-DD.
    MavosDd,
    /// Clips in `real/` and `fake/`.
    Folder,
}

/// What makes a layout.
struct Definition {
    name: &'static str,
    title: &'static str,
    /// What a root must hold, for the message when it does not.
    expected: &'static str,
    /// Columns of its own.
    extra: &'static [&'static str],
    wanted: Wanted,
    looks_like: fn(&Glimpse) -> bool,
    /// Offers its records; whether there was any sign of the layout.
    scan: fn(&mut Scanner<'_>) -> Result<bool, DatasetError>,
}

impl Layout {
    /// All of them. The more special come first: a data set may hold a folder named `real`.
    pub const ALL: [Self; 11] = [
        Self::FakeAvCeleb,
        Self::Dfdc,
        Self::Kodf,
        Self::LavDf,
        Self::AvDeepfake1m,
        Self::DfTimit,
        Self::VoxCeleb2,
        Self::Lrs3,
        Self::Kinetics400,
        Self::MavosDd,
        Self::Folder,
    ];

    /// Its name on the command line, such as `lav-df`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Its name among people.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.definition().title
    }

    /// What has to lie below its root.
    #[must_use]
    pub fn expected(self) -> &'static str {
        self.definition().expected
    }

    /// The columns of [`Record::extra`].
    #[must_use]
    pub fn extra_columns(self) -> &'static [&'static str] {
        self.definition().extra
    }

    /// The layouts that what lies below `root` looks like, by names alone.
    ///
    /// # Errors
    /// A root that cannot be listed.
    pub fn candidates(root: &Path) -> Result<Vec<Self>, DatasetError> {
        let glimpse = glimpse(root)?;
        Ok(Self::matching(&glimpse))
    }

    /// The one layout that what lies below `root` looks like.
    ///
    /// # Errors
    /// [`Reason::UnknownLayout`] where it looks like none or several, and a root that cannot be
    /// listed.
    pub fn detect(root: &Path) -> Result<Self, DatasetError> {
        let glimpse = glimpse(root)?;
        match Self::matching(&glimpse).as_slice() {
            &[only] => Ok(only),
            several => Err(DatasetError::new(
                root,
                Reason::UnknownLayout { candidates: names(several), found: glimpse.describe() },
            )),
        }
    }

    fn matching(glimpse: &Glimpse) -> Vec<Self> {
        let alike = |layout: &Self| (layout.definition().looks_like)(glimpse);
        let mut found: Vec<Self> = Self::ALL.into_iter().filter(alike).collect();
        // The names of folders are the weakest sign.
        if found.len() > 1 {
            found.retain(|&layout| layout != Self::Folder);
        }
        found
    }

    fn definition(self) -> &'static Definition {
        match self {
            Self::FakeAvCeleb => &fakeavceleb::LAYOUT,
            Self::Dfdc => &dfdc::LAYOUT,
            Self::Kodf => &kodf::LAYOUT,
            Self::LavDf => &lav_df::LAYOUT,
            Self::AvDeepfake1m => &av_deepfake1m::LAYOUT,
            Self::DfTimit => &df_timit::LAYOUT,
            Self::VoxCeleb2 => &voxceleb2::LAYOUT,
            Self::Lrs3 => &lrs3::LAYOUT,
            Self::Kinetics400 => &kinetics::LAYOUT,
            Self::MavosDd => &mavos_dd::LAYOUT,
            Self::Folder => &folder::LAYOUT,
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layout {
    type Err = Reason;

    fn from_str(name: &str) -> Result<Self, Reason> {
        let known = Self::ALL.into_iter().find(|layout| layout.name() == name);
        known.ok_or_else(|| Reason::NoSuchLayout { name: name.to_owned() })
    }
}

/// How to scan.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScanOptions {
    /// Whether clips that are listed but not there have a row all the same.
    pub keep_missing: bool,
}

/// Tells `emit` of every clip below `root` and of all that is amiss, until it breaks off.
///
/// Rows come in the order of the metadata, or of paths where there is none; equal files give equal
/// rows. Memory is that of the names of all files, about 100 bytes each.
///
/// # Errors
/// [`Reason::NotLayout`] where nothing of the layout is below the root, [`Reason::NoClips`]
/// where all that is listed is missing; for a metadata file what is wrong with it, with its path.
pub fn scan(
    layout: Layout,
    root: &Path,
    options: ScanOptions,
    emit: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Summary, DatasetError> {
    check_folder(root)?;
    let definition = layout.definition();
    let tree = Tree::walk(root, definition.wanted)?;
    let mut scanner = Scanner::new(root, &tree, options.keep_missing, emit);
    if !(definition.scan)(&mut scanner)? {
        let glimpse = Glimpse::of(root)?;
        let like: Vec<Layout> =
            Layout::matching(&glimpse).into_iter().filter(|&other| other != layout).collect();
        return Err(DatasetError::new(
            root,
            Reason::NotLayout {
                layout: definition.title,
                expected: definition.expected,
                found: glimpse.describe(),
                like: names(&like),
            },
        ));
    }
    let stopped = scanner.stopped();
    let summary = scanner.finish();
    let listed = summary.count(Problem::Missing) + summary.count(Problem::Refused);
    if summary.rows == 0 && !stopped {
        return Err(DatasetError::new(root, Reason::NoClips { listed }));
    }
    Ok(summary)
}

fn glimpse(root: &Path) -> Result<Glimpse, DatasetError> {
    check_folder(root)?;
    Glimpse::of(root)
}

fn check_folder(root: &Path) -> Result<(), DatasetError> {
    let metadata = fs::metadata(root)
        .map_err(|error| DatasetError::new(root, crate::manifest::open_error(error)))?;
    if metadata.is_dir() { Ok(()) } else { Err(DatasetError::new(root, Reason::NotAFolder)) }
}

fn names(layouts: &[Layout]) -> String {
    layouts.iter().map(|layout| layout.name()).collect::<Vec<_>>().join(", ")
}
