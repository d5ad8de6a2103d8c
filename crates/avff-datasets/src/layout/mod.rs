//! Converts data sets on disk to manifest rows.
//!
//! Data sets state in different ways which clips are fake: in a table, in a list, or by the name of
//! a folder. A [`Layout`] implements one of them. [`scan`] lists the files below a root once, reads
//! the metadata row by row, and emits a [`Record`] with the common fields for each clip. Listed
//! clips without a file are reported and skipped, so a partial copy of a data set is valid too.
//!
//! Metadata is untrusted input. Rows and elements are bounded, no path leaves the root, and invalid
//! entries are rejected with their position. [`metadata`] reads metadata without a disk.

mod arrow;
mod av_deepfake1m;
mod df_timit;
mod dfdc;
mod fakeavceleb;
mod flatbuffers;
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
    tree::{Filter, Listing, Tree},
};
use crate::error::{DatasetError, Reason};

/// A data set layout on disk.
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

/// The definition of a layout.
struct Definition {
    name: &'static str,
    title: &'static str,
    /// The files that the layout requires, for error messages.
    expected: &'static str,
    /// The layout's additional columns.
    extra: &'static [&'static str],
    filter: Filter,
    looks_like: fn(&Listing) -> bool,
    /// Emits all records. Returns whether the root contains the layout.
    scan: fn(&mut Scanner<'_>) -> Result<bool, DatasetError>,
}

impl Layout {
    /// All layouts. More specific layouts come first, because a data set may contain a folder named
    /// `real`.
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

    /// Returns the name on the command line, such as `lav-df`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Returns the display name.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.definition().title
    }

    /// Returns the files that the layout requires below its root.
    #[must_use]
    pub fn expected(self) -> &'static str {
        self.definition().expected
    }

    /// Returns the columns of [`Record::extra`].
    #[must_use]
    pub fn extra_columns(self) -> &'static [&'static str] {
        self.definition().extra
    }

    /// Returns the layouts that the names below `root` match.
    ///
    /// # Errors
    /// The root cannot be listed.
    pub fn candidates(root: &Path) -> Result<Vec<Self>, DatasetError> {
        let listing = listing(root)?;
        Ok(Self::matching(&listing))
    }

    /// Returns the only layout that the names below `root` match.
    ///
    /// # Errors
    /// [`Reason::UnknownLayout`] if no layout or several match, and an error if the root cannot be
    /// listed.
    pub fn detect(root: &Path) -> Result<Self, DatasetError> {
        let listing = listing(root)?;
        match Self::matching(&listing).as_slice() {
            &[only] => Ok(only),
            several => Err(DatasetError::new(
                root,
                Reason::UnknownLayout { candidates: names(several), found: listing.describe() },
            )),
        }
    }

    fn matching(listing: &Listing) -> Vec<Self> {
        let matches = |layout: &Self| (layout.definition().looks_like)(listing);
        let mut layouts: Vec<Self> = Self::ALL.into_iter().filter(matches).collect();
        // Folder names are the weakest evidence.
        if layouts.len() > 1 {
            layouts.retain(|&layout| layout != Self::Folder);
        }
        layouts
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
        let layout = Self::ALL.into_iter().find(|layout| layout.name() == name);
        layout.ok_or_else(|| Reason::NoSuchLayout { name: name.to_owned() })
    }
}

/// Options of a scan.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScanOptions {
    /// Whether to emit rows for listed clips without a file.
    pub keep_missing: bool,
}

/// Passes every clip below `root` and every problem to `emit`, until `emit` breaks.
///
/// Rows follow the order of the metadata, or of the paths if there is no metadata. Equal files give
/// equal rows. Memory holds the names of all files, about 100 bytes each.
///
/// # Errors
/// [`Reason::NotLayout`] if the root does not contain the layout, [`Reason::NoClips`] if all listed
/// clips are missing, or the error of a metadata file with its path.
pub fn scan(
    layout: Layout,
    root: &Path,
    options: ScanOptions,
    emit: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Summary, DatasetError> {
    check_folder(root)?;
    let definition = layout.definition();
    let tree = Tree::walk(root, definition.filter)?;
    let mut scanner = Scanner::new(root, &tree, options.keep_missing, emit);
    if !(definition.scan)(&mut scanner)? {
        let listing = Listing::of(root)?;
        let like: Vec<Layout> =
            Layout::matching(&listing).into_iter().filter(|&other| other != layout).collect();
        return Err(DatasetError::new(
            root,
            Reason::NotLayout {
                layout: definition.title,
                expected: definition.expected,
                found: listing.describe(),
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

fn listing(root: &Path) -> Result<Listing, DatasetError> {
    check_folder(root)?;
    Listing::of(root)
}

fn check_folder(root: &Path) -> Result<(), DatasetError> {
    let metadata = fs::metadata(root)
        .map_err(|error| DatasetError::new(root, crate::manifest::open_error(error)))?;
    if metadata.is_dir() { Ok(()) } else { Err(DatasetError::new(root, Reason::NotAFolder)) }
}

fn names(layouts: &[Layout]) -> String {
    layouts.iter().map(|layout| layout.name()).collect::<Vec<_>>().join(", ")
}
