//! `avff compare`.

use crate::setup::Scene;

const FIRST: &str =
    "video_name,y_pred,target\na,0.9,1\nb,0.3,1\nc,0.8,1\nd,0.4,0\ne,0.1,0\nf,0.7,0\n";
const SECOND: &str =
    "video_name,target,y_pred\nf,0,0.2\ne,0,0.1\nd,0,0.3\nc,1,0.8\nb,1,0.6\na,1,0.9\n";

#[test]
fn a_better_network_and_the_largest_changes() {
    let scene = Scene::new();
    scene.write("a.csv", FIRST);
    scene.write("b.csv", SECOND);
    let ran = scene.run(&["compare", "a.csv", "b.csv"]).expect(0);
    for word in
        ["6 (3 fake, 3 real)", "0.7778", "1.0000", "+0.2222", "two-sided p", "largest changes"]
    {
        assert!(ran.stdout.contains(word), "{word}: {}", ran.stdout);
    }
    let ran = scene.run(&["compare", "a.csv", "b.csv", "--json", "--moved", "2"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["n_moved"], 3);
    // The fake b ranked above one real of three; now it ranks above all.
    assert_eq!(json["moved"][0]["video_name"], "b");
    assert!((json["moved"][0]["gain"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(json["moved"].as_array().unwrap().len(), 2);
    // V10 of the first file is 1, 1/3, 1, and V01 is 2/3, 1, 2/3; those of the second file are all 1.
    // The variance is (4/27 + 1/27) / 3, and z is 2/9 divided by its root.
    let variance: f64 = (4.0 / 27.0 + 1.0 / 27.0) / 3.0;
    let z = json["test"]["z"].as_f64().unwrap();
    assert!((z - 2.0 / 9.0 / variance.sqrt()).abs() < 1e-12, "{z}");

    let same = scene.run(&["compare", "a.csv", "a.csv", "--json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&same.stdout).unwrap();
    assert_eq!((&json["test"]["z"], &json["test"]["p"]), (&0.0.into(), &1.0.into()));
    assert_eq!(json["n_moved"], 0);
}

#[test]
fn clips_in_only_one_file_are_counted() {
    let scene = Scene::new();
    scene.write("a.csv", &format!("{FIRST}g,0.5,1\nh,0.5,\na,0.9,1\n"));
    scene.write("b.csv", &format!("{SECOND}h,,0.1\ni,1,0.1\nj,1,0.1\n"));
    let ran = scene.run(&["compare", "a.csv", "b.csv", "--json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    // The second `a` counts as another clip.
    let keys = ["n", "only_in_first", "only_in_second", "unlabeled", "repeated"];
    assert_eq!(keys.map(|name| json[name].clone()), [6, 2, 2, 1, 1].map(serde_json::Value::from));
    let ran = scene.run(&["compare", "a.csv", "b.csv"]).expect(0);
    assert!(ran.stdout.contains("2 only in the first file"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 row repeats a clip"), "{}", ran.stdout);
}

#[test]
fn incomparable_files_are_refused_with_a_reason() {
    let scene = Scene::new();
    scene.write("a.csv", FIRST);
    for (text, word) in [
        ("video_name,y_pred,target\na,0.9,0\n", "a is labeled 1 in one file and 0 in the other"),
        ("video_name,target\na,1\n", "no column y_pred; the columns are target"),
        ("video_name,y_pred\na,high\n", "line 2: the score `high` is not a number from 0 to 1"),
        ("video_name,y_pred\na,NaN\n", "line 2: the score `NaN` is not a number from 0 to 1"),
        ("video_name,y_pred\na,0.5\nb,1.5\n", "line 3: the score `1.5` is not a number"),
        ("video_name,y_pred\na,-0.1\n", "the score `-0.1` is not a number from 0 to 1"),
        (
            "video_name,y_pred\na,0.5\nb,0.5\na,0.6\n",
            "b.csv: line 4: a has another score or target in line 2",
        ),
        ("video_name,y_pred,target\na,0.5,1\na,0.5,0\n", "line 3: a has another score or target"),
        ("video_name,y_pred\nz,0.5\n", "no clip is in both files"),
        ("video_name,y_pred,target\na,0.9,1\nb,0.1,1\n", "both classes are needed"),
        (
            "video_name,y_pred,target\na,0.9,1\nd,0.1,0\ne,0.1,0\n",
            "at least 2 fake clips are needed",
        ),
    ] {
        scene.write("b.csv", text);
        let ran = scene.run(&["compare", "a.csv", "b.csv"]).expect(2);
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    let ran = scene.run(&["compare", "a.csv", "absent.csv"]).expect(2);
    assert!(ran.stderr.contains("absent.csv"), "{}", ran.stderr);
}
