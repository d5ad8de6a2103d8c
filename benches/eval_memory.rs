//! Peak memory of `avff eval` on 10 rows and on 1,000: `cargo bench --bench eval_memory`.
//!
//! The bundled clips in turn, prepared at the released network's sizes (16 frames of 224 x 224), with a
//! network of few features so that it ends within minutes. The peak is the system's own (`VmHWM`), read
//! until the process ends; Linux only. Ten rows are run five times: how many decoded clips meet in
//! memory is chance, and the median is compared.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use avff::model::{
    AvffConfig, Classifier, Init,
    checkpoint::{Kind, Metadata, Precision, save},
};
use burn_flex::Flex;

fn main() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("narrow.safetensors");
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (24, 1, 3);
    let model =
        Classifier::<Flex>::new(&config, &mut Init::seeded(1), &Default::default()).unwrap();
    let metadata = Metadata::new(Kind::Classifier, &config, false);
    save(&model, &metadata, Precision::F32, &checkpoint).unwrap();

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
