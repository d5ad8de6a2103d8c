//! An interrupted `avff eval` resumes to bit-identical results.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::setup::{Scene, checksum_of, sealed, weights};

const ROWS: usize = 40;
const OUTPUTS: [&str; 4] = ["csv", "errors.csv", "notes.csv", "summary.json"];

/// Options of the summary that depend on every row, including the rows before an interruption.
const REPORT: [&str; 5] = ["--by", "kind", "--by", "target", "--intervals"];

fn unbroken(scene: &Scene) -> std::path::PathBuf {
    let text = fs::read_to_string(scene.manifest("in.csv", ROWS)).unwrap();
    let mut lines = text.lines();
    let mut kinds = lines.next().unwrap().to_owned() + ",kind\n";
    for (row, line) in lines.enumerate() {
        kinds += &format!("{line},\"kind {}, quoted\"\n", row % 3);
    }
    let csv = scene.write("in.csv", &kinds);
    scene.eval(&csv, "whole.csv", &[&REPORT[..], &["--min-coverage", "0"]].concat()).expect(0);
    csv
}

fn same_as_unbroken(scene: &Scene, name: &str) {
    for extension in OUTPUTS {
        let (whole, resumed) = (format!("whole.{extension}"), format!("{name}.{extension}"));
        assert_eq!(scene.read(&whole), scene.read(&resumed), "{resumed}");
    }
    for left in ["journal", "csv.partial", "errors.csv.partial"] {
        assert!(!scene.path(&format!("{name}.{left}")).exists(), "{name}.{left}");
    }
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let scene = Scene::new();
    let csv = unbroken(&scene);
    let (weights, csv_name) = (weights(), csv.to_str().unwrap().to_owned());
    let journal = scene.path("killed.journal");
    let arguments = [
        "eval",
        "--device",
        "cpu",
        "--checkpoint",
        weights.to_str().unwrap(),
        "--csv",
        &csv_name,
        "--output",
        "killed.csv",
        "--min-coverage",
        "0",
        "--resume",
    ];
    let plain = arguments;
    let arguments = [&arguments[..], &REPORT].concat();
    // Each kill comes a few rows later.
    let mut kills = 0;
    for minimum in [3, 11, 12, 25, 33] {
        let mut child = scene
            .command(&arguments)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        loop {
            let rows = fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
            if rows > minimum || start.elapsed() > Duration::from_secs(60) {
                break;
            }
            if child.try_wait().unwrap().is_some() {
                break;
            }
            sleep(Duration::from_millis(2));
        }
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(kills > 0, "the run was over before it could be killed");
    scene.run(&arguments).expect(0);
    same_as_unbroken(&scene, "killed");
    // A finished run has nothing left to do.
    let again = scene.run(&arguments).expect(0);
    assert!(again.stdout.contains("coverage"), "{}", again.stdout);
    same_as_unbroken(&scene, "killed");
    // It cannot report other metrics, because logits are not stored.
    let other = scene.run(&plain).expect(2);
    assert!(
        other.stderr.contains("the finished run has metrics by kind, target, not none"),
        "{}",
        other.stderr
    );
    let level = [&arguments[..], &["0.9"]].concat();
    let other = scene.run(&level).expect(2);
    assert!(other.stderr.contains("intervals of 0.95") && other.stderr.contains("not 0.9"));
    same_as_unbroken(&scene, "killed");
}

#[test]
fn torn_and_uncounted_rows_are_truncated() {
    let scene = Scene::new();
    let csv = unbroken(&scene);
    // The state of a run killed in the middle of a row that the journal does not count.
    let journal_of = |rows: usize| {
        let summary = scene.json("whole.summary.json");
        let (predictions, errors) = (scene.read("whole.csv"), scene.read("whole.errors.csv"));
        let mut scores = (1..).zip(predictions.lines().skip(1));
        let mut lines = vec![serde_json::to_string(&summary["run"]).unwrap()];
        for row in 0..rows {
            lines.push(match row % 5 {
                4 => format!("{} ! open", checksum_of(&errors, row / 5 + 1)),
                _ => {
                    let (number, line) = scores.next().unwrap();
                    let y: f64 = line.split(',').nth(1).unwrap().parse().unwrap();
                    let checksum = checksum_of(&predictions, number);
                    format!("{checksum} {} 0", (y / (1.0 - y)).ln())
                }
            });
        }
        sealed(&lines)
    };
    let whole = scene.read("whole.csv");
    let cut = whole.len() * 3 / 4;
    scene.write("torn.csv.partial", &whole[..cut]);
    scene.write("torn.errors.csv.partial", &scene.read("whole.errors.csv"));
    scene.write("torn.journal", &(journal_of(10) + "-0.0"));
    scene.eval(&csv, "torn.csv", &["--resume", "--min-coverage", "0"]).expect(0);
    // The journal's logits are invented, so only the tables are compared.
    assert_eq!(scene.read("torn.csv"), whole);
    assert_eq!(scene.read("torn.errors.csv"), scene.read("whole.errors.csv"));
}

#[test]
fn an_unfinished_run_is_not_silently_overwritten() {
    let scene = Scene::new();
    let csv = unbroken(&scene);
    let run = serde_json::to_string(&scene.json("whole.summary.json")["run"]).unwrap();
    scene.write("other.journal", &sealed(&[run]));
    let ran = scene.eval(&csv, "other.csv", &[]).expect(2);
    assert!(
        ran.stderr.contains("--resume") && ran.stderr.contains("--overwrite"),
        "{}",
        ran.stderr
    );
    let ran = scene.eval(&csv, "other.csv", &["--resume", "--frame-fit", "letterbox"]).expect(2);
    assert!(ran.stderr.contains("clip preparation"), "{}", ran.stderr);
    let ran = scene.eval(&csv, "other.csv", &["--resume", "--root", "."]).expect(2);
    assert!(ran.stderr.contains("the root folder"), "{}", ran.stderr);
    let longer = scene.manifest("longer.csv", ROWS + 1);
    let ran = scene.eval(&longer, "other.csv", &["--resume"]).expect(2);
    let reason = format!(
        "cannot resume: {}: the manifest changed since the run began: it had {ROWS} rows, and has {}",
        longer.display(),
        ROWS + 1
    );
    assert!(ran.stderr.contains(&reason), "{reason}: {}", ran.stderr);
    let text = scene.read("in.csv").replacen("kind 0", "kind 9", 1);
    let changed = scene.write("changed.csv", &text);
    let ran = scene.eval(&changed, "other.csv", &["--resume"]).expect(2);
    assert!(ran.stderr.contains("it still has 40 rows, but other content"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: give the CSV as it was"), "{}", ran.stderr);
    let journal = fs::File::open(scene.path("other.journal")).unwrap();
    journal.lock().unwrap();
    let ran = scene.eval(&csv, "other.csv", &["--overwrite"]).expect(2);
    assert!(ran.stderr.contains("another run"), "{}", ran.stderr);
    journal.unlock().unwrap();
    let again = [&REPORT[..], &["--overwrite", "--min-coverage", "0"]].concat();
    scene.eval(&csv, "other.csv", &again).expect(0);
    same_as_unbroken(&scene, "other");
}

#[test]
fn changed_tables_of_a_finished_run_are_noticed() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 8);
    let lenient = ["--min-coverage", "0"];
    scene.eval(&csv, "out.csv", &lenient).expect(0);
    let resume = [&lenient[..], &["--resume"]].concat();
    scene.eval(&csv, "out.csv", &resume).expect(0);
    for name in ["out.csv", "out.errors.csv", "out.notes.csv"] {
        let whole = scene.read(name);
        let last = whole.lines().last().unwrap();
        for changed in [whole.clone() + last + "\n", whole[..whole.len() - 4].to_owned()] {
            scene.write(name, &changed);
            let ran = scene.eval(&csv, "out.csv", &resume).expect(2);
            assert!(ran.stderr.contains(&format!("{name}: not the file")), "{}", ran.stderr);
            assert!(ran.stderr.contains("--overwrite"), "{}", ran.stderr);
        }
        fs::remove_file(scene.path(name)).unwrap();
        let ran = scene.eval(&csv, "out.csv", &resume).expect(2);
        assert!(ran.stderr.contains("it is missing"), "{}", ran.stderr);
        scene.write(name, &whole);
    }
    scene.eval(&csv, "out.csv", &resume).expect(0);
}

#[test]
fn a_changed_summary_of_a_finished_run_is_noticed() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 4);
    scene.eval(&csv, "out.csv", &["--shard", "0/1"]).expect(0);
    let summary = scene.read("out.0-of-1.summary.json");
    for changed in [
        summary.replacen("\"scored\": 4", "\"scored\": 3", 1),
        summary.replacen("\"crc32\"", "\"crc33\"", 1),
        summary[..summary.len() / 2].to_owned(),
        summary.clone() + " ",
    ] {
        assert_ne!(changed, summary);
        scene.write("out.0-of-1.summary.json", &changed);
        let ran = scene.eval(&csv, "out.csv", &["--shard", "0/1", "--resume"]).expect(2);
        let reason = "out.0-of-1.summary.json: not the file that the finished run wrote";
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
        assert!(ran.stderr.contains("--overwrite"), "{}", ran.stderr);
        let ran = scene.run(&["merge", "out.0-of-1.csv", "--output", "merged.csv"]).expect(2);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
        assert!(ran.stderr.contains("run the shard again"), "{}", ran.stderr);
    }
    scene.write("out.0-of-1.summary.json", &summary);
    scene.eval(&csv, "out.csv", &["--shard", "0/1", "--resume"]).expect(0);
}

/// The state of a run of ten rows that was killed after seven: the rows 5 and 10 have no score.
fn unfinished(scene: &Scene) -> (std::path::PathBuf, [(&'static str, String); 3]) {
    let csv = scene.manifest("in.csv", 10);
    scene.eval(&csv, "whole.csv", &["--shard", "0/1", "--min-coverage", "0"]).expect(0);
    let [rows, scores, errors] =
        ["rows", "csv", "errors.csv"].map(|end| scene.read(&format!("whole.0-of-1.{end}")));
    let cut = |text: &str, lines: usize| text.split_inclusive('\n').take(lines).collect();
    let files = [
        ("cut.0-of-1.journal", cut(&rows, 1 + 7)),
        ("cut.0-of-1.csv.partial", cut(&scores, 1 + 6)),
        ("cut.0-of-1.errors.csv.partial", cut(&errors, 1 + 1)),
    ];
    (csv, files)
}

#[test]
fn changed_rows_of_an_unfinished_run_are_noticed() {
    let scene = Scene::new();
    let (csv, files) = unfinished(&scene);
    let resume = |code| {
        let more = ["--shard", "0/1", "--resume", "--min-coverage", "0"];
        scene.eval(&csv, "cut.csv", &more).expect(code)
    };
    let write = || files.iter().for_each(|(name, text)| drop(scene.write(name, text)));
    let [_, (scores, table), (errors, failures)] = &files;
    let lines: Vec<&str> = table.split_inclusive('\n').collect();
    let joined = |lines: &[&str]| lines.concat();
    let other_score = lines[3].replacen(",0.", ",0.9", 1);
    let changed = [&lines[..3], &[&other_score], &lines[4..]].concat();
    for (name, text, reason) in [
        (scores, joined(&changed), "row 3 was changed"),
        (scores, joined(&[&lines[..2], &lines[3..]].concat()), "row 2 was changed"),
        (scores, joined(&[&lines[..3], &lines[2..]].concat()), "row 3 was changed"),
        (scores, table.replacen("video_name", "video_Name", 1), "the header or row 1 was changed"),
        (scores, joined(&lines[..5]), "fewer than the 6 rows"),
        (errors, failures.replacen("open", "0pen", 1), "the header or row 1 was changed"),
    ] {
        write();
        assert_ne!(&text, if name == scores { table } else { failures });
        scene.write(name, &text);
        let ran = resume(2);
        let expected = format!("cannot resume: {name}: ");
        for part in [&*expected, reason, "hint: add --overwrite to start again"] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
        assert_eq!(scene.read(name), text, "a table that is refused is left as it is");
    }
    for (name, rows) in [(scores, 6), (errors, 1)] {
        write();
        fs::remove_file(scene.path(name)).unwrap();
        let ran = resume(2);
        let reason = format!("{name}: it is missing, and the journal has {rows} of its rows");
        assert!(ran.stderr.contains(&reason), "{}", ran.stderr);
        assert!(ran.stderr.contains("--overwrite"), "{}", ran.stderr);
    }
    write();
    resume(0);
    for end in ["csv", "errors.csv", "summary.json", "rows"] {
        let [whole, cut] = ["whole", "cut"].map(|name| scene.read(&format!("{name}.0-of-1.{end}")));
        assert_eq!(whole, cut, "{end}");
    }
}

#[test]
fn a_changed_journal_is_noticed() {
    let scene = Scene::new();
    let csv = unbroken(&scene);
    let run = serde_json::to_string(&scene.json("whole.summary.json")["run"]).unwrap();
    let journal = sealed(&[run, "1a2b3c4d 0.5 0".into(), "5e6f7a8b 0.25 0".into()]);
    let lines: Vec<&str> = journal.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    for (changed, number) in [
        (journal.replace("0.25 0", "0.75 0"), 3),
        (joined(&[lines[0], lines[2]]), 2),
        (joined(&[lines[0], lines[1], lines[1]]), 3),
        (journal.replace("\"batch_size\"", "\"batch_Size\""), 1),
    ] {
        scene.write("bad.journal", &changed);
        let ran = scene.eval(&csv, "bad.csv", &["--resume"]).expect(2);
        let reason = format!("bad.journal: line {number} is damaged");
        assert!(ran.stderr.contains(&reason), "{reason}: {}", ran.stderr);
    }
}
