//! The crates of this workspace.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{collections::BTreeMap, fs, path::Path};

#[test]
fn no_module_of_a_crate_depends_on_itself_by_way_of_others() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut circles = BTreeMap::new();
    for entry in fs::read_dir(crates).unwrap() {
        let root = entry.unwrap().path();
        if root.join("Cargo.toml").exists() {
            let name = root.file_name().unwrap().to_string_lossy().into_owned();
            circles.insert(name, avff_testing::module_cycles(&root));
        }
    }
    assert!(circles.contains_key("avff-kernels") && circles.contains_key("avff"), "{circles:?}");
    circles.retain(|_, circles| !circles.is_empty());
    assert_eq!(circles, BTreeMap::new());
}
