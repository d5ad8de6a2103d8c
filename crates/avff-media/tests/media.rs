//! Compares whole clips with golden values from decord and FFmpeg: frames bit-identical, audio within
//! rounding.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; measurements are printed"
)]

use std::{fs, path::PathBuf};

use avff_media::Frame;
use safetensors::SafeTensors;
use serde_json::Value;

/// The clips and the frame that is stored of each.
const CLIPS: [(&str, usize); 4] = [
    ("h264_aac_16k_mono", 46),
    ("h264_bframes_aac_48k_stereo", 69),
    ("h264_rotated90", 41),
    ("h264_vfr", 18),
];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from("tests/fixtures/media").join(name)
}

fn goldens() -> Value {
    serde_json::from_slice(&fs::read(fixture("media.json")).unwrap()).unwrap()
}

fn number(golden: &Value, key: &str) -> usize {
    usize::try_from(golden[key].as_u64().unwrap()).unwrap()
}

/// `floor(linspace(0, count - 1, 16))` in double precision, as NumPy computes it.
fn linspace(count: usize) -> Vec<usize> {
    let step = (count - 1) as f64 / 15.0;
    (0..16).map(|i| if i == 15 { count - 1 } else { (i as f64 * step).floor() as usize }).collect()
}

fn golden_frame(name: &str, frame: usize) -> Frame {
    let rgb = image::open(fixture(&format!("{name}.frame{frame}.png"))).unwrap().into_rgb8();
    Frame { width: rgb.width() as usize, height: rgb.height() as usize, rgb: rgb.into_raw() }
}

#[test]
fn frame_counts_and_sizes_match_decord() {
    let goldens = goldens();
    for (name, _) in CLIPS {
        let golden = &goldens[name];
        let mut clip = avff_media::open(&fixture(&format!("{name}.mp4"))).unwrap();
        assert_eq!(clip.frame_count(), number(golden, "frames"), "{name}");
        let indices = linspace(clip.frame_count());
        let expected: Vec<usize> = serde_json::from_value(golden["indices"].clone()).unwrap();
        assert_eq!(indices, expected, "{name}");
        let size: [usize; 2] = serde_json::from_value(golden["size_hw"].clone()).unwrap();
        let frames = clip.frames_at(&indices).unwrap();
        assert_eq!(frames.len(), 16);
        assert!(frames.iter().all(|p| [p.height, p.width] == size), "{name}");
        assert!(frames.iter().all(|p| p.rgb.len() == 3 * p.width * p.height), "{name}");
    }
}

#[test]
fn frames_match_decord_bit_for_bit() {
    for (name, frame) in CLIPS {
        let golden = golden_frame(name, frame);
        let mut clip = avff_media::open(&fixture(&format!("{name}.mp4"))).unwrap();
        let frames = clip.frames_at(&[frame]).unwrap();
        let [decoded] = frames.as_slice() else { panic!("{name}: {} frames", frames.len()) };
        assert_eq!((decoded.width, decoded.height), (golden.width, golden.height), "{name}");
        let differing = decoded.rgb.iter().zip(&golden.rgb).filter(|(a, b)| a != b).count();
        assert_eq!(differing, 0, "{name}: bytes that differ");
    }
}

#[test]
fn random_access_matches_sequential_decoding() {
    // The 48 kHz clip has B-frames and several groups of pictures.
    let path = fixture("h264_bframes_aac_48k_stereo.mp4");
    let all: Vec<usize> = (0..150).collect();
    let sequential = avff_media::open(&path).unwrap().frames_at(&all).unwrap();
    let indices = [149, 0, 69, 69, 70, 1, 148, 68, 75, 30];
    let mut clip = avff_media::open(&path).unwrap();
    let frames = clip.frames_at(&indices).unwrap();
    for (index, frame) in indices.iter().zip(&frames) {
        assert!(*frame == sequential[*index], "frame {index}");
    }
    let again = clip.frames_at(&[149]).unwrap();
    assert!(again[0] == sequential[149], "a second call");
    assert_eq!(clip.frames_at(&[]).unwrap(), []);
    assert!(sequential.windows(2).any(|pair| pair[0] != pair[1]), "the frames of the clip differ");
    let error = clip.frames_at(&[3, 150]).unwrap_err();
    assert_eq!(error.to_string(), "frame index of 150 is over the limit of 149");
}

#[test]
fn audio_matches_ffmpeg() {
    /// FFmpeg and symphonia round differently inside the inverse transform.
    const TOLERANCE: f32 = 2e-5;
    let goldens = goldens();
    let heads = fs::read(fixture("wave_heads.safetensors")).unwrap();
    let heads = SafeTensors::deserialize(&heads).unwrap();
    for (name, _) in CLIPS {
        let golden = &goldens[name];
        let mut clip = avff_media::open(&fixture(&format!("{name}.mp4"))).unwrap();
        let audio = clip.audio().unwrap();
        assert_eq!(audio.rate as usize, number(golden, "sample_rate"), "{name}");
        assert_eq!(audio.channels.len(), number(golden, "channels"), "{name}");
        assert_eq!(clip.info().channels, audio.channels.len(), "{name}");
        assert!(audio.channels.iter().all(|c| c.len() == number(golden, "samples")), "{name}");
        let head = heads.tensor(name).unwrap();
        assert_eq!(head.shape(), [audio.channels.len(), 2000]);
        let (golden, _) = head.data().as_chunks::<4>();
        let mut worst = 0.0_f32;
        let mut loudest = 0.0_f32;
        for (channel, golden) in audio.channels.iter().zip(golden.chunks(2000)) {
            for (decoded, golden) in channel.iter().zip(golden) {
                let golden = f32::from_le_bytes(*golden);
                worst = worst.max((decoded - golden).abs());
                loudest = loudest.max(golden.abs());
            }
        }
        println!("{name}: the audio differs by at most {worst:e}, loudest sample {loudest}");
        assert!(loudest > 0.01, "{name}: the golden is silent");
        assert!(worst <= TOLERANCE, "{name}: {worst:e}");
    }
}

/// FNV-1a, 64 bits.
fn fnv(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn open_groups_crops_and_lossless_audio_are_exact() {
    // Hashes of `ffmpeg -flags unaligned -i CLIP -pix_fmt rgb24` and of `-f s16le`.
    const FRAMES: u64 = 0x63b9_b026_4b9a_63b9;
    const AUDIO: u64 = 0xbf0e_7c9d_3540_cca5;
    for name in ["opengop_cropped_alac.mp4", "opengop_cropped_pcm.mov"] {
        let mut clip = avff_media::open(&fixture(name)).unwrap();
        let indices: Vec<usize> = (0..clip.frame_count()).collect();
        let sequential = clip.frames_at(&indices).unwrap();
        assert_eq!((sequential.len(), sequential[0].width, sequential[0].height), (50, 88, 52));
        assert_eq!(fnv(sequential.iter().flat_map(|frame| frame.rgb.iter().copied())), FRAMES);
        // Leading pictures of an open group need the previous group.
        for index in indices {
            assert!(
                clip.frames_at(&[index]).unwrap()[0] == sequential[index],
                "{name}: frame {index}"
            );
        }
        let audio = clip.audio().unwrap();
        assert_eq!((audio.rate, audio.channels.len(), audio.len()), (8000, 1, 16_000));
        let words = audio.channels[0].iter().map(|sample| (sample * 32768.0) as i16);
        assert_eq!(fnv(words.flat_map(i16::to_le_bytes)), AUDIO);
    }
}

#[test]
fn fragments_hold_the_same_clip() {
    let mut plain = avff_media::open(&fixture("h264_vfr.mp4")).unwrap();
    let mut fragmented = avff_media::open(&fixture("fragmented.mp4")).unwrap();
    assert_eq!(fragmented.frame_count(), 40);
    let indices = [39, 0, 17, 18, 25];
    assert!(fragmented.frames_at(&indices).unwrap() == plain.frames_at(&indices).unwrap());
    // FFmpeg does not trim fragments, so the encoder's first packet is part of the audio.
    let (plain, fragmented) = (plain.audio().unwrap(), fragmented.audio().unwrap());
    assert_eq!(fragmented.rate, plain.rate);
    assert_eq!(fragmented.channels[0][1024..], plain.channels[0]);
}
