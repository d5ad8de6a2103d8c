//! Tests every layout on miniature data sets built from the layout's documentation.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

mod detect;
mod fakes;
mod hostile;
mod listed;
mod reals;
mod setup;
