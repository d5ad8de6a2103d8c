//! Checks the crates of this workspace.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{collections::BTreeMap, fs, path::Path};

#[test]
fn no_crate_has_module_cycles() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cycles = BTreeMap::new();
    for entry in fs::read_dir(crates).unwrap() {
        let root = entry.unwrap().path();
        if root.join("Cargo.toml").exists() {
            let name = root.file_name().unwrap().to_string_lossy().into_owned();
            cycles.insert(name, avff_testing::module_cycles(&root));
        }
    }
    assert!(cycles.contains_key("avff-kernels") && cycles.contains_key("avff"), "{cycles:?}");
    cycles.retain(|_, cycles| !cycles.is_empty());
    assert_eq!(cycles, BTreeMap::new());
}
