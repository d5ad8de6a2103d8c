//! The output of `avff eval`.

use crate::setup::{Scene, clip, media, root};

#[test]
fn the_sample_gives_scores_a_summary_and_a_warning() {
    let scene = Scene::new();
    let ran = scene
        .eval(&root().join("crates/avff/tests/fixtures/sample.csv"), "prediction.csv", &[])
        .expect(0);
    for word in ["UNTRAINED", "AUC", "coverage", "4 of 4 clips"] {
        assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
    let predictions = scene.read("prediction.csv");
    let lines: Vec<&str> = predictions.lines().collect();
    assert_eq!(lines[0], "video_name,y_pred,target");
    assert_eq!(lines.len(), 5);
    for (line, name) in lines[1..].iter().zip(["match_a", "match_b", "swapped_a", "swapped_b"]) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[0], format!("clips/{name}.mp4"));
        let score: f32 = cells[1].parse().unwrap();
        assert!((0.0..=1.0).contains(&score));
    }
    assert_eq!(scene.read("prediction.errors.csv"), "path,stage,error,hint,video_name,line\n");
    let summary = scene.json("prediction.summary.json");
    assert_eq!(summary["coverage"]["fraction"], 1.0);
    assert_eq!(summary["metrics"]["n"], 4);
    assert_eq!(summary["run"]["checkpoint"]["trained"], false);
    assert_eq!(summary["run"]["device"], "cpu");
    assert_eq!(summary["run"]["checkpoint"]["sha256"].as_str().unwrap().len(), 64);
    assert!(!scene.path("prediction.journal").exists());
}

#[test]
fn clips_of_one_class_are_a_warning() {
    let scene = Scene::new();
    let path = clip("match_a.mp4").display().to_string();
    for (targets, class) in
        [(["1", "1"], Some("fake")), (["0", ""], Some("real")), (["1", "0"], None)]
    {
        let rows = targets.map(|target| format!("{path},{target}\n")).concat();
        let csv = scene.write("in.csv", &format!("video_name,target\n{rows}"));
        let ran = scene.eval(&csv, "out.csv", &["--overwrite"]).expect(0);
        let warning = class.map(|class| format!("in.csv: every clip with a target is {class}, so"));
        assert_eq!(
            ran.stderr.contains("every clip with a target"),
            warning.is_some(),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(&warning.unwrap_or_default()), "{}", ran.stderr);
    }
}

#[test]
fn scores_do_not_depend_on_batch_order_or_neighbors() {
    let scene = Scene::new();
    let csv = scene.manifest("all.csv", 20);
    scene.eval(&csv, "one.csv", &["--min-coverage", "0.5"]).expect(0);
    for (output, more) in [
        ("three.csv", &["--batch-size", "3", "--workers", "1"]),
        ("many.csv", &["--batch-size", "64", "--workers", "5"]),
    ] {
        scene.eval(&csv, output, &[more, &["--min-coverage", "0.5"][..]].concat()).expect(0);
        assert_eq!(scene.read(output), scene.read("one.csv"));
        let errors = output.replace("csv", "errors.csv");
        assert_eq!(scene.read(&errors), scene.read("one.errors.csv"));
    }
    let text = scene.read("all.csv");
    let (header, rows) = text.split_once('\n').unwrap();
    let reversed: Vec<&str> = rows.lines().rev().collect();
    let csv = scene.write("reversed.csv", &format!("{header}\n{}\n", reversed.join("\n")));
    scene.eval(&csv, "reversed.out.csv", &["--min-coverage", "0.5"]).expect(0);
    let (forward, backward) = (scene.read("one.csv"), scene.read("reversed.out.csv"));
    assert!(
        forward.lines().skip(1).eq(backward.lines().skip(1).collect::<Vec<_>>().into_iter().rev())
    );
}

#[test]
fn notes_on_clips_are_in_a_file_of_their_own() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 9);
    let ran = scene.eval(&csv, "out.csv", &["--min-coverage", "0"]).expect(0);
    assert!(ran.stdout.contains("notes on 1 clip: out.notes.csv"), "{}", ran.stdout);
    let notes = scene.read("out.notes.csv");
    assert!(notes.starts_with("video_name,note\n"), "{notes}");
    assert!(notes.ends_with("first_video_track_disabled.mp4,video track 2 of 2 is read\n"));
    assert_eq!(notes.lines().count(), 2, "{notes}");
    assert_eq!(scene.json("out.summary.json")["coverage"]["with_notes"], 1);
    // An overwritten run without notes leaves none.
    let csv = scene.manifest("in.csv", 4);
    let ran = scene.eval(&csv, "out.csv", &["--overwrite"]).expect(0);
    assert!(!ran.stdout.contains("notes on"), "{}", ran.stdout);
    assert!(!scene.path("out.notes.csv").exists());
}

#[test]
fn columns_may_have_other_names() {
    let scene = Scene::new();
    let sample = std::fs::read_to_string(root().join("crates/avff/tests/fixtures/sample.csv"));
    let sample = sample.unwrap().replace("clips/", clip("").to_str().unwrap());
    let own = scene.write("own.csv", &sample);
    scene.eval(&own, "own.out.csv", &[]).expect(0);
    let other = sample.replace("video_name", "path").replace("target", "label");
    let other = scene.write("other.csv", &other);
    let names = ["--name-column", "path", "--target-column", "label"];
    let ran = scene.eval(&other, "other.out.csv", &names).expect(0);
    assert!(ran.stdout.contains("AUC"), "{}", ran.stdout);
    assert_eq!(scene.read("other.out.csv"), scene.read("own.out.csv"));
    let (own, other) = (scene.json("own.out.summary.json"), scene.json("other.out.summary.json"));
    assert_eq!(other["metrics"], own["metrics"]);
    assert_eq!(other["run"]["manifest"]["columns"]["name"], "path");
    assert!(own["run"]["manifest"]["columns"].is_null());

    // Another pair of columns is another run.
    let ran = scene
        .eval(&scene.path("other.csv"), "other.out.csv", &["--resume", "--name-column", "path"])
        .expect(2);
    let difference = "the pair of columns was `path` with `label`, now it is `path` with `target`";
    assert!(ran.stderr.contains(difference), "{}", ran.stderr);

    // Without the option, the answer names it.
    let ran = scene.eval(&scene.path("other.csv"), "none.csv", &[]).expect(2);
    assert!(ran.stderr.contains("--name-column"), "{}", ran.stderr);
    let ran = scene.eval(&scene.path("other.csv"), "none.csv", &names[..2]).expect(0);
    assert!(ran.stderr.contains("give --target-column label"), "{}", ran.stderr);
    let ran = scene.eval(&scene.path("other.csv"), "none.csv", &["--name-column", "x"]).expect(2);
    assert!(
        ran.stderr.contains("the header has no `x` column, it is `path,label`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn copied_columns_and_missing_targets() {
    let scene = Scene::new();
    let a = clip("match_a.mp4");
    std::fs::copy(&a, scene.path("a.mp4")).unwrap();
    let csv = scene.write(
        "in.csv",
        "\u{feff}note,video_name,split\r\n\"x, \"\"y\"\"\",a.mp4,test\r\n,a.mp4,\r\n",
    );
    let ran = scene.eval(&csv, "out.csv", &[]).expect(0);
    assert!(ran.stdout.contains("no clip has both a score and a target"), "{}", ran.stdout);
    let out = scene.read("out.csv");
    let mut lines = out.lines();
    assert_eq!(lines.next().unwrap(), "video_name,y_pred,note,split");
    assert!(lines.next().unwrap().ends_with(",\"x, \"\"y\"\"\",test"));
    assert!(lines.next().unwrap().ends_with(",,"));
    // Each of two equal names keeps its row.
    assert_eq!(out.lines().count(), 3);
    assert!(scene.json("out.summary.json")["metrics"].is_null());
}

#[test]
fn relative_paths_start_at_the_csv_or_the_root() {
    let scene = Scene::new();
    let csv = scene.write("in.csv", "video_name,target\nmatch_a.mp4,0\n");
    scene.eval(&csv, "out.csv", &[]).expect(3);
    assert!(scene.read("out.errors.csv").contains("no such file"));
    let clips = root().join("crates/avff/tests/fixtures/clips");
    let more = ["--overwrite", "--root", clips.to_str().unwrap()];
    scene.eval(&csv, "out.csv", &more).expect(0);
    assert!(scene.read("out.csv").contains("\nmatch_a.mp4,"));
}

#[test]
fn coverage_decides_the_exit_code() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 5);
    let ran = scene.eval(&csv, "out.csv", &[]).expect(3);
    assert!(ran.stderr.contains("out.errors.csv"), "{}", ran.stderr);
    scene.eval(&csv, "out.csv", &["--overwrite", "--min-coverage", "0.8"]).expect(0);
    scene.eval(&csv, "out.csv", &["--overwrite", "--min-coverage", "0.81"]).expect(3);
    let summary = scene.json("out.summary.json");
    assert_eq!(summary["coverage"]["failures_by_stage"]["open"], 1);
    assert_eq!(summary["coverage"]["scored"], 4);
}

#[test]
fn results_are_not_overwritten_and_failures_can_be_retried() {
    let scene = Scene::new();
    std::fs::copy(clip("match_a.mp4"), scene.path("a.mp4")).unwrap();
    let csv = scene.write("in.csv", "video_name,target\na.mp4,0\nb.mp4,1\n");
    scene.eval(&csv, "out.csv", &[]).expect(3);
    let before = scene.read("out.csv");
    let ran = scene.eval(&csv, "out.csv", &[]).expect(2);
    assert!(ran.stderr.contains("results already exist"), "{}", ran.stderr);
    assert_eq!(scene.read("out.csv"), before);
    // The errors file is a CSV of the clips without a score.
    std::fs::copy(clip("match_b.mp4"), scene.path("b.mp4")).unwrap();
    scene.eval(&scene.path("out.errors.csv"), "again.csv", &[]).expect(0);
    assert!(scene.read("again.csv").lines().nth(1).unwrap().starts_with("b.mp4,0."));
}

#[test]
fn across_batch_is_the_reference_and_depends_on_the_batch() {
    let scene = Scene::new();
    // The config of the released network, whose attention spans the batch.
    let config = scene.write("batch.json", r#"{"fusion_attention": "batch"}"#);
    let batch = ["--config", config.to_str().unwrap()];
    let csv = root().join("crates/avff/tests/fixtures/sample.csv");
    scene.eval(&csv, "alone.csv", &batch).expect(0);
    let across = |output: &str, size: &str| {
        let more = ["--fusion-attention", "across-batch", "--batch-size", size];
        scene.eval(&csv, output, &[&batch[..], &more].concat()).expect(0)
    };
    let ran = across("four.csv", "4");
    assert!(
        ran.stderr.contains("scores depend on the batch size and on the order of clips"),
        "{}",
        ran.stderr
    );
    across("one.csv", "1");
    let scores = |name: &str| -> Vec<f64> {
        scene
            .read(name)
            .lines()
            .skip(1)
            .map(|l| l.split(',').nth(1).unwrap().parse().unwrap())
            .collect()
    };
    let off =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off(&scores("alone.csv"), &scores("one.csv")) < 1e-6);
    assert!(off(&scores("alone.csv"), &scores("four.csv")) > 1e-6);
    let resumed = scene.eval(
        &csv,
        "four.csv",
        &[&batch[..], &["--resume", "--fusion-attention", "across-batch", "--batch-size", "4"]]
            .concat(),
    );
    assert!(resumed.expect(2).stderr.contains("cannot be resumed"));
    let unsized_batch =
        scene.eval(&csv, "x.csv", &[&batch[..], &["--fusion-attention", "across-batch"]].concat());
    assert!(unsized_batch.expect(2).stderr.contains("hint: give --batch-size"));
}

/// A manifest of the four sample clips with a column `split`.
fn with_splits(scene: &Scene) -> std::path::PathBuf {
    let rows = [("match_a", 0, "test"), ("match_b", 0, "train"), ("swapped_a", 1, "test")];
    let rows = rows.map(|(name, target, split)| {
        format!("{},{target},{split}\n", clip(&format!("{name}.mp4")).display())
    });
    scene.write("splits.csv", &format!("video_name,target,split\n{}", rows.concat()))
}

#[test]
fn rows_are_selected_by_a_column() {
    let scene = Scene::new();
    let csv = with_splits(&scene);
    scene.eval(&csv, "all.csv", &[]).expect(0);
    scene.eval(&csv, "test.csv", &["--where", "split=test"]).expect(0);
    let (all, test) = (scene.read("all.csv"), scene.read("test.csv"));
    // Selected rows have the same scores, in the same order.
    assert_eq!(
        test.lines().collect::<Vec<_>>(),
        all.lines().filter(|line| !line.ends_with(",train")).collect::<Vec<_>>()
    );
    let summary = scene.json("test.summary.json");
    assert_eq!(summary["coverage"]["rows"], 2);
    assert_eq!(summary["run"]["manifest"]["where"], serde_json::json!(["split=test"]));
    assert!(scene.json("all.summary.json")["run"]["manifest"]["where"].is_null());
    let ran = scene.eval(&csv, "test.csv", &["--where", "split=train", "--resume"]).expect(2);
    let message = "the selection of rows was split=test, now it is split=train";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);

    for (condition, message) in [
        ("split=tset", "no row has `tset` in this column, whose values are `test`, `train`"),
        ("part=test", "no such column, the columns are `video_name`, `target`, `split`"),
        ("split", "not COLUMN=VALUE"),
    ] {
        let ran = scene.eval(&csv, "none.csv", &["--where", condition]).expect(2);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
        assert!(!scene.path("none.csv").exists() && !scene.path("none.journal").exists());
    }
    let csv = csv.to_str().unwrap();
    let ran = scene.run(&["check", csv, "--where", "split=test", "--no-media", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.expect(0).stdout).unwrap();
    let cells = report["composition"]["cells"].as_array().unwrap().iter();
    assert_eq!(cells.map(|cell| cell["rows"].as_u64().unwrap()).sum::<u64>(), 2, "{report}");
}

/// Batches are the selected rows in the manifest's order.
#[test]
fn across_batch_scores_depend_on_the_selected_rows_alone() {
    let scene = Scene::new();
    let csv = with_splits(&scene);
    let text = scene.read("splits.csv");
    let rows: Vec<&str> = text.lines().filter(|line| !line.ends_with(",train")).collect();
    let alone = scene.write("alone.csv", &(rows.join("\n") + "\n"));
    let across = ["--fusion-attention", "across-batch", "--batch-size", "2"];
    scene.eval(&alone, "alone.out.csv", &across).expect(0);
    let selected = [&across[..], &["--where", "split=test"]].concat();
    scene.eval(&csv, "selected.out.csv", &selected).expect(0);
    assert_eq!(scene.read("alone.out.csv"), scene.read("selected.out.csv"));
}

#[test]
fn a_submission_has_base_names_and_scores_alone() {
    let scene = Scene::new();
    let csv = with_splits(&scene);
    let submit = ["--submission", "kaggle/submission.csv"];
    let ran = scene.eval(&csv, "out.csv", &submit).expect(0);
    assert!(ran.stdout.contains("submission: kaggle/submission.csv"), "{}", ran.stdout);
    let submission = scene.read("kaggle/submission.csv");
    let predictions = scene.read("out.csv");
    let expected = predictions.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{},{}", cells[0].rsplit('/').next().unwrap(), cells[1])
    });
    let expected: Vec<String> =
        ["video_name,y_pred".to_owned()].into_iter().chain(expected).collect();
    assert_eq!(submission.lines().collect::<Vec<_>>(), expected);
    assert!(submission.contains("\nmatch_a.mp4,0."), "{submission}");

    let ran = scene.eval(&csv, "other.csv", &submit).expect(2);
    assert!(ran.stderr.contains("kaggle/submission.csv: results already exist"), "{}", ran.stderr);
    for name in ["out.csv", "submission.txt"] {
        scene.eval(&csv, "out.csv", &["--overwrite", "--submission", name]).expect(2);
    }
    // Another folder, another clip, but one name.
    std::fs::create_dir(scene.path("copy")).unwrap();
    std::fs::copy(clip("match_a.mp4"), scene.path("copy/match_a.mp4")).unwrap();
    let twice = scene.write("twice.csv", &(scene.read("splits.csv") + "copy/match_a.mp4,0,test\n"));
    let ran = scene.eval(&twice, "twice.out.csv", &["--submission", "twice.csv.csv"]).expect(2);
    let message = "twice.csv: lines 2 and 5 both have the base name `match_a.mp4`";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    assert!(!scene.path("twice.out.csv").exists() && !scene.path("twice.out.journal").exists());
}

/// The measure without learning is a column and a line of its own, also of merged shards.
#[test]
fn synchrony_is_the_line_to_beat() {
    let scene = Scene::new();
    let sample = |name: &str| root().join("data/synthetic").join(format!("{name}.mp4"));
    let rows = [("real_a", 0), ("voice_swap", 1), ("real_b", 0), ("time_shift", 1)];
    let rows = rows.map(|(name, target)| format!("{},{target},a\n", sample(name).display()));
    let still = format!("{},0,b\n", media("h264_vfr.mp4").display());
    let csv = format!("video_name,target,kind\n{}{still}", rows.concat());
    let csv = scene.write("in.csv", &csv);
    let options = ["--synchrony", "--by", "kind"];
    let ran = scene.eval(&csv, "whole.csv", &options).expect(0);
    assert!(ran.stdout.contains("AUC without learning"), "{}", ran.stdout);
    let table = scene.read("whole.csv");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("video_name,y_pred,synchrony,target,kind"));
    let cells: Vec<&str> = lines.map(|line| line.split(',').nth(2).unwrap()).collect();
    let correlations: Vec<f64> = cells[..4].iter().map(|cell| cell.parse().unwrap()).collect();
    assert!(correlations[0] > correlations[1] && correlations[2] > correlations[3]);
    assert_eq!(cells[4], "", "a clip without a face");
    let baseline = scene.json("whole.summary.json")["baseline"].clone();
    assert_eq!((&baseline["measured"], &baseline["metrics"]["auc"]), (&4.into(), &1.0.into()));
    assert_eq!(baseline["by"][0]["categories"][0]["n"], 4);

    for shard in ["0/2", "1/2"] {
        scene.eval(&csv, "part.csv", &[&options[..], &["--shard", shard]].concat()).expect(0);
    }
    let merge = ["merge", "--output", "merged.csv", "--by", "kind"];
    scene.run(&[&merge[..], &["part.0-of-2.csv", "part.1-of-2.csv"]].concat()).expect(0);
    assert_eq!(scene.read("merged.csv"), table);
    assert_eq!(scene.json("merged.summary.json")["baseline"], baseline);
    let ran = scene.eval(&csv, "whole.csv", &["--resume", "--by", "kind"]).expect(2);
    assert!(ran.stderr.contains("synchrony"), "{}", ran.stderr);
}
