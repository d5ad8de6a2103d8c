//! What `avff train` and the commands for weights say about settings, clips and weights.

use std::fs;

use crate::setup::{Ran, Scene, TINY, clip, root, weights};

fn recipe(stage: u8) -> String {
    let path = root().join(format!("data/recipes/avff-tiny-stage{stage}.toml"));
    path.to_str().unwrap().to_owned()
}

fn train(scene: &Scene, stage: u8, run: &str, sets: &[&str]) -> Ran {
    let recipe = recipe(stage);
    let mut arguments = vec!["train", "--device", "cpu", "--run", run, &recipe];
    let sets: Vec<&str> = TINY.iter().chain(sets).copied().collect();
    arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
    scene.run(&arguments)
}

/// A manifest of readable clips and of names that do not exist.
fn manifest(scene: &Scene, name: &str, rows: &[&str]) -> String {
    let mut text = "video_name,target\n".to_owned();
    for (row, file) in rows.iter().enumerate() {
        let path = if file.starts_with("absent") { file.into() } else { clip(file) };
        text += &format!("{},{}\n", path.display(), row % 2);
    }
    scene.write(name, &text);
    name.to_owned()
}

const CLIPS: [&str; 4] = ["match_a.mp4", "swapped_a.mp4", "match_b.mp4", "swapped_b.mp4"];

/// A finished run of one epoch.
fn finished(scene: &Scene, run: &str) {
    let train_csv = manifest(scene, "train.csv", &CLIPS);
    let set = format!("data.train={train_csv}");
    train(scene, 1, run, &[&set, "data.validation=", "epochs=1"]).expect(0);
}

#[test]
fn shipped_recipe_names_the_key_of_the_missing_manifest() {
    let scene = Scene::new();
    let ran = scene.run(&["train", "--device", "cpu", &recipe(1)]).expect(2);
    assert!(ran.stderr.contains("error: data.train: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("train.csv: no such file"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--set data.train=FILE"), "{}", ran.stderr);
    let set = format!("data.train={}", manifest(&scene, "train.csv", &CLIPS));
    let ran = train(&scene, 1, "run", &[&set]).expect(2);
    assert!(ran.stderr.contains("--set data.validation=FILE"), "{}", ran.stderr);
    let ran = train(&scene, 3, "run", &[&set, "data.validation=", "keep.best="]).expect(2);
    assert!(ran.stderr.contains("error: initialize.path: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("--set initialize.path=FILE"), "{}", ran.stderr);
    let ran = train(&scene, 3, "run", &["initialize.from=scratch"]).expect(2);
    for part in [
        "`initialize.path` does not go with `initialize.from = \"scratch\"`; leave it out",
        "hint: --set initialize.path= leaves it out",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let pipe = scene.path("pipe.csv");
    if std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|made| made.success()) {
        let set = format!("data.train={}", pipe.display());
        let ran = train(&scene, 1, "run", &[&set]).expect(2);
        assert!(ran.stderr.contains("error: data.train: "), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("hint: copy what it holds to a regular file"),
            "{}",
            ran.stderr
        );
    } else {
        println!("skipped the pipe: no mkfifo here");
    }
    let ran = train(&scene, 1, "run", &["epochs=two"]).expect(2);
    assert!(ran.stderr.contains("a whole number from 1 to 1000000"), "{}", ran.stderr);
}

#[test]
fn clips_of_one_class_are_a_warning() {
    let scene = Scene::new();
    let path = clip("match_a.mp4");
    for (target, class) in [(1, "fake"), (0, "real")] {
        let row = format!("{},{target}\n", path.display());
        scene.write("train.csv", &format!("video_name,target\n{row}{row}"));
        let sets = ["data.train=train.csv", "data.validation=", "keep.best=", "epochs=1"];
        let scratch = "initialize={from=\"scratch\"}";
        let ran = train(&scene, 3, class, &[&sets[..], &[scratch]].concat()).expect(0);
        let warning = format!("train.csv: every clip is {class}, so the network cannot learn");
        assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    }
}

#[test]
fn shared_clips_are_a_warning() {
    let scene = Scene::new();
    let a = format!("data.train={}", manifest(&scene, "train.csv", &CLIPS));
    let same = "data.validation=train.csv";
    let ran = train(&scene, 1, "same", &[&a, same, "epochs=1"]).expect(0);
    assert!(ran.stderr.contains("are the same file"), "{}", ran.stderr);
    let b = format!("data.validation={}", manifest(&scene, "other.csv", &CLIPS[2..]));
    let ran = train(&scene, 1, "some", &[&a, &b, "epochs=1"]).expect(0);
    assert_eq!(ran.stderr.matches("2 of 2 clips of data.validation").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("match_b.mp4"), "{}", ran.stderr);
    let a = format!("data.train={}", manifest(&scene, "first.csv", &CLIPS[..2]));
    let ran = train(&scene, 1, "apart", &[&a, &b, "epochs=1"]).expect(0);
    assert!(!ran.stderr.contains("data.validation"), "{}", ran.stderr);
}

#[test]
fn unreadable_clips_end_the_run_before_its_first_step_or_are_skipped() {
    let scene = Scene::new();
    scene.write("absent_text.mp4", "not a video");
    let clips = ["match_a.mp4", "absent1.mp4", "swapped_a.mp4", "absent2.mp4", "absent_text.mp4"];
    let a = format!("data.train={}", manifest(&scene, "train.csv", &CLIPS));
    let b = format!("data.validation={}", manifest(&scene, "val.csv", &clips));
    let ran = train(&scene, 1, "run", &[&a, &b, "epochs=2"]).expect(2);
    assert!(ran.stderr.contains("val.csv: 3 of 5 clips cannot be read"), "{}", ran.stderr);
    assert!(ran.stderr.contains("line 3: ") && ran.stderr.contains("absent1.mp4: no such file"));
    assert!(ran.stderr.contains("data.unreadable=skip"), "{}", ran.stderr);
    assert!(!scene.path("run").exists(), "nothing began");
    // Without the check, the run begins, and ends at the clip that exists and cannot be read.
    let b = format!(
        "data.validation={}",
        manifest(&scene, "bad.csv", &["match_a.mp4", "absent_text.mp4"])
    );
    let ran = train(&scene, 1, "late", &[&a, &b, "epochs=1", "data.preflight=false"]).expect(2);
    assert!(ran.stderr.contains("absent_text.mp4: "), "{}", ran.stderr);
    assert!(scene.path("late/run.json").exists(), "the run began");

    // Twelve clips are skipped in each of two epochs, some after the last batch.
    let absent: Vec<String> = (0..12).map(|number| format!("absent{number}.mp4")).collect();
    let rows: Vec<&str> = CLIPS.iter().copied().chain(absent.iter().map(String::as_str)).collect();
    let a = format!("data.train={}", manifest(&scene, "train.csv", &rows));
    let skip = "data.unreadable=skip";
    let ran = train(&scene, 1, "run", &[&a, "data.validation=", "epochs=2", skip]).expect(0);
    assert_eq!(ran.stderr.matches("skipped clip: ").count(), 10, "{}", ran.stderr);
    assert!(ran.stderr.contains("12 clips were skipped"), "{}", ran.stderr);
    assert!(ran.stdout.contains("; 12 clips skipped (run/skipped.csv)"), "{}", ran.stdout);
    assert_eq!(scene.json("run/run.json")["skipped_clips"], 12);
    let list = scene.read("run/skipped.csv");
    assert!(list.starts_with("path,error\n"), "{list}");
    for name in &absent {
        assert_eq!(list.matches(&format!("{name},no such file")).count(), 1, "{list}");
    }
}

#[test]
fn another_learning_rate_needs_a_new_run_from_the_weights() {
    let scene = Scene::new();
    finished(&scene, "one");
    let changed = ["train", "--device", "cpu", "--resume", "one", "--set", "optimizer.lr=5e-4"];
    let ran = scene.run(&changed).expect(2);
    assert!(ran.stderr.contains("cannot resume from this checkpoint"), "{}", ran.stderr);
    let start = "'initialize={from=\"checkpoint\", path=\"one/checkpoints/last.safetensors\"}'";
    assert!(ran.stderr.contains(start), "{}", ran.stderr);
    assert!(ran.stderr.contains("avff train one/recipe.toml --run NEW"), "{}", ran.stderr);
    let set = start.trim_matches('\'');
    let advised = ["train", "--device", "cpu", "one/recipe.toml", "--run", "two", "--set", set];
    scene.run(&[&advised[..], &["--set", "optimizer.lr=5e-4"]].concat()).expect(0);
    fs::remove_file(scene.path("one/checkpoints/last.safetensors")).unwrap();
    let ran = scene.run(&changed).expect(2);
    assert!(ran.stderr.contains("stop it with Ctrl-C"), "{}", ran.stderr);
}

#[test]
fn initial_weights_of_another_stage_or_size_are_refused_with_a_hint() {
    let scene = Scene::new();
    finished(&scene, "one");
    let stage1 = "initialize.path=one/checkpoints/last.safetensors";
    let stage3 = format!("initialize.path={}", weights().display());
    let data = ["data.train=train.csv", "data.validation=train.csv", "epochs=1"];
    let refused = |stage: u8, more: &[&str]| {
        let ran = train(&scene, stage, "run", &[&data[..], more].concat()).expect(2);
        ran.stderr
    };
    let text = refused(3, &[&stage3]);
    let expected = "the file holds a classifier (stage 3), but initialize.from = \"adapt\"";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("--set initialize.from=checkpoint"), "{text}");
    let text = refused(3, &[stage1, "initialize.from=checkpoint"]);
    assert!(text.contains("--set initialize.from=adapt"), "{text}");
    let text = refused(2, &[&stage3]);
    assert!(text.contains("give stage-1 or stage-2 weights"), "{text}");

    let text = refused(2, &[stage1, "model.config.encoder.dim=48"]);
    let difference = "encoder.dim is 24 in the checkpoint and 48 in the recipe";
    assert!(text.contains(difference), "{text}");
    assert!(text.contains("set model.preset or model.config"), "{text}");
    let lines = text.lines().filter(|line| !line.contains("WARN")).count();
    assert_eq!(lines, 2, "an error and a hint: {text}");

    let stage3 = weights();
    let stage3 = stage3.to_str().unwrap();
    let ran = scene.run(&["adapt", stage3, "out.safetensors"]).expect(2);
    assert!(ran.stderr.contains("a classifier (stage 3)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: give stage-1 or stage-2 weights"), "{}", ran.stderr);
}

#[test]
fn weights_inherit_the_warning_of_their_initial_weights() {
    let scene = Scene::new();
    finished(&scene, "one");
    let last = "one/checkpoints/last.safetensors";
    let convert = ["convert", last, "noted.safetensors", "--note", "Trained on synthetic clips."];
    let ran = scene.run(&convert).expect(0);
    assert!(ran.stdout.contains("pre-training model (stage 1 or 2)"), "{}", ran.stdout);
    let inherited = "Initialized from weights with this warning: Trained on synthetic clips.";
    let note = |file: &str| {
        let ran = scene.run(&["inspect", "--json", file]).expect(0);
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        json["metadata"]["extra"]["note"].as_str().map(str::to_owned)
    };
    assert_eq!(note(last), None);
    scene.run(&["adapt", "noted.safetensors", "adapted.safetensors"]).expect(0);
    assert_eq!(note("adapted.safetensors").unwrap(), inherited);

    let data = ["data.train=train.csv", "data.validation=train.csv", "epochs=1"];
    let from = "initialize={from=\"checkpoint\", path=\"adapted.safetensors\"}";
    train(&scene, 3, "three", &[&data[..], &[from]].concat()).expect(0);
    let trained = "three/checkpoints/last.safetensors";
    assert_eq!(note(trained).unwrap(), inherited, "introduced once");
    let adapt = "initialize.path=noted.safetensors";
    train(&scene, 3, "four", &[&data[..], &[adapt]].concat()).expect(0);
    assert_eq!(note("four/checkpoints/best.safetensors").unwrap(), inherited);

    let clip = clip("match_a.mp4");
    let clip = clip.to_str().unwrap();
    let ran = scene.run(&["score", "--device", "cpu", "--checkpoint", trained, clip]).expect(0);
    assert!(ran.stdout.contains(&format!("warning: {inherited}")), "{}", ran.stdout);
    let checkpoint = ["--device", "cpu", "--checkpoint", "noted.safetensors"];
    let ran = scene.run(&[&["reconstruct", clip][..], &checkpoint].concat()).expect(0);
    assert!(ran.stdout.contains("warning: Trained on synthetic clips."), "{}", ran.stdout);
}

#[cfg(unix)]
#[test]
fn stopped_run_names_its_weights_which_can_be_evaluated() {
    use std::{
        process::Stdio,
        thread::sleep,
        time::{Duration, Instant},
    };
    let scene = Scene::new();
    manifest(&scene, "train.csv", &CLIPS);
    let stage3 = recipe(3);
    let mut arguments = vec!["train", "--device", "cpu", "--run", "run", &stage3];
    let data = ["data.train=train.csv", "data.validation=train.csv", "epochs=4000"];
    let sets = TINY.iter().chain(&data).chain(&["initialize={from=\"scratch\"}"]).copied();
    arguments.extend(sets.flat_map(|set| ["--set", set]));
    let child =
        scene.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    let lines =
        || fs::read_to_string(scene.path("run/metrics.jsonl")).map_or(0, |t| t.lines().count());
    while lines() < 4 {
        assert!(start.elapsed() < Duration::from_secs(60), "no step within a minute");
        sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(5), "{stdout}");
    let weights = "run/checkpoints/last.safetensors";
    assert!(stdout.contains(&format!("current weights: {weights}\n")), "{stdout}");
    let eval = ["eval", "--device", "cpu", "--csv", "train.csv", "--checkpoint", weights];
    scene.run(&eval).expect(0);
}
