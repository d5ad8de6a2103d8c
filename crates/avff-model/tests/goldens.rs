//! Compares the network with reference values from PyTorch, on flex. `support/compare.rs` has the
//! tolerances and their reasons; the `avff` crate runs these checks on the other backends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    dead_code
)]

mod support;

use avff_model::Classifier;
use burn::backend::Autodiff;
use burn_flex::Flex;
use serde_json::Value;
use support::{
    compare::{EXACT, GRADIENT},
    golden::{self, Tolerances},
};

const TOLERANCES: Tolerances =
    Tolerances { value: EXACT, gradient: GRADIENT, trajectory: GRADIENT };

fn tiny() -> Value {
    serde_json::from_str(include_str!("fixtures/model_tiny.json")).unwrap()
}

fn micro() -> Value {
    serde_json::from_str(include_str!("fixtures/stage2_micro.json")).unwrap()
}

#[test]
fn classifier() {
    golden::check_classifier::<Flex>(&tiny()["classifier_tiny"], 3, EXACT, &Default::default());
}

#[test]
fn packed_classifier() {
    let golden = &tiny()["classifier_tiny"];
    let pack = Classifier::<Flex>::into_packed;
    golden::check_classifier_after(golden, 3, EXACT, &Default::default(), pack);
}

#[test]
fn fine_tuning() {
    golden::check_finetune::<Autodiff<Flex>>(
        &tiny()["classifier_tiny"],
        TOLERANCES,
        &Default::default(),
    );
}

#[test]
fn pre_training() {
    let golden = &tiny()["pretrain_tiny"];
    golden::check_pretrain::<Autodiff<Flex>>(golden, 3, TOLERANCES, &Default::default());
    golden::check_plain_targets::<Flex>(golden, 3, EXACT, &Default::default());
}

#[test]
fn pre_training_micro() {
    let golden = &micro()["pretrain_micro"];
    golden::check_pretrain::<Autodiff<Flex>>(golden, 2, TOLERANCES, &Default::default());
    golden::check_plain_targets::<Flex>(golden, 2, EXACT, &Default::default());
}
