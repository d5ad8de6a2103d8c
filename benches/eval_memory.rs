//! Peak memory of `avff eval` on 10 rows and on 1,000: `cargo bench -p avff --bench eval_memory`.
//!
//! The drawn clips of the tests in turn, prepared at the released network's sizes (16 frames of 224 x 224), with a
//! network of few features so that it ends within minutes. Ten rows are run five times: how many
//! decoded clips meet in memory is chance, and the median is compared.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

mod support;

use std::{fs, path::Path};

fn main() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("narrow.safetensors");
    support::narrow_network(&checkpoint);
    let mut few: Vec<f64> = (0..5).map(|_| peak(&data, &checkpoint, 10)).collect();
    few.sort_by(f64::total_cmp);
    let many = peak(&data, &checkpoint, 1000);
    println!("1,000 rows take {:.3} of what 10 rows take", many / few[2]);
}

/// Megabytes.
fn peak(data: &Path, checkpoint: &Path, rows: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let names = ["match_a", "match_b", "swapped_a", "swapped_b"];
    let lines: String =
        (0..rows).map(|row| format!("clips/{}.mp4,{}\n", names[row % 4], row / 2 % 2)).collect();
    let csv = folder.path().join("in.csv");
    fs::write(&csv, format!("video_name,target\n{lines}")).unwrap();
    let output = folder.path().join("out.csv");
    let (megabytes, seconds) = support::peak([
        "eval".as_ref(),
        "--device=cpu".as_ref(),
        "--checkpoint".as_ref(),
        checkpoint.as_os_str(),
        "--root".as_ref(),
        data.as_os_str(),
        "--csv".as_ref(),
        csv.as_os_str(),
        "--output".as_ref(),
        output.as_os_str(),
    ]);
    println!("{rows} rows: {megabytes:.1} MB at most, {seconds:.1} s");
    megabytes
}
