//! Recipes with every key set.

use std::{collections::BTreeSet, num::NonZeroUsize};

use avff_data::{
    augment::{
        AugmentConfig, ColorJitter, Crop, Flip, Gain, Jpeg, Lag, Masks, Mix, Noise, Resample,
        WhiteNoise,
    },
    cache::Identity,
    loader::{Order, Unreadable, Weights},
    spec::TrimSilence,
    spec::{AudioSpec, FrameColor, Speech, Standardize, VideoSpec},
};
use avff_datasets::ColumnNames;
use avff_media::{Decoder, Stream, Tracks};
use avff_model::{FusionScope, Preset, config::VideoStem};
use proptest::{collection::vec, option, prelude::*};

use super::{
    super::super::{Cache, Data, Keep, ModelChoice, NonFinite, Precision, Steps, Validation, keys},
    *,
};
use crate::{
    average::AverageConfig,
    learner::{AdversarialConfig, FinetuneConfig, FinetuneLoss, Lipschitz, ReplicaLoss},
    optim::{Group, OptimizerConfig, OptimizerKind},
    schedule::{Plateau, Schedule},
};

/// Returns a recipe with every optional key set. No struct literal uses `..`, so that a new key
/// cannot be forgotten.
fn full(
    stage: Stage,
    initialize: Initialization,
    order: Order,
    schedule: Schedule,
    lipschitz: Lipschitz,
) -> Recipe {
    let mut network = AvffConfig::avff();
    network.video.stem = VideoStem::Convolutions;
    let standard = ClipSpec::avff();
    let clip = ClipSpec {
        video: VideoSpec {
            color: FrameColor::Gray,
            standardize: Standardize::Sample,
            ..standard.video.clone()
        },
        audio: AudioSpec { standardize: Standardize::Sample, ..standard.audio.clone() },
        face: Some(FaceCrop { down: 0.25, ..FaceCrop::default() }),
        sampling: Sampling::Window { seconds: 3.2, fps: 5.0, stride: 1.6 },
        trim_silence: Some(TrimSilence::default()),
        decoder: Decoder::Embedded,
        tracks: Tracks { video: NonZeroUsize::new(2), audio: NonZeroUsize::new(1) },
        speech: Speech::Required,
        only: Some(Stream::Audio),
        ..standard
    };
    Recipe {
        name: "full".into(),
        stage,
        seed: 7,
        epochs: 30,
        model: ModelChoice { preset: Preset::Avff, config: table(&network) },
        initialize,
        data: Data {
            train: "/train.csv".into(),
            validation: Some("/validation.csv".into()),
            train_where: vec!["split=train".into(), "language=en,de".into()],
            validation_where: vec!["split=val".into()],
            root: Some("/clips".into()),
            columns: ColumnNames { name: "path".into(), target: "label".into() },
            batch: 4,
            validation_batch: Some(8),
            order,
            unreadable: Unreadable::Skip,
            missing_shards: Unreadable::Skip,
            preflight: false,
            workers: Some(2),
            prefetch: 3,
            cache: Some(Cache {
                folder: "/cache".into(),
                bytes: 1 << 40,
                identity: Identity::Content,
            }),
            clip: table(&clip),
            augment: AugmentConfig {
                mix: Some(Mix { none: 1.0, concat: 0.0, replace: 0.5, shift: 0.25 }),
                crop: Some(Crop { min_area: 0.5 }),
                flip: Some(Flip { probability: 0.5 }),
                resample: Some(Resample { scale: (0.5, 1.0) }),
                color: Some(ColorJitter {
                    brightness: 0.1,
                    contrast: 0.2,
                    saturation: 0.3,
                    hue: 0.1,
                }),
                jpeg: Some(Jpeg { quality: (50, 90) }),
                gain: Some(Gain { db: 6.0 }),
                white_noise: Some(WhiteNoise { snr_db: (20.0, 40.0) }),
                lag: Some(Lag { frames: (-4, 20) }),
                masks: Some(Masks { frequency: 24, time: 96 }),
                noise: Some(Noise::open_avff()),
            },
        },
        optimizer: OptimizerConfig {
            kind: OptimizerKind::AdamW,
            lr: 1e-5,
            betas: [0.95, 0.999],
            eps: 1e-8,
            weight_decay: 5e-7,
            groups: vec![Group {
                keys: vec!["mlp_head".into()],
                lr_factor: 50.0,
                weight_decay: Some(0.0),
            }],
        },
        schedule,
        steps: Steps {
            replicas: Some(2),
            replica_loss: ReplicaLoss::Sum,
            micro_batch: Some(2),
            clip_norm: Some(1.0),
            precision: Precision::Bf16,
            non_finite: NonFinite::Skip,
            freeze: vec!["audio_encoder".into()],
        },
        finetune: (stage == Stage::Finetune).then_some(FinetuneConfig {
            loss: FinetuneLoss::CrossEntropy,
            label_smoothing: 0.1,
            mixup: Some(0.2),
        }),
        adversarial: (stage == Stage::Pretrain).then_some(AdversarialConfig {
            weight: 0.1,
            lr: 1e-4,
            steps: 2,
            hidden: 64,
            depth: 1,
            lipschitz,
        }),
        average: AverageConfig { epochs: Some([3, 5]), ema: Some(0.999) },
        validation: Validation {
            every: 2,
            fusion_attention: match stage {
                Stage::Pretrain => FusionScope::PerClip,
                Stage::Finetune => FusionScope::AcrossBatch,
            },
        },
        keep: Keep {
            every_steps: 100,
            last: 3,
            each_epoch: true,
            best: stage.metrics().last().map(|metric| metric.key.into()),
        },
    }
}

fn full_recipes() -> Vec<Recipe> {
    let (pretrain, finetune) = (Stage::Pretrain, Stage::Finetune);
    let path = PathBuf::from("/w.safetensors");
    let clip = Lipschitz::WeightClip { bound: 0.01 };
    let plateau = Plateau {
        metric: Some("retrieval".into()),
        factor: 0.5,
        patience: 2,
        threshold: 0.01,
        min_factor: 0.1,
        cooldown: 1,
    };
    let restarts = Schedule::CosineRestarts {
        first_epochs: 2,
        factor: 1.5,
        min_factor: 0.1,
        warmup_epochs: 0.5,
    };
    let multi = Schedule::MultiStep { milestones: vec![10, 15], gamma: 0.5 };
    let cosine = Schedule::Cosine { warmup_epochs: 1.5, min_factor: 0.0 };
    let classes = Order::Weighted(Weights::Classes { real: 1.0, fake: 2.0 });
    let column = Order::Weighted(Weights::Column("weight".into()));
    let spectral = Lipschitz::SpectralNorm;
    let checkpoint = Initialization::Checkpoint { path: path.clone() };
    let matching = Initialization::Matching { path: path.clone() };
    vec![
        full(pretrain, Initialization::Scratch, Order::Plain, Schedule::Constant, clip),
        full(pretrain, checkpoint, classes, multi, spectral),
        full(finetune, Initialization::Adapt { path }, column, cosine, clip),
        full(finetune, matching, Order::Shuffled, restarts, clip),
        full(pretrain, Initialization::Scratch, Order::Shuffled, Schedule::Plateau(plateau), clip),
    ]
}

fn keys_of(at: &str, value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => {
            table.iter().for_each(|(key, value)| keys_of(&join([at, key]), value, keys));
        }
        Value::Array(items) if items.iter().any(Value::is_table) => {
            items.iter().for_each(|item| keys_of(&join([at, "N"]), item, keys));
        }
        _ => {
            keys.insert(at.into());
        }
    }
}

#[test]
fn keys_match_full_recipes() {
    // This default is not written.
    let mut actual = BTreeSet::from(["data.clip.sampling".into()]);
    for recipe in full_recipes() {
        keys_of("", &Value::try_from(&recipe).unwrap(), &mut actual);
    }
    assert_eq!(actual.into_iter().collect::<Vec<_>>(), keys());
}

#[test]
fn manual_documents_every_key() {
    let manual = fs::read_to_string("../../docs/src/reference/recipes.md").unwrap();
    let named = |key: &&String| !manual.contains(&format!("`{key}`"));
    let missing: Vec<_> = keys().iter().filter(named).collect();
    assert!(missing.is_empty(), "docs/src/reference/recipes.md lacks {missing:?}");
}

#[test]
fn full_recipes_are_valid_and_round_trip() {
    for recipe in full_recipes() {
        recipe.validate().unwrap();
        let text = recipe.to_toml().unwrap();
        assert_eq!(parse(&text, &[]).unwrap(), recipe, "{text}");
    }
}

fn paths() -> impl Strategy<Value = PathBuf> {
    "/[^/\\x00]{1,12}"
        .prop_filter("changed by going to the absolute", |path| {
            std::path::absolute(path).is_ok_and(|whole| whole == Path::new(path))
        })
        .prop_map(PathBuf::from)
}

prop_compose! {
    fn recipes()(
        which in 0..5_usize,
        name in "[^\\p{Cc}\\s]{1,20}",
        (seed, epochs) in (0..=i64::MAX as u64, 20..1000_u64),
        (train, validation, root) in (paths(), paths(), option::of(paths())),
        (batch, micro_batch, workers) in (2..1_000_usize, option::of(1..1_000_usize), option::of(0..64_usize)),
        (lr, eps, weight_decay) in (1e-300..1e300_f64, 0.0..1.0_f64, 0.0..1.0_f64),
        betas in [0.0..1.0_f64, 0.0..1.0_f64],
        groups in vec(("[^\\x00]{1,8}", 0.0..1e6_f64, option::of(0.0..1.0_f64)), 0..3),
        clip_norm in option::of(1e-300..1e300_f64),
        freeze in vec(".{1,8}", 0..3),
        ema in option::of(1e-9..0.9999_f64),
        std in 1e-30..1e30_f32,
    ) -> Recipe {
        let mut recipe = full_recipes().swap_remove(which);
        (recipe.name, recipe.seed, recipe.epochs) = (name, seed, epochs);
        recipe.data.train = train;
        (recipe.data.validation, recipe.data.root) = (Some(validation), root);
        (recipe.data.batch, recipe.data.workers) = (2 * batch, workers);
        let group = |(key, lr_factor, weight_decay)| Group { keys: vec![key], lr_factor, weight_decay };
        let groups = groups.into_iter().map(group).collect();
        let kind = OptimizerKind::Adam;
        recipe.optimizer = OptimizerConfig { kind, lr, betas, eps, weight_decay, groups };
        (recipe.steps.clip_norm, recipe.steps.freeze) = (clip_norm, freeze);
        recipe.steps.micro_batch = micro_batch;
        recipe.average.ema = ema;
        recipe.data.clip["audio"]["std"] = Value::Float(std.into());
        recipe
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn recipes_round_trip(recipe in recipes()) {
        let text = recipe.to_toml().unwrap();
        prop_assert_eq!(parse(&text, &[]).map_err(|e| TestCaseError::fail(e.to_string()))?, recipe);
    }

    #[test]
    fn merging_preserves_float_bits(mean in any::<f32>(), std in any::<f32>()) {
        let mut spec = ClipSpec::open_avff();
        (spec.audio.mean, spec.audio.std) = (mean, std);
        let back = merge("data.clip", &spec, &Table::new()).unwrap();
        prop_assert_eq!(back.audio.mean.to_bits(), mean.to_bits());
        prop_assert_eq!(back.audio.std.to_bits(), std.to_bits());
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}", change in "[a-z.=\\[\\]{}\"0-9]{0,40}") {
        let _ = parse(&text, std::slice::from_ref(&&*change));
        let _ = parse(SMALLEST, &[&change]);
        let _ = parse(&format!("{SMALLEST}{text}"), &[]);
    }
}
