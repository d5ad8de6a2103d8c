//! The page of the book that shows every command's help.

use std::{env, fmt::Write, fs};

use crate::setup::{Scene, root};

const PAGE: &str = "docs/src/reference/cli.md";

const INTRODUCTION: &str = "\
# Command line
This page is the output of `avff --help` and of `avff COMMAND --help`. To renew it after a change:

    UPDATE=1 cargo test -p avff --test cli reference

| exit code | meaning |
|---|---|
| 0 | success |
| 2 | wrong usage or setup; nothing, or not everything, was done |
| 3 | fewer clips could be read than `--min-coverage` |
| 4 | `check --strict` found a leak or contradicting labels |
| 5 | training was asked to stop and saved a checkpoint |
| 130 | interrupted; the commands that can continue say how |

Results go to stdout. Logs and progress go to stderr, and progress bars show on a terminal only.
";

#[test]
fn the_page_of_commands_is_current() {
    let scene = Scene::new();
    let help = |arguments: &[&str]| scene.run(arguments).expect(0).stdout;
    let overview = help(&["--help"]);
    let mut page = format!("{INTRODUCTION}\n```text\n{overview}```\n");
    // In the groups, an indent of two spaces marks a command.
    let groups = overview.split("Options:").next().unwrap();
    for line in groups.lines().filter(|line| line.starts_with("  ")) {
        let name = line.split_whitespace().next().unwrap();
        if name != "help" {
            write!(page, "\n## avff {name}\n```text\n{}```\n", help(&[name, "--help"])).unwrap();
        }
    }
    assert!(page.matches("\n## ").count() >= 20, "{overview}");
    for protocol in ["random", "subjects", "kfold", "leave-one-out", "balance"] {
        let text = help(&["split", protocol, "--help"]);
        write!(page, "\n## avff split {protocol}\n```text\n{text}```\n").unwrap();
    }
    let path = root().join(PAGE);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap();
    assert!(
        stored == page,
        "{PAGE} is not current: UPDATE=1 cargo test -p avff --test cli reference"
    );
}

#[test]
fn completions_and_manual_pages_are_written() {
    let scene = Scene::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = scene.run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("min-coverage"), "{shell}: {script}");
    }
    scene.run(&["man", "pages"]).expect(0);
    let page = scene.read("pages/avff-score.1");
    assert!(page.contains("min\\-coverage") && page.contains("Examples"), "{page}");
}

#[test]
fn the_version_names_the_features() {
    let ran = Scene::new().run(&["--version"]).expect(0);
    let (first, second) = ran.stdout.split_once('\n').unwrap();
    assert!(first.starts_with("avff 0."), "{first}");
    assert!(second.starts_with("features: ") && second.contains("cpu"), "{second}");
}

#[test]
fn usage_errors_say_what_to_do() {
    let scene = Scene::new();
    scene.write("clip.mov", "");
    let ran = scene.run(&["clip.mov"]).expect(2);
    assert!(ran.stderr.contains("hint: to score a file: avff score"), "{}", ran.stderr);
    let ran = scene.run(&["reconstruct", "clip.mov"]).expect(2);
    assert!(ran.stderr.contains("hint: the weights of Open-AVFF are at"), "{}", ran.stderr);
}
