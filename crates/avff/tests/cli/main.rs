//! Scenarios through the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop where they cannot go on"
)]

mod check;
mod checkpoints;
mod crop;
mod eval;
mod manifest;
mod refusals;
mod resume;
mod score;
mod setup;
mod split;
mod synth;
mod windows;
