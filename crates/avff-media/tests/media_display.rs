//! Frames of MP4 files are displayed as the boxes of their track state.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::fs;

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
