//! `avff split`, and `avff eval` and `avff check` on its output.

use std::{collections::BTreeSet, fs};

use crate::setup::{Scene, clip, root};

/// A manifest of 60 clips of 20 identities. The clips do not exist.
fn manifest(scene: &Scene) -> String {
    let mut csv = "video_name,target,category,identity,note\n".to_owned();
    for row in 0..60 {
        let category = ["RR,0", "FVRA,1", "FVFA,1"][row % 3].split_once(',').unwrap();
        let (name, target) = category;
        csv += &format!("clips/{row}.mp4,{target},{name},id{},\"n, {row}\"\n", row / 3);
    }
    scene.write("all.csv", &csv);
    csv
}

fn names(csv: &str) -> BTreeSet<String> {
    csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn subsets_in_another_folder_can_be_scored() {
    let scene = Scene::new();
    fs::create_dir(scene.path("data")).unwrap();
    let mut csv = "video_name,target\n".to_owned();
    for (name, target) in [("match_a", 0), ("match_b", 0), ("swapped_a", 1), ("swapped_b", 1)] {
        fs::copy(clip(&format!("{name}.mp4")), scene.path(&format!("data/{name}.mp4"))).unwrap();
        csv += &format!("{name}.mp4,{target}\n");
    }
    scene.write("data/all.csv", &csv);
    let subsets = ["--subsets", "train=1,test=1", "--stratify", "target"];
    let arguments =
        [&["split", "random", "data/all.csv", "--output", "sets"][..], &subsets].concat();
    let ran = scene.run(&arguments).expect(0);
    assert!(ran.stdout.contains("wrote sets/train.csv"), "{}", ran.stdout);
    let test = scene.read("sets/test.csv");
    assert_eq!(test.lines().next(), Some("video_name,target,split"));
    assert!(test.lines().skip(1).all(|line| line.starts_with("../data/")), "{test}");
    scene.eval(&scene.path("sets/test.csv"), "out.csv", &[]).expect(0);
    assert_eq!(scene.json("out.summary.json")["coverage"]["scored"], 2);

    // With --keep-names the rows are equal, and --root finds the clips.
    let arguments =
        [&["split", "random", "data/all.csv", "--output", "kept", "--keep-names"][..], &subsets];
    let ran = scene.run(&arguments.concat()).expect(0);
    let root = scene.path("data").canonicalize().unwrap();
    assert!(ran.stdout.contains(&format!("--root {}", root.display())), "{}", ran.stdout);
    assert_eq!(scene.read("kept/test.csv"), test.replace("../data/", ""));
    let more = ["--root", root.to_str().unwrap()];
    scene.eval(&scene.path("kept/test.csv"), "kept.csv", &more).expect(0);

    // Existing files are not overwritten.
    let ran = scene.run(&arguments.concat()).expect(2);
    assert!(ran.stderr.contains("already exists"), "{}", ran.stderr);
}

#[test]
fn one_file_keeps_every_cell_and_is_reproducible() {
    let scene = Scene::new();
    let csv = manifest(&scene);
    let split = |output: &str, seed: &str| {
        scene.run(&["split", "subjects", "all.csv", "--output", output, "--seed", seed]).expect(0);
        scene.read(output)
    };
    let one = split("one.csv", "7");
    assert_eq!(one, split("two.csv", "7"));
    assert_ne!(one, split("three.csv", "8"));
    for (line, own) in csv.lines().zip(one.lines()).skip(1) {
        let subset = own.strip_prefix(line).unwrap_or_else(|| panic!("{own}: {line}"));
        assert!([",train", ",test"].contains(&subset), "{own}");
    }
    scene.run(&["check", "one.csv", "--no-media", "--strict"]).expect(0);
    // A random split has identities in both subsets, which a strict check reports.
    scene.run(&["split", "random", "all.csv", "--output", "random.csv"]).expect(0);
    scene.run(&["check", "random.csv", "--no-media"]).expect(0);
    let ran = scene.run(&["check", "random.csv", "--no-media", "--strict"]).expect(4);
    assert!(ran.stdout.contains("identities are in more than one split"), "{}", ran.stdout);
}

#[test]
fn folds_are_a_column_or_folders() {
    let scene = Scene::new();
    let csv = manifest(&scene);
    let ran = scene.run(&["split", "kfold", "all.csv", "--output", "f.csv", "--json"]).expect(0);
    let summary: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let composition = &summary["splits"][0]["composition"];
    assert_eq!(composition["shared_identities"], 0);
    // 20 identities with one real and two fakes each, in 5 folds.
    for fold in 0..5 {
        assert_eq!(composition["identities"][format!("fold{fold}")], 4);
    }
    let first = scene.read("f.csv");
    assert!(first.lines().next().unwrap().ends_with("note,split,fold"));
    scene.run(&["split", "kfold", "all.csv", "--output", "folds"]).expect(0);
    let mut tested = BTreeSet::new();
    for fold in 0..5 {
        let (train, test) =
            (format!("folds/fold{fold}/train.csv"), format!("folds/fold{fold}/test.csv"));
        let (training, testing) = (names(&scene.read(&train)), names(&scene.read(&test)));
        assert_eq!((training.len(), testing.len()), (48, 12));
        assert!(training.is_disjoint(&testing));
        for name in &testing {
            let name = name.strip_prefix("../../").unwrap();
            let row = first.lines().find(|line| line.starts_with(&format!("{name},"))).unwrap();
            assert!(row.ends_with(&format!(",fold{fold},{fold}")), "{row}");
        }
        tested.extend(testing);
        scene.run(&["check", &train, &test, "--no-media", "--strict"]).expect(0);
    }
    assert_eq!(tested.len(), names(&csv).len());
}

#[test]
fn categories_are_held_out_one_by_one() {
    let scene = Scene::new();
    let csv = manifest(&scene);
    let one = ["split", "leave-one-out", "all.csv", "--leave-out", "FVRA", "--output", "one"];
    let ran = scene.run(&one).expect(0);
    assert!(
        ran.stdout.contains("`FVRA` is held out: the test set has 20 of its clips and 6 reals"),
        "{}",
        ran.stdout
    );
    scene.run(&["split", "leave-one-out", "all.csv", "--all", "--output", "every"]).expect(0);
    for category in ["FVRA", "FVFA"] {
        let train = scene.read(&format!("every/{category}/train.csv"));
        let test = scene.read(&format!("every/{category}/test.csv"));
        assert_eq!((train.matches(category).count(), test.matches(category).count()), (0, 20));
        assert_eq!((train.lines().count(), test.lines().count()), (1 + 34, 1 + 26));
    }
    assert!(!scene.path("every/RR").exists(), "reals are not a category of fakes");
    // A fake without a category is trained on, with a note.
    let blank = ["clips/60.mp4,1,,id20,", "clips/61.mp4,1,,id20,", ""].join("\n");
    scene.write("blank.csv", &(csv + &blank));
    let some = scene.run(&["split", "leave-one-out", "blank.csv", "--all", "--output", "some"]);
    let stdout = some.expect(0).stdout;
    assert!(stdout.contains("2 fakes have no category and are used for training"), "{stdout}");
    assert!(!scene.path("some/none").exists(), "an empty cell is not a category of fakes");
}

#[test]
fn balance_removes_rows() {
    let scene = Scene::new();
    let csv = manifest(&scene);
    scene.run(&["split", "balance", "all.csv", "--output", "equal.csv"]).expect(0);
    let equal = scene.read("equal.csv");
    assert_eq!(equal.lines().count(), 1 + 40);
    assert_eq!(equal.matches(",0,RR,").count(), 20);
    assert!(equal.lines().all(|line| csv.contains(line)), "rows are as they were");
    let ratio = ["--by", "category", "--ratio", "RR=1,FVRA=2", "--output", "ratio.csv"];
    scene.run(&[&["split", "balance", "all.csv"][..], &ratio].concat()).expect(0);
    let counts = ["RR", "FVRA", "FVFA"].map(|name| scene.read("ratio.csv").matches(name).count());
    assert_eq!(counts, [10, 20, 0]);
}

#[test]
fn an_impossible_split_is_refused_with_a_reason() {
    let scene = Scene::new();
    manifest(&scene);
    scene.write("none.csv", "video_name,target,identity\na.mp4,1,\n");
    let kinds = "a.mp4,1,\nb.mp4,1,\nc.mp4,1,\nd.mp4,0,real\ne.mp4,0,real\nf.mp4,0,real\n";
    scene.write("kinds.csv", &format!("video_name,target,category\n{kinds}"));
    scene.write("header.csv", "video_name,target\n");
    let sample = root().join("crates/avff/tests/fixtures/sample.csv");
    let sample = sample.to_str().unwrap();
    for (arguments, reason) in [
        (&["subjects", "none.csv", "--output", "x"][..], "every cell of identity, source is empty"),
        (
            &["subjects", sample, "--output", "x"],
            "no column `identity`; there are: video_name, target",
        ),
        (&["random", "absent.csv", "--output", "x"], "no such file"),
        (&["random", "header.csv", "--output", "x"], "no rows below the header"),
        (&["random", "all.csv", "--output", "all.csv"], "would overwrite one of its inputs"),
        (&["random", "all.csv", "--output", "x", "--subsets", "train=1"], "train=70,test=30"),
        (
            &["random", "all.csv", "--output", "x", "--subsets", "a=1,b=0.0001"],
            "subset `b` would be empty",
        ),
        (&["random", "all.csv", "--output", "x", "--root", "nowhere"], "nowhere"),
        (&["kfold", "all.csv", "--output", "x", "--folds", "30"], "20 indivisible groups"),
        (
            &["leave-one-out", "all.csv", "--output", "x", "--leave-out", "W"],
            "there are: FVFA, FVRA, RR",
        ),
        (&["leave-one-out", "all.csv", "--output", "x", "--leave-out", "RR"], "`RR` has no fake"),
        (&["leave-one-out", "all.csv", "--output", "x"], "--leave-out"),
        (&["leave-one-out", "kinds.csv", "--output", "x", "--all"], "3 fakes have no category"),
        (&["leave-one-out", "all.csv", "--output", "x.csv", "--all"], "needs a folder"),
        (&["balance", "all.csv", "--output", "x"], "must end in .csv"),
        (
            &["balance", "all.csv", "--output", "x.csv", "--ratio", "0=1,1=1e9"],
            "no row of `0` would remain",
        ),
    ] {
        let ran = scene.run(&[&["split"], arguments].concat()).expect(2);
        assert!(ran.stderr.contains(reason), "{arguments:?}: {}", ran.stderr);
        assert!(!scene.path("x").exists() && !scene.path("x.csv").exists(), "{arguments:?}");
    }
}
