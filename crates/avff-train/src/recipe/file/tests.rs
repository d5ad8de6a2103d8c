mod full;

use std::{fs, path::PathBuf};

use avff_data::{ClipSpec, spec::Sampling};
use avff_face::FaceCrop;
use avff_model::AvffConfig;

use super::{super::Initialization, *};

const SMALLEST: &str = "
name = 'run'
stage = 'pretrain'
epochs = 20
[model]
preset = 'open-avff'
[data]
train = 'train.csv'
batch = 2
[optimizer]
lr = 1e-4
";

fn parse(text: &str, overrides: &[&str]) -> Result<Recipe, RecipeError> {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.into()).collect();
    Recipe::parse(text, Path::new("/recipes/run.toml"), &overrides)
}

fn table<T: Serialize>(value: &T) -> Table {
    Table::try_from(value).unwrap()
}

fn message(text: &str, overrides: &[&str]) -> String {
    parse(text, overrides).unwrap_err().to_string()
}

#[test]
fn defaults_are_written() {
    let text = parse(SMALLEST, &["stage=finetune"]).unwrap().to_toml().unwrap();
    for line in [
        "seed = 0",
        "from = \"scratch\"",
        "kind = \"adam\"",
        "betas = [0.9, 0.999]",
        "kind = \"constant\"",
        "precision = \"f32\"",
        "loss = \"bce\"",
        "label_smoothing = 0.0",
        "every = 1",
        "last = 2",
        "prefetch = 16",
    ] {
        assert!(text.lines().any(|actual| actual == line), "{line} in\n{text}");
    }
}

#[test]
fn relative_paths_start_at_their_origin() {
    let text = SMALLEST
        .replace("[data]", "initialize.from = 'checkpoint'\ninitialize.path = '../w.pth'\n[data]");
    let text = text.replace("[model]\n", "").replace("preset =", "model.preset =");
    let recipe = parse(
        &text,
        &["data.validation=v.csv", "data.root=/abs", "data.cache.folder=c", "data.cache.bytes=1"],
    )
    .unwrap();
    let here = std::env::current_dir().unwrap();
    assert_eq!(recipe.data.train, PathBuf::from("/recipes/train.csv"));
    assert_eq!(recipe.initialize, Initialization::Checkpoint { path: "/recipes/../w.pth".into() });
    assert_eq!(recipe.data.validation, Some(here.join("v.csv")));
    assert_eq!(recipe.data.root, Some("/abs".into()));
    assert_eq!(recipe.data.cache.map(|cache| cache.folder), Some(here.join("c")));
}

#[test]
fn errors_name_key_and_origin() {
    let mut wrong = Vec::new();
    for (text, overrides, expected) in [
        (
            "lrr = 1",
            &[][..],
            "/recipes/run.toml, line 12: unknown key `optimizer.lrr`; did you mean `optimizer.lr`?",
        ),
        (
            "kind = 'sgd'",
            &[],
            "/recipes/run.toml, line 12: `optimizer.kind` is \"sgd\", but must be \"adam\" or \"adam-w\"",
        ),
        (
            "betas = [0.9]",
            &[],
            "/recipes/run.toml, line 12: `optimizer.betas` is a list of 1, but must be a list of 2 numbers",
        ),
        (
            "betas = [0.9, 0.9, 1]",
            &[],
            "/recipes/run.toml, line 12: `optimizer.betas` is a list of 3, but must be a list of 2 numbers",
        ),
        (
            "betas = [0.9, 'x']",
            &[],
            "/recipes/run.toml, line 12: `optimizer.betas.1` is the text \"x\", but must be a number",
        ),
        (
            "[optimizer.groups]",
            &[],
            "/recipes/run.toml, line 12: `optimizer.groups` is a table, but must be a list",
        ),
        (
            "[[optimizer.groups]]\nkeys = ['a']\nlr = 1",
            &[],
            "/recipes/run.toml, line 14: unknown key `optimizer.groups.0.lr`; did you mean `optimizer.groups.0.lr_factor`?",
        ),
        (
            "[schedule]\nkind = 'cosin'",
            &[],
            "/recipes/run.toml, line 13: `schedule.kind` is \"cosin\", but must be \"constant\", \"multi-step\", \"cosine\", \"cosine-restarts\" or \"plateau\"",
        ),
        (
            "[schedule]\nwarmup_epochs = 1",
            &[],
            "/recipes/run.toml, line 12: `schedule.kind` is missing",
        ),
        (
            "[schedule]\nkind = 'cosine'\ngamma = 1",
            &[],
            "/recipes/run.toml, line 14: `schedule.gamma` does not go with `schedule.kind = \"cosine\"`; leave it out",
        ),
        (
            "[schedule]\nkind = 'constant'\ngamma = 1",
            &[],
            "/recipes/run.toml, line 14: `schedule.gamma` does not go with `schedule.kind = \"constant\"`; leave it out",
        ),
        (
            "[schedule]\nkind = 'cosine'\nwarmup_epochs = 'ten'",
            &[],
            "/recipes/run.toml, line 14: `schedule.warmup_epochs` is the text \"ten\", but must be a number",
        ),
        (
            "[schedule]\nkind = 'plateau'\npatiense = 1",
            &[],
            "/recipes/run.toml, line 14: unknown key `schedule.patiense`; did you mean `schedule.patience`?",
        ),
        (
            "[schedule]\nkind = 'multi-step'\nmilestones = [3, 2]\ngamma = 0.5",
            &[],
            "/recipes/run.toml, line 14: `schedule.milestones` is [3, 2], but must be epochs of at least 1 in increasing order",
        ),
        (
            "[schedule]\nkind = 'multi-step'\nmilestones = [3]",
            &[],
            "/recipes/run.toml, line 12: `schedule.gamma` is missing",
        ),
        (
            "[initialize]\nfrom = 'scratch'\npath = 'x'",
            &[],
            "/recipes/run.toml, line 14: `initialize.path` does not go with `initialize.from = \"scratch\"`; leave it out",
        ),
        (
            "[model.config.encoder]\ndimm = 1",
            &[],
            "/recipes/run.toml, line 13: unknown key `model.config.encoder.dimm`; did you mean `model.config.encoder.dim`?",
        ),
        (
            "[model.config]\nslices = 7",
            &[],
            "/recipes/run.toml, line 13: `model.config.slices` is 7, which 2 = 2 does not divide",
        ),
        (
            "[data.clip.audio]\nstd = 'x'",
            &[],
            "/recipes/run.toml, line 13: `data.clip.audio.std` is the text \"x\", but must be a number",
        ),
        (
            "[data.clip.audio]\nmels = 64",
            &[],
            "/recipes/run.toml, line 13: `data.clip.audio.mels` is 64, but the network takes 128; without this key, clips get the size of model.config",
        ),
        (
            "[data.clip]\nsampling = 3",
            &[],
            "/recipes/run.toml, line 13: `data.clip.sampling` is 3, but must be a word, or a table with one key",
        ),
        (
            "[data.augment.noise]\nlevel = -1\nroll = true",
            &[],
            "/recipes/run.toml, line 13: `data.augment.noise.level` is -1, but must be from 0 to",
        ),
        (
            "[data.order.weighted.classes]\nreal = 1",
            &[],
            "/recipes/run.toml, line 12: `data.order.weighted.classes.fake` is missing",
        ),
        ("", &["lr=3"], "--set lr=3: unknown key `lr`; did you mean `optimizer.lr`?"),
        ("", &["epochs=0"], "--set epochs=0: `epochs` is 0, but must be from 1 to 1000000"),
        (
            "",
            &["epochs=-1"],
            "--set epochs=-1: `epochs` is -1, but must be a whole number from 1 to 1000000",
        ),
        (
            "",
            &["epochs=1.5"],
            "--set epochs=1.5: `epochs` is 1.5, but must be a whole number from 1 to 1000000",
        ),
        (
            "",
            &["epochs=two"],
            "--set epochs=two: `epochs` is the text \"two\", but must be a whole number from 1 to 1000000",
        ),
        (
            "",
            &["data.batch=many"],
            "--set data.batch=many: `data.batch` is the text \"many\", but must be a whole number of at least 1",
        ),
        (
            "",
            &["steps.replicas=-1", "data.batch=32"],
            "--set steps.replicas=-1: `steps.replicas` is -1, but must be a whole number that divides data.batch, which is 32",
        ),
        (
            "",
            &["seed=x"],
            "--set seed=x: `seed` is the text \"x\", but must be a whole number of at least 0",
        ),
        (
            "",
            &["optimizer.lr=low"],
            "--set optimizer.lr=low: `optimizer.lr` is the text \"low\", but must be a number above 0",
        ),
        (
            "",
            &["average.ema=x"],
            "--set average.ema=x: `average.ema` is the text \"x\", but must be a number above 0 and below 1",
        ),
        ("", &["name=3"], "--set name=3: `name` is 3, but must be text in quotes"),
        ("", &["data.batch="], "--set data.batch=: `data.batch` is missing"),
        (
            "",
            &["model.preset=avf"],
            "--set model.preset=avf: `model.preset` is \"avf\", but must be \"open-avff\", \"avff\", \"avff-small\" or \"avff-tiny\"",
        ),
        (
            "",
            &["adversarial.lipschitz={kind=\"weight-clip\", bound=\"x\"}"],
            "--set adversarial.lipschitz={kind=\"weight-clip\", bound=\"x\"}: `adversarial.lipschitz.bound` is the text \"x\", but must be a number",
        ),
        (
            "",
            &["steps.freeze=audio"],
            "--set steps.freeze=audio: `steps.freeze` is the text \"audio\", but must be a list",
        ),
    ] {
        let actual = message(&format!("{SMALLEST}{text}"), overrides);
        if !actual.starts_with(expected) {
            wrong.push(format!("{text} {overrides:?}:\n{actual}\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let broken = message("a = 1\nb = = 2", &[]);
    assert!(broken.starts_with("/recipes/run.toml, line 2, column 5: "), "{broken}");
    let recipe = parse(&format!("{SMALLEST}lrr = 1"), &["optimizer.lrr="]).unwrap();
    assert_eq!(recipe, parse(SMALLEST, &[]).unwrap());
}

#[test]
fn contradictions_are_refused() {
    let finetune = "stage=finetune";
    for (key, overrides) in [
        ("name", &["name=\"\""][..]),
        ("name", &["name=\"a\\nb\""]),
        ("finetune", &["finetune={}"]),
        ("adversarial", &[finetune, "adversarial={}"]),
        ("initialize.from", &["initialize={from=\"adapt\",path=\"x\"}"]),
        ("initialize.path", &["initialize={from=\"checkpoint\",path=\"\"}"]),
        ("data.train", &["data.train=\"\""]),
        ("data.batch", &["data.batch=0"]),
        ("data.train_where.1", &["data.train_where=[\"split=a\",\"split\"]"]),
        ("data.validation_where", &["data.validation_where=[\"split=a\"]"]),
        ("data.validation_batch", &["data.validation_batch=0"]),
        ("data.cache.bytes", &["data.cache={folder=\"c\",bytes=0}"]),
        ("optimizer.lr", &["optimizer.lr=0"]),
        ("optimizer.lr", &["optimizer.lr=nan"]),
        ("optimizer.lr", &["optimizer.lr=inf"]),
        ("optimizer.betas", &["optimizer.betas=[0.9,1.0]"]),
        ("optimizer.eps", &["optimizer.eps=-1"]),
        ("optimizer.weight_decay", &["optimizer.weight_decay=nan"]),
        ("optimizer.groups.0.keys", &["optimizer.groups=[{keys=[]}]"]),
        ("optimizer.groups.1.keys", &["optimizer.groups=[{keys=[\"a\"]},{keys=[\"\"]}]"]),
        ("optimizer.groups.0.lr_factor", &["optimizer.groups=[{keys=[\"a\"],lr_factor=-1}]"]),
        ("schedule.warmup_epochs", &["schedule={kind=\"cosine\",warmup_epochs=20}"]),
        ("schedule.kind", &["schedule={kind=\"plateau\"}"]),
        ("schedule.metric", &["schedule={kind=\"plateau\",metric=\"map\"}", "data.validation=v"]),
        ("steps.micro_batch", &["steps.micro_batch=0"]),
        ("steps.clip_norm", &["steps.clip_norm=0"]),
        ("steps.freeze", &["steps.freeze=[\"\"]"]),
        ("finetune.label_smoothing", &[finetune, "finetune.label_smoothing=1"]),
        ("finetune.mixup", &[finetune, "finetune.mixup=0"]),
        ("finetune.mixup", &[finetune, "finetune.mixup=0.5", "data.batch=1"]),
        ("adversarial.weight", &["adversarial.weight=-1"]),
        ("adversarial.steps", &["adversarial.steps=0"]),
        ("adversarial.lipschitz.bound", &["adversarial.lipschitz={kind=\"weight-clip\",bound=0}"]),
        ("average.epochs", &["average.epochs=[0,3]"]),
        ("average.epochs", &["average.epochs=[4,3]"]),
        ("average.epochs", &["average.epochs=[4,21]"]),
        ("average.ema", &["average.ema=1"]),
        ("validation.every", &["validation.every=0"]),
        ("validation.fusion_attention", &["validation.fusion_attention=across-batch"]),
        ("keep.last", &["keep.last=0"]),
        ("keep.best", &["keep.best=map", "data.validation=v"]),
        ("keep.best", &["keep.best=total"]),
        ("model.config.encoder.dim", &["model.config.encoder.heads=5"]),
        (
            "data.clip",
            &["data.clip.video.fit=center-crop", "data.clip.face={}", "data.clip.decoder=x"],
        ),
    ] {
        let error = parse(SMALLEST, overrides).unwrap_err();
        let actual = match &error {
            RecipeError::Value { key, .. } => key.as_str(),
            _ => "no value",
        };
        assert!(actual.starts_with(key), "{overrides:?}: {error}");
    }
    for overrides in [
        &["average.epochs=[1,20]"][..],
        &["keep.best=audio_loss", "data.validation=v"],
        &[finetune, "initialize={from=\"adapt\",path=\"x\"}", "finetune.mixup=0.5"],
        &["schedule.kind=plateau", "data.validation=v"],
        &["initialize={from=\"scratch\"}"],
    ] {
        parse(SMALLEST, overrides).unwrap();
    }
}

#[test]
fn old_keys_are_refused_with_their_new_name() {
    for (text, overrides, expected) in [
        (
            "[start]\nfrom = 'scratch'",
            &[][..],
            "/recipes/run.toml, line 12: `start` is now `initialize`",
        ),
        (
            "[model.config]\nloss = { contrast = 0.1 }",
            &[],
            "/recipes/run.toml, line 13: `model.config.loss.contrast` is now `model.config.loss.contrastive`",
        ),
        ("", &["start.from=scratch"], "--set start.from=scratch: `start` is now `initialize`"),
        ("", &["data.ahead="], "--set data.ahead=: `data.ahead` is now `data.prefetch`"),
        (
            "",
            &["model.config.loss={contrast_over=\"clips\"}"],
            "--set model.config.loss={contrast_over=\"clips\"}: `model.config.loss.contrast_over` is now \
             `model.config.loss.contrastive_over`",
        ),
    ] {
        assert_eq!(message(&format!("{SMALLEST}{text}"), overrides), expected);
    }
}

#[test]
fn invalid_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.toml");
    let message = |path: &Path| Recipe::read(path, &[]).unwrap_err().to_string();
    assert!(message(&path).contains("cannot read the recipe"), "{}", message(&path));
    assert!(message(folder.path()).contains("not a regular file"));
    fs::write(&path, [b'#', 0xff, 0xfe]).unwrap();
    assert!(message(&path).contains("not UTF-8"));
    fs::write(&path, vec![b'#'; MAX_BYTES as usize + 1]).unwrap();
    assert!(message(&path).contains("larger than 1048576 bytes"));
    fs::write(&path, SMALLEST).unwrap();
    let recipe = Recipe::read(&path, &[]).unwrap();
    assert_eq!(recipe.data.train, folder.path().join("train.csv"));
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{SMALLEST}x = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(message(&deep, &[]).contains("recurs"));
    let deep = format!("name={}", "[".repeat(10_000));
    assert!(message(SMALLEST, &[&deep]).contains("not TOML"));
    let deep = format!("{}=1", vec!["a"; 100_000].join("."));
    assert!(message(SMALLEST, &[&deep]).contains("such as optimizer.lr"));
    let deep = format!("{SMALLEST}{deep}");
    assert!(message(&deep, &[]).contains("recurs"));
    let deep = format!("{SMALLEST}[{}]", vec!["a"; 100_000].join("."));
    assert!(message(&deep, &[]).contains("recurs"));
}

#[test]
fn merging_keeps_other_keys() {
    let (config, spec) = (AvffConfig::avff(), ClipSpec::open_avff());
    assert_eq!(merge("model.config", &config, &Table::new()).unwrap(), config);
    assert_eq!(merge("data.clip", &spec, &Table::new()).unwrap(), spec);
    assert_eq!(merge("data.clip", &spec, &table(&spec)).unwrap(), spec);

    let changes = "encoder.dim = 96\nmask = 'per-batch'".parse().unwrap();
    let mut expected = config.clone();
    expected.encoder.dim = 96;
    expected.mask = AvffConfig::open_avff().mask;
    assert_eq!(merge("model.config", &config, &changes).unwrap(), expected);

    let changes = "audio.std = 4.5678\nface.margin = 2\n[sampling.window]\nseconds = 3.2\nfps = 5\nstride = 3.2";
    let mut expected = spec.clone();
    expected.audio.std = 4.5678;
    expected.face = Some(FaceCrop { margin: 2.0, ..FaceCrop::default() });
    expected.sampling = Sampling::Window { seconds: 3.2, fps: 5.0, stride: 3.2 };
    assert_eq!(merge("data.clip", &spec, &changes.parse().unwrap()).unwrap(), expected);
}

#[test]
fn preset_provides_defaults() {
    let recipe =
        parse(SMALLEST, &["model.config.video.height=64", "data.clip.audio.mean=-4"]).unwrap();
    let config = recipe.config().unwrap();
    assert_eq!((config.video.height, config.video.width), (64, 224));
    let spec = recipe.clip_spec(&config).unwrap();
    assert_eq!((spec.video.height, spec.video.width), (64, 224));
    assert_eq!((spec.audio.mean, spec.audio.std), (-4.0, 4.4849));
}
