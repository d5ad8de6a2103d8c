//! Tests MPI jobs: this test starts itself again with `mpirun`.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{env, process::Command};

use avff_train::distributed::{Launch, ProcessGroup, Processes, Ranks, Replicas};

const WORLD: usize = 3;

/// Returns a number of a process; at some indices the sum depends on the order, because 2^25
/// absorbs 1.
fn number(rank: usize, index: usize) -> f32 {
    let of = [[33_554_432.0, 1.0, -33_554_432.0], [0.1, 1e-7, 3.7], [1.0, 33_554_432.0, 1.0]];
    of[index % 3][rank] * (1 + index % 5) as f32
}

#[test]
#[ignore = "one process of the job below"]
fn process() {
    let mut ranks = Ranks::start(&Launch::detect().unwrap()).unwrap();
    let rank = ranks.rank();
    assert_eq!(ranks.world(), WORLD);
    // Fewer than processes, not a multiple of them, and more than one reduction handles.
    for count in [0, 1, 2, 3, 10, 1000, (4 << 20) + 5] {
        let mut values: Vec<f32> = (0..count).map(|index| number(rank, index)).collect();
        ranks.sum(&mut values).unwrap();
        for (index, value) in values.iter().enumerate() {
            let expected = (0..WORLD).map(|rank| number(rank, index)).reduce(|a, b| a + b).unwrap();
            assert_eq!(value.to_bits(), expected.to_bits(), "sum {index} of {count}");
        }
    }
    let mut special = [f32::NAN, f32::INFINITY];
    ranks.sum(&mut special).unwrap();
    assert!(special[0].is_nan() && special[1] == f32::INFINITY);
    let all = ranks.gather(&[rank as f32, 0.5]).unwrap();
    assert_eq!(all, [0.0, 0.5, 1.0, 0.5, 2.0, 0.5]);
    assert!(ranks.gather(&[]).unwrap().is_empty());
    let sent: Vec<f32> = (0..WORLD).flat_map(|to| [rank as f32, to as f32]).collect();
    let own = rank as f32;
    assert_eq!(ranks.exchange(&sent).unwrap(), [0.0, own, 1.0, own, 2.0, own]);
    ranks.leave();
}

/// Sums over eight replicas, of which the middle process has 2, 3 and 4: one more than the first,
/// and in two nodes of the tree. With the feature `nccl` and as many GPUs, they go through NCCL.
#[test]
#[ignore = "one process of the job below"]
fn process_of_replicas() {
    let launch = Launch::detect().unwrap();
    let team = ProcessGroup::join(Some(&launch)).unwrap();
    let mut peers = team.peers_on(Some(launch.cuda_device())).unwrap();
    let replicas = Replicas::new(8, &*peers);
    let leaf = |replica: usize, index: usize| number((replica + index) % 3, index + replica);
    let pair = |first, index| leaf(first, index) + leaf(first + 1, index);
    // Fewer than processes, a bucket that is not full, and several buckets.
    for count in [0, 1, 2, 1000, (9 << 20) + 5] {
        let row = |of: &dyn Fn(usize) -> f32| (0..count).map(of).collect::<Vec<f32>>();
        let own = match peers.rank() {
            0 => vec![row(&|at| pair(0, at))],
            1 => vec![row(&|at| pair(2, at)), row(&|at| leaf(4, at))],
            _ => vec![row(&|at| leaf(5, at)), row(&|at| pair(6, at))],
        };
        for _ in 0..2 {
            let sums = peers.sum_replicas(&replicas, &own).unwrap();
            assert_eq!(sums.len(), count);
            for (at, sum) in sums.iter().enumerate() {
                let expected = (pair(0, at) + pair(2, at)) + (pair(4, at) + pair(6, at));
                assert_eq!(sum.to_bits(), expected.to_bits(), "sum {at} of {count}");
            }
        }
    }
    assert_eq!(peers.gather(&[peers.rank() as f32]).unwrap(), [0.0, 1.0, 2.0]);
    drop(peers);
    team.leave();
}

#[test]
#[ignore = "one process of the job below"]
fn process_that_fails() {
    let mut ranks = Ranks::start(&Launch::detect().unwrap()).unwrap();
    if ranks.rank() == 1 {
        // Leaves as a propagated error does.
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

fn expect_all_pass(test: &str) {
    let output = job(test);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.matches("test result: ok. 1 passed").count(), WORLD, "{text}");
}

#[test]
fn sums_are_in_rank_order_and_bit_identical() {
    expect_all_pass("process");
}

#[test]
fn sums_over_replicas_are_in_the_order_of_their_tree() {
    expect_all_pass("process_of_replicas");
}

#[test]
fn leaving_unexpectedly_ends_the_job() {
    let output = job("process_that_fails");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}
