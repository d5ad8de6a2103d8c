//! `avff manifest`.

use std::fs;

use serde_json::Value;

use crate::setup::{Scene, clip};

const COLUMNS: &str = "video_name,target,split,category,method,identity,source,language";

/// A folder `set/` of three clips, of which two are readable and listed.
fn sorted() -> Scene {
    let scene = Scene::new();
    for (name, sample) in [("real/a.mp4", "match_a.mp4"), ("fake/swap/b, c.mp4", "swapped_b.mp4")] {
        put(&scene, &format!("set/{name}"), &fs::read(clip(sample)).unwrap());
    }
    put(&scene, "set/other/d.mp4", b"");
    scene
}

fn put(scene: &Scene, name: &str, content: &[u8]) {
    let path = scene.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn eval_reads_a_manifest_in_any_folder() {
    let scene = sorted();
    put(&scene, "lists/keep", b"");
    let absolute = fs::canonicalize(scene.path("set")).unwrap();
    for (output, prefix) in [
        ("above.csv", "set/".to_owned()),
        ("set/inside.csv", String::new()),
        ("lists/beside.csv", format!("{}/", absolute.display())),
    ] {
        let ran = scene.run(&["manifest", "folder", "set", "--output", output]).expect(0);
        let expected = format!(
            "{COLUMNS}\n\"{prefix}fake/swap/b, c.mp4\",1,,,swap,,,\n\
             {prefix}real/a.mp4,0,,RVRA,,,{prefix}real/a.mp4,\n"
        );
        assert_eq!(scene.read(output), expected);
        assert!(ran.stdout.contains("any clips in"), "{}", ran.stdout);
        assert!(ran.stderr.contains("unlisted other/d.mp4"), "{}", ran.stderr);
        scene.eval(&scene.path(output), "prediction.csv", &["--overwrite"]).expect(0);
        assert_eq!(scene.json("prediction.summary.json")["coverage"]["scored"], 2);
    }
    // Existing files are not overwritten.
    let ran = scene.run(&["manifest", "folder", "set", "--output", "above.csv"]).expect(2);
    assert!(ran.stderr.contains("already exists"), "{}", ran.stderr);
}

#[test]
fn rows_on_stdout_are_relative_to_the_root() {
    let scene = sorted();
    let ran = scene.run(&["manifest", "auto", "set"]).expect(0);
    assert!(ran.stdout.contains("\nreal/a.mp4,0,,RVRA,,,real/a.mp4,\n"), "{}", ran.stdout);
    assert!(ran.stderr.contains("start at set: give eval --root"), "{}", ran.stderr);
    let csv = scene.write("piped.csv", &ran.stdout);
    scene.eval(&csv, "prediction.csv", &["--root", "set"]).expect(0);
    let ran = scene.run(&["manifest", "folder", "set", "--absolute"]).expect(0);
    let absolute = fs::canonicalize(scene.path("set/real/a.mp4")).unwrap();
    assert!(ran.stdout.contains(&format!("\n{},0", absolute.display())), "{}", ran.stdout);
    assert!(!ran.stderr.contains("--root"), "{}", ran.stderr);
}

#[test]
fn a_partial_copy_is_counted_and_named() {
    let scene = Scene::new();
    put(&scene, "set/RealVideo-RealAudio/African/men/id1/00001.mp4", b"");
    let mut table = "source,target1,target2,method,category,type,race,gender,path,\n".to_owned();
    for number in 1..=15 {
        table += &format!(
            "id1,-,-,real,A,RealVideo-RealAudio,African,men,{number:05}.mp4,\
             FakeAVCeleb/RealVideo-RealAudio/African/men/id1\n"
        );
    }
    put(&scene, "set/meta_data.csv", table.as_bytes());
    let run = |more: &[&str]| {
        let mut arguments = vec!["manifest", "fakeavceleb", "set"];
        arguments.extend(more);
        scene.run(&arguments).expect(0)
    };
    let ran = run(&["--output", "a.csv", "--missing", "missing.csv", "--json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["layout"], "fakeavceleb");
    assert_eq!((&json["rows"], &json["problems"]["missing"]), (&1.into(), &14.into()));
    assert_eq!(scene.read("a.csv").lines().next(), Some(&*format!("{COLUMNS},race,gender")));
    assert_eq!(scene.read("a.csv").lines().count(), 2);
    let missing = scene.read("missing.csv");
    assert_eq!(missing.lines().count(), 15);
    assert!(missing.contains("\nmissing,RealVideo-RealAudio/African/men/id1/00015.mp4,\n"));
    assert_eq!(ran.stderr.matches("missing Real").count(), 10, "{}", ran.stderr);
    assert!(ran.stderr.contains("4 more missing"), "{}", ran.stderr);
    let ran = run(&["--output", "b.csv", "--keep-missing"]);
    assert!(ran.stderr.contains("--missing FILE"), "{}", ran.stderr);
    assert_eq!(scene.read("b.csv").lines().count(), 16);
}

#[test]
fn a_wrong_root_is_an_error_with_a_hint() {
    let scene = sorted();
    let cases: [(&[&str], &str); 6] = [
        (
            &["fakeavceleb", "set"],
            "looked for `meta_data.csv`, found `fake`, `other`, `real`; it looks like folder",
        ),
        (&["fakeavceleb", "set"], "\nhint: give the folder that the data set was extracted to\n"),
        (&["auto", "set/other"], "no layout matches, found `d.mp4`\nhint: name the layout"),
        (&["auto", "nowhere"], "nowhere: no such file"),
        (&["folder", "set/real/a.mp4"], "not a folder"),
        (&["fakeavceleeb", "set"], "possible values: fakeavceleb, dfdc"),
    ];
    for (arguments, expected) in cases {
        let arguments = [&["manifest"], arguments].concat();
        let ran = scene.run(&arguments).expect(2);
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stdout.contains("video_name"), "{}", ran.stdout);
    }
    // A list without any existing clip still reports the missing clips.
    scene.write("set/labels.csv", "filename,label\nx.mp4,0\ny.mp4,1\n");
    let ran = scene.run(&["manifest", "dfdc", "set", "--missing", "missing.csv"]).expect(2);
    assert!(ran.stderr.contains("2 are listed, but none exist"), "{}", ran.stderr);
    assert!(scene.read("missing.csv").starts_with("problem,path,detail\nmissing,x.mp4,\n"));
    // A failure leaves no files.
    scene.write("set/labels.csv", "filename\n");
    let outputs = ["--output", "x.csv", "--missing", "y.csv"];
    scene.run(&[&["manifest", "dfdc", "set"], &outputs[..]].concat()).expect(2);
    for name in ["x.csv", "x.csv.partial", "y.csv", "y.csv.partial"] {
        assert!(!scene.path(name).exists(), "{name}");
    }
}
