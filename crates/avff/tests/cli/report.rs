//! `avff eval --by COLUMN --intervals`.

use std::path::PathBuf;

use serde_json::Value;

use crate::setup::{Scene, clip};

/// Eight clips with a target and one without, in three methods and an empty one.
fn kinds(scene: &Scene) -> PathBuf {
    let clips = ["match_a.mp4", "match_b.mp4", "swapped_a.mp4", "swapped_b.mp4"];
    let rows = [(0, "wav2lip", "1"), (1, "real", "0"), (2, "fsgan", "1"), (3, "wav2lip", "1")];
    let more = [(1, "fsgan", "1"), (0, "real", "0"), (2, "", "0"), (3, "", "1"), (0, "real", "")];
    let mut text = "video_name,method,target,split\n".to_owned();
    for (name, method, target) in rows.into_iter().chain(more) {
        text += &format!("{},{method},{target},test\n", clip(clips[name]).display());
    }
    scene.write("kinds.csv", &text)
}

fn scores(scene: &Scene, output: &str) -> Vec<(f64, String, String)> {
    let text = scene.read(output);
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[1].parse().unwrap(), cells[2].to_owned(), cells[3].to_owned())
    });
    rows.collect()
}

/// The AUC by its definition: the fraction of pairs in which the fake scores higher.
fn auc(fakes: &[f64], reals: &[f64]) -> f64 {
    let pairs = fakes.iter().flat_map(|fake| reals.iter().map(move |real| (fake, real)));
    let wins = pairs.map(|(fake, real)| match fake.partial_cmp(real).unwrap() {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    });
    wins.sum::<f64>() / (fakes.len() * reals.len()) as f64
}

#[test]
fn each_method_is_compared_with_all_reals() {
    let scene = Scene::new();
    let csv = kinds(&scene);
    let ran = scene.eval(&csv, "out.csv", &["--by", "method", "--by", "split"]).expect(0);
    for word in ["wav2lip", "(none)", "against all reals", "against all fakes"] {
        assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
    let summary = scene.json("out.summary.json");
    let by = &summary["by"];
    assert_eq!((&by[0]["column"], &by[1]["column"]), (&"method".into(), &"split".into()));
    let row = |index: usize| -> [Value; 5] {
        let row = &by[0]["categories"][index];
        let counts = ["n_fake", "n_real"].map(|count| row["metrics"][count].clone());
        let [fake, real] = counts;
        [row["category"].clone(), row["n"].clone(), row["against"].clone(), fake, real]
    };
    let row_of = |name: &str, n: u32, against: &str, fake: u32, real: u32| -> [Value; 5] {
        [name.into(), n.into(), against.into(), fake.into(), real.into()]
    };
    assert_eq!(row(0), row_of("", 2, "itself", 1, 1));
    assert_eq!(row(1), row_of("fsgan", 2, "all-reals", 2, 3));
    assert_eq!(row(2), row_of("real", 2, "all-fakes", 5, 2));
    assert_eq!(row(3), row_of("wav2lip", 2, "all-reals", 2, 3));

    let scores = scores(&scene, "out.csv");
    let select = |keep: &dyn Fn(&str, &str) -> bool| -> Vec<f64> {
        scores.iter().filter(|row| keep(&row.1, &row.2)).map(|row| row.0).collect()
    };
    let reals = select(&|_, target| target == "0");
    for (index, method) in [(1, "fsgan"), (3, "wav2lip")] {
        let fakes = select(&|own, _| own == method);
        let got = by[0]["categories"][index]["metrics"]["auc"].as_f64().unwrap();
        assert!((got - auc(&fakes, &reals)).abs() < 1e-12, "{method}");
    }
    // A column with one value has the metrics of the whole.
    assert_eq!(by[1]["categories"][0]["metrics"], summary["metrics"]);
}

#[test]
fn intervals_are_computed_on_request() {
    let scene = Scene::new();
    let csv = kinds(&scene);
    scene.eval(&csv, "plain.csv", &[]).expect(0);
    let plain = scene.json("plain.summary.json");
    assert!(plain.get("by").is_none() && plain["metrics"].get("intervals").is_none());

    let ran = scene.eval(&csv, "out.csv", &["--intervals", "--by", "method"]).expect(0);
    assert!(ran.stdout.contains("level 0.95: ROC AUC by DeLong"), "{}", ran.stdout);
    assert_eq!(scene.read("out.csv"), scene.read("plain.csv"));
    let mut summary = scene.json("out.summary.json");
    let metrics = summary["metrics"].as_object_mut().unwrap();
    let intervals = metrics.remove("intervals").unwrap();
    assert_eq!(summary["metrics"], plain["metrics"]);
    assert_eq!((&intervals["level"], &intervals["seed"]), (&0.95.into(), &0.into()));
    for name in ["auc", "ap", "accuracy", "balanced_accuracy", "eer"] {
        let [low, high] = ["low", "high"].map(|end| intervals[name][end].as_f64().unwrap());
        let value = plain["metrics"][name].as_f64().unwrap();
        assert!(low <= value && value <= high, "{name}: {value} in {low} to {high}");
    }
    let category = &summary["by"][0]["categories"][1]["metrics"];
    assert!(category["intervals"]["auc"]["low"].is_number(), "{category}");

    scene.eval(&csv, "narrow.csv", &["--intervals", "0.5"]).expect(0);
    let narrow = scene.json("narrow.summary.json")["metrics"]["intervals"].clone();
    let width = |of: &Value| of["high"].as_f64().unwrap() - of["low"].as_f64().unwrap();
    assert!(width(&narrow["auc"]) < width(&intervals["auc"]));
}

#[test]
fn invalid_columns_and_levels_are_refused_before_any_work() {
    let scene = Scene::new();
    let csv = kinds(&scene);
    let ran = scene.eval(&csv, "out.csv", &["--by", "methods"]).expect(2);
    assert!(
        ran.stderr.contains("there is no column methods; the columns are method, target, split"),
        "{}",
        ran.stderr
    );
    for level in ["0", "1", "95", "nan"] {
        let ran = scene.eval(&csv, "out.csv", &["--intervals", level]).expect(2);
        assert!(ran.stderr.contains("between 0 and 1"), "{}", ran.stderr);
    }
    let names = scene.manifest("names.csv", 257);
    let ran = scene.eval(&names, "out.csv", &["--by", "note"]).expect(2);
    assert!(
        ran.stderr.contains("the column note has more than 256 different values"),
        "{}",
        ran.stderr
    );
    let bare = scene.write("bare.csv", "video_name\na.mp4\n");
    let ran = scene.eval(&bare, "out.csv", &["--by", "method"]).expect(2);
    assert!(ran.stderr.contains("the columns are video_name"), "{}", ran.stderr);
    assert!(!scene.path("out.csv").exists() && !scene.path("out.journal").exists());
}

#[test]
fn without_targets_there_are_no_metrics() {
    let scene = Scene::new();
    let csv =
        scene.write("in.csv", &format!("video_name,kind\n{},a\n", clip("match_a.mp4").display()));
    let more = ["--by", "kind", "--intervals"];
    let ran = scene.eval(&csv, "out.csv", &more).expect(0);
    assert!(ran.stdout.contains("no clip has both a score and a target"), "{}", ran.stdout);
    let summary = scene.json("out.summary.json");
    assert!(summary["metrics"].is_null());
    assert_eq!(summary["by"][0]["categories"].as_array().unwrap().len(), 0);
    let again = [&more[..], &["--resume"]].concat();
    scene.eval(&csv, "out.csv", &again).expect(0);
}
