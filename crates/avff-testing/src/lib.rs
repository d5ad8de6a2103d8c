//! Checks of a crate's own source, for use in its tests.
//!
//! [`module_cycles`] finds top-level modules that depend on each other in a circle. A test keeps the
//! workspace free of them:
//!
//! ```
//! use std::path::Path;
//!
//! let root = Path::new(env!("CARGO_MANIFEST_DIR"));
//! assert_eq!(avff_testing::module_cycles(root), Vec::<Vec<String>>::new());
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "source that cannot be read fails the test that asked for it")]

mod graph;
mod source;

use std::path::Path;

/// The groups of top-level modules of a crate that depend on each other in circles; empty if there are
/// none.
///
/// A top-level module is a file or folder directly below `src`. It depends on another one if it names
/// the other one in a `use` item or in a path that begins with `crate` or `super`, outside items that are
/// compiled for tests only. Names that `lib.rs` re-exports count as names of their module. The root
/// itself (`lib.rs`, `main.rs`, `src/bin`) is not part of any circle.
///
/// # Panics
/// On source that cannot be read or is not Rust.
#[must_use]
pub fn module_cycles(crate_root: &Path) -> Vec<Vec<String>> {
    graph::cycles(&source::dependencies(&crate_root.join("src")))
}
