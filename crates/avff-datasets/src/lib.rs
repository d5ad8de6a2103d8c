//! Data sets of audio-visual deepfakes: directory layouts, CSV manifests and split protocols.
//!
//! - [`layout`]: converts known data sets on disk to manifest rows.
//! - [`manifest`]: reads the CSV list of clips row by row.
//! - [`dataset`]: a manifest in memory.
//! - [`protocol`]: splits clips into training and test sets, and detects leakage between them.
//! - [`error`]: the errors of this crate.
//!
//! Manifests and metadata are untrusted input. Records are bounded, no path leaves the root of a
//! data set, and every error names its line.
//!
//! ```
//! use avff_datasets::{DatasetError, ManifestOptions, ManifestReader};
//!
//! let csv = "video_name,target\nreal/a.mp4,0\nfake/b.mp4,1\n";
//! let options = ManifestOptions::default();
//! let rows = ManifestReader::from_reader(csv.as_bytes(), "set/test.csv", &options)?;
//! let rows = rows.collect::<Result<Vec<_>, DatasetError>>()?;
//! assert_eq!(rows[1].path, std::path::Path::new("set/fake/b.mp4"));
//! assert_eq!(rows[1].target, Some(1));
//! # Ok::<(), DatasetError>(())
//! ```

#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod dataset;
pub mod error;
pub mod layout;
pub mod manifest;
mod normal_form;
pub mod protocol;

pub use self::{
    dataset::Dataset,
    error::{DatasetError, Reason},
    layout::Layout,
    manifest::{ColumnNames, Condition, ManifestOptions, ManifestReader, Row},
};
