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
mod explain;
#[cfg(not(feature = "mpi"))]
mod launch;
mod made;
mod manifest;
mod reconstruct;
mod refusals;
mod report;
mod resume;
mod runs;
mod score;
mod setup;
mod shards;
mod split;
mod start;
mod synth;
#[path = "../../../avff-model/tests/support/torch_file.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the model's tests")]
mod torch_file;
mod train;
mod windows;
