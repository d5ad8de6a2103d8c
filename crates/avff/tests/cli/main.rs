//! Scenario tests that run the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test panics where it cannot continue"
)]

mod bundled;
mod cache;
mod calibrate;
mod check;
mod checkpoints;
mod compare;
mod crop;
mod damage;
mod eval;
mod explain;
mod init;
#[cfg(not(feature = "mpi"))]
mod launch;
mod localize;
mod manifest;
mod memory;
mod mistaken;
mod outputs;
mod pack;
mod reconstruct;
mod reference;
mod refusals;
mod report;
mod report_clip;
mod resume;
mod robustness;
mod runs;
mod score;
mod setup;
mod shards;
mod split;
mod synth;
mod tables;
#[path = "../../../avff-model/tests/support/torch_file.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the model's tests")]
mod torch_file;
mod train;
mod train_messages;
mod windows;
