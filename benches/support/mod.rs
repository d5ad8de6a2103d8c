//! Shared code of the memory benches: a narrow network with the released input sizes, and the peak
//! memory of a child process.

use std::{
    ffi::OsStr,
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

/// Writes a classifier with few features and the released input sizes.
///
/// Reading clips, not the network, then dominates memory and time.
pub fn narrow_network(path: &Path) {
    let mut config = AvffConfig::open_avff();
    (config.encoder.dim, config.encoder.depth, config.encoder.heads) = (24, 1, 3);
    let model =
        Classifier::<Flex>::new(&config, &mut Init::seeded(1), &Default::default()).unwrap();
    let metadata = Metadata::new(Kind::Classifier, &config, false);
    save(&model, &metadata, Precision::F32, path).unwrap();
}

/// Runs `avff` to its end and returns its peak memory in MB and its duration in seconds.
///
/// The peak is the system's count, `VmHWM` (Linux only).
pub fn peak<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> (f64, f64) {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_avff"))
        .args(arguments)
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
    (peak, start.elapsed().as_secs_f64())
}
