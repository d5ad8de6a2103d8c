//! Tables as people have them: other separators and column names, repeated rows, no identities.

use crate::setup::{Scene, clip};

#[test]
fn header_of_another_table_is_shown_with_its_fix() {
    let scene = Scene::new();
    for (text, error) in [
        ("name;target\na.mp4;1\n", "it is `name;target`: rename `name` to `video_name`"),
        (
            "sep=|\nvideo_name|target\n",
            "`sep=|` states is not supported: separate columns by commas",
        ),
        ("id,path\n1,a.mp4\n", "it is `id,path`: rename `path` to `video_name`"),
    ] {
        let csv = scene.write("in.csv", text);
        let ran = scene.eval(&csv, "out.csv", &[]).expect(2);
        assert!(ran.stderr.contains(error), "{error}: {}", ran.stderr);
    }
}

/// A table of a spreadsheet gives the predictions of the plain table.
#[test]
fn tables_of_spreadsheets_are_read() {
    let scene = Scene::new();
    std::fs::copy(clip("match_a.mp4"), scene.path("a.mp4")).unwrap();
    let mut predictions = Vec::new();
    for text in [
        "video_name,target,note\na.mp4,FAKE,x\n",
        "video_name;target;note;\r\na.mp4;FAKE;x;\r\n;;;\r\n",
        "sep=\t\r\nvideo_name\ttarget\tnote\r\na.mp4\tFAKE\tx\r\n",
    ] {
        let csv = scene.write("in.csv", text);
        scene.eval(&csv, "out.csv", &["--overwrite"]).expect(0);
        assert_eq!(scene.json("out.summary.json")["metrics"]["n_fake"], 1);
        predictions.push(scene.read("out.csv"));
    }
    assert!(predictions[0].contains("FAKE,x"), "{}", predictions[0]);
    assert!(predictions.iter().all(|other| *other == predictions[0]));
}

#[test]
fn white_space_around_names_is_pointed_out() {
    let scene = Scene::new();
    std::fs::copy(clip("match_a.mp4"), scene.path("a.mp4")).unwrap();
    let csv = scene.write("in.csv", " video_name , target\na.mp4,1\n a.mp4,0\n");
    scene.eval(&csv, "out.csv", &[]).expect(3);
    let errors = scene.read("out.errors.csv");
    assert!(errors.contains("no such file: ` a.mp4` begins or ends with white space"), "{errors}");
    assert!(errors.contains("around the cells of `video_name`"), "{errors}");
    // Names of columns are read without it.
    assert_eq!(scene.json("out.summary.json")["metrics"]["n_fake"], 1);
}

#[test]
fn labels_in_another_column_are_pointed_out() {
    let scene = Scene::new();
    let path = clip("match_a.mp4");
    let note = "no column `target`, so there are no metrics";
    for (column, advice, option) in
        [("label", "; `label` may have the labels", "give --target-column label\n"), ("id", "", "")]
    {
        let csv = scene.write("in.csv", &format!("video_name,{column}\n{},1\n", path.display()));
        let ran = scene.eval(&csv, "out.csv", &["--overwrite"]).expect(0);
        let text = format!("{note}{advice}");
        assert!(ran.stdout.contains(&text), "{text}: {}", ran.stdout);
        assert!(ran.stderr.contains(option), "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("--target-column"), !option.is_empty());
        let summary = scene.json("out.summary.json");
        let note = summary["notes"][0].as_str().unwrap();
        assert!(note.starts_with(&text) && !note.contains("--"), "{summary}");
    }
    let csv = scene.write("in.csv", &format!("video_name,target\n{},\n", path.display()));
    scene.eval(&csv, "out.csv", &["--overwrite"]).expect(0);
    assert_eq!(scene.json("out.summary.json").get("notes"), None);
}

#[test]
fn repeated_clips_are_counted_in_whole_and_merged_runs() {
    let scene = Scene::new();
    for name in ["match_a.mp4", "swapped_a.mp4"] {
        std::fs::copy(clip(name), scene.path(name)).unwrap();
    }
    let rows =
        ["match_a.mp4,0", "swapped_a.mp4,1", "absent.mp4,1", "./match_a.mp4,0", "absent.mp4,1"];
    let csv = scene.write("in.csv", &format!("video_name,target\n{}\n", rows.join("\n")));
    let ran = scene.eval(&csv, "whole.csv", &["--min-coverage", "0"]).expect(0);
    assert!(ran.stdout.contains("2 rows repeat clips of earlier rows"), "{}", ran.stdout);
    for shard in ["0/2", "1/2"] {
        scene.eval(&csv, "out.csv", &["--shard", shard, "--min-coverage", "0"]).expect(0);
    }
    let shards = ["out.0-of-2.csv", "out.1-of-2.csv"];
    let merge = ["merge", shards[0], shards[1], "--output", "out.csv", "--min-coverage", "0"];
    scene.run(&merge).expect(0);
    assert_eq!(scene.read("out.summary.json"), scene.read("whole.summary.json"));
}

#[test]
fn split_by_persons_needs_persons() {
    let scene = Scene::new();
    let table = |header: &str, more: &str| {
        let rows = (0..20)
            .map(|row| format!("{row}.mp4,{}{more}", row % 2).replace('#', &row.to_string()));
        let text = format!("video_name,target{header}\n{}\n", rows.collect::<Vec<_>>().join("\n"));
        scene.write("all.csv", &text);
    };
    let hint = "`avff split random` ignores persons";
    for (header, more) in
        [("", ""), (",identity", ","), (",identity,source", ",,#.mp4"), (",source", ",#.mp4")]
    {
        table(header, more);
        for protocol in ["subjects", "kfold"] {
            let ran = scene.run(&["split", protocol, "all.csv", "--output", "sets"]).expect(2);
            assert!(ran.stderr.contains("identity"), "{header}: {}", ran.stderr);
            assert!(ran.stderr.contains(hint), "{header}: {}", ran.stderr);
            assert!(!scene.path("sets").exists(), "{header}");
        }
    }
    let source = ["split", "subjects", "all.csv", "--output", "sets", "--together", "source"];
    scene.run(&source).expect(0);
    table(",identity", ",p#");
    scene.run(&["split", "subjects", "all.csv", "--output", "known"]).expect(0);
}
