//! Checks which windows of a damaged clip are left out, and that the others are those of the undamaged
//! clip.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap fails the test; the reader that failed is printed"
)]

use std::{
    fs,
    ops::{ControlFlow, Range},
    path::{Path, PathBuf},
};

use avff_data::{
    ClipError, ClipSpec, Coverage, load_samples,
    pipeline::Sample,
    spec::{Sampling, TrimSilence},
};
use avff_face::{FaceCrop, NoFace};
use avff_media::{DamagePolicy, Decoder, Stream, testing::samples_of_mp4};

/// 5 s at 29.97 fps with IDR pictures at the samples 0, 60 and 120, and B frames.
const CLIP: &str = "h264_bframes_aac_48k_stereo.mp4";

fn bytes(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from("../avff-media/tests/fixtures/media").join(name)).unwrap()
}

fn readers() -> &'static [Decoder] {
    if cfg!(feature = "ffmpeg") {
        &[Decoder::Embedded, Decoder::Ffmpeg]
    } else {
        &[Decoder::Embedded]
    }
}

fn spec(seconds: f64, decoder: Decoder, damage: DamagePolicy) -> ClipSpec {
    let mut spec = ClipSpec::open_avff().with_sizes([64, 32], [4, 32, 32]);
    spec.sampling = Sampling::Window { seconds, fps: 4.0 / seconds, stride: seconds };
    (spec.decoder, spec.damage) = (decoder, damage);
    spec
}

fn write(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn read(path: &Path, spec: &ClipSpec) -> Result<(Vec<Sample>, Coverage), ClipError> {
    let mut samples = Vec::new();
    let coverage = load_samples(path, spec, &mut |sample| {
        samples.push(sample);
        ControlFlow::Continue(())
    })?;
    samples.retain(|sample| !coverage.leaves_out(sample.span));
    Ok((samples, coverage))
}

/// Compares the windows of a damaged clip with those of the undamaged clip. Returns the windows that are
/// left out.
fn compare(
    whole: &[u8],
    damaged: &[u8],
    seconds: f64,
    decoder: Decoder,
    stream: Stream,
) -> Vec<usize> {
    let (_folder, path) = write(whole);
    let refusing = spec(seconds, decoder, DamagePolicy::Refuse);
    let reading = spec(seconds, decoder, DamagePolicy::Windows);
    let (all, coverage) = read(&path, &refusing).unwrap();
    assert_eq!(coverage.left_out, []);
    assert_eq!(read(&path, &reading).unwrap(), (all.clone(), coverage), "an undamaged clip");
    fs::write(&path, damaged).unwrap();
    let error = read(&path, &refusing).unwrap_err();
    assert_eq!((error.source.stage().name(), error.source.stream()), ("damaged", Some(stream)));
    let (intact, coverage) = read(&path, &reading).unwrap();
    println!("{decoder}: {error}; {:?}", coverage.left_out);
    assert_eq!(coverage.windows, all.len());
    assert_eq!(intact.len() + coverage.left_out.len(), all.len());
    assert!(coverage.left_out.iter().all(|out| out.stream == stream));
    let mut left_out = Vec::new();
    for (index, window) in all.iter().enumerate() {
        match intact.iter().find(|sample| sample.span == window.span) {
            Some(sample) => {
                assert!(sample.clip == window.clip, "{decoder}: window {index} differs")
            }
            None => left_out.push(index),
        }
    }
    left_out
}

/// Overwrites a part of a sample, given in percent of its size.
fn damage(bytes: &mut [u8], sample: &Range<usize>, percent: Range<usize>) {
    let at = |percent: usize| sample.start + sample.len() * percent / 100;
    bytes[at(percent.start)..at(percent.end)].fill(0xff);
}

#[test]
fn a_damaged_picture_touches_its_group_of_pictures() {
    let whole = bytes(CLIP);
    let samples = samples_of_mp4(&whole, b"vide");
    for &decoder in readers() {
        let mut damaged = whole.clone();
        damage(&mut damaged, &samples[70], 30..100);
        // The pictures 60 to 119 are shown from 2.002 to 4.004 s.
        let out = compare(&whole, &damaged, 0.5, decoder, Stream::Video);
        // FFmpeg's reader does not know at which packet of the group the damage is, and leaves out the
        // audio that is stored near any of them.
        let out = out.strip_prefix(&[3]).unwrap_or(&out);
        assert!(out.starts_with(&[4, 5, 6, 7, 8]), "{decoder}: {out:?}");
        // Two damaged groups.
        damage(&mut damaged, &samples[130], 30..100);
        let out = compare(&whole, &damaged, 0.5, decoder, Stream::Video);
        let out = out.strip_prefix(&[3]).unwrap_or(&out);
        assert_eq!(out, [4, 5, 6, 7, 8, 9], "{decoder}");
    }
}

#[test]
fn a_sample_without_a_picture_touches_its_group_of_pictures() {
    let whole = bytes(CLIP);
    let samples = samples_of_mp4(&whole, b"vide");
    for &decoder in readers() {
        let mut damaged = whole.clone();
        // A NAL unit that fills the sample, of a type without slices.
        let sample = samples[100].clone();
        let length = u32::try_from(sample.len() - 4).unwrap().to_be_bytes();
        damaged[sample.start..sample.start + 4].copy_from_slice(&length);
        damaged[sample.start + 4] = 12;
        let out = compare(&whole, &damaged, 0.5, decoder, Stream::Video);
        // FFmpeg's reader does not know at which packet of the group the damage is, and leaves out the
        // audio that is stored near any of them.
        let out = out.strip_prefix(&[3]).unwrap_or(&out);
        assert!(out.starts_with(&[4, 5, 6, 7, 8]), "{decoder}: {out:?}");
    }
}

#[test]
fn audio_is_intact_where_the_memory_of_the_codec_has_ended() {
    // 4.4 s with seven IDR pictures in 135 kB, and AAC of which few packets have noise.
    let whole = fs::read("../avff-media/tests/fixtures/timeline/edit_list_of_two.mp4").unwrap();
    let mut damaged = whole.clone();
    let packet = samples_of_mp4(&whole, b"soun")[20].clone();
    damaged[packet.start + packet.len() / 2..packet.end].fill(0x55);
    for &decoder in readers() {
        let out = compare(&whole, &damaged, 0.2, decoder, Stream::Audio);
        println!("AAC, {decoder}: {out:?}");
        assert!(!out.is_empty() && out.len() < 20 && !out.contains(&21), "{decoder}: {out:?}");
    }
    // 5 s in 236 packets. What follows depends on the random numbers of the noise in AAC.
    let whole = bytes(CLIP);
    let mut damaged = whole.clone();
    let packet = samples_of_mp4(&whole, b"soun")[100].clone();
    damaged[packet.start + packet.len() / 2..packet.end].fill(0x55);
    for &decoder in readers() {
        let out = compare(&whole, &damaged, 0.5, decoder, Stream::Audio);
        println!("AAC with noise, {decoder}: {out:?}");
        assert_eq!(out, [3, 4, 5, 6, 7, 8, 9], "{decoder}");
    }
}

#[test]
fn silence_is_trimmed_where_the_audio_is_intact() {
    let whole = fs::read("../avff-media/tests/fixtures/timeline/edit_list_of_two.mp4").unwrap();
    let mut spec = spec(0.2, Decoder::Embedded, DamagePolicy::Windows);
    spec.trim_silence = Some(TrimSilence { below_db: -60.0, at_most: 0.2 });
    let (_folder, path) = write(&whole);
    let (all, _) = read(&path, &spec).unwrap();
    let mut damaged = whole.clone();
    let packet = samples_of_mp4(&whole, b"soun")[20].clone();
    damaged[packet.start + packet.len() / 2..packet.end].fill(0x55);
    fs::write(&path, damaged).unwrap();
    let (intact, coverage) = read(&path, &spec).unwrap();
    assert!(!coverage.left_out.is_empty());
    assert_eq!(intact.len() + coverage.left_out.len(), all.len());
    assert!(intact.iter().all(|sample| all.iter().any(|one| one.clip == sample.clip)));
}

#[test]
fn faces_are_tracked_over_the_windows_that_are_left() {
    let whole = bytes(CLIP);
    let samples = samples_of_mp4(&whole, b"vide");
    let (_folder, path) = write(&whole);
    let mut spec = spec(0.5, Decoder::Embedded, DamagePolicy::Windows);
    // The clip has no face, so its frames are whole with and without the damage.
    spec.face = Some(FaceCrop { no_face: NoFace::Full, ..FaceCrop::default() });
    let (all, _) = read(&path, &spec).unwrap();
    assert!(all.iter().all(|sample| sample.without_face));
    let mut damaged = whole;
    damage(&mut damaged, &samples[10], 30..100);
    damage(&mut damaged, &samples[130], 30..100);
    fs::write(&path, damaged).unwrap();
    let (intact, coverage) = read(&path, &spec).unwrap();
    assert_eq!(coverage.left_out.len(), 5 + 2, "{:?}", coverage.left_out);
    assert_eq!(intact.len(), 3);
    assert!(intact.iter().all(|sample| all.iter().any(|one| one.clip == sample.clip)));
}

#[test]
fn a_damaged_image_touches_the_windows_that_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let media = Path::new("../avff-media/tests/fixtures/media/frames");
    let mut images: Vec<PathBuf> = fs::read_dir(media)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "png"))
        .collect();
    images.sort();
    for index in 0..50 {
        fs::copy(&images[0], folder.path().join(format!("{index}.png"))).unwrap();
    }
    fs::write(folder.path().join("clip.json"), "{\"fps\": 25}").unwrap();
    // Two seconds of a tone in a WAV file of 8 kHz, mono and 16 bits.
    let samples: Vec<u8> =
        (0..16_000_i32).flat_map(|at| ((at % 80) as i16 * 300).to_le_bytes()).collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + 32_000_u32).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend([8_000_u32, 16_000].into_iter().flat_map(u32::to_le_bytes));
    wav.extend(b"\x02\0\x10\0data");
    wav.extend(32_000_u32.to_le_bytes());
    wav.extend(samples);
    fs::write(folder.path().join("audio.wav"), wav).unwrap();
    let spec = spec(0.4, Decoder::Auto, DamagePolicy::Windows);
    let (all, _) = read(folder.path(), &spec).unwrap();
    assert_eq!(all.len(), 5);
    // Frame 21 is the second of the window from 0.8 s on: each is shown in the middle of 0.1 s.
    let path = folder.path().join("23.png");
    let image = fs::read(&path).unwrap();
    fs::write(&path, &image[..image.len() / 2]).unwrap();
    let (intact, coverage) = read(folder.path(), &spec).unwrap();
    println!("{:?}", coverage.left_out);
    assert_eq!(coverage.left_out.len(), 1);
    assert!((coverage.left_out[0].start - 0.8).abs() < 1e-9);
    assert!(coverage.left_out[0].message.starts_with("23.png: "));
    let mut expected = all;
    expected.remove(2);
    assert!(intact == expected);
}

#[test]
fn a_clip_without_an_intact_window_is_refused() {
    let whole = bytes(CLIP);
    let samples = samples_of_mp4(&whole, b"vide");
    let mut damaged = whole.clone();
    for sample in [10, 70, 130] {
        damage(&mut damaged, &samples[sample], 30..100);
    }
    let (_folder, path) = write(&damaged);
    let mut spec = spec(0.5, Decoder::Embedded, DamagePolicy::Windows);
    let error = read(&path, &spec).unwrap_err().source;
    assert_eq!((error.stage().name(), error.code()), ("damaged", "no-intact-window"), "{error}");
    spec.sampling = Sampling::Whole;
    let error = read(&path, &spec).unwrap_err().source;
    assert_eq!((error.stage().name(), error.code()), ("damaged", "damaged-whole"), "{error}");
}
