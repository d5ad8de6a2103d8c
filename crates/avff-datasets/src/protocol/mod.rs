//! Protocols that split clips into training and test sets.
//!
//! All functions work on a [`Table`] in memory and return a [`Split`], which assigns each row to a
//! subset or drops it. They are pure and deterministic. The assignment of a row depends on the
//! seed, the options and the contents of the rows. It does not depend on row order or platform.
//!
//! Randomness comes from hashes. Every indivisible group of rows is ranked by `SHA-256(seed as 8
//! little-endian bytes, smallest video_name of the group)`, compared byte by byte. Rows with equal
//! paths form one group, so no protocol assigns a file to two subsets.
//!
//! - [`table`]: the manifest in memory; [`strata`]: the values that a split balances.
//! - [`groups`]: indivisible groups of rows, and their ranks.
//! - [`subsets`]: names and fractions of subsets; [`random`]: random splits.
//! - [`subjects`]: subsets without shared identities and sources; k folds are equal subsets.
//! - [`leave_out`]: one category held out. [`balance`]: equal counts by down-sampling.
//! - [`leakage`]: values that subsets share. [`composition`]: the contents of each subset.
//! - [`error`]: the errors of split protocols.

pub mod balance;
pub mod composition;
pub mod error;
pub mod groups;
pub mod leakage;
pub mod leave_out;
pub mod random;
pub mod strata;
pub mod subjects;
pub mod subsets;
pub mod table;
mod write;

pub use self::{
    error::SplitError,
    groups::Groups,
    strata::Strata,
    subsets::{Split, Subsets},
    table::Table,
    write::{ColumnValues, Names},
};

/// The column with the subset of each row.
pub const SPLIT_COLUMN: &str = "split";
/// The column with the fold of each row, from 0.
pub const FOLD_COLUMN: &str = "fold";
/// The column with the persons in a clip, separated by `;`.
pub const IDENTITY_COLUMN: &str = "identity";
/// The column with the recording from which a clip was generated.
pub const SOURCE_COLUMN: &str = "source";
/// The column with the category of a fake.
pub const CATEGORY_COLUMN: &str = "category";
