//! `avff runs` lists and compares run folders.

use avff::{
    metrics::Better,
    train::run::{About, BestBy, Record, RunFolder, RunLog, State, epoch_table, folder},
};
use serde_json::Value;

use crate::setup::Scene;

/// Starts a run of three epochs and finishes one for each loss.
fn start(scene: &Scene, name: &str, lr: f64, losses: &[f64]) -> RunLog {
    let about = About {
        name: name.replace('/', " "),
        stage: "finetune".into(),
        code_version: "0.1.0".into(),
        device: Some("cpu".into()),
        seed: 7,
        epochs: 3,
        data: [("train".to_owned(), format!("sha256:{name}"))].into(),
        coverage: Default::default(),
        matched: None,
        best_by: BestBy { metric: "val/loss".into(), better: Better::Lower },
    };
    let recipe = format!("epochs = 3\n[optimizer]\nkind = \"adam\"\nlr = {lr:?}\n");
    let folder = RunFolder::create(&scene.path(name), about, &recipe).unwrap();
    let mut log = RunLog::start(folder).unwrap();
    for (&loss, epoch) in losses.iter().zip(1..) {
        let step = [("train/loss", loss), ("lr", lr)].into();
        log.write(Record::step(epoch, epoch * 10, step)).unwrap();
        let values = [("train/loss", loss - 0.1), ("val/loss", loss), ("val/mAP", 1.0 - loss)];
        log.write(Record::epoch(epoch, epoch * 10, values.into())).unwrap();
    }
    log
}

fn list(scene: &Scene, arguments: &[&str]) -> Vec<Value> {
    let ran = scene.run(&[&["runs", "--json"], arguments].concat()).expect(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn runs_are_listed_with_their_state() {
    let scene = Scene::new();
    start(&scene, "sets/a", 1e-4, &[0.5, 0.3, 0.4]).finish(State::Done, None).unwrap();
    // The state after a kill in the middle of a line.
    drop(start(&scene, "b", 1e-4, &[0.6]));
    let torn = scene.read("b/metrics.jsonl") + "{\"kind\":\"step\",\"ep";
    scene.write("b/metrics.jsonl", &torn);
    start(&scene, "c", 1e-4, &[]).finish(State::Failed, Some("loss is NaN".into())).unwrap();
    let running = start(&scene, "d", 1e-4, &[f64::NAN, 0.2]);
    std::fs::create_dir(scene.path("e")).unwrap();
    scene.write("e/run.json", "{");

    let runs = list(&scene, &[]);
    let find = |name: &str| runs.iter().find(|run| run["path"] == format!("./{name}")).unwrap();
    assert_eq!(runs.len(), 4);
    for (name, state, epochs, step) in [
        ("sets/a", "done", 3, 30),
        ("b", "interrupted", 1, 10),
        ("c", "failed", 0, 0),
        ("d", "running", 2, 20),
    ] {
        let run = find(name);
        assert_eq!(run["state"], state, "{name}");
        assert_eq!(run["epochs_done"], epochs);
        assert_eq!(run["step"], step);
    }
    assert_eq!(find("sets/a")["best"]["epoch"], 2);
    assert_eq!(find("sets/a")["best"]["value"], 0.3);
    assert_eq!(find("sets/a")["last"]["val/loss"], 0.4);
    assert_eq!(find("d")["best"]["epoch"], 2);
    assert_eq!(find("c")["reason"], "loss is NaN");
    assert!(find("b")["reason"].as_str().unwrap().contains("kill"));

    let ran = scene.run(&["runs", "--sort", "mAP"]).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let order: Vec<&str> =
        lines[2..].iter().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(order[..3], ["d", "sets/a", "b"], "{}", ran.stdout);
    assert!(lines[2].contains("val/mAP 0.8000 in epoch 2"), "{}", ran.stdout);
    assert!(ran.stderr.contains("e/run.json is invalid: EOF while parsing"), "{}", ran.stderr);
    drop(running);
    let ran = scene.run(&["runs", "--sort", "nothing"]).expect(2);
    assert!(ran.stderr.contains("train/loss, val/loss, val/mAP"), "{}", ran.stderr);
    scene.run(&["runs", "absent"]).expect(2);
}

#[test]
fn two_runs_are_compared() {
    let scene = Scene::new();
    start(&scene, "a", 1e-4, &[0.5, 0.3]).finish(State::Done, None).unwrap();
    start(&scene, "b", 3e-4, &[0.6, 0.7]).finish(State::Done, None).unwrap();
    let arguments = ["runs", "a", "b", "--plot", "both.svg"];
    let ran = scene.run(&arguments).expect(0);
    for words in
        ["optimizer.lr", "0.0001", "0.0003", "run.data.train", "val/mAP", "0.7000", "0.4000"]
    {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("optimizer.kind"), "{}", ran.stdout);
    let plot = scene.read("both.svg");
    assert!(plot.contains("a, val") && plot.contains("b, train"));
    let ran = scene.run(&["runs", "--json", "a", "b"]).expect(0);
    let comparison: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(comparison["differences"].as_array().unwrap().len(), 2);
    assert_eq!(comparison["best"][1]["val/loss"], 0.6);
    let ran = scene.run(&["runs", "a", "a"]).expect(0);
    assert!(ran.stdout.contains("the same code, data and recipe"), "{}", ran.stdout);

    scene.run(&["runs", "a", "absent"]).expect(2);
    scene.run(&["runs", "a", "b", "--plot", "both.pdf"]).expect(2);
    scene.run(&["runs", "--plot", "both.svg"]).expect(2);
    scene.write("b/recipe.toml", "lr = ");
    let ran = scene.run(&["runs", "a", "b"]).expect(2);
    assert!(ran.stderr.contains("recipe.toml"), "{}", ran.stderr);
}

#[test]
fn a_run_folder_has_tables_and_plots() {
    let scene = Scene::new();
    let log = start(&scene, "a", 1e-4, &[0.5, 0.3]);
    assert_eq!(log.best(), Some((2, 0.3)));
    let table = epoch_table(&log.history().epochs()[1]);
    assert!(table.starts_with("epoch 2, step 20    loss     mAP\n"), "{table}");
    log.finish(State::Done, None).unwrap();
    let result = "epoch,step,train/loss,val/loss,val/mAP\n1,10,0.4,0.5,0.5\n2,20,0.2,0.3,0.7\n";
    assert_eq!(scene.read("a/result.csv"), result);
    assert_eq!(scene.json("a/run.json")["state"], "done");
    for name in [folder::RECIPE, folder::METRICS, "plots/loss.svg", "plots/learning-rate.png"] {
        assert!(scene.path("a").join(name).is_file(), "{name}");
    }
    assert_eq!(std::fs::read_dir(scene.path("a/events")).unwrap().count(), 1);
}
