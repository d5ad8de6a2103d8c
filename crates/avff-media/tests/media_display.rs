//! Frames of MP4 files are displayed as the boxes of their track state.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::fs;

#[cfg(feature = "ffmpeg")]
use avff_media::Decoder;
use avff_media::{Frame, MediaError};

const ONE: i32 = 1 << 16;

fn clip() -> Vec<u8> {
    fs::read("tests/fixtures/media/h264_vfr.mp4").unwrap()
}

fn find(file: &[u8], kind: &[u8; 4]) -> usize {
    file.windows(4).position(|bytes| bytes == kind).unwrap()
}

/// Replaces the display matrix of the first track, which is the video.
fn with_matrix(mut file: Vec<u8>, [a, b, c, d]: [i32; 4]) -> Vec<u8> {
    // Version, two times, the id, a reserved word, the duration, and sixteen bytes more.
    let at = find(&file, b"tkhd") + 44;
    let matrix = [a, b, 0, c, d, 0, 0, 0, 1 << 30].map(i32::to_be_bytes).concat();
    assert_eq!(file[at..at + 4], ONE.to_be_bytes(), "the matrix is elsewhere");
    file[at..at + 36].copy_from_slice(&matrix);
    file
}

fn first_frame(file: Vec<u8>) -> ((usize, usize), Frame) {
    let mut clip = avff_media::open_bytes(file).unwrap();
    let size = (clip.info().width, clip.info().height);
    (size, clip.frames_at(&[0]).unwrap().remove(0))
}

/// Moves every pixel to `place(x, y)` of a frame of `size`.
fn moved(
    frame: &Frame,
    (width, height): (usize, usize),
    place: impl Fn(usize, usize) -> (usize, usize),
) -> Frame {
    let mut out = Frame { width, height, rgb: vec![0; frame.rgb.len()] };
    for (index, pixel) in frame.rgb.chunks_exact(3).enumerate() {
        let (x, y) = place(index % frame.width, index / frame.width);
        let at = 3 * (y * width + x);
        out.rgb[at..at + 3].copy_from_slice(pixel);
    }
    out
}

#[test]
fn mirrored_display_matrices_are_applied() {
    let (size, frame) = first_frame(clip());
    let (width, height) = size;
    let (right, bottom) = (width - 1, height - 1);
    let expect = |matrix, size, place: &dyn Fn(usize, usize) -> (usize, usize)| {
        let (stated, shown) = first_frame(with_matrix(clip(), matrix));
        assert_eq!(stated, size, "{matrix:?}");
        assert!(shown == moved(&frame, size, place), "{matrix:?}");
    };
    let turned = (height, width);
    expect([-ONE, 0, 0, ONE], size, &|x, y| (right - x, y));
    expect([ONE, 0, 0, -ONE], size, &|x, y| (x, bottom - y));
    expect([0, ONE, ONE, 0], turned, &|x, y| (y, x));
    expect([0, -ONE, -ONE, 0], turned, &|x, y| (bottom - y, right - x));
}

#[test]
fn oblique_display_matrices_are_refused_by_name() {
    let error = avff_media::open_bytes(with_matrix(clip(), [ONE, ONE, -ONE, ONE])).err().unwrap();
    assert!(matches!(error, MediaError::UnsupportedContainer { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "unsupported container MP4 with a display matrix other than quarter turns and mirrors"
    );
}

/// Replaces the pixel aspect ratio of the first track.
fn with_pixel_aspect(mut file: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    let at = find(&file, b"pasp") + 4;
    file[at..at + 8].copy_from_slice(&[width, height].map(u32::to_be_bytes).concat());
    file
}

#[test]
fn pixel_aspect_of_the_container_is_stated_and_frames_stay_as_stored() {
    let (size, frame) = first_frame(clip());
    let aspect = |file| avff_media::open_bytes(file).unwrap().info().pixel_aspect;
    assert_eq!(aspect(clip()), (1, 1));
    let wide = with_pixel_aspect(clip(), 128, 90);
    assert_eq!(aspect(wide.clone()), (64, 45));
    assert!(first_frame(wide.clone()) == (size, frame));
    let quarter = [0, ONE, -ONE, 0];
    assert_eq!(aspect(with_matrix(wide.clone(), quarter)), (45, 64));
    assert_eq!(aspect(with_matrix(wide, [-ONE, 0, 0, -ONE])), (64, 45));
    for (width, height) in [(0, 0), (0, 1), (17, 1), (1, u32::MAX)] {
        assert_eq!(aspect(with_pixel_aspect(clip(), width, height)), (1, 1), "{width}:{height}");
    }
}

#[test]
fn pixel_aspect_of_the_codec_counts_where_the_container_states_none() {
    // The H.264 stream states 1:1 in its VUI, as the code 1.
    let mut file = clip();
    let pasp = find(&file, b"pasp");
    file[pasp..pasp + 4].copy_from_slice(b"free");
    let mut clip = avff_media::open_bytes(file.clone()).unwrap();
    assert_eq!(clip.info().pixel_aspect, (1, 1));
    let frame = clip.frames_at(&[5]).unwrap();
    let avcc = find(&file, b"avcC");
    // Each bit of the parameter set is flipped in turn. Few flips change the ratio alone.
    let ratios: Vec<(u32, u32)> = (8 * (avcc + 12)..8 * (avcc + 50))
        .filter_map(|bit| {
            let mut changed = file.clone();
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            let mut clip = avff_media::open_bytes(changed).ok()?;
            let is_same = clip.frames_at(&[5]).ok()? == frame;
            (is_same && clip.info().pixel_aspect != (1, 1)).then(|| clip.info().pixel_aspect)
        })
        .collect();
    // The ratios of the codes 9, 5 and 3, which differ from 1 in one bit.
    assert_eq!(ratios, [(80, 33), (40, 33), (10, 11)]);
}

#[cfg(feature = "ffmpeg")]
#[test]
fn both_readers_display_alike() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let signs = [[1, 0, 0, 1], [0, 1, -1, 0], [-1, 0, 0, -1], [0, -1, 1, 0]];
    let mirrored = [[-1, 0, 0, 1], [0, -1, -1, 0], [1, 0, 0, -1], [0, 1, 1, 0]];
    for matrix in [signs, mirrored].concat().into_iter().map(|m: [i32; 4]| m.map(|n| n * ONE)) {
        for (width, height) in [(1, 1), (64, 45), (3, 4), (0, 1), (17, 1)] {
            let file = with_pixel_aspect(with_matrix(clip(), matrix), width, height);
            fs::write(&path, file).unwrap();
            let [embedded, ffmpeg] = [Decoder::Embedded, Decoder::Ffmpeg].map(|decoder| {
                let mut clip = avff_media::open_with(&path, decoder).unwrap();
                let info = clip.info().clone();
                let frame = clip.frames_at(&[0]).unwrap().remove(0);
                ((info.width, info.height, info.pixel_aspect), frame)
            });
            assert!(embedded.0 == ffmpeg.0, "{matrix:?} {width}:{height}");
            assert!(embedded.1 == ffmpeg.1, "{matrix:?} {width}:{height}");
        }
    }
    // Without a ratio in the container, both read that of the codec.
    let mut file = clip();
    let pasp = find(&file, b"pasp");
    file[pasp..pasp + 4].copy_from_slice(b"free");
    let avcc = find(&file, b"avcC");
    let mut compared = 0;
    for bit in 8 * (avcc + 12)..8 * (avcc + 50) {
        let mut changed = file.clone();
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        fs::write(&path, changed).unwrap();
        let Ok(clip) = avff_media::open_with(&path, Decoder::Embedded) else { continue };
        if matches!(clip.info().pixel_aspect, (80, 33) | (40, 33) | (10, 11)) {
            let ffmpeg = avff_media::open_with(&path, Decoder::Ffmpeg).unwrap();
            assert_eq!(ffmpeg.info().pixel_aspect, clip.info().pixel_aspect);
            compared += 1;
        }
    }
    assert_eq!(compared, 3);
}
