//! Which clips train a detector and which judge it.
//!
//! All functions here work on a [`Table`] in memory and give a [`Split`]: a part for every row, or
//! none for a row that is left out. They are pure and seeded: a row's place depends on the seed, the
//! options and what the rows say, never on the order of the rows or on the platform.
//!
//! How chance is drawn: every group of rows that must stay together is ranked by
//! `SHA-256(seed as 8 little-endian bytes, smallest video_name of the group)`, compared byte by byte.
//! Rows of one path always stay together, so no protocol puts a file on two sides.
//!
//! - [`table`]: the manifest in memory; [`strata`]: the values a split keeps in balance.
//! - [`groups`]: rows that must stay together, and their ranks.
//! - [`parts`]: names and shares of parts, and [`random`].
//! - [`subjects`]: parts that share no identity and no source; k folds are equal such parts.
//! - [`leave_out`]: one category held out. [`balance`]: equal counts by down-sampling.
//! - [`leakage`]: what two parts have in common. [`composition`]: what is in each part.
//! - [`error`]: why a split is refused.

pub mod balance;
pub mod composition;
pub mod error;
pub mod groups;
pub mod leakage;
pub mod leave_out;
pub mod parts;
pub mod random;
pub mod strata;
pub mod subjects;
pub mod table;
mod write;

pub use self::{
    error::SplitError,
    groups::Groups,
    parts::{Parts, Split},
    strata::Strata,
    table::Table,
    write::{Marks, Names},
};

/// The column with the part of each row.
pub const SPLIT_COLUMN: &str = "split";
/// The column with the fold of each row, from 0.
pub const FOLD_COLUMN: &str = "fold";
/// The column with the people in a clip, several joined by `;`.
pub const IDENTITY_COLUMN: &str = "identity";
/// The column with the recording a clip is made from.
pub const SOURCE_COLUMN: &str = "source";
/// The column with the kind of fake.
pub const CATEGORY_COLUMN: &str = "category";
