//! Processes of an MPI job: this test starts itself again, by `mpirun`.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{env, process::Command};

use avff_train::distributed::{Launch, Processes, Ranks};

const WORLD: usize = 3;

/// A number of a process; in some places the sum depends on the order: 2^25 swallows 1.
fn number(rank: usize, place: usize) -> f32 {
    let of = [[33_554_432.0, 1.0, -33_554_432.0], [0.1, 1e-7, 3.7], [1.0, 33_554_432.0, 1.0]];
    of[place % 3][rank] * (1 + place % 5) as f32
}

#[test]
#[ignore = "one process of the job below"]
fn process() {
    let mut ranks = Ranks::start(&Launch::of_this_process().unwrap()).unwrap();
    let rank = ranks.rank();
    assert_eq!(ranks.world(), WORLD);
    // Fewer than processes, not a multiple of them, and more than are summed at a time.
    for count in [0, 1, 2, 3, 10, 1000, (4 << 20) + 5] {
        let mut values: Vec<f32> = (0..count).map(|place| number(rank, place)).collect();
        ranks.sum(&mut values).unwrap();
        for (place, value) in values.iter().enumerate() {
            let wanted = (0..WORLD).map(|rank| number(rank, place)).reduce(|a, b| a + b).unwrap();
            assert_eq!(value.to_bits(), wanted.to_bits(), "place {place} of {count}");
        }
    }
    let mut special = [f32::NAN, f32::INFINITY];
    ranks.sum(&mut special).unwrap();
    assert!(special[0].is_nan() && special[1] == f32::INFINITY);
    let all = ranks.gather(&[rank as f32, 0.5]).unwrap();
    assert_eq!(all, [0.0, 0.5, 1.0, 0.5, 2.0, 0.5]);
    assert!(ranks.gather(&[]).unwrap().is_empty());
    ranks.leave();
}

#[test]
#[ignore = "one process of the job below"]
fn process_that_gives_up() {
    let mut ranks = Ranks::start(&Launch::of_this_process().unwrap()).unwrap();
    if ranks.rank() == 1 {
        // As an error that is handed up would.
        return;
    }
    ranks.sum(&mut [1.0]).unwrap();
    ranks.leave();
}

fn job(test: &str) -> std::process::Output {
    let mut command = Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-n"]);
    command.arg(WORLD.to_string()).arg(env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", test]).output().unwrap()
}

#[test]
fn sums_are_in_the_order_of_ranks_and_the_same_for_all() {
    let output = job("process");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.matches("test result: ok. 1 passed").count(), WORLD, "{text}");
}

#[test]
fn one_that_goes_without_a_word_ends_all() {
    let output = job("process_that_gives_up");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
