//! Some hundred damaged inputs of every kind. `benches/damage_campaign.rs` reads many more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    reason = "a failed unwrap fails the test; the table is printed"
)]

mod damage;

use avff_media::Decoder;
use damage::Campaign;

/// Enough for every kind, and few enough for seconds.
const MUTANTS: u64 = 220;

#[test]
fn no_damage_changes_a_score_unnoticed() {
    let root = tempfile::tempdir().unwrap();
    let campaign = Campaign::new(1, &[Decoder::Embedded], root.path());
    let report = campaign.run_all(MUTANTS, None, root.path());
    println!("{}", report.table());
    let faults = report.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
