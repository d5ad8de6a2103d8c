//! Compares clips read through FFmpeg's libraries with decord, Pillow, torchaudio and the `ffmpeg`
//! command; see `../avff-media/tests/fixtures/ffmpeg/README.md`.

#![cfg(feature = "ffmpeg")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap fails the test; measurements are printed"
)]

use std::{fs, path::PathBuf};

use avff_data::fbank::Fbank;
use avff_media::{Audio, Decoder, Frame, MediaSource, resize::resize};
use safetensors::SafeTensors;
use serde_json::Value;
use video_rs::ffmpeg::codec;

/// Sample rate, channels and samples.
type Layout = (u32, usize, usize);

/// Reference results of decord and torchaudio: name, index of the stored frame, number of frames,
/// audio layout, and the hash of 16 resized frames.
const CLIPS: [(&str, usize, usize, Layout, u64); 3] = [
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

fn all_frames(clip: &mut dyn MediaSource) -> Vec<Frame> {
    let all: Vec<usize> = (0..clip.frame_count()).collect();
    clip.frames_at(&all).unwrap_or_else(|error| panic!("{:?}: {error}", clip.info()))
}

/// FNV-1a, 64 bits.
fn fnv<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> u64 {
    let bytes = frames.into_iter().flat_map(|frame| &frame.rgb);
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.fold(0xcbf2_9ce4_8422_2325, step)
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap()
}

fn layout(audio: &Audio) -> Layout {
    (audio.rate, audio.channels.len(), audio.len())
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = tensors.tensor(name).unwrap();
    tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Returns the mean and the maximum difference.
fn difference(a: &[f32], b: &[f32]) -> (f64, f64) {
    assert_eq!(a.len(), b.len());
    let each = a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs()));
    (each.clone().sum::<f64>() / a.len() as f64, each.fold(0.0, f64::max))
}

#[test]
fn frames_match_decord_and_resized_frames_match_pillow() {
    for (name, index, count, _, resized) in CLIPS {
        let mut clip = open(&format!("media/{name}"));
        assert_eq!(clip.frame_count(), count, "{name}");
        let reference = image::open(fixture(&format!("ffmpeg/{}.frame{index}.png", stem(name))));
        let actual = &clip.frames_at(&[index]).unwrap()[0];
        assert!(actual.rgb == reference.unwrap().into_rgb8().into_raw(), "{name}: frame {index}");
        let indices: Vec<usize> = (0..16).map(|i| (count - 1) * i / 15).collect();
        let small = clip.frames_at(&indices).unwrap();
        let small: Vec<Frame> =
            small.iter().map(|frame| resize(frame, 224, 224).unwrap()).collect();
        assert_eq!(fnv(&small), resized, "{name}: resized frames");
    }
}

#[test]
fn audio_matches_the_ffmpeg_command_and_fbank_matches_torchaudio() {
    let references = fs::read(fixture("ffmpeg/clips.safetensors")).unwrap();
    let references = SafeTensors::deserialize(&references).unwrap();
    for (name, _, _, expected, _) in CLIPS {
        let audio = open(&format!("media/{name}")).audio().unwrap();
        assert_eq!(layout(&audio), expected, "{name}");
        let head: Vec<f32> = audio.channels.iter().flat_map(|c| &c[..2000]).copied().collect();
        let reference = floats(&references, &format!("{}.wave_head", stem(name)));
        let (_, worst) = difference(&head, &reference);
        let rows = Fbank::new(audio.rate, 128).unwrap().stretched(&audio, 1024).unwrap();
        let rows: Vec<f32> = rows.chunks_exact(128).step_by(16).flatten().copied().collect();
        let reference = floats(&references, &format!("{}.fbank", stem(name)));
        let (mean, max) = difference(&rows, &reference);
        println!("{name}: wave at most {worst:.1e}, fbank mean {mean:.1e}, at most {max:.1e}");
        // The decoders are identical, but may use other processor instructions.
        assert!(worst < 1e-5, "{name}: {worst}");
        assert!(mean < 1e-3, "{name}: {mean}");
    }
}

#[test]
fn unusual_formats_match_the_ffmpeg_command() {
    let references = fs::read(fixture("ffmpeg/goldens.json")).unwrap();
    let references: Value = serde_json::from_slice(&references).unwrap();
    // Formats other than 8-bit 4:2:0 pass through FFmpeg's scaler, whose results change with its
    // version.
    let same_version = codec::version() >> 16 == 59;
    let mut failures = Vec::new();
    for (name, reference) in references.as_object().unwrap() {
        let number = |key: &str| usize::try_from(reference[key].as_u64().unwrap()).unwrap();
        let mut clip = open(&format!("ffmpeg/{name}"));
        let frames = all_frames(&mut *clip);
        let size = (frames[0].width, frames[0].height);
        let audio = clip.audio().unwrap();
        let numbers = (frames.len(), size, audio.rate as usize, audio.channels.len(), audio.len());
        let expected = (
            number("frames"),
            (number("width"), number("height")),
            number("sample_rate"),
            number("channels"),
            number("samples"),
        );
        let hash = format!("{:016x}", fnv(&frames));
        if numbers != expected || (same_version && reference["fnv"] != hash.as_str()) {
            failures.push(format!("{name}: {numbers:?}, expected {expected:?}, {hash}"));
        }
        let pixels = (frames.len() * size.0 * size.1) as f64;
        for (channel, mean) in reference["mean_rgb"].as_array().unwrap().iter().enumerate() {
            let values = frames.iter().flat_map(|p| p.rgb.iter().skip(channel).step_by(3));
            let actual = values.map(|&value| f64::from(value)).sum::<f64>() / pixels;
            // A wrong matrix or range changes a mean by several levels.
            assert!((actual - mean.as_f64().unwrap()).abs() < 1.0, "{name}: {channel} {actual}");
        }
        let magnitudes = reference["mean_magnitude"].as_array().unwrap();
        for (channel, reference) in audio.channels.iter().zip(magnitudes) {
            let sum = channel.iter().map(|&sample| f64::from(sample.abs())).sum::<f64>();
            let (actual, reference) = (sum / channel.len() as f64, reference.as_f64().unwrap());
            assert!((actual - reference).abs() < 1e-4, "{name}: {actual}, expected {reference}");
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn both_readers_agree_on_common_clips() {
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
        assert!(all_frames(&mut *own) == all_frames(&mut *other), "{name}: frames");
        for (a, b) in own.frame_times().iter().zip(other.frame_times()) {
            assert!((a - b).abs() < 1e-9, "{name}: shown at {a} or {b}");
        }
        let (a, b) = (own.info(), other.info());
        println!("{name}: {a:?}\n{b:?}");
        assert_eq!((&a.container, &a.video_codec), (&b.container, &b.video_codec), "{name}");
        assert_eq!((a.width, a.height), (b.width, b.height), "{name}");
        assert_eq!(a.audio_codec, b.audio_codec, "{name}");
        assert!((a.audio_start - b.audio_start).abs() < 1e-6, "{name}: {a:?}, {b:?}");
        // The embedded reader assumes that the last packet lasts as long as the previous one.
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
fn random_access_matches_sequential_decoding() {
    let mut names: Vec<String> = fs::read_dir(fixture("ffmpeg"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| ["mp4", "mkv", "webm", "mov", "ts", "mpg"].iter().any(|e| name.ends_with(e)))
        .map(|name| format!("ffmpeg/{name}"))
        .collect();
    assert_eq!(names.len(), 10);
    names.extend(CLIPS.map(|(name, ..)| format!("media/{name}")));
    let more = ["h264_bframes_aac_48k_stereo.mp4", "opengop_cropped_alac.mp4", "fragmented.mp4"];
    names.extend(more.map(|name| format!("media/{name}")));
    for name in names {
        let sequential = all_frames(&mut *open(&name));
        let mut clip = open(&name);
        assert!(sequential.windows(2).any(|pair| pair[0] != pair[1]), "{name} does not move");
        // Backwards, so that each frame needs a new seek; only some frames of long clips.
        for index in (0..sequential.len()).rev().step_by(1 + sequential.len() / 40) {
            assert!(
                clip.frames_at(&[index]).unwrap()[0] == sequential[index],
                "{name}: frame {index}"
            );
        }
        let last = sequential.len() - 1;
        let jumps = [0, 1, last / 3, last / 2, last / 2 + 1, last];
        for (index, frame) in jumps.iter().zip(clip.frames_at(&jumps).unwrap()) {
            assert!(frame == sequential[*index], "{name}: frame {index} of several");
        }
        assert_eq!(
            clip.frames_at(&[last + 1]).unwrap_err().to_string(),
            format!("frame index of {} is over the limit of {last}", last + 1)
        );
        assert!(clip.frame_times().is_sorted_by(|a, b| a < b), "{name}: {:?}", clip.frame_times());
    }
}

#[test]
fn audio_spans_are_parts_of_the_complete_audio() {
    for name in ["media/vp9_opus.webm", "ffmpeg/mpeg4_aac51.mp4", "ffmpeg/h264_interlaced_mp2.ts"] {
        let mut clip = open(name);
        let (start, end) = (clip.info().audio_start, clip.info().audio_end);
        let complete = clip.audio().unwrap();
        let rate = f64::from(complete.rate);
        let length = complete.len() as f64 / rate;
        assert!((end - start - length).abs() < 0.05, "{name}: {start} to {end}, {length} s");
        for (from, to) in [(-1.0, 0.2), (0.1, 0.6), (0.6, 0.6), (0.55, 1.2), (0.0, 9.0)] {
            let part = clip.streams().1.between(from, to).unwrap();
            let at = |time: f64| ((time - start) * rate).round() as usize;
            assert!(part == complete.part(at(from), at(to)), "{name}: {from} to {to}");
        }
    }
}

#[test]
fn times_start_at_zero_on_one_clock() {
    // A transport stream may start at any time.
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
            // The AVI file has no second frame. Matroska counts milliseconds.
            let steps = ((pair[1] - pair[0]) / step).round().clamp(1.0, 2.0);
            assert!((pair[1] - pair[0] - steps * step).abs() < 1.1e-3, "{name}: {pair:?}");
        }
    }
}

#[test]
fn recording_may_start_between_key_frames() {
    let name = "ffmpeg/h264_interlaced_mp2.ts";
    let complete = all_frames(&mut *open(name));
    let file = fs::read(fixture(name)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.ts");
    let mut counts = Vec::new();
    for packets in [10, 20, 30, 40] {
        fs::write(&path, &file[188 * packets..]).unwrap();
        let mut late = avff_media::open_with(&path, Decoder::Ffmpeg).unwrap();
        let frames = all_frames(&mut *late);
        assert!(complete.ends_with(&frames), "{packets} packets later");
        counts.push(frames.len());
    }
    println!("{} frames, then {counts:?}", complete.len());
    assert!(counts.iter().all(|&count| (1..complete.len()).contains(&count)));
}
