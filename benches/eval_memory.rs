//! Peak memory of `avff eval` on 10 rows and on 1,000: `cargo bench --bench eval_memory`.
//!
//! The bundled clips in turn, with the bundled network, or with the checkpoint named as argument. The
//! peak is the system's own (`VmHWM`), read until the process ends; Linux only.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

fn main() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").canonicalize().unwrap();
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let checkpoint = named.map_or_else(|| data.join("untrained-tiny.safetensors"), Into::into);
    let peaks = [10, 1000].map(|rows| peak(&data, &checkpoint, rows));
    println!("1,000 rows take {:.3} of what 10 rows take", peaks[1] / peaks[0]);
}

/// Megabytes.
fn peak(data: &Path, checkpoint: &Path, rows: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let names = ["match_a", "match_b", "swapped_a", "swapped_b"];
    let lines: String =
        (0..rows).map(|row| format!("clips/{}.mp4,{}\n", names[row % 4], row / 2 % 2)).collect();
    let csv = folder.path().join("in.csv");
    fs::write(&csv, format!("video_name,target\n{lines}")).unwrap();
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_avff"))
        .args(["eval", "--device", "cpu", "--checkpoint"])
        .arg(checkpoint)
        .arg("--root")
        .arg(data)
        .arg("--csv")
        .arg(&csv)
        .arg("--output")
        .arg(folder.path().join("out.csv"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let kilobytes = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = kilobytes.and_then(|line| line.trim().split(' ').next()?.parse().ok());
        peak = f64::max(peak, kilobytes.unwrap_or(0.0) / 1024.0);
        sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    println!("{rows} rows: {peak:.1} MB at most, {:.1} s", start.elapsed().as_secs_f64());
    peak
}
