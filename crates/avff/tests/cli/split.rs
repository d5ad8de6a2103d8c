//! `avff split`: what it writes, and that `avff eval` and `avff check` take it.

use std::{collections::BTreeSet, fs};

use crate::setup::{Scene, clip, root};

/// 60 clips that need not be there, of 20 people.
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
fn parts_written_elsewhere_are_scored_where_they_are() {
    let scene = Scene::new();
    fs::create_dir(scene.path("data")).unwrap();
    let mut csv = "video_name,target\n".to_owned();
    for (name, target) in [("match_a", 0), ("match_b", 0), ("swapped_a", 1), ("swapped_b", 1)] {
        fs::copy(clip(&format!("{name}.mp4")), scene.path(&format!("data/{name}.mp4"))).unwrap();
        csv += &format!("{name}.mp4,{target}\n");
    }
    scene.write("data/all.csv", &csv);
    let parts = ["--parts", "train=1,test=1", "--stratify", "target"];
    let arguments = [&["split", "random", "data/all.csv", "--output", "sets"][..], &parts].concat();
    let ran = scene.run(&arguments).expect(0);
    assert!(ran.stdout.contains("wrote sets/train.csv"), "{}", ran.stdout);
    let test = scene.read("sets/test.csv");
    assert_eq!(test.lines().next(), Some("video_name,target,split"));
    assert!(test.lines().skip(1).all(|line| line.starts_with("../data/")), "{test}");
    scene.eval(&scene.path("sets/test.csv"), "out.csv", &[]).expect(0);
    assert_eq!(scene.json("out.summary.json")["coverage"]["scored"], 2);

    // Names kept: the same rows, found with the root that the command names.
    let arguments =
        [&["split", "random", "data/all.csv", "--output", "kept", "--keep-names"][..], &parts];
    let ran = scene.run(&arguments.concat()).expect(0);
    let root = scene.path("data").canonicalize().unwrap();
    assert!(ran.stdout.contains(&format!("--root {}", root.display())), "{}", ran.stdout);
    assert_eq!(scene.read("kept/test.csv"), test.replace("../data/", ""));
    let more = ["--root", root.to_str().unwrap()];
    scene.eval(&scene.path("kept/test.csv"), "kept.csv", &more).expect(0);

    // No file is replaced.
    let ran = scene.run(&arguments.concat()).expect(2);
    assert!(ran.stderr.contains("is there already"), "{}", ran.stderr);
}

#[test]
fn one_file_keeps_every_cell_and_is_the_same_again() {
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
        let part = own.strip_prefix(line).unwrap_or_else(|| panic!("{own}: {line}"));
        assert!([",train", ",test"].contains(&part), "{own}");
    }
    scene.run(&["check", "one.csv", "--no-media", "--strict"]).expect(0);
    // A split by chance has people on both sides, which a strict check tells.
    scene.run(&["split", "random", "all.csv", "--output", "random.csv"]).expect(0);
    scene.run(&["check", "random.csv", "--no-media"]).expect(0);
    let ran = scene.run(&["check", "random.csv", "--no-media", "--strict"]).expect(4);
    assert!(ran.stdout.contains("identities are in more than one split"), "{}", ran.stdout);
}

#[test]
fn folds_come_as_a_column_and_as_sets() {
    let scene = Scene::new();
    let csv = manifest(&scene);
    let ran = scene.run(&["split", "kfold", "all.csv", "--output", "f.csv", "--json"]).expect(0);
    let summary: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let composition = &summary["splits"][0]["composition"];
    assert_eq!(composition["shared_identities"], 0);
    // 20 people of a real and two fakes each, dealt to 5 folds.
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
fn categories_are_left_out_one_by_one() {
    let scene = Scene::new();
    let csv = manifest(&scene);
    let one = ["split", "leave-one-out", "all.csv", "--leave-out", "FVRA", "--output", "one"];
    let ran = scene.run(&one).expect(0);
    assert!(
        ran.stdout.contains("`FVRA` is left out: 20 of its clips and 6 reals"),
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
    assert!(!scene.path("every/RR").exists(), "reals are no kind of fake");
    // A fake of no known kind is trained on, and that is said.
    let unsaid = ["clips/60.mp4,1,,id20,", "clips/61.mp4,1,,id20,", ""].join("\n");
    scene.write("unsaid.csv", &(csv + &unsaid));
    let some = scene.run(&["split", "leave-one-out", "unsaid.csv", "--all", "--output", "some"]);
    let said = some.expect(0).stdout;
    assert!(said.contains("2 fakes say no category and are trained on"), "{said}");
    assert!(!scene.path("some/none").exists(), "a missing name is no kind of fake");
}

#[test]
fn balance_leaves_rows_out() {
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
fn what_cannot_be_split_says_why() {
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
        (
            &["random", "all.csv", "--output", "all.csv"],
            "would replace a file that it is made from",
        ),
        (&["random", "all.csv", "--output", "x", "--parts", "train=1"], "train=70,test=30"),
        (
            &["random", "all.csv", "--output", "x", "--parts", "a=1,b=0.0001"],
            "part `b` would be empty",
        ),
        (&["random", "all.csv", "--output", "x", "--root", "nowhere"], "nowhere"),
        (&["kfold", "all.csv", "--output", "x", "--folds", "30"], "20 groups"),
        (
            &["leave-one-out", "all.csv", "--output", "x", "--leave-out", "W"],
            "there are: FVFA, FVRA, RR",
        ),
        (&["leave-one-out", "all.csv", "--output", "x", "--leave-out", "RR"], "`RR` has no fake"),
        (&["leave-one-out", "all.csv", "--output", "x"], "--leave-out"),
        (&["leave-one-out", "kinds.csv", "--output", "x", "--all"], "3 fakes say no category"),
        (&["leave-one-out", "all.csv", "--output", "x.csv", "--all"], "needs a folder"),
        (&["balance", "all.csv", "--output", "x"], "must end in .csv"),
        (
            &["balance", "all.csv", "--output", "x.csv", "--ratio", "0=1,1=1e9"],
            "nothing would be left",
        ),
    ] {
        let ran = scene.run(&[&["split"], arguments].concat()).expect(2);
        assert!(ran.stderr.contains(reason), "{arguments:?}: {}", ran.stderr);
        assert!(!scene.path("x").exists() && !scene.path("x.csv").exists(), "{arguments:?}");
    }
}
