//! Phrases that the field has a better word for; `_typos.toml` has the single words.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A phrase, and what to write instead.
const FORBIDDEN: [(&str, &str); 24] = [
    ("made clip", "synthetic clip"),
    ("made face", "synthetic face"),
    ("clips to choose by", "validation clips"),
    ("what chance depends on", "random seed"),
    ("all chance", "random seed"),
    ("laid over", "merged into, overrides"),
    ("how the rate changes", "learning-rate schedule"),
    ("how weights follow gradients", "optimizer"),
    ("what training varies", "data augmentation"),
    ("batch in parts", "gradient accumulation"),
    ("the larger output decides", "argmax"),
    ("shares called rightly", "recall, accuracy"),
    ("reals called fake", "false-positive rate"),
    ("gone of the margin", "drop of the logit margin"),
    ("of each patch arrives", "attention rollout"),
    ("said wherever a score shows", "warning attached to every output"),
    ("to the last bit", "bit-identical"),
    ("bit for bit", "bit-identical"),
    ("what can be had at most", "roofline"),
    ("against the grain", "strided access"),
    ("no matter of both", "single-modality ablation"),
    ("what became of", "what happened to"),
    ("starts afresh", "is initialized randomly"),
    ("why not\"", "error"),
];

/// Text that people read or that code is made of.
const ENDINGS: [&str; 6] = ["rs", "md", "toml", "sh", "py", "yml"];

#[test]
fn no_forbidden_phrase_is_left() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["crates", "examples", "benches", "fuzz", "docs", "data/recipes"] {
        collect(&root.join(folder), &mut files);
    }
    files.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)));
    assert!(files.len() > 500, "{}", files.len());
    let mut found = Vec::new();
    for path in files {
        // A sentence goes on over the ends of lines and the marks of comments.
        let text = fs::read_to_string(&path).unwrap().to_lowercase();
        let words =
            text.split_whitespace().filter(|word| !word.chars().all(|c| "/!#*".contains(c)));
        let text = words.collect::<Vec<_>>().join(" ");
        for (phrase, instead) in FORBIDDEN {
            if text.contains(phrase) {
                found.push(format!("{}: `{phrase}`: {instead}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The archive is a diary, in the words of its time; this list names what it forbids.
        if ["archive", "target", "fixtures", "words.rs", "book"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|e| ending == *e)) {
            files.push(path);
        }
    }
}

#[test]
fn source_files_that_the_book_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = Vec::new();
    collect(&root.join("docs/src"), &mut pages);
    let (mut named, mut missing) = (0, Vec::new());
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        // What stands between two backticks, such as `avff-data/src/pipeline.rs`.
        for code in text.split('`').skip(1).step_by(2) {
            let path = code.strip_prefix("crates/").unwrap_or(code);
            if path.starts_with("avff")
                && path.contains("/src/")
                && !path.contains([' ', '*', '{'])
                && !path.contains("/my")
            {
                named += 1;
                if !root.join("crates").join(path).exists() {
                    missing.push(format!("{}: `{code}`", page.display()));
                }
            }
        }
    }
    assert!(named > 10, "{named}");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
