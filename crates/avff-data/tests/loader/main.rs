//! Batches do not depend on threads, interruptions or the cache.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

mod cached;
mod mixing;
mod numbers;

use std::{path::PathBuf, sync::Arc};

use avff_data::{
    Clip, DataError,
    augment::{AugmentConfig, Mix, Mixing, Noise},
    loader::{
        Batch, Cut, LastBatch, Loader, LoaderConfig, LoaderState, Order, Shard, Unreadable, Weights,
    },
};
use avff_media::MediaError;
use numbers::{Numbers, collect, loader, number_of, rows, rows_of};
use proptest::prelude::*;

#[test]
fn validation_returns_every_clip_once_in_order() {
    for workers in [0, 3] {
        let config = LoaderConfig { workers, ..LoaderConfig::validation(4) };
        let loader = loader(11, Numbers::new(&[]), config);
        let batches = collect(&mut loader.epoch(0));
        assert_eq!(batches.iter().map(|(clips, _)| clips.len()).collect::<Vec<_>>(), [4, 4, 3]);
        assert_eq!(loader.steps(), 3);
        assert_eq!(rows_of(&batches), (0..11).collect::<Vec<_>>());
        for (clip, origin) in batches.iter().flat_map(|(clips, origins)| clips.iter().zip(origins))
        {
            assert_eq!(number_of(clip), origin.row as f32);
            assert_eq!(origin.target, Some((origin.row % 2) as u8));
            assert_eq!((origin.mixing, origin.partner), (Mixing::None, None));
        }
        assert_eq!(collect(&mut loader.epoch(9)), batches, "validation epochs are equal");
    }
}

#[test]
fn first_unreadable_clip_ends_the_epoch() {
    let config = LoaderConfig { workers: 2, ..LoaderConfig::validation(2) };
    let mut epoch = loader(9, Numbers::new(&[5, 3]), config).epoch(0);
    assert_eq!(epoch.next().unwrap().unwrap().origins[1].row, 1);
    let error = epoch.next().unwrap().unwrap_err();
    assert_eq!(error.path, PathBuf::from("3"));
    assert!(epoch.next().is_none());
}

#[test]
fn skipped_clips_are_reported_and_batches_filled() {
    for workers in [0, 4] {
        let config =
            LoaderConfig { unreadable: Unreadable::Skip, workers, ..LoaderConfig::validation(3) };
        let mut epoch = loader(9, Numbers::new(&[1, 2, 8]), config).epoch(0);
        let batches = collect(&mut epoch);
        assert_eq!(rows_of(&batches), [0, 3, 4, 5, 6, 7]);
        assert_eq!(batches.len(), 2);
        let names: Vec<usize> = epoch.skipped().iter().map(|skipped| skipped.row).collect();
        assert_eq!(names, [1, 2, 8]);
        assert!(epoch.skipped().iter().all(|skipped| {
            skipped.error.path.to_str() == Some(&skipped.row.to_string())
                && matches!(skipped.error.source.media(), Some(MediaError::Empty))
        }));
    }
}

#[test]
fn epoch_without_readable_clips_is_an_error() {
    let config = LoaderConfig { unreadable: Unreadable::Skip, ..LoaderConfig::validation(3) };
    let mut epoch = loader(3, Numbers::new(&[0, 1, 2]), config).epoch(0);
    let error = epoch.next().unwrap().unwrap_err();
    assert_eq!(error.path, PathBuf::from("2"));
    assert!(epoch.next().is_none());
}

#[test]
fn panic_is_an_error_of_its_clip() {
    let mut config = LoaderConfig { workers: 2, ..LoaderConfig::validation(4) };
    let mut epoch = loader(20, Numbers::new(&[13]), config.clone()).epoch(0);
    let error = epoch.find_map(Result::err).unwrap();
    assert!(
        matches!(&error.source, DataError::Internal { what } if what.contains("decoder error"))
    );
    assert_eq!((error.path, error.source.stage().name()), (PathBuf::from("13"), "internal"));
    config.unreadable = Unreadable::Skip;
    let mut epoch = loader(20, Numbers::new(&[13]), config).epoch(0);
    assert_eq!(rows_of(&collect(&mut epoch)).len(), 19);
    assert_eq!(epoch.skipped().len(), 1);
}

#[test]
fn windows_are_random_in_training_and_fixed_in_validation() {
    let windows = |config: LoaderConfig| {
        let loader = loader(30, Numbers::new(&[]), config);
        let window = |clip: &Clip| {
            let value = clip.audio[0] * 4.4849 - 5.081;
            ((value - (value + 0.01).floor()) * 4.0).round() as usize
        };
        let epoch = |epoch| {
            let batches = collect(&mut loader.epoch(epoch));
            let mut pairs: Vec<(usize, usize)> = batches
                .iter()
                .flat_map(|(clips, origins)| clips.iter().zip(origins))
                .map(|(clip, origin)| (origin.row, window(clip)))
                .collect();
            pairs.sort_unstable();
            pairs
        };
        (epoch(0), epoch(1))
    };
    let (first, second) = windows(LoaderConfig::validation(1));
    assert!(first.iter().all(|&(_, window)| window == 1));
    assert_eq!(first, second);
    let (first, second) = windows(LoaderConfig::training(1, 0));
    assert_ne!(first, second);
    for window in 0..3 {
        assert!(first.iter().any(|&(_, other)| other == window));
    }
}

#[test]
fn invalid_settings_are_errors() {
    let new = |count, config| {
        let loader = Loader::new(rows(count), Arc::new(Numbers::new(&[])), config);
        match loader.err() {
            Some(DataError::Setting(setting)) => setting.field,
            other => panic!("{other:?}"),
        }
    };
    let valid = LoaderConfig::training(4, 0);
    let mix = AugmentConfig { mix: Some(Mix::open_avff()), ..AugmentConfig::default() };
    assert_eq!(new(9, LoaderConfig { batch: 0, ..valid.clone() }), "batch");
    assert_eq!(new(3, valid.clone()), "batch", "not one complete batch per epoch");
    assert_eq!(new(9, LoaderConfig { workers: 1 << 20, ..valid.clone() }), "workers");
    assert_eq!(
        new(9, LoaderConfig { shard: Shard { rank: 2, world: 2, pad: true }, ..valid.clone() }),
        "shard.rank"
    );
    let one = LoaderConfig { batch: 1, augment: mix, ..valid.clone() };
    assert_eq!(new(1, one), "augment.mix");
    let loader = loader(9, Numbers::new(&[]), valid);
    for (step, position) in [(0, 10), (5, 4), (2, 4)] {
        assert!(loader.resume(LoaderState { epoch: 0, step, position }).is_err());
    }
}

/// Several processes read the batches of one: each its parts, in order; an incomplete last batch is
/// cut too, or dropped by all. A run stops with two processes and continues with three.
#[test]
fn processes_share_every_batch() {
    for (count, last) in [(37, LastBatch::Drop), (37, LastBatch::Keep), (33, LastBatch::Keep)] {
        let config = LoaderConfig { last, ..LoaderConfig::training(8, 3) };
        let whole: Vec<Batch> =
            loader(count, Numbers::new(&[]), config.clone()).epoch(1).map(Result::unwrap).collect();
        let mut shared: Vec<Vec<usize>> = vec![Vec::new(); whole.len()];
        let mut parts = shared.clone();
        let rank = |own: std::ops::Range<usize>| {
            let config = LoaderConfig { cut: Cut { parts: 4, own }, ..config.clone() };
            loader(count, Numbers::new(&[]), config)
        };
        let mut state = LoaderState::start(1);
        for own in [0..2, 2..4] {
            let loader = rank(own);
            let mut epoch = loader.epoch(1);
            for index in 0..2 {
                let batch = epoch.next().unwrap().unwrap();
                shared[index].extend(batch.origins.iter().map(|origin| origin.row));
                parts[index].extend(batch.parts.iter().map(std::ops::Range::len));
                assert_eq!(batch.first, 8 * index);
            }
            state = epoch.state();
            assert_eq!(state, LoaderState { epoch: 1, step: 2, position: 16 });
        }
        for own in [0..1, 1..3, 3..4] {
            for batch in rank(own).resume(state).unwrap().map(Result::unwrap) {
                let index = batch.first / 8;
                shared[index].extend(batch.origins.iter().map(|origin| origin.row));
                parts[index].extend(batch.parts.iter().map(std::ops::Range::len));
            }
        }
        for (index, batch) in whole.iter().enumerate() {
            let rows: Vec<usize> = batch.origins.iter().map(|origin| origin.row).collect();
            assert_eq!(shared[index], rows, "batch {index} of {count} clips");
            assert_eq!(parts[index].iter().sum::<usize>(), rows.len());
            assert!(parts[index].iter().all(|&part| part <= rows.len().div_ceil(4)));
        }
    }
    let skip = LoaderConfig {
        unreadable: Unreadable::Skip,
        cut: Cut { parts: 4, own: 0..2 },
        ..LoaderConfig::training(8, 3)
    };
    assert!(Loader::new(rows(9), Arc::new(Numbers::new(&[])), skip).is_err());
}

#[test]
fn configs_round_trip_through_json() {
    let config = LoaderConfig {
        order: Order::Weighted(Weights::Classes { real: 1.0, fake: 2.0 }),
        augment: AugmentConfig::open_avff_finetuning(),
        ..LoaderConfig::training(4, u64::MAX)
    };
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<LoaderConfig>(&json).unwrap(), config);
    assert!(
        serde_json::from_str::<LoaderConfig>(&json.replacen("\"batch\"", "\"batches\"", 1))
            .is_err()
    );
    let state = LoaderState { epoch: 3, step: 2, position: 9 };
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(json, r#"{"epoch":3,"step":2,"position":9}"#);
    assert_eq!(serde_json::from_str::<LoaderState>(&json).unwrap(), state);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn resumed_epoch_equals_an_uninterrupted_one(
        count in 2..40_usize,
        batch in 1..6_usize,
        seed in any::<u64>(),
        epoch in 0..4_u64,
        workers in 0..4_usize,
        stop in 0..12_usize,
        weighted in any::<bool>(),
        skip in proptest::collection::vec(0..40_u8, 0..6),
        shard in prop_oneof![Just((0, 1)), Just((1, 2)), Just((2, 3))],
    ) {
        let order = match weighted {
            true => Order::Weighted(Weights::Classes { real: 1.0, fake: 3.0 }),
            false => Order::Shuffled,
        };
        let augment = AugmentConfig {
            noise: Some(Noise::open_avff()),
            ..AugmentConfig::open_avff_finetuning()
        };
        let config = |workers| LoaderConfig {
            order: order.clone(),
            shard: Shard { rank: shard.0, world: shard.1, pad: true },
            last: LastBatch::Keep,
            unreadable: Unreadable::Skip,
            augment: augment.clone(),
            workers,
            prefetch: 3,
            ..LoaderConfig::training(batch, seed)
        };
        // Without threads, and with threads that overtake each other.
        let uninterrupted: Vec<_> = loader(count, Numbers::new(&skip), config(0))
            .epoch(epoch)
            .map(|batch| batch.map(|batch| (batch.clips, batch.origins)).map_err(|e| e.path))
            .collect();
        let loader = loader(count, Numbers::new(&skip).slow(), config(workers));
        let mut first = loader.epoch(epoch);
        let mut resumed: Vec<_> = first
            .by_ref()
            .take(stop)
            .map(|batch| batch.map(|batch| (batch.clips, batch.origins)).map_err(|e| e.path))
            .collect();
        if resumed.last().is_none_or(Result::is_ok) {
            let state = serde_json::to_string(&first.state()).unwrap();
            drop(first);
            let rest = loader.resume(serde_json::from_str(&state).unwrap()).unwrap();
            resumed.extend(rest.map(|batch| {
                batch.map(|batch| (batch.clips, batch.origins)).map_err(|e| e.path)
            }));
        }
        prop_assert_eq!(resumed, uninterrupted);
    }
}
