//! Tests files of `torch.save` as training scripts write them, damaged files, and sharded
//! checkpoints.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a failed step should fail the test"
)]

mod damage;
mod modules;
mod protocols;
mod setup;
mod shards;
mod wrappers;

#[path = "../support/networks.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod networks;
#[path = "../support/pickle.rs"]
mod pickle;
#[path = "../support/torch_file.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod torch_file;
