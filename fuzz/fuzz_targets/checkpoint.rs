//! Reads a checkpoint of any format: its metadata and its tensors.
#![no_main]

use std::{fs, sync::OnceLock};

use avff_model::Checkpoint;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: OnceLock<TempDir> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    let path = folder.path().join("checkpoint");
    fs::write(&path, bytes).unwrap();
    let Ok(checkpoint) = Checkpoint::open(&path) else { return };
    let _ = checkpoint.config(None);
});
