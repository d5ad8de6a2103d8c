//! Only all shards of one run are merged.

use std::fs;

use super::{assert_same, eval_shard, eval_shards, merge, shards};
use crate::setup::{Scene, sealed, weights};

#[test]
fn incomplete_or_different_runs_are_refused() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 7);
    eval_shards(&scene, &csv, "p.csv", 3, &[]);
    let good = shards("p", 3);
    let refused = |given: &[String], reason: &str| {
        let ran = merge(&scene, given, "out.csv", &[]).expect(2);
        assert!(ran.stderr.contains(reason), "{reason}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
        for left in
            ["csv", "errors.csv", "summary.json", "journal", "csv.partial", "errors.csv.partial"]
        {
            assert!(!scene.path(&format!("out.{left}")).exists(), "{reason}: out.{left}");
        }
    };
    let with = |name: &str| [good[0].clone(), good[1].clone(), name.to_owned()];
    refused(&good[..2], "shards are missing: 2/3");
    refused(&with("p.1-of-3.csv"), "shard 1/3 is given twice");
    refused(&with("absent.csv"), "absent.rows does not exist");
    // Shards with another count, clip preparation, CSV or checkpoint are not merged.
    eval_shard(&scene, &csv, "p.csv", "2/4", &[]).expect(0);
    refused(&with("p.2-of-4.csv"), "the number of shards is 4, but 3");
    eval_shard(&scene, &csv, "fit.csv", "2/3", &["--frame-fit", "letterbox"]).expect(0);
    refused(&with("fit.2-of-3.csv"), "the clip preparation is");
    let longer = scene.manifest("longer.csv", 8);
    eval_shard(&scene, &longer, "csv.csv", "2/3", &[]).expect(0);
    refused(&with("csv.2-of-3.csv"), "the CSV is");
    let other = scene.path("other.safetensors");
    fs::copy(weights(), &other).unwrap();
    let other_name = other.to_str().unwrap();
    let mut bytes = fs::read(&other).unwrap();
    // The lowest byte of the last weight.
    let at = bytes.len() - 4;
    bytes[at] ^= 1;
    fs::write(&other, bytes).unwrap();
    let arguments = ["eval", "--device", "cpu", "--checkpoint", other_name, "--csv", "in.csv"];
    let more = ["--output", "weights.csv", "--shard", "2/3", "--min-coverage", "0"];
    scene.run(&[&arguments[..], &more].concat()).expect(0);
    refused(&with("weights.2-of-3.csv"), "the checkpoint is");
    // A run without shards, and an unfinished shard.
    scene.eval(&csv, "whole.csv", &["--min-coverage", "0"]).expect(0);
    refused(&["whole.csv".to_owned()], "not a shard");
    fs::rename(scene.path("p.2-of-3.rows"), scene.path("p.2-of-3.journal")).unwrap();
    refused(&good, "unfinished");
    let rows = scene.read("p.2-of-3.journal");
    fs::remove_file(scene.path("p.2-of-3.journal")).unwrap();
    // Files that contradict each other.
    let lines: Vec<&str> = rows.lines().collect();
    scene.write("p.2-of-3.rows", &(lines[..lines.len() - 1].join("\n") + "\n"));
    refused(&good, "p.2-of-3.rows: rows are missing: the shard has 2");
    scene.write("p.2-of-3.rows", rows.trim_end());
    refused(&good, "p.2-of-3.rows: rows are missing: the shard has 2");
    scene.write("p.2-of-3.rows", "{}\n");
    refused(&good, "p.2-of-3.rows");
    scene.write("p.2-of-3.rows", &rows.replace("\"2/3\"", "\"3/3\""));
    refused(&good, "line 1 is damaged");
    let bare = |line: &str| line.rsplit_once(" #").unwrap().0.replace("\"2/3\"", "\"3/3\"");
    scene.write("p.2-of-3.rows", &sealed(&rows.lines().map(bare).collect::<Vec<_>>()));
    refused(&good, "there is no shard 3/3");
    scene.write("p.2-of-3.rows", &rows);
    let table = scene.read("p.0-of-3.csv");
    scene.write("p.0-of-3.csv", &table.replacen(",0.", ",0.1", 1));
    refused(&good, "its SHA-256 is not the one in the summary");
    // Without the summary, the rows are compared with those in the journal.
    fs::remove_file(scene.path("p.0-of-3.summary.json")).unwrap();
    refused(&good, "its rows are not the rows");
    scene.write("p.0-of-3.csv", &table[..table.trim_end().rfind('\n').unwrap() + 1]);
    refused(&good, "its rows are not the rows");
    scene.write("p.0-of-3.csv", &(table.clone() + table.lines().last().unwrap() + "\n"));
    refused(&good, "its rows are not the rows");
    scene.write("p.0-of-3.csv", &table.replacen("note", "remark", 1));
    refused(&good, "its columns differ from those");
    scene.write("p.0-of-3.csv", &table);
    // Neither results nor a shard are overwritten.
    merge(&scene, &good, "out.csv", &[]).expect(0);
    assert_same(&scene, "whole", "out");
    let ran = merge(&scene, &good, "out.csv", &[]).expect(2);
    assert!(ran.stderr.contains("--overwrite"), "{}", ran.stderr);
    merge(&scene, &good, "out.csv", &["--overwrite"]).expect(0);
    assert_same(&scene, "whole", "out");
    let ran = merge(&scene, &good, "p.1-of-3.csv", &["--overwrite"]).expect(2);
    assert!(ran.stderr.contains("overwrite one of its inputs"), "{}", ran.stderr);
    // A failed merge keeps the earlier results.
    scene.write("p.0-of-3.csv", &table.replacen(",0.", ",0.1", 1));
    merge(&scene, &good, "out.csv", &["--overwrite"]).expect(2);
    assert_same(&scene, "whole", "out");
    scene.run(&["merge", "--output", "none.csv"]).expect(2);
    fs::create_dir(scene.path("folder")).unwrap();
    let ran = merge(&scene, &with("folder"), "out.csv", &[]).expect(2);
    assert!(ran.stderr.contains("some shards are folders"), "{}", ran.stderr);
}

#[test]
fn invalid_shards_are_refused() {
    let scene = Scene::new();
    let csv = scene.manifest("in.csv", 2);
    for (shard, reason) in [
        ("3/3", "numbered from 0, 0/3 to 2/3"),
        ("0/0", "at least 1"),
        ("1of3", "0/8 to 7/8"),
        ("-1/3", "0/8 to 7/8"),
    ] {
        let ran = scene.eval(&csv, "out.csv", &[&format!("--shard={shard}")]).expect(2);
        assert!(ran.stderr.contains(reason), "{shard}: {}", ran.stderr);
    }
    let across = ["--fusion-attention", "across-batch", "--batch-size", "2"];
    let config = scene.write("batch.json", r#"{"fusion_attention": "batch"}"#);
    let more = [&across[..], &["--config", config.to_str().unwrap()]].concat();
    let ran = eval_shard(&scene, &csv, "out.csv", "0/2", &more).expect(2);
    assert!(ran.stderr.contains("cannot be sharded"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(scene.path("")).unwrap().count(), 2);
}
