//! Clips through FFmpeg's libraries, against decord, Pillow, torchaudio and the `ffmpeg` command;
//! see `../avff-media/tests/fixtures/ffmpeg/README.md`.

#![cfg(feature = "ffmpeg")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; what was measured is printed"
)]

use std::{fs, path::PathBuf};

use avff_data::fbank::Fbank;
use avff_media::{Audio, Decoder, Frame, MediaSource, resize::resize};
use safetensors::SafeTensors;
use serde_json::Value;
use video_rs::ffmpeg::codec;

/// Rate, channels and samples of each.
type Layout = (u32, usize, usize);

/// What decord and torchaudio were run on: name, frame that was kept, pictures, samples, and the
/// hash of 16 resized pictures.
const WHOLE: [(&str, usize, usize, Layout, u64); 3] = [
    ("hevc_aac.mp4", 34, 75, (32_000, 1, 96_256), 0x2f9d_e65d_c8f7_b5ed),
    ("mpeg4_mp3.avi", 34, 75, (44_100, 2, 133_632), 0x0335_adea_b5ea_5602),
    ("vp9_opus.webm", 33, 72, (48_000, 2, 144_000), 0xc208_839c_72d1_a5d8),
];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from("../avff-media/tests/fixtures").join(name)
}

fn open(name: &str) -> Box<dyn MediaSource> {
    avff_media::open_with(&fixture(name), Decoder::Ffmpeg).unwrap()
}

fn every(clip: &mut dyn MediaSource) -> Vec<Frame> {
    let all: Vec<usize> = (0..clip.frame_count()).collect();
    clip.frames_at(&all).unwrap_or_else(|error| panic!("{:?}: {error}", clip.info()))
}

/// FNV-1a, 64 bits.
fn fnv<'a>(pictures: impl IntoIterator<Item = &'a Frame>) -> u64 {
    let bytes = pictures.into_iter().flat_map(|picture| &picture.rgb);
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.fold(0xcbf2_9ce4_8422_2325, step)
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap()
}

fn layout(sound: &Audio) -> Layout {
    (sound.rate, sound.channels.len(), sound.len())
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = tensors.tensor(name).unwrap();
    tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Mean and greatest difference.
fn difference(a: &[f32], b: &[f32]) -> (f64, f64) {
    assert_eq!(a.len(), b.len());
    let each = a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs()));
    (each.clone().sum::<f64>() / a.len() as f64, each.fold(0.0, f64::max))
}

#[test]
fn frames_are_those_of_decord_and_resized_those_of_pillow() {
    for (name, frame, count, _, resized) in WHOLE {
        let mut clip = open(&format!("media/{name}"));
        assert_eq!(clip.frame_count(), count, "{name}");
        let golden = image::open(fixture(&format!("ffmpeg/{}.frame{frame}.png", stem(name))));
        let found = &clip.frames_at(&[frame]).unwrap()[0];
        assert!(found.rgb == golden.unwrap().into_rgb8().into_raw(), "{name}: frame {frame}");
        let indices: Vec<usize> = (0..16).map(|i| (count - 1) * i / 15).collect();
        let small = clip.frames_at(&indices).unwrap();
        let small: Vec<Frame> =
            small.iter().map(|picture| resize(picture, 224, 224).unwrap()).collect();
        assert_eq!(fnv(&small), resized, "{name}: resized frames");
    }
}

#[test]
fn sound_is_that_of_the_ffmpeg_command_and_its_filterbank_that_of_torchaudio() {
    let goldens = fs::read(fixture("ffmpeg/clips.safetensors")).unwrap();
    let goldens = SafeTensors::deserialize(&goldens).unwrap();
    for (name, _, _, expected, _) in WHOLE {
        let sound = open(&format!("media/{name}")).audio().unwrap();
        assert_eq!(layout(&sound), expected, "{name}");
        let head: Vec<f32> = sound.channels.iter().flat_map(|c| &c[..2000]).copied().collect();
        let golden = floats(&goldens, &format!("{}.wave_head", stem(name)));
        let (_, worst) = difference(&head, &golden);
        let rows = Fbank::new(sound.rate, 128).unwrap().stretched(&sound, 1024).unwrap();
        let rows: Vec<f32> = rows.chunks_exact(128).step_by(16).flatten().copied().collect();
        let golden = floats(&goldens, &format!("{}.fbank", stem(name)));
        let (mean, max) = difference(&rows, &golden);
        println!("{name}: wave at most {worst:.1e}, fbank mean {mean:.1e}, at most {max:.1e}");
        // The same decoders, perhaps by other instructions of the processor.
        assert!(worst < 1e-5, "{name}: {worst}");
        assert!(mean < 1e-3, "{name}: {mean}");
    }
}

#[test]
fn odd_formats_are_those_of_the_ffmpeg_command() {
    let goldens = fs::read(fixture("ffmpeg/goldens.json")).unwrap();
    let goldens: Value = serde_json::from_slice(&goldens).unwrap();
    // FFmpeg's scaler, which formats other than 8-bit 4:2:0 go through, changes with its version.
    let same_version = codec::version() >> 16 == 59;
    let mut failures = Vec::new();
    for (name, golden) in goldens.as_object().unwrap() {
        let number = |key: &str| usize::try_from(golden[key].as_u64().unwrap()).unwrap();
        let mut clip = open(&format!("ffmpeg/{name}"));
        let pictures = every(&mut *clip);
        let size = (pictures[0].width, pictures[0].height);
        let sound = clip.audio().unwrap();
        let numbers =
            (pictures.len(), size, sound.rate as usize, sound.channels.len(), sound.len());
        let expected = (
            number("frames"),
            (number("width"), number("height")),
            number("sample_rate"),
            number("channels"),
            number("samples"),
        );
        let hash = format!("{:016x}", fnv(&pictures));
        if numbers != expected || (same_version && golden["fnv"] != hash.as_str()) {
            failures.push(format!("{name}: {numbers:?} for {expected:?}, {hash}"));
        }
        let pixels = (pictures.len() * size.0 * size.1) as f64;
        for (channel, mean) in golden["mean_rgb"].as_array().unwrap().iter().enumerate() {
            let values = pictures.iter().flat_map(|p| p.rgb.iter().skip(channel).step_by(3));
            let found = values.map(|&value| f64::from(value)).sum::<f64>() / pixels;
            // A wrong matrix or range moves a mean by several levels.
            assert!((found - mean.as_f64().unwrap()).abs() < 1.0, "{name}: {channel} {found}");
        }
        let magnitudes = golden["mean_magnitude"].as_array().unwrap();
        for (channel, golden) in sound.channels.iter().zip(magnitudes) {
            let sum = channel.iter().map(|&sample| f64::from(sample.abs())).sum::<f64>();
            let (found, golden) = (sum / channel.len() as f64, golden.as_f64().unwrap());
            assert!((found - golden).abs() < 1e-4, "{name}: {found} for {golden}");
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn both_readers_agree_on_every_clip_that_both_read() {
    for name in [
        "h264_aac_16k_mono.mp4",
        "h264_bframes_aac_48k_stereo.mp4",
        "h264_rotated90.mp4",
        "h264_vfr.mp4",
        "opengop_cropped_alac.mp4",
        "opengop_cropped_pcm.mov",
        "fragmented.mp4",
        "bad/one_frame_20ms.mp4",
    ] {
        let path = fixture("media").join(name);
        let [mut own, mut other] = [Decoder::Embedded, Decoder::Ffmpeg]
            .map(|decoder| avff_media::open_with(&path, decoder).unwrap());
        assert!(every(&mut *own) == every(&mut *other), "{name}: pictures");
        for (a, b) in own.frame_times().iter().zip(other.frame_times()) {
            assert!((a - b).abs() < 1e-9, "{name}: shown at {a} or {b}");
        }
        let (a, b) = (own.info(), other.info());
        println!("{name}: {a:?}\n{b:?}");
        assert_eq!((&a.container, &a.video_codec), (&b.container, &b.video_codec), "{name}");
        assert_eq!((a.width, a.height), (b.width, b.height), "{name}");
        assert_eq!(a.audio_codec, b.audio_codec, "{name}");
        assert!((a.audio_start - b.audio_start).abs() < 1e-6, "{name}: {a:?}, {b:?}");
        // The embedded reader takes the last packet for as long as the one before.
        let packet = 1024.5 / f64::from(a.sample_rate);
        assert!((a.audio_end - b.audio_end).abs() < packet, "{name}: {a:?}, {b:?}");
        let (a, b) = (own.audio().unwrap(), other.audio().unwrap());
        assert_eq!(layout(&a), layout(&b), "{name}");
        let fbank = Fbank::new(a.rate, 128).unwrap();
        let Ok(a) = fbank.stretched(&a, 1024) else { continue };
        let (mean, max) = difference(&a, &fbank.stretched(&b, 1024).unwrap());
        println!("{name}: fbank mean {mean:.1e}, at most {max:.1e}");
        assert!(mean < 1e-3, "{name}: {mean}");
    }
}

#[test]
fn any_order_gives_the_frames_of_a_walk_from_start_to_end() {
    let mut names: Vec<String> = fs::read_dir(fixture("ffmpeg"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| ["mp4", "mkv", "webm", "mov", "ts", "mpg"].iter().any(|e| name.ends_with(e)))
        .map(|name| format!("ffmpeg/{name}"))
        .collect();
    assert_eq!(names.len(), 10);
    names.extend(WHOLE.map(|(name, ..)| format!("media/{name}")));
    let more = ["h264_bframes_aac_48k_stereo.mp4", "opengop_cropped_alac.mp4", "fragmented.mp4"];
    names.extend(more.map(|name| format!("media/{name}")));
    for name in names {
        let walk = every(&mut *open(&name));
        let mut clip = open(&name);
        assert!(walk.windows(2).any(|pair| pair[0] != pair[1]), "{name} moves");
        // Backwards, so that each needs another start; of the long ones only some.
        for index in (0..walk.len()).rev().step_by(1 + walk.len() / 40) {
            assert!(clip.frames_at(&[index]).unwrap()[0] == walk[index], "{name}: frame {index}");
        }
        let last = walk.len() - 1;
        let jumps = [0, 1, last / 3, last / 2, last / 2 + 1, last];
        for (index, picture) in jumps.iter().zip(clip.frames_at(&jumps).unwrap()) {
            assert!(picture == walk[*index], "{name}: frame {index} of several");
        }
        assert_eq!(
            clip.frames_at(&[last + 1]).unwrap_err().to_string(),
            format!("frame index of {} is over the limit of {last}", last + 1)
        );
        assert!(clip.frame_times().is_sorted_by(|a, b| a < b), "{name}: {:?}", clip.frame_times());
    }
}

#[test]
fn parts_of_the_sound_are_parts_of_the_whole() {
    for name in ["media/vp9_opus.webm", "ffmpeg/mpeg4_aac51.mp4", "ffmpeg/h264_interlaced_mp2.ts"] {
        let mut clip = open(name);
        let (start, end) = (clip.info().audio_start, clip.info().audio_end);
        let whole = clip.audio().unwrap();
        let rate = f64::from(whole.rate);
        let length = whole.len() as f64 / rate;
        assert!((end - start - length).abs() < 0.05, "{name}: {start} to {end}, {length} s");
        for (from, to) in [(-1.0, 0.2), (0.1, 0.6), (0.6, 0.6), (0.55, 1.2), (0.0, 9.0)] {
            let part = clip.streams().1.between(from, to).unwrap();
            let at = |time: f64| ((time - start) * rate).round() as usize;
            assert!(part == whole.part(at(from), at(to)), "{name}: {from} to {to}");
        }
    }
}

#[test]
fn times_are_on_one_clock_from_zero() {
    // A transport stream counts from anywhere.
    for (name, step) in [
        ("ffmpeg/h264_interlaced_mp2.ts", 0.1),
        ("ffmpeg/mpeg2_mp2.mpg", 0.1),
        ("media/mpeg4_mp3.avi", 0.04),
        ("media/vp9_opus.webm", 1.0 / 24.0),
    ] {
        let clip = open(name);
        let (times, info) = (clip.frame_times(), clip.info());
        println!("{name}: {:?}.. {info:?}", &times[..3]);
        let first = times[0].min(info.audio_start);
        assert!(first.abs() < 1e-9, "{name}: {first}");
        assert!((times[0] - info.audio_start).abs() < 0.1, "{name}");
        for pair in times.windows(2) {
            // The AVI file leaves out its second place. Matroska counts milliseconds.
            let steps = ((pair[1] - pair[0]) / step).round().clamp(1.0, 2.0);
            assert!((pair[1] - pair[0] - steps * step).abs() < 1.1e-3, "{name}: {pair:?}");
        }
    }
}

#[test]
fn a_recording_may_begin_between_key_frames() {
    let name = "ffmpeg/h264_interlaced_mp2.ts";
    let whole = every(&mut *open(name));
    let file = fs::read(fixture(name)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.ts");
    let mut counts = Vec::new();
    for packets in [10, 20, 30, 40] {
        fs::write(&path, &file[188 * packets..]).unwrap();
        let mut late = avff_media::open_with(&path, Decoder::Ffmpeg).unwrap();
        let pictures = every(&mut *late);
        assert!(whole.ends_with(&pictures), "{packets} packets later");
        counts.push(pictures.len());
    }
    println!("{} pictures, then {counts:?}", whole.len());
    assert!(counts.iter().all(|&count| (1..whole.len()).contains(&count)));
}
