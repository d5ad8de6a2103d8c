//! Compares the resize with Pillow on decoded and generated frames: every byte is equal.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use avff_media::{Frame, resize::resize};

/// Decoded frames and Pillow's resized frames; see `fixtures/resize/README.md`.
const GOLDENS: [(&str, &[u8], &[u8]); 3] = [
    (
        "320 x 240",
        include_bytes!("fixtures/resize/h264.source.png"),
        include_bytes!("fixtures/resize/h264.resized.png"),
    ),
    (
        "640 x 360",
        include_bytes!("fixtures/resize/h264_bframes.source.png"),
        include_bytes!("fixtures/resize/h264_bframes.resized.png"),
    ),
    (
        "rotated",
        include_bytes!("fixtures/resize/h264_rotated90.source.png"),
        include_bytes!("fixtures/resize/h264_rotated90.resized.png"),
    ),
];

fn decode(png: &[u8]) -> Frame {
    let image = image::load_from_memory(png).unwrap().into_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    Frame { width, height, rgb: image.into_raw() }
}

/// High-contrast noise that NumPy can reproduce: the top byte of `i * 2654435761` modulo 2^32.
fn noise(width: usize, height: usize) -> Frame {
    let rgb = (0..3 * width * height)
        .map(|i| ((i as u32).wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    Frame { width, height, rgb }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn decoded_frames_equal_pillow() {
    for (name, source, expected) in GOLDENS {
        let (source, expected) = (decode(source), decode(expected));
        let actual = resize(&source, expected.width, expected.height).unwrap();
        let differing = actual
            .rgb
            .iter()
            .zip(&expected.rgb)
            .filter(|(actual, expected)| actual != expected)
            .count();
        assert_eq!((differing, actual.rgb.len()), (0, expected.rgb.len()), "{name}");
    }
}

/// Width and height.
type Size = (usize, usize);

#[test]
fn extreme_sizes_equal_pillow() {
    // FNV-1a of `Image.fromarray(noise).resize((w, h), BILINEAR).tobytes()`, Pillow 11.3.
    let cases: [(Size, Size, u64); 13] = [
        ((1, 1), (224, 224), 0xe330_c4bf_30eb_6325),
        ((1, 600), (224, 224), 0x9db7_1485_2d02_60c5),
        ((3, 2), (224, 224), 0xad12_5dea_1eb3_173d),
        ((225, 223), (224, 224), 0x71ae_1c8e_9fe2_6f9a),
        ((224, 100), (224, 224), 0x4e89_06b5_921a_8a78),
        ((100, 224), (224, 224), 0x8d30_5075_6514_97c9),
        ((1920, 1080), (224, 224), 0x327a_5380_6a7a_7831),
        ((1080, 1920), (224, 224), 0x23f6_5589_91ad_3648),
        ((4001, 7), (224, 224), 0x6628_1a7e_3e8f_f8d5),
        ((7, 4001), (31, 5), 0xc4fe_6ec7_2e2f_ce2e),
        ((640, 360), (17, 301), 0xc055_cca8_82c5_ea16),
        ((65_536, 1), (3, 2), 0xee6c_cae3_2aaf_651d),
        ((500, 500), (1, 1), 0xa2b0_3419_6ea4_c42f),
    ];
    let failures: Vec<_> = cases
        .into_iter()
        .filter(|&((from_width, from_height), (width, height), expected)| {
            fnv1a(&resize(&noise(from_width, from_height), width, height).unwrap().rgb) != expected
        })
        .collect();
    assert!(failures.is_empty(), "{failures:?}");
}
