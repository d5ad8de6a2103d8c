//! Checks of a crate's own source, for tests.
//!
//! [`module_cycles`] detects cyclic dependencies between top-level modules. A test keeps the
//! workspace free of them:
//!
//! ```
//! use std::path::Path;
//!
//! let root = Path::new(env!("CARGO_MANIFEST_DIR"));
//! assert_eq!(avff_testing::module_cycles(root), Vec::<Vec<String>>::new());
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "unreadable source fails the calling test")]

mod graph;
mod source;

use std::path::Path;

/// Returns the groups of top-level modules of a crate with cyclic dependencies; empty if there are
/// none.
///
/// A top-level module is a file or folder directly below `src`. It depends on another module if it
/// names the module in a `use` item or in a path that starts with `crate` or `super`. Items
/// compiled only for tests are ignored. Names that `lib.rs` re-exports count as names of their
/// module. The root itself (`lib.rs`, `main.rs`, `src/bin`) is never part of a cycle.
///
/// # Panics
/// If the source cannot be read or is not valid Rust.
#[must_use]
pub fn module_cycles(crate_root: &Path) -> Vec<Vec<String>> {
    graph::cycles(&source::dependencies(&crate_root.join("src")))
}
