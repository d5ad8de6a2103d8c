//! Cycles of modules in small source trees.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, path::Path};

use avff_testing::module_cycles;

fn cycles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    module_cycles(folder.path())
}

#[test]
fn cycles_are_detected_in_all_notations() {
    let cycle = [["a".to_owned(), "b".to_owned()].to_vec()];
    let lib = ("lib.rs", "pub mod a; mod b; pub use a::A; pub use b::{B, C as D};");
    for (a, b) in [
        ("use crate::b::B;", "use crate::a::A;"),
        ("use crate::{c, b::{self, B}};", "pub(crate) use super::a::*;"),
        ("fn f() { crate::b::g() }", "fn g() { let _ = vec![super::a::A]; }"),
        ("use crate::B;", "use crate::A;"),
        ("use crate::D;", "mod inner { use super::super::a::A; }"),
    ] {
        assert_eq!(cycles(&[lib, ("a.rs", a), ("b.rs", b)]), cycle, "{a} {b}");
    }
    let deep = [
        lib,
        ("a/mod.rs", "mod part;"),
        ("a/part.rs", "use super::super::b::B; use super::other;"),
        ("b/mod.rs", "fn f<T>() where T: crate::a::Trait {}"),
    ];
    assert_eq!(cycles(&deep), cycle);
}

#[test]
fn cycle_of_three_is_one_group() {
    let three = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::X;"),
        ("b.rs", "use crate::c::X;"),
        ("c.rs", "use crate::a::X;"),
        ("d.rs", "use crate::a::X;"),
    ];
    assert_eq!(cycles(&three), [["a", "b", "c"].map(str::to_owned).to_vec()]);
}

#[test]
fn tests_comments_strings_and_root_are_ignored() {
    let b = "
        //! [`crate::a::A`]
        /// `use crate::a::A`
        const TEXT: &str = \"crate::a::A\";
        #[cfg(all(test, feature = \"x\"))]
        mod tests { use crate::a::A; }
        #[cfg(test)]
        use crate::a::{A, B};
        #[cfg(test)]
        mod more;
        pub(crate) fn f() { self::g(); other::a::h(); }
    ";
    let files = [
        ("lib.rs", "mod a; mod b; fn f() { a::f(); b::f(); }"),
        ("main.rs", "use a::A;"),
        ("bin/tool.rs", "use crate::a::A;"),
        ("a.rs", "use crate::b::B; use super::f;"),
        ("b/mod.rs", b),
        ("b/more.rs", "use crate::a::A;"),
    ];
    assert!(cycles(&files).is_empty(), "{:?}", cycles(&files));
    let files = [files[0], files[3], ("b.rs", "#[cfg(not(test))] use crate::a::A;")];
    assert_eq!(cycles(&files).len(), 1);
}

#[test]
fn this_crate_has_no_cycles() {
    assert!(module_cycles(Path::new(env!("CARGO_MANIFEST_DIR"))).is_empty());
}
