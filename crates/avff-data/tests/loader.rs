//! Batches do not depend on threads, interruptions or the cache.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread::sleep,
    time::Duration,
};

use avff_data::{
    Clip, ClipError, ClipSpec, DataError,
    augment::{
        AugmentConfig, ColorJitter, Crop, Flip, Gain, Jpeg, Masks, Mix, Mixing, Noise, Resample,
        WhiteNoise,
    },
    cache::{Cache, CacheConfig, Identity},
    decode::{DecodeRequest, DecodedAudio, DecodedClip},
    load_clip,
    loader::{
        Batch, Choose, ClipReader, Cut, Epoch, LastBatch, Loader, LoaderConfig, LoaderState, Order,
        Origin, ReadClip, Shard, Unreadable, Weights, WindowChoice,
    },
    spec::{Sampling, VideoSpec},
};
use avff_datasets::{Dataset, manifest::Row};
use avff_media::{Frame, MediaError};
use proptest::prelude::*;

fn small() -> ClipSpec {
    let mut spec = ClipSpec::open_avff();
    (spec.video.frames, spec.video.height, spec.video.width) = (4, 12, 16);
    (spec.audio.frames, spec.audio.mels) = (20, 8);
    spec
}

/// Rows 0, 1, 2... with alternating targets.
fn rows(count: usize) -> Arc<Dataset> {
    let row = |index: usize| Row {
        name: index.to_string(),
        path: index.to_string().into(),
        target: Some((index % 2) as u8),
        extra: Vec::new(),
        line: index as u64 + 2,
    };
    Arc::new(Dataset::new((0..count).map(row).collect(), Vec::new()).unwrap())
}

/// A reader of clips whose frames and filterbank contain the number in their name. Some clips are
/// unreadable.
struct Numbers {
    spec: ClipSpec,
    unreadable: Vec<u8>,
    slow: bool,
}

impl Numbers {
    fn new(unreadable: &[u8]) -> Self {
        Self { spec: small(), unreadable: unreadable.to_vec(), slow: false }
    }

    fn number(&self, path: &Path) -> Result<u8, ClipError> {
        let number: u8 = path.to_str().unwrap().parse().unwrap();
        if self.slow {
            sleep(Duration::from_micros(u64::from(number) * 37 % 900));
        }
        match self.unreadable.contains(&number) {
            false => Ok(number),
            true if number == 13 => panic!("a decoder error"),
            true => Err(ClipError::new(path, MediaError::Empty)),
        }
    }

    fn frame(&self, level: u8) -> Frame {
        let (width, height) = (self.spec.video.width, self.spec.video.height);
        let rgb = (0..3 * width * height).map(|i| level.wrapping_add((i % 7) as u8)).collect();
        Frame { width, height, rgb }
    }
}

impl ReadClip for Numbers {
    fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    fn read(
        &self,
        path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, ClipError> {
        let number = self.number(path)?;
        // Three windows, distinguished by a fraction.
        let value = f32::from(number) + choose(3) as f32 / 4.0;
        let count = if request.frames { self.spec.video.frames } else { 0 };
        let audio =
            request.audio.map(|_| DecodedAudio::Fbank(vec![value; self.spec.audio.values()]));
        Ok(DecodedClip { frames: vec![self.frame(number); count], audio, without_face: false })
    }

    fn concat(&self, first: &Path, second: &Path) -> Result<DecodedClip, ClipError> {
        let (first, second) = (self.number(first)?, self.number(second)?);
        let value = f32::from(first) + f32::from(second) * 1_000.0;
        let frames = [first, first, second, second].map(|number| self.frame(number));
        let audio = Some(DecodedAudio::Fbank(vec![value; self.spec.audio.values()]));
        Ok(DecodedClip { frames: frames.to_vec(), audio, without_face: false })
    }
}

fn loader(count: usize, reader: Numbers, config: LoaderConfig) -> Loader {
    Loader::new(rows(count), Arc::new(reader), config).unwrap()
}

type Numbered = (Vec<Clip>, Vec<Origin>);

fn collect(epoch: &mut Epoch) -> Vec<Numbered> {
    epoch.map(|batch| batch.unwrap()).map(|Batch { clips, origins, .. }| (clips, origins)).collect()
}

fn rows_of(batches: &[Numbered]) -> Vec<usize> {
    batches.iter().flat_map(|(_, origins)| origins.iter().map(|origin| origin.row)).collect()
}

/// Returns the number in a sample's filterbank.
fn number_of(clip: &Clip) -> f32 {
    (clip.audio[0] * 4.4849 - 5.081 - 1e-3).round_ties_even().max(0.0)
}

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
fn mixed_samples_match_their_origin() {
    let augment = AugmentConfig { mix: Some(Mix::open_avff()), ..AugmentConfig::default() };
    let config = LoaderConfig { augment, ..LoaderConfig::training(5, 3) };
    let loader =
        loader(20, Numbers::new(&[]), LoaderConfig { window: WindowChoice::Middle, ..config });
    let mut counts = [0; 3];
    for (clip, origin) in (0..20).flat_map(|epoch| {
        let batches = collect(&mut loader.epoch(epoch));
        batches
            .into_iter()
            .flat_map(|(clips, origins)| clips.into_iter().zip(origins))
            .collect::<Vec<_>>()
    }) {
        let Origin { row, target, mixing, partner } = origin;
        let is_fake = |row: usize| row % 2 == 1;
        // Frames follow each other in the red channel; the first pixel is the level itself.
        let level = |frame: usize| {
            let value = clip.video[frame * 12 * 16];
            ((value * 0.229 + 0.485) * 255.0).round() as usize
        };
        // The middle window of three has index 1.
        let value = f64::from(clip.audio[0]) * 4.4849 - 5.081;
        let (expected_value, fake) = match (mixing, partner) {
            (Mixing::None, None) => (row as f64 + 0.25, is_fake(row)),
            (Mixing::Concat, Some(other)) => {
                (row as f64 + 1_000.0 * other as f64, is_fake(row) || is_fake(other))
            }
            (Mixing::Replace, Some(other)) => (other as f64 + 0.25, true),
            other => panic!("{other:?}"),
        };
        assert!((value - expected_value).abs() < 0.01, "{origin:?} contains {value}");
        assert_eq!(target, Some(u8::from(fake)), "{origin:?}");
        assert_eq!(level(0), row);
        assert_eq!(level(3), if mixing == Mixing::Concat { partner.unwrap() } else { row });
        assert_ne!(partner, Some(row));
        counts[mixing as usize] += 1;
    }
    // 400 samples of 5 : 1 : 1: standard deviations 9.0 and 7.0; the tolerance is five deviations.
    assert!((241..=330).contains(&counts[0]), "{counts:?}");
    assert!(counts[1..].iter().all(|count| (22..=92).contains(count)), "{counts:?}");
}

#[test]
fn unreadable_partner_is_replaced_or_ends_the_epoch() {
    let augment = AugmentConfig {
        mix: Some(Mix { none: 0.0, ..Mix::open_avff() }),
        ..AugmentConfig::default()
    };
    let config = LoaderConfig {
        augment,
        workers: 2,
        unreadable: Unreadable::Skip,
        ..LoaderConfig::training(1, 3)
    };
    let mut epoch = loader(12, Numbers::new(&[4, 7]), config.clone()).epoch(0);
    let batches = collect(&mut epoch);
    let mut own = rows_of(&batches);
    own.sort_unstable();
    assert_eq!(own, [0, 1, 2, 3, 5, 6, 8, 9, 10, 11], "their own samples are skipped");
    let partners = batches.iter().map(|(_, origins)| origins[0].partner.unwrap());
    assert!(partners.into_iter().all(|partner| partner != 4 && partner != 7));
    assert!(epoch.skipped().len() > 2, "no partner was unreadable, use another seed");
    assert!(epoch.skipped().iter().all(|skipped| [4, 7].contains(&skipped.row)));
    let strict = LoaderConfig { unreadable: Unreadable::Error, ..config };
    let error = loader(12, Numbers::new(&[4, 7]), strict).epoch(0).find_map(Result::err).unwrap();
    assert!(["4", "7"].contains(&error.path.to_str().unwrap()));
}

/// Reads clips of `windows` windows, whose frames and audio hold the window's number.
struct Windowed {
    spec: ClipSpec,
    windows: usize,
}

impl ReadClip for Windowed {
    fn spec(&self) -> &ClipSpec {
        &self.spec
    }

    fn read(
        &self,
        _path: &Path,
        request: DecodeRequest,
        choose: Choose<'_>,
    ) -> Result<DecodedClip, ClipError> {
        let window = choose(self.windows);
        let VideoSpec { frames, width, height, .. } = self.spec.video;
        let frame = Frame { width, height, rgb: vec![window as u8; 3 * width * height] };
        let frames = vec![frame; if request.frames { frames } else { 0 }];
        let rows = vec![window as f32; self.spec.audio.values()];
        let audio = request.audio.map(|_| DecodedAudio::Fbank(rows));
        Ok(DecodedClip { frames, audio, without_face: false })
    }

    fn concat(&self, first: &Path, _second: &Path) -> Result<DecodedClip, ClipError> {
        Err(ClipError::new(first, MediaError::Empty))
    }
}

#[test]
fn shifted_samples_have_audio_of_another_window() {
    let mut spec =
        ClipSpec { sampling: Sampling::Window { seconds: 1.0, fps: 4.0, stride: 1.0 }, ..small() };
    (spec.video.mean, spec.video.std) = ([0.0; 3], [1.0 / 255.0; 3]);
    (spec.audio.mean, spec.audio.std) = (0.0, 1.0);
    let augment = AugmentConfig {
        mix: Some(Mix { none: 1.0, concat: 0.0, replace: 0.0, shift: 1.0 }),
        ..AugmentConfig::default()
    };
    let config = LoaderConfig { augment, ..LoaderConfig::training(1, 3) };
    for windows in [1, 4] {
        let reader = Arc::new(Windowed { spec: spec.clone(), windows });
        let loader = Loader::new(rows(40), reader, config.clone()).unwrap();
        let batches = collect(&mut loader.epoch(0));
        let mut counts = [0, 0];
        for (clip, origin) in batches.iter().flat_map(|(clips, origins)| clips.iter().zip(origins))
        {
            let is_shifted = origin.mixing == Mixing::Shift;
            counts[usize::from(is_shifted)] += 1;
            assert_eq!((clip.video[0] - clip.audio[0]).abs() > 0.5, is_shifted);
            let own = Some((origin.row % 2) as u8);
            assert_eq!(origin.target, if is_shifted { Some(1) } else { own });
            assert_eq!(origin.partner, None);
        }
        assert!(counts[0] > 8, "{counts:?}");
        assert_eq!(counts[1] > 8, windows > 1, "{counts:?}");
    }
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
        let slow = Numbers { slow: true, ..Numbers::new(&skip) };
        let loader = loader(count, slow, config(workers));
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

/// Returns the fixtures that this build reads, as a dataset.
fn media() -> Arc<Dataset> {
    let names = ["h264_vfr", "h264_aac_16k_mono", "h264_rotated90", "fragmented"];
    let row = |(index, name): (usize, &str)| Row {
        name: name.into(),
        path: Path::new("../avff-media/tests/fixtures/media").join(name).with_extension("mp4"),
        target: Some((index % 2) as u8),
        extra: Vec::new(),
        line: index as u64 + 2,
    };
    Arc::new(Dataset::new(names.into_iter().enumerate().map(row).collect(), Vec::new()).unwrap())
}

fn cache(folder: &Path) -> Arc<Cache> {
    let identity = Identity::Stat;
    let config = CacheConfig { folder: folder.join("cache"), max_bytes: 1 << 30, identity };
    Arc::new(Cache::open(&config).unwrap())
}

fn all_augmentations() -> AugmentConfig {
    AugmentConfig {
        mix: Some(Mix { none: 2.0, ..Mix::open_avff() }),
        crop: Some(Crop { min_area: 0.5 }),
        flip: Some(Flip { probability: 0.5 }),
        resample: Some(Resample { scale: (0.5, 1.0) }),
        color: Some(ColorJitter { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1 }),
        jpeg: Some(Jpeg { quality: (40, 95) }),
        gain: Some(Gain { db: 6.0 }),
        white_noise: Some(WhiteNoise { snr_db: (10.0, 40.0) }),
        lag: None,
        masks: Some(Masks { frequency: 4, time: 6 }),
        noise: Some(Noise::open_avff()),
    }
}

#[test]
fn samples_match_load_clip_decoded_or_cached() {
    let folder = tempfile::tempdir().unwrap();
    let spec = small();
    let cache = cache(folder.path());
    let reader = ClipReader::new(spec.clone()).unwrap().cached(Arc::clone(&cache));
    let config = LoaderConfig::validation(4);
    let loader = Loader::new(media(), Arc::new(reader), config).unwrap();
    let expected: Vec<Clip> =
        media().rows().iter().map(|row| load_clip(&row.path, &spec).unwrap()).collect();
    for epoch in 0..2 {
        assert_eq!(collect(&mut loader.epoch(epoch))[0].0, expected);
        let counts = cache.counts();
        assert_eq!((counts.hits, counts.stored), (8 * epoch, 8), "frames and filterbanks");
        assert_eq!((counts.corrupt, counts.evicted, counts.not_stored), (0, 0, 0));
    }
}

#[test]
fn augmented_samples_match_with_and_without_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let config =
        LoaderConfig { augment: all_augmentations(), workers: 2, ..LoaderConfig::training(2, 1) };
    let new = |reader: ClipReader| Loader::new(media(), Arc::new(reader), config.clone()).unwrap();
    let plain = new(ClipReader::new(small()).unwrap());
    let cached = new(ClipReader::new(small()).unwrap().cached(Arc::clone(&cache)));
    let mut mixings = Vec::new();
    for epoch in 0..6 {
        let expected = collect(&mut plain.epoch(epoch));
        mixings.extend(expected.iter().flat_map(|(_, origins)| origins.iter().map(|o| o.mixing)));
        assert_eq!(collect(&mut cached.epoch(epoch)), expected, "epoch {epoch}");
    }
    for mixing in [Mixing::None, Mixing::Concat, Mixing::Replace] {
        assert!(mixings.contains(&mixing), "use another seed");
    }
    // Two workers that need one clip at once both decode it, so the number of stored entries is not
    // fixed.
    let counts = cache.counts();
    assert!(counts.hits > counts.misses, "{counts:?}");
    assert_eq!((counts.corrupt, counts.not_stored), (0, 0), "{counts:?}");
}

#[test]
fn damaged_entry_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let reader = ClipReader::new(small()).unwrap().cached(Arc::clone(&cache));
    let loader = Loader::new(media(), Arc::new(reader), LoaderConfig::validation(4)).unwrap();
    let expected = collect(&mut loader.epoch(0));
    for shard in fs::read_dir(folder.path().join("cache")).unwrap() {
        let shard = shard.unwrap();
        if shard.file_name().len() != 2 {
            continue;
        }
        for entry in fs::read_dir(shard.path()).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    assert_eq!(collect(&mut loader.epoch(1)), expected);
    assert_eq!((cache.counts().corrupt, cache.counts().hits), (8, 0));
    assert_eq!(collect(&mut loader.epoch(2)), expected);
    assert_eq!((cache.counts().corrupt, cache.counts().hits), (8, 8));
}

#[test]
fn windows_are_cached_separately() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let mut spec = small();
    spec.sampling = Sampling::Window { seconds: 0.8, fps: 5.0, stride: 0.2 };
    let config = LoaderConfig { workers: 2, ..LoaderConfig::training(2, 1) };
    let new = |reader: ClipReader| Loader::new(media(), Arc::new(reader), config.clone()).unwrap();
    let plain = new(ClipReader::new(spec.clone()).unwrap());
    let cached = new(ClipReader::new(spec.clone()).unwrap().cached(Arc::clone(&cache)));
    for epoch in [0, 1, 2, 0, 1, 2] {
        assert_eq!(collect(&mut cached.epoch(epoch)), collect(&mut plain.epoch(epoch)));
    }
    let counts = cache.counts();
    // Four clips in three epochs, frames and audio: at most 24 entries, and more than one window.
    assert!((9..=24).contains(&counts.stored), "{counts:?}");
    assert!(counts.hits >= 24, "{counts:?}");
}
