//! Shards of `avff eval`, including killed ones, merge into the results of a single run.

use std::{
    fs,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use super::{assert_same, eval_shard, eval_shards, merge, shards};
use crate::setup::{Ran, Scene, clip, media, weights};

#[test]
fn merged_shards_are_bit_identical_to_a_single_run() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 13);
    let whole = scene.eval(&csv, "whole.csv", &["--min-coverage", "0"]).expect(0);
    assert!(!scene.path("whole.rows").exists(), "only a shard writes .rows");
    assert!(scene.path("whole.notes.csv").exists());
    for count in [1, 4, 16] {
        let stem = format!("by{count}");
        let output = format!("{stem}.csv");
        eval_shards(&scene, &csv, &output, count, &[]);
        let mut names = shards(&stem, count);
        names.reverse();
        let ran = merge(&scene, &names, &output, &[]).expect(0);
        assert_same(&scene, "whole", &stem);
        // The printed table, except for the file's name.
        let table = |ran: &Ran| {
            ran.stdout
                .lines()
                .filter(|l| !l.starts_with("scores:") && !l.starts_with("notes on"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(table(&ran), table(&whole));
    }
    // A shard has its own rows in order, and its index.
    let rows = |name: &str| -> Vec<String> {
        scene.read(name).lines().skip(1).map(str::to_owned).collect()
    };
    let own: Vec<_> =
        (0..13).filter(|row| row % 4 == 1 && row % 5 != 4).map(|row| row - row / 5).collect();
    let all = rows("whole.csv");
    assert_eq!(rows("by4.1-of-4.csv"), own.iter().map(|&row| all[row].clone()).collect::<Vec<_>>());
    let summary = scene.json("by4.1-of-4.summary.json");
    assert_eq!(
        (&summary["run"]["shard"], &summary["coverage"]["rows"]),
        (&"1/4".into(), &3.into())
    );
    assert_eq!(summary["run"]["manifest"]["rows"], 13);
    // A shard beyond the last row is empty and complete.
    assert_eq!(scene.read("by16.15-of-16.csv"), "video_name,y_pred,target,note\n");
    scene.eval(&csv, "again.csv", &["--shard", "15/16"]).expect(0);
    let empty = scene.json("by16.15-of-16.summary.json");
    assert_eq!(
        (&empty["coverage"]["rows"], &empty["coverage"]["fraction"]),
        (&0.into(), &1.0.into())
    );
    // Merge checks the coverage of the whole, as the run does.
    let args = ["merge", "by4.0-of-4.csv", "by4.1-of-4.csv", "by4.2-of-4.csv", "by4.3-of-4.csv"];
    scene.run(&[&args[..], &["--output", "strict.csv"]].concat()).expect(3);
    assert_same(&scene, "whole", "strict");
}

#[test]
fn windows_faces_and_quoted_cells_merge() {
    let scene = Scene::new();
    let (face, other, pattern) =
        (clip("match_a.mp4"), clip("swapped_b.mp4"), media("h264_vfr.mp4"));
    let absent = scene.path("ab,sent.mp4");
    let [face, other, pattern, absent] =
        [&face, &other, &pattern, &absent].map(|p| p.display().to_string());
    let csv = scene.write(
        "in.csv",
        &format!(
            "note,video_name, target\n\"two\nlines\",{pattern},1.0\n,{face},\nä,\"{absent}\",0\n\"\"\"q\"\"\",{other},1\nlast,{face},0\n"
        ),
    );
    for (name, more) in [
        ("faces", &["--crop", "face", "--no-face", "full"][..]),
        ("skips", &["--crop", "face", "--no-face", "skip"]),
        ("windows", &["--window", "1.5", "--aggregate", "max"]),
    ] {
        let (whole, merged) = (format!("{name}.whole"), format!("{name}.merged"));
        scene
            .eval(&csv, &format!("{whole}.csv"), &[more, &["--min-coverage", "0"]].concat())
            .expect(0);
        eval_shards(&scene, &csv, &format!("{merged}.csv"), 2, more);
        merge(&scene, &shards(&merged, 2), &format!("{merged}.csv"), &[]).expect(0);
        assert_same(&scene, &whole, &merged);
    }
    assert!(scene.read("faces.merged.csv").starts_with("video_name,y_pred,face,note,target\n"));
    assert_eq!(scene.json("skips.merged.summary.json")["coverage"]["skipped"], 1);
}

#[test]
fn a_killed_shard_is_resumed_and_merged() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 40);
    scene.eval(&csv, "whole.csv", &["--min-coverage", "0"]).expect(0);
    eval_shard(&scene, &csv, "cut.csv", "0/2", &[]).expect(0);
    let weights = weights();
    let arguments = [
        &["eval", "--device", "cpu", "--checkpoint", weights.to_str().unwrap()][..],
        &["--csv", "in.csv", "--output", "cut.csv", "--min-coverage", "0"],
        &["--shard", "1/2", "--resume"],
    ]
    .concat();
    let journal = scene.path("cut.1-of-2.journal");
    let mut child =
        scene.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60) {
        if fs::read_to_string(&journal).is_ok_and(|text| text.lines().count() > 4) {
            break;
        }
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(journal.exists(), "the shard was over before it could be killed");
    // Unfinished results have names of their own.
    assert!(!scene.path("cut.1-of-2.csv").exists());
    assert!(scene.path("cut.1-of-2.csv.partial").exists());
    let ran = merge(&scene, &shards("cut", 2), "cut.csv", &[]).expect(2);
    assert!(ran.stderr.contains("unfinished") && ran.stderr.contains("--resume"), "{}", ran.stderr);
    assert!(!scene.path("cut.csv").exists() && !scene.path("cut.journal").exists());
    // A renamed journal still belongs to its shard.
    let text = scene.read("cut.1-of-2.journal");
    scene.write("cut.2-of-3.journal", &text);
    let ran = eval_shard(&scene, &csv, "cut.csv", "2/3", &["--resume"]).expect(2);
    assert!(ran.stderr.contains("the shard was 1/2, now it is 2/3"), "{}", ran.stderr);
    let ran = eval_shard(&scene, &csv, "cut.csv", "1/2", &[]).expect(2);
    assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
    let before = text.lines().count();
    scene.run(&arguments).expect(0);
    assert!(before > 1 && scene.read("cut.1-of-2.rows").lines().count() == 21);
    // Resuming a finished shard changes nothing.
    scene.run(&arguments).expect(0);
    merge(&scene, &shards("cut", 2), "cut.csv", &[]).expect(0);
    // The second shard names `in.csv` by another path; the summary has the path of the first.
    assert_same(&scene, "whole", "cut");
}
