//! No top-level module depends on itself by way of others.

#[test]
fn modules_have_no_import_circles() {
    let circles = avff_testing::module_cycles(env!("CARGO_MANIFEST_DIR").as_ref());
    assert_eq!(circles, Vec::<Vec<String>>::new());
}
