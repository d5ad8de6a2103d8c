//! Data sets of audio-visual deepfakes: how they lie on a disk, the CSV manifests that list their
//! clips, and the protocols that split them.
//!
//! - [`layout`]: known data sets on a disk, to rows of a manifest.
//! - [`manifest`]: the CSV list of clips, read row by row.
//! - [`dataset`]: a manifest in memory.
//! - [`protocol`]: which clips train and which test, and what the two must not share.
//! - [`error`]: why one of them was refused.
//!
//! Manifests and metadata count as hostile: records are bounded, nothing leaves the root of a data
//! set, and every complaint names its line.
//!
//! ```
//! use avff_datasets::{DatasetError, ManifestReader};
//!
//! let csv = "video_name,target\nreal/a.mp4,0\nfake/b.mp4,1\n";
//! let rows = ManifestReader::from_reader(csv.as_bytes(), "set/test.csv", None)?;
//! let rows = rows.collect::<Result<Vec<_>, DatasetError>>()?;
//! assert_eq!(rows[1].path, std::path::Path::new("set/fake/b.mp4"));
//! assert_eq!(rows[1].target, Some(1));
//! # Ok::<(), DatasetError>(())
//! ```

#![forbid(unsafe_code)]

pub mod dataset;
pub mod error;
pub mod layout;
pub mod manifest;
pub mod protocol;

pub use self::{
    dataset::Dataset,
    error::{DatasetError, Reason},
    layout::Layout,
    manifest::{ManifestReader, Row},
};
