//! How weights follow gradients.
#![allow(dead_code)]

mod config;

pub use self::config::{Group, OptimizerConfig, OptimizerKind};
