//! `avff train` from the first stage to scores, and with interruptions.

use std::{
    fs,
    path::Path,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::setup::{Ran, Scene, TINY, root};

fn manifest() -> String {
    root().join("crates/avff/tests/fixtures/sample.csv").to_str().unwrap().to_owned()
}

/// `avff train` with a recipe of `data/recipes`, overridden by `TINY` and `more`.
fn arguments(recipe: &str, run: &str, more: &[&str]) -> Vec<String> {
    let recipe = root().join("data/recipes").join(recipe);
    let mut arguments: Vec<String> =
        ["train", "--device", "cpu", "--run", run, recipe.to_str().unwrap()].map(Into::into).into();
    let data = [format!("data.train={}", manifest()), format!("data.validation={}", manifest())];
    let all = TINY.iter().chain(&["epochs=3"]).map(|set| (*set).to_owned()).chain(data);
    for set in all.chain(more.iter().map(|set| (*set).to_owned())) {
        arguments.extend(["--set".to_owned(), set]);
    }
    arguments
}

fn train(scene: &Scene, recipe: &str, run: &str, more: &[&str]) -> Ran {
    let arguments = arguments(recipe, run, more);
    scene.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The numbers of a column of `result.csv`.
fn column(scene: &Scene, run: &str, name: &str) -> Vec<f64> {
    let text = scene.read(&format!("{run}/result.csv"));
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let index = header.iter().position(|column| *column == name);
    let index = index.unwrap_or_else(|| panic!("no {name} in {header:?}"));
    lines.map(|line| line.split(',').nth(index).unwrap().parse().unwrap()).collect()
}

#[test]
fn three_stages_end_in_scores() {
    let scene = Scene::new();
    // The recipe's learning rate is for batches of 32; with a batch of 2 the contrastive loss diverges.
    let slow = ["epochs=8", "optimizer.lr=2e-4"];
    let first = train(&scene, "avff-tiny-stage1.toml", "one", &slow).expect(0);
    assert!(first.stdout.contains("one: done after 16 steps; best loss"), "{}", first.stdout);
    let total = column(&scene, "one", "train/loss");
    assert!(total.len() == 8 && total[7] < total[0], "the loss falls: {total:?}");
    for file in ["recipe.toml", "run.json", "metrics.jsonl", "plots/loss.svg", "plots/loss.png"] {
        assert!(scene.path("one").join(file).is_file(), "{file}");
    }
    assert!(fs::read_dir(scene.path("one/events")).unwrap().next().is_some());

    let initialize = "initialize.path=one/checkpoints/best.safetensors";
    train(&scene, "avff-tiny-stage2.toml", "two", &[initialize, "epochs=4", "optimizer.lr=1e-4"])
        .expect(0);
    let second = column(&scene, "two", "train/loss");
    assert!(second[0] < total[0], "stage 2 is initialized from stage 1: {second:?} {total:?}");
    // The contrastive loss of two clips is noise, but the reconstruction loss falls.
    let video = column(&scene, "two", "train/loss.video");
    assert!(video[3] < video[0], "{video:?}");

    let initialize = "initialize.path=two/checkpoints/best.safetensors";
    train(
        &scene,
        "avff-tiny-stage3.toml",
        "three",
        &[initialize, "epochs=20", "optimizer.lr=1e-3"],
    )
    .expect(0);
    let loss = column(&scene, "three", "train/loss");
    assert!(loss[19] < loss[0], "{loss:?}");
    let weights = scene.path("three/checkpoints/last.safetensors");
    let csv = root().join("crates/avff/tests/fixtures/sample.csv");
    let scores = scene
        .run(&[
            "eval",
            "--device",
            "cpu",
            "--checkpoint",
            weights.to_str().unwrap(),
            "--csv",
            csv.to_str().unwrap(),
        ])
        .expect(0);
    assert!(!scores.stdout.contains("UNTRAINED"), "{}", scores.stdout);
    assert!(scene.read("prediction.csv").lines().count() == 5);
}

/// The weights at the end of a run.
fn weights(scene: &Scene, run: &str) -> Vec<u8> {
    fs::read(scene.path(run).join("checkpoints/last.safetensors")).unwrap()
}

/// Runs `avff train` and kills it after `delay`; false if it ended before.
fn killed_after(scene: &Scene, arguments: &[&str], delay: Duration) -> bool {
    let mut child =
        scene.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while start.elapsed() < delay && child.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(1));
    }
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    running
}

#[test]
fn twenty_kills_change_no_weight() {
    let scene = Scene::new();
    let more = ["epochs=12", "keep.every_steps=1", "steps.micro_batch=1", "average.ema=0.9"];
    train(&scene, "avff-tiny-stage1.toml", "whole", &more).expect(0);
    let whole = (weights(&scene, "whole"), scene.read("whole/result.csv"));
    let (mut kills, mut delay) = (0, 50);
    // On a fast machine a run may end before 20 kills; another run follows.
    for run in 0..20 {
        if kills == 20 {
            break;
        }
        let run = format!("killed-{run}");
        let start = arguments("avff-tiny-stage1.toml", &run, &more);
        let start: Vec<&str> = start.iter().map(String::as_str).collect();
        let resume = ["train", "--device", "cpu", "--resume", &run];
        let mut running = true;
        while kills < 20 && running {
            let begun = scene.path(&run).join("run.json").is_file();
            let arguments = if begun { &resume[..] } else { &start[..] };
            // The delay varies, so that kills hit start, reading, steps and saving.
            delay = (delay * 7 + 31) % 450;
            running = killed_after(&scene, arguments, Duration::from_millis(100 + delay));
            kills += i32::from(running);
        }
        if running {
            scene.run(&resume).expect(0);
        }
        let table = scene.read(&format!("{run}/result.csv"));
        assert!(whole == (weights(&scene, &run), table), "{run}: weights or tables differ");
        let left = fs::read_dir(scene.path(&run).join("checkpoints")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| Path::new(name).extension().is_some_and(|e| e == "tmp")));
    }
    assert_eq!(kills, 20);
}

#[cfg(unix)]
#[test]
fn a_signal_saves_a_checkpoint_and_tells_how_to_resume() {
    for signal in ["-TERM", "-INT"] {
        stop_by(signal);
    }
}

#[cfg(unix)]
fn stop_by(signal: &str) {
    let scene = Scene::new();
    let more = ["epochs=400"];
    let arguments = arguments("avff-tiny-stage1.toml", "run", &more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let child =
        scene.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let metrics = scene.path("run/metrics.jsonl");
    let start = Instant::now();
    while fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < 8 {
        assert!(start.elapsed() < Duration::from_secs(60), "no step within a minute");
        sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(5), "{stdout}");
    assert!(stdout.contains("resume with: avff train --resume run"), "{stdout}");
    assert_eq!(scene.json("run/run.json")["state"], "interrupted");
    // 8 lines reach the third epoch: a first line, and three lines for each epoch of two steps.
    let again = scene.run(&["train", "--device", "cpu", "--resume", "run", "--set", "epochs=2"]);
    assert!(again.stderr.contains("increase `epochs`"), "{}", again.stderr);
    assert_eq!(again.code, 2);
}

#[test]
fn validation_of_one_class_cannot_select_the_best_epoch() {
    let scene = Scene::new();
    let real = scene.path("real.csv");
    let rows = fs::read_to_string(manifest()).unwrap();
    let rows = rows.lines().enumerate().filter(|(line, row)| *line == 0 || row.contains(",0"));
    let rows: Vec<&str> = rows.map(|(_, row)| row).collect();
    fs::write(&real, rows.join("\n")).unwrap();
    let sets = [
        format!("data.validation={}", real.display()),
        format!("data.root={}", Path::new(&manifest()).parent().unwrap().display()),
        "initialize={from=\"scratch\"}".to_owned(),
        "epochs=1".to_owned(),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let refused = train(&scene, "avff-tiny-stage3.toml", "one", &sets).expect(2);
    assert!(refused.stderr.contains("one class"), "{}", refused.stderr);
    // A loss is defined for one class.
    let by_loss = [&sets[..], &["keep.best=loss"]].concat();
    train(&scene, "avff-tiny-stage3.toml", "two", &by_loss).expect(0);
}

#[test]
fn invalid_training_is_refused_with_a_reason() {
    let scene = Scene::new();
    let run = |more: &[&str]| train(&scene, "avff-tiny-stage1.toml", "run", more).expect(2).stderr;
    let text = run(&["optimizer.lrr=1"]);
    assert!(text.contains("optimizer.lrr") && text.contains("optimizer.lr"), "{text}");
    let text = run(&["data.train=absent.csv"]);
    assert!(text.contains("absent.csv"), "{text}");
    let text = run(&["data.order=weighted"]);
    assert!(text.contains("data.order.weighted.classes.fake"), "{text}");
    let text = run(&["data.batch=5000"]);
    assert!(text.contains("data.batch is 5000") && text.contains(".csv"), "{text}");
    let text = run(&["steps.freeze=[\"nose\"]"]);
    assert!(text.contains("steps.freeze") && text.contains("nose"), "{text}");
    let text = run(&["steps.precision=f16", "steps.freeze=[\"nose\"]"]);
    assert!(text.contains("nose"), "{text}");
    assert!(!scene.path("run/run.json").exists(), "no run was started");
    train(&scene, "avff-tiny-stage1.toml", "run", &[]).expect(0);
    let text = run(&[]);
    assert!(text.contains("already holds a run"), "{text}");
    let text = scene.run(&["train", "--resume", "nowhere"]).expect(2).stderr;
    assert!(text.contains("nowhere is not a run folder"), "{text}");
    let changed = ["train", "--device", "cpu", "--resume", "run", "--set", "optimizer.lr=5"];
    let text = scene.run(&changed).expect(2).stderr;
    assert!(text.contains("but now it has `lr = 5.0`"), "{text}");
    let resumed = |more: &[&str]| {
        let resume = ["train", "--device", "cpu", "--resume", "run"];
        scene.run(&[&resume, more].concat())
    };
    let text = resumed(&["--set", "data.validation="]).expect(2).stderr;
    assert!(text.contains("`data.validation` is a different manifest"), "{text}");
    let other = "initialize={from=\"checkpoint\",path=\"other.safetensors\"}";
    let text = resumed(&["--set", other]).expect(2).stderr;
    assert!(text.contains("its own weights"), "{text}");
    // Resuming a finished run changes nothing.
    resumed(&[]).expect(0);
    let info = scene.json("run/run.json");
    assert_eq!(info["resumed"], serde_json::json!([]), "{info}");
    assert_eq!((&info["device"], &info["seed"]), (&"cpu".into(), &0.into()), "{info}");
    // Without a training checkpoint, a new start would replace the weights.
    for file in fs::read_dir(scene.path("run/checkpoints")).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("state-") {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let text = resumed(&["--set", "seed=9"]).expect(2).stderr;
    assert!(text.contains("run holds weights but no training checkpoint"), "{text}");
    assert!(text.contains("avff train run/recipe.toml --run NEW"), "{text}");
    // A run that has no weights either starts again, with the recipe that it is resumed with.
    for weights in ["best", "last"] {
        fs::remove_file(scene.path(&format!("run/checkpoints/{weights}.safetensors"))).unwrap();
    }
    resumed(&["--set", "seed=9"]).expect(0);
    assert_eq!(scene.json("run/run.json")["seed"], 9);
}

#[test]
fn matching_weights_start_a_run_that_says_what_matched() {
    let scene = Scene::new();
    train(&scene, "avff-tiny-stage1.toml", "one", &["epochs=1"]).expect(0);
    let initialize =
        ["initialize={from=\"matching\", path=\"one/checkpoints/last.safetensors\"}", "epochs=1"];
    let ran = train(&scene, "avff-tiny-stage3.toml", "two", &initialize).expect(0);
    assert!(ran.stderr.contains("weights that do not match are random"), "{}", ran.stderr);
    assert!(ran.stderr.contains("missing: mlp_vision.weight"), "{}", ran.stderr);
    let run = scene.json("two/run.json");
    let keys = |name: &str| -> Vec<String> {
        let keys = run["matched"][name].as_array().unwrap();
        keys.iter().map(|key| key.as_str().unwrap().to_owned()).collect()
    };
    let loaded = keys("loaded");
    assert!(loaded.contains(&"audio_encoder.norm.weight".into()), "{loaded:?}");
    // Token maps that span a slice carry over.
    assert!(loaded.contains(&"a2v.mlp.linear.weight".into()), "{loaded:?}");
    assert!(keys("missing").contains(&"mlp_head.fc3.bias".into()));
    assert!(keys("unused").contains(&"visual_decoder.mask_token".into()));
    assert!(run["matched"]["misshapen"].as_array().unwrap().is_empty());
    // Other sizes match in the token maps alone, which do not depend on them.
    let other = [&initialize[..], &["model.config.encoder.dim=48"]].concat();
    let ran = train(&scene, "avff-tiny-stage3.toml", "three", &other).expect(0);
    assert!(ran.stderr.contains("has shape [24], but the network needs [48]"), "{}", ran.stderr);
    let loaded = scene.json("three/run.json")["matched"]["loaded"].clone();
    assert_eq!(loaded.as_array().unwrap().len(), 4, "{loaded}");
}

#[test]
fn rows_are_selected_by_a_column() {
    let scene = Scene::new();
    let clips = root().join("crates/avff/tests/fixtures/clips");
    let rows = [
        ("match_a", 0, "train"),
        ("swapped_a", 1, "train"),
        ("match_b", 0, "val"),
        ("swapped_b", 1, "val"),
    ];
    let rows = rows
        .map(|(name, target, split)| format!("{}/{name}.mp4,{target},{split}\n", clips.display()));
    let csv = scene.write("all.csv", &format!("video_name,target,split\n{}", rows.concat()));
    let data =
        [format!("data.train={}", csv.display()), format!("data.validation={}", csv.display())];
    let select = |training: &str, validation: &str| {
        let select = [
            format!("data.train_where=[\"{training}\"]"),
            format!("data.validation_where=[\"{validation}\"]"),
        ];
        let all: Vec<String> = data.iter().cloned().chain(select).collect();
        let mut more = vec!["initialize={from=\"scratch\"}", "epochs=1"];
        more.extend(all.iter().map(String::as_str));
        train(&scene, "avff-tiny-stage3.toml", "run", &more)
    };
    let ran = select("split=train", "split=test").expect(2);
    let message = "no row has `test` in this column, whose values are `train`, `val`";
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    let ran = select("split", "split=val").expect(2);
    assert!(ran.stderr.contains("data.train_where.0"), "{}", ran.stderr);
    let ran = select("split=train", "split=val").expect(0);
    // Two clips in batches of two are one step, and no clip is in both.
    assert!(ran.stdout.contains("run: done after 1 step"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("both"), "{}", ran.stderr);
}
