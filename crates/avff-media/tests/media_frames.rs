//! Frames of a folder look as Pillow and image viewers show them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test"
)]

use std::{fs, path::Path, process::Command};

use avff_media::{Frame, FrameCoding, MediaError, encode};

const WIDTH: usize = 24;
const HEIGHT: usize = 16;

/// Writes a WAV file of one sample, which a frame folder needs.
fn add_audio(folder: &Path) {
    let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(8000_u32.to_le_bytes());
    wav.extend([0, 0, 0, 0, 2, 0, 16, 0]);
    wav.extend(b"data\x02\0\0\0\0\0");
    fs::write(folder.join("a.wav"), wav).unwrap();
}

/// Opens a folder with one frame file. Returns the size that its information states, and the frame.
fn read_frame(name: &str, bytes: &[u8]) -> ((usize, usize), Frame) {
    let folder = tempfile::tempdir().unwrap();
    add_audio(folder.path());
    fs::write(folder.path().join(name), bytes).unwrap();
    let mut clip = avff_media::open(folder.path()).unwrap();
    let size = (clip.info().width, clip.info().height);
    (size, clip.frames_at(&[0]).unwrap().remove(0))
}

fn error_of(folder: &Path) -> String {
    let frames = avff_media::open(folder).and_then(|mut clip| {
        let all: Vec<usize> = (0..clip.frame_count()).collect();
        clip.frames_at(&all)
    });
    let error = frames.unwrap_err();
    assert!(matches!(error, MediaError::Malformed { .. }), "{error}");
    error.to_string()
}

/// A smooth frame without any symmetry.
fn gradient() -> Frame {
    let pixel = |x: usize, y: usize| [(10 * x) as u8, (15 * y) as u8, (3 * x + 2 * y) as u8];
    let rgb = (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| pixel(x, y))).collect();
    Frame { width: WIDTH, height: HEIGHT, rgb }
}

/// The place of pixel `(x, y)` of a stored frame after `PIL.ImageOps.exif_transpose`.
fn displayed_at(orientation: u8, x: usize, y: usize) -> (usize, usize) {
    let (right, bottom) = (WIDTH - 1 - x, HEIGHT - 1 - y);
    match orientation {
        2 => (right, y),
        3 => (right, bottom),
        4 => (x, bottom),
        5 => (y, x),
        6 => (bottom, x),
        7 => (bottom, right),
        8 => (y, right),
        _ => (x, y),
    }
}

fn transposed(frame: &Frame, orientation: u8) -> Frame {
    let turned = (5..=8).contains(&orientation);
    let (width, height) = if turned { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) };
    let mut out = Frame { width, height, rgb: vec![0; frame.rgb.len()] };
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (to_x, to_y) = displayed_at(orientation, x, y);
            let (from, to) = (3 * (y * WIDTH + x), 3 * (to_y * width + to_x));
            out.rgb[to..to + 3].copy_from_slice(&frame.rgb[from..from + 3]);
        }
    }
    out
}

fn exif(orientation: u8) -> Vec<u8> {
    let mut data = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    data.extend([orientation, 0, 0, 0, 0, 0, 0]);
    data
}

fn coded(coding: FrameCoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&gradient(), coding, &mut bytes).unwrap();
    bytes
}

/// Inserts EXIF data after the first marker of a JPEG file.
fn with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    let length = (exif.len() + 8) as u16;
    let marker = [b"\xff\xe1".as_slice(), &length.to_be_bytes(), b"Exif\0\0", exif].concat();
    [&jpeg[..2], &marker, &jpeg[2..]].concat()
}

/// Inserts a chunk `eXIf` into a PNG file, after its header or before its end.
fn with_chunk(png: &[u8], exif: &[u8], late: bool) -> Vec<u8> {
    let checked = [b"eXIf".as_slice(), exif].concat();
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&checked);
    let chunk = [
        (exif.len() as u32).to_be_bytes().as_slice(),
        &checked,
        &checksum.finalize().to_be_bytes(),
    ]
    .concat();
    let at = if late { png.len() - 12 } else { 33 };
    [&png[..at], &chunk, &png[at..]].concat()
}

#[test]
fn exif_orientation_of_jpeg_is_applied() {
    let jpeg = coded(FrameCoding::Jpeg(90));
    let (_, stored) = read_frame("1.jpg", &jpeg);
    for orientation in 0..=9 {
        let (size, frame) = read_frame("1.jpg", &with_exif(&jpeg, &exif(orientation)));
        let expected = transposed(&stored, orientation);
        assert_eq!(size, (expected.width, expected.height), "{orientation}");
        assert_eq!(frame, expected, "{orientation}");
    }
}

#[test]
fn exif_orientation_of_png_is_applied() {
    let png = coded(FrameCoding::Png);
    for orientation in 0..=9 {
        for late in [false, true] {
            let (size, frame) = read_frame("1.png", &with_chunk(&png, &exif(orientation), late));
            let expected = transposed(&gradient(), orientation);
            assert_eq!(size, (expected.width, expected.height), "{orientation}");
            assert_eq!(frame, expected, "{orientation}");
        }
    }
}

#[test]
fn four_channels_are_converted_as_by_pillow() {
    let fixture = |name: &str| Path::new("tests/fixtures/media/frames").join(name);
    for name in ["cmyk", "ycck", "cmyk_plain"] {
        let (_, frame) = read_frame("1.jpg", &fs::read(fixture(&format!("{name}.jpg"))).unwrap());
        let (_, golden) = read_frame("1.png", &fs::read(fixture(&format!("{name}.png"))).unwrap());
        let differences = frame.rgb.iter().zip(&golden.rgb).map(|(a, b)| a.abs_diff(*b));
        let worst = differences.max().unwrap();
        println!("{name}: the levels differ by at most {worst}");
        // Pillow's decoder, libjpeg-turbo, rounds differently inside the inverse transform.
        assert!(worst <= 2, "{name}: {worst} levels");
    }
}

#[test]
fn pixels_of_jpeg_are_those_of_the_lenient_decoder() {
    let fixture = |name: &str| fs::read(Path::new("tests/fixtures/media/frames").join(name));
    let gray: Vec<u8> = (0..=255).collect();
    let mut gray_file = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut gray_file, 80);
    image::GrayImage::from_raw(32, 8, gray).unwrap().write_with_encoder(encoder).unwrap();
    let files = ["cmyk.jpg", "ycck.jpg", "cmyk_plain.jpg"].map(|name| fixture(name).unwrap());
    for jpeg in files.into_iter().chain([gray_file, coded(FrameCoding::Jpeg(50))]) {
        let expected = image::load_from_memory(&jpeg).unwrap().into_rgb8();
        let (size, frame) = read_frame("1.jpg", &jpeg);
        assert_eq!(size, (expected.width() as usize, expected.height() as usize));
        assert!(frame.rgb == expected.into_raw());
    }
}

#[test]
fn damaged_jpeg_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    add_audio(folder.path());
    let path = folder.path().join("1.jpg");
    let jpeg = coded(FrameCoding::Jpeg(90));
    let data = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xda]).unwrap() + 14;
    let half = &jpeg[..data + (jpeg.len() - data) / 2];
    let ended = [half, &[0xff, 0xd9]].concat();
    let mut zeroed = jpeg.clone();
    zeroed[data + 10..data + 60].fill(0);
    for (file, what) in [
        (half, "the coded data ends early"),
        (&ended, "the coded data ends early"),
        (&zeroed, "in block group 5 of 6"),
        (&jpeg[..data - 8], "invalid JPEG"),
        (&jpeg[..20], "invalid JPEG"),
    ] {
        fs::write(&path, file).unwrap();
        let frames = avff_media::open(folder.path()).and_then(|mut clip| clip.frames_at(&[0]));
        let error = frames.unwrap_err();
        let MediaError::Damaged { what: text, .. } = &error else { panic!("{error}") };
        assert!(text.starts_with("1.jpg: invalid JPEG: ") && text.contains(what), "{text}");
    }
}

#[test]
fn jpeg_of_two_channels_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    add_audio(folder.path());
    let mut jpeg = fs::read("tests/fixtures/media/frames/cmyk.jpg").unwrap();
    let header = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xc0]).unwrap();
    assert_eq!(jpeg[header + 9], 4);
    jpeg[header + 9] = 2;
    fs::write(folder.path().join("1.jpg"), jpeg).unwrap();
    let error = avff_media::open(folder.path()).err().unwrap();
    assert_eq!(error.to_string(), "unsupported video codec JPEG with 2 channels (1.jpg)");
}

#[test]
fn frames_of_another_displayed_size_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    add_audio(folder.path());
    let jpeg = coded(FrameCoding::Jpeg(90));
    fs::write(folder.path().join("1.jpg"), &jpeg).unwrap();
    // The stored sizes are equal, the displayed sizes are not.
    fs::write(folder.path().join("2.jpg"), with_exif(&jpeg, &exif(6))).unwrap();
    assert_eq!(
        error_of(folder.path()),
        "malformed frame folder: 2.jpg has 16 x 24 pixels, but the first frame has 24 x 16"
    );
}

#[test]
fn folders_and_pipes_with_names_of_frames_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    add_audio(folder.path());
    fs::write(path("1.png"), coded(FrameCoding::Png)).unwrap();
    fs::create_dir(path(".0.png")).unwrap();
    fs::create_dir(path("masks")).unwrap();
    assert_eq!(avff_media::open(folder.path()).unwrap().frame_count(), 1);
    fs::create_dir(path("10.PNG")).unwrap();
    let error = error_of(folder.path());
    assert_eq!(error, "malformed frame folder: 10.PNG is a folder, not a file");
    match Command::new("mkfifo").arg(path("9.jpg")).status() {
        Ok(status) if status.success() => {
            let error = error_of(folder.path());
            assert_eq!(error, "malformed frame folder: 9.jpg is a named pipe, not a file");
        }
        _ => println!("skipped: no mkfifo here"),
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(path("none"), path("2.jpeg")).unwrap();
        let error = error_of(folder.path());
        let expected = "malformed frame folder: 2.jpeg is a link to a missing file, not a file";
        assert_eq!(error, expected);
    }
}
