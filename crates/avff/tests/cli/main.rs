//! Scenarios through the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop where they cannot go on"
)]

mod cache;
mod check;
mod checkpoints;
mod compare;
mod crop;
mod eval;
mod manifest;
mod refusals;
mod report;
mod resume;
mod runs;
mod score;
mod setup;
mod shards;
mod split;
mod train;
mod windows;
