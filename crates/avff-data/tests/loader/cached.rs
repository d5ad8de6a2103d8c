//! Samples are equal with and without a cache.

use std::{fs, path::Path, sync::Arc};

use avff_data::{
    Clip,
    augment::{
        AugmentConfig, ColorJitter, Crop, Flip, Gain, Jpeg, Lag, Masks, Mix, Mixing, Noise,
        Resample, WhiteNoise,
    },
    cache::{Cache, CacheConfig, Identity},
    load_clip,
    loader::{ClipReader, Loader, LoaderConfig},
    spec::Sampling,
};
use avff_datasets::{Dataset, manifest::Row};

use super::numbers::{collect, small};

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
        lag: Some(Lag { frames: (-2, 3) }),
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
