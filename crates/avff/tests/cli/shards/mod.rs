//! `--shard I/N` and `avff merge`: merged shards are bit-identical to a single run.

mod crop;
#[cfg(unix)]
mod document;
mod refusals;
mod whole;

use std::path::Path;

use crate::setup::{Ran, Scene};

const OUTPUTS: [&str; 4] = ["csv", "errors.csv", "notes.csv", "summary.json"];

/// `avff eval` of every shard.
fn eval_shards(scene: &Scene, csv: &Path, output: &str, count: usize, more: &[&str]) {
    for index in 0..count {
        eval_shard(scene, csv, output, &format!("{index}/{count}"), more).expect(0);
    }
}

fn eval_shard(scene: &Scene, csv: &Path, output: &str, shard: &str, more: &[&str]) -> Ran {
    scene.eval(csv, output, &[&["--shard", shard, "--min-coverage", "0"], more].concat())
}

fn shards(stem: &str, count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{stem}.{index}-of-{count}.csv")).collect()
}

fn merge(scene: &Scene, shards: &[String], output: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["merge", "--output", output, "--min-coverage", "0"];
    arguments.extend(shards.iter().map(String::as_str));
    scene.run(&[&arguments, more].concat())
}

fn assert_same(scene: &Scene, one: &str, other: &str) {
    for extension in OUTPUTS {
        let (one, other) = (format!("{one}.{extension}"), format!("{other}.{extension}"));
        // A run without notes on its clips has no file of them.
        assert_eq!(scene.path(&one).exists(), scene.path(&other).exists(), "{one} and {other}");
        if scene.path(&one).exists() {
            assert_eq!(scene.read(&one), scene.read(&other), "{one} and {other}");
        }
    }
    for left in ["journal", "rows", "csv.partial", "errors.csv.partial"] {
        assert!(!scene.path(&format!("{other}.{left}")).exists(), "{other}.{left}");
    }
}
