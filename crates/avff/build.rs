//! Tells the library its version and, in a Git checkout with `git` at hand, the commit.

use std::{path::Path, process::Command};

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // What makes a build another one than its commit's: ours and that of the crates beside it.
    let crates = std::fs::read_dir("..").into_iter().flatten().flatten();
    let mut sources: Vec<String> =
        crates.map(|entry| format!("{}/src", entry.path().display())).collect();
    sources.sort_unstable();
    // What a commit and a checkout write to.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]);
    // One that is not there would count as changed each time.
    for path in sources.iter().chain(&log).filter(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // A crate unpacked inside somebody else's repository is not of that repository's commit.
    let ours = git(&["ls-files", "--error-unmatch", "build.rs"]);
    let describe = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    let version = match ours.and_then(|_| git(&describe)) {
        Some(commit) => format!("{version} ({commit})"),
        None => version,
    };
    println!("cargo::rustc-env=AVFF_VERSION={version}");
    // For `--version`.
    let features = ["cpu", "ndarray", "wgpu", "cuda", "ffmpeg", "http", "mpi", "nccl", "mimalloc"];
    let built =
        |name: &&str| std::env::var_os(format!("CARGO_FEATURE_{}", name.to_uppercase())).is_some();
    let built: Vec<&str> = features.into_iter().filter(built).collect();
    println!("cargo::rustc-env=AVFF_FEATURES={}", built.join(", "));
}
