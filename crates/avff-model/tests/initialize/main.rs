//! Encoders that start from a published one compute what it computes.
//!
//! The published networks are stated here by themselves, in plain operations, from the shapes and forward passes of
//! MARLIN (`marlin_pytorch/model`), AudioMAE (`models_mae.py`) and CAV-MAE (`models/cav_mae.py`).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests stop where they cannot go on"
)]

mod audio_mae;
mod cav_mae;
mod marlin;
mod published;
mod refusals;
mod resized;
mod source;
mod start;

#[path = "../support/formula.rs"]
#[allow(dead_code, unreachable_pub, reason = "the goldens need more of it")]
mod formula;
#[path = "../support/torch_file.rs"]
#[allow(dead_code, unreachable_pub, reason = "the goldens need more of it")]
mod torch_file;

/// Features of a token.
const DIM: usize = 24;
/// Attention heads.
const HEADS: usize = 3;
/// Blocks of an encoder.
const DEPTH: usize = 2;
