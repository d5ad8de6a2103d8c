//! Every layout in miniature, built from what is documented of it, and every row of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod detect;
mod fakes;
mod hostile;
mod listed;
mod reals;
mod setup;
