//! Tests of the recipes in `data/recipes`.
#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf};

use avff_data::{ClipSpec, augment::AugmentConfig};
use avff_model::{AvffConfig, FusionScope};
use avff_train::{
    optim::{Group, OptimizerConfig, OptimizerKind},
    recipe::{Initialization, Recipe, Stage},
    schedule::{PlateauState, Progress, Schedule},
};

const FOLDER: &str = "../../data/recipes";

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 6, "{files:?}");
    files
}

fn read(name: &str) -> Recipe {
    Recipe::read(PathBuf::from(FOLDER).join(name), &[]).unwrap()
}

#[test]
fn recipes_are_valid_and_named_after_their_file() {
    for path in files() {
        let recipe = Recipe::read(&path, &[]).unwrap();
        assert_eq!(path.file_stem().unwrap(), &*recipe.name);
        let data = recipe.data.train.parent().unwrap();
        assert!(data.is_absolute() && data.ends_with(FOLDER), "{}", data.display());
    }
}

#[test]
fn every_key_has_a_comment() {
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        let mut above = "";
        for line in text.lines() {
            let explained = line.contains('#') || above.starts_with('#');
            assert!(!line.contains(" = ") || explained, "{}: {line}", path.display());
            above = line;
        }
    }
}

/// Values of the reference's three training scripts.
#[test]
fn reference_stages_match_the_reference() {
    for (name, batch, epochs, lr, halved) in [
        ("open-avff-stage1.toml", 128, 25, 1e-4, &[10, 15, 20][..]),
        ("open-avff-stage2.toml", 48, 25, 1e-4, &[10, 15, 20]),
        ("open-avff-stage3.toml", 42, 10, 1e-5, &[2, 3, 4, 5, 6, 7, 8, 9]),
    ] {
        let recipe = read(name);
        let third = recipe.stage == Stage::Finetune;
        let config = recipe.config().unwrap();
        assert_eq!(config, AvffConfig::open_avff());
        assert_eq!(recipe.clip_spec(&config).unwrap(), ClipSpec::open_avff());
        assert_eq!((recipe.data.batch, recipe.epochs), (batch, epochs), "{name}");
        let validation = if third { FusionScope::AcrossBatch } else { FusionScope::PerClip };
        assert_eq!(recipe.validation.fusion_attention, validation, "{name}");
        let augment = match third {
            true => AugmentConfig::open_avff_finetuning(),
            false => AugmentConfig::open_avff_pretraining(),
        };
        assert_eq!(recipe.data.augment, augment);
        let groups = match third {
            true => vec![Group {
                keys: ["a2v.mlp.", "v2a.mlp.", "mlp_vision.", "mlp_audio."]
                    .into_iter()
                    .chain(["mlp_head.fc1.", "mlp_head.fc2."])
                    .map(str::to_owned)
                    .collect(),
                lr_factor: 50.0,
                weight_decay: None,
            }],
            false => Vec::new(),
        };
        let optimizer = OptimizerConfig {
            kind: OptimizerKind::Adam,
            lr,
            betas: [0.95, 0.999],
            eps: 1e-8,
            weight_decay: 5e-7,
            groups,
        };
        assert_eq!(recipe.optimizer, optimizer);
        assert_eq!(
            recipe.schedule,
            Schedule::MultiStep { milestones: halved.to_vec(), gamma: 0.5 }
        );
        assert!(recipe.adversarial.is_none());
        let best = recipe.best_metric().unwrap();
        assert_eq!(best.key, if third { "map" } else { "loss" });
        assert!(recipe.keep.each_epoch);
    }
    assert!(matches!(read("open-avff-stage1.toml").initialize, Initialization::Scratch));
    assert!(matches!(read("open-avff-stage2.toml").initialize, Initialization::Checkpoint { .. }));
    assert!(matches!(read("open-avff-stage3.toml").initialize, Initialization::Adapt { .. }));
}

#[test]
fn third_stage_ends_with_lowest_learning_rate() {
    let recipe = read("open-avff-stage3.toml");
    let at = Progress { epoch: 9, step_in_epoch: 0, steps_per_epoch: 5, epochs: 10 };
    assert_eq!(recipe.schedule.factor(at, &PlateauState::default()), 0.5_f64.powi(8));
}

#[test]
fn tiny_stages_share_one_network() {
    let networks = [1, 2, 3].map(|stage| {
        let recipe = read(&format!("avff-tiny-stage{stage}.toml"));
        recipe.config().unwrap()
    });
    assert_eq!(networks[0], networks[1]);
    assert_eq!(networks[1], networks[2]);
    assert_eq!((networks[0].encoder.dim, networks[0].video.height), (96, 64));
}

#[test]
fn released_recipes_accept_overrides() {
    let overrides =
        ["optimizer.lr=3e-5", "optimizer.groups.0.lr_factor=10", "schedule={kind=\"constant\"}"];
    let path = PathBuf::from(FOLDER).join("open-avff-stage3.toml");
    let recipe = Recipe::read(path, &overrides.map(String::from)).unwrap();
    assert_eq!((recipe.optimizer.lr, recipe.optimizer.groups[0].lr_factor), (3e-5, 10.0));
    assert_eq!(recipe.schedule, Schedule::Constant);
}
