//! Measures the peak memory of `avff eval` on 10 rows and on 1,000 rows:
//! `cargo bench -p avff --bench eval_memory`.
//!
//! The rows repeat four drawn test clips, prepared at the sizes of the released network (16 frames
//! of 224 x 224). A network with few features lets the bench end within minutes. The bench runs ten
//! rows five times and compares the median, because the number of decoded clips in memory varies.
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
    println!("peak memory of 1,000 rows divided by that of 10 rows: {:.3}", many / few[2]);
}

/// Runs `avff eval` on this number of rows and returns its peak memory in MB.
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
    println!("{rows} rows: peak {megabytes:.1} MB, {seconds:.1} s");
    megabytes
}
