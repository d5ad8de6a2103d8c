//! `avff pack` writes shards, and `avff train` reads them.

use std::{fs, path::Path};

use crate::setup::{Ran, Scene, TINY, clip, root};

/// A recipe and the overrides that make it small, for both commands.
fn with_recipe(arguments: &[&str], more: &[&str]) -> Vec<String> {
    let recipe = root().join("data/recipes/avff-tiny-stage3.toml");
    let mut all: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    all.push(recipe.to_str().unwrap().to_owned());
    for set in TINY.iter().chain(&["initialize.from=scratch", "initialize.path="]).chain(more) {
        all.extend(["--set".to_owned(), (*set).to_owned()]);
    }
    all
}

fn run(scene: &Scene, arguments: &[String], more: &[&str]) -> Ran {
    let arguments: Vec<&str> =
        arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    scene.run(&arguments)
}

/// A CSV of eight rows; the fifth has no file.
fn csv(scene: &Scene) {
    let names = ["match_a.mp4", "swapped_a.mp4", "match_b.mp4", "swapped_b.mp4"];
    let row = |row: usize| match row {
        4 => "absent.mp4,0,x\n".to_owned(),
        row => format!("{},{},fold{row}\n", clip(names[row % 4]).display(), row % 2),
    };
    let rows: String = (0..8).map(row).collect();
    scene.write("train.csv", &format!("video_name,target,fold\n{rows}"));
    scene.write(
        "rest.csv",
        &format!("video_name,target,fold\n{}", rows.replacen("absent.mp4,0,x\n", "", 1)),
    );
}

fn pack(scene: &Scene, output: &str, more: &[&str]) -> Ran {
    let arguments =
        with_recipe(&["pack", "--csv", "train.csv", "--output", output, "--recipe"], &[]);
    run(scene, &arguments, more)
}

fn train(scene: &Scene, data: &str, to: &str, more: &[&str]) -> Ran {
    let data = format!("data.train={data}");
    let more = [&["epochs=2", "data.validation=", &data][..], more].concat();
    let arguments = with_recipe(&["train", "--device", "cpu", "--run", to], &more);
    run(scene, &arguments, &[])
}

fn weights(scene: &Scene, run: &str) -> Vec<u8> {
    fs::read(scene.path(run).join("checkpoints/last.safetensors")).unwrap()
}

/// Tensors alone: the metadata names the manifest.
fn tensors(file: &[u8]) -> &[u8] {
    let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    &file[8 + header..]
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn training_on_lossless_shards_ends_with_the_weights_of_files() {
    let scene = Scene::new();
    csv(&scene);
    let ran = pack(&scene, "shards", &["--frames", "png", "--shard-size", "50K"]).expect(3);
    assert!(ran.stdout.contains("7 of 8 clips (87.5 %)"), "{}", ran.stdout);
    assert!(ran.stderr.contains("the first is absent.mp4"), "{}", ran.stderr);
    assert!(files(&scene.path("shards")).len() >= 4);
    let again = pack(&scene, "shards", &["--frames", "png", "--shard-size", "50K"]).expect(3);
    assert!(
        again.stdout.contains("of them before") && !again.stderr.contains("absent"),
        "{}",
        again.stdout
    );
    train(&scene, "rest.csv", "files", &[]).expect(0);
    let ran = train(&scene, "shards", "packed", &[]).expect(0);
    assert!(ran.stderr.contains("data.train: the shards hold 7 of 8 clips"), "{}", ran.stderr);
    assert_eq!(tensors(&weights(&scene, "files")), tensors(&weights(&scene, "packed")));
    let about = scene.read("packed/run.json");
    assert!(about.contains("7 of 8 clips (87.5 %); 1 could not be packed"), "{about}");
}

#[test]
fn a_lost_shard_is_named_or_left_out() {
    let scene = Scene::new();
    csv(&scene);
    for part in ["0/2", "1/2"] {
        let more = ["--shard-size", "20K", "--shard", part, "--min-coverage", "0.5"];
        let ran = pack(&scene, "shards", &more).expect(0);
        assert!(!ran.stdout.contains("train with"), "{}", ran.stdout);
    }
    fs::remove_file(scene.path("shards/clips-001-000000.tar")).unwrap();
    let ran = train(&scene, "shards", "run", &[]).expect(2);
    assert!(ran.stderr.contains("clips-001-000000.tar: the shard is missing"), "{}", ran.stderr);
    assert!(ran.stderr.contains("data.missing_shards"), "{}", ran.stderr);
    let ran = train(&scene, "shards", "run", &["data.missing_shards=skip"]).expect(0);
    assert!(
        ran.stderr.contains("left out: ") && ran.stderr.contains("clips-001-000000.tar"),
        "{}",
        ran.stderr
    );
    let about = scene.read("run/run.json");
    assert!(
        about.contains("are in missing or damaged shards (")
            && about.contains("clips-001-000000.tar"),
        "{about}"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let scene = Scene::new();
    csv(&scene);
    pack(&scene, "shards", &[]).expect(3);
    let ran = train(&scene, "shards", "run", &["data.clip.audio.shift_ms=5.0"]).expect(2);
    assert!(ran.stderr.contains("prepared with audio.shift_ms = 4.0"), "{}", ran.stderr);
    let ran = train(&scene, "shards", "run", &["data.augment.gain.db=6.0"]).expect(2);
    assert!(ran.stderr.contains("pack with --audio wave"), "{}", ran.stderr);
    let ran = train(&scene, "shards", "run", &["data.train_where=[\"fold=fold1\"]"]).expect(2);
    assert!(ran.stderr.contains("avff pack --where"), "{}", ran.stderr);
    let ran = pack(&scene, "shards", &["--frames", "80"]).expect(2);
    assert!(ran.stderr.contains("it has JPEG frames of quality 95 and filterbanks, the others have JPEG frames of quality 80"), "{}", ran.stderr);
    // Shards keep the names of the clips, so a leak is found between shards and a CSV too.
    let arguments = with_recipe(
        &["train", "--device", "cpu", "--run", "leak"],
        &["epochs=1", "data.train=shards", "data.validation=rest.csv"],
    );
    let ran = run(&scene, &arguments, &[]).expect(0);
    assert!(
        ran.stderr.contains("7 of 7 clips of data.validation are also in data.train"),
        "{}",
        ran.stderr
    );
    let ran = pack(&scene, "shards", &["--where", "fold=fold1"]).expect(2);
    assert!(ran.stderr.contains("the CSV or the conditions on its rows differ"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: pack into another folder"), "{}", ran.stderr);
    fs::write(scene.path("shards/clips-000-000000.jsonl"), "x").unwrap();
    let ran = pack(&scene, "shards", &[]).expect(2);
    assert!(ran.stderr.contains("hint: delete the index and its shard"), "{}", ran.stderr);
    fs::create_dir(scene.path("empty")).unwrap();
    let ran = train(&scene, "empty", "run", &[]).expect(2);
    assert!(ran.stderr.contains("no shards, which `avff pack` writes"), "{}", ran.stderr);
}

#[test]
fn a_plan_measures_and_says_what_follows() {
    let scene = Scene::new();
    csv(&scene);
    let arguments = with_recipe(
        &["plan", "--csv", "train.csv", "--clips", "240000", "--hours", "20", "--recipe"],
        &["epochs=25"],
    );
    let ran = run(&scene, &arguments, &["--seconds", "0.3", "--json"]).expect(0);
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((plan["clips"].as_u64(), plan["epochs"].as_u64()), (Some(240_000), Some(25)));
    let number = |path: &str| plan.pointer(path).and_then(|value| value.as_f64()).unwrap();
    assert!(number("/files/clips") > 0.0, "{}", ran.stdout);
    assert!(number("/files/seconds") >= 0.3);
    assert!(number("/shards/reading/clips") > 0.0 && number("/shards/bytes") > 1e4);
    assert_eq!((number("/shards/packing/clips"), number("/shards/packing/failed")), (7.0, 1.0));
    let ran = run(&scene, &arguments, &["--seconds", "0.3", "--machines", "3"]).expect(0);
    for part in [
        "240000 clips, 25 times: 6000000",
        "83.3 clips/s for 20 h, 27.8 by each machine",
        "kB a clip",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    // Without clips nothing is measured.
    let ran = scene.run(&["plan", "--clips", "1000", "--hours", "1"]).expect(0);
    assert!(ran.stdout.contains("6.9 clips/s") && !ran.stdout.contains("shards"), "{}", ran.stdout);
    scene.run(&["plan"]).expect(2);
}
