//! Tests that encoders initialized from a published encoder compute equal results.
//!
//! The tests implement the published networks independently in plain operations, from the shapes
//! and forward passes of MARLIN (`marlin_pytorch/model`), AudioMAE (`models_mae.py`) and CAV-MAE
//! (`models/cav_mae.py`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed step should fail the test"
)]

mod audio_mae;
mod cav_mae;
mod layouts;
mod marlin;
mod published;
mod refusals;
mod resized;
mod setup;
mod source;

#[path = "../support/formula.rs"]
#[allow(dead_code, unreachable_pub, reason = "only the golden tests use the rest")]
mod formula;
#[path = "../support/torch_file.rs"]
#[allow(dead_code, unreachable_pub, reason = "only the golden tests use the rest")]
mod torch_file;

/// Features per token.
const DIM: usize = 24;
/// Number of attention heads.
const HEADS: usize = 3;
/// Blocks per encoder.
const DEPTH: usize = 2;
