//! Reads and writes folders of images with a WAV file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::{fs, path::Path};

use avff_media::{FolderWriter, FrameCoding, MediaError, Stream};
use image::{Rgb, RgbImage};

/// Writes an image of one color, which identifies it.
fn write_image(path: &Path, value: u8, width: u32) {
    RgbImage::from_pixel(width, 6, Rgb([value, 255 - value, 7])).save(path).unwrap();
}

/// Writes a WAV file of 16-bit samples.
fn wav(path: &Path, channels: u16, samples: &[i16]) {
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    fs::write(path, wav_bytes(1, channels, 22_050, 16, &data, data.len() as u32)).unwrap();
}

fn wav_bytes(tag: u16, channels: u16, rate: u32, bits: u16, data: &[u8], size: u32) -> Vec<u8> {
    let mut out = b"RIFF\0\0\0\0WAVE".to_vec();
    // A chunk of odd length, which takes a byte of padding.
    out.extend(b"LIST\x03\0\0\0abc\0fmt \x10\0\0\0");
    out.extend(tag.to_le_bytes());
    out.extend(channels.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend([0; 6]);
    out.extend(bits.to_le_bytes());
    out.extend(b"data");
    out.extend(size.to_le_bytes());
    out.extend(data);
    out
}

fn open_error(path: &Path) -> MediaError {
    match avff_media::open(path) {
        Err(error) => error,
        Ok(clip) => panic!("opened with {} frames", clip.frame_count()),
    }
}

#[test]
fn frames_are_in_natural_order_and_other_files_ignored() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [("f10.png", 100), ("f2.png", 20), ("f1.PNG", 10)] {
        write_image(&folder.path().join(name), value, 8);
    }
    fs::write(folder.path().join("notes.txt"), "x").unwrap();
    fs::write(folder.path().join(".f0.png"), "not an image").unwrap();
    wav(&folder.path().join("sound.wav"), 2, &[16_384, -16_384, 0, 8192]);
    let mut clip = avff_media::open(folder.path()).unwrap();
    assert_eq!(clip.frame_count(), 3);
    let frames = clip.frames_at(&[2, 0, 1, 0]).unwrap();
    let reds: Vec<u8> = frames.iter().map(|frame| frame.rgb[0]).collect();
    assert_eq!(reds, [100, 10, 20, 10]);
    assert!(frames.iter().all(|f| (f.width, f.height, f.rgb.len()) == (8, 6, 144)));
    let audio = clip.audio().unwrap();
    assert_eq!((audio.rate, audio.channels), (22_050, vec![vec![0.5, 0.0], vec![-0.5, 0.25]]));
    assert!(clip.frames_at(&[3]).is_err());
}

#[test]
fn folder_of_clips_is_no_frame_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let expect_video = |name: &str| {
        let error = open_error(folder.path());
        let expected = format!("not a frame folder: it holds the video file {name}");
        assert_eq!(error.to_string(), expected);
    };
    write_image(&file("cover.jpg"), 1, 8);
    fs::copy("tests/fixtures/media/h264_vfr.mp4", file("b10")).unwrap();
    expect_video("b10");
    fs::write(file("b2.MP4"), "").unwrap();
    expect_video("b2.MP4");
    // Even with audio, the folder may be of clips.
    wav(&file("a.wav"), 1, &[0; 4]);
    expect_video("b2.MP4");
    fs::remove_file(file("b2.MP4")).unwrap();
    fs::rename(file("b10"), file(".b10")).unwrap();
    fs::copy("tests/fixtures/media/bad/audio_only.m4a", file("a.m4a")).unwrap();
    assert_eq!(avff_media::open(folder.path()).unwrap().frame_count(), 1);
}

#[test]
fn audio_may_be_beside_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("clip.01");
    fs::create_dir(&folder).unwrap();
    write_image(&folder.join("1.jpg"), 50, 8);
    let error = open_error(&folder);
    assert!(matches!(error, MediaError::MissingStream { stream: Stream::Audio }), "{error}");
    wav(&root.path().join("clip.01.wav"), 1, &[1, 2, 3]);
    assert_eq!(avff_media::open(&folder).unwrap().audio().unwrap().len(), 3);
}

#[test]
fn missing_and_surplus_files_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let error = open_error(folder.path());
    assert!(error.to_string().contains("neither an image nor a WAV"), "{error}");
    wav(&folder.path().join("a.wav"), 1, &[0; 4]);
    let error = open_error(folder.path());
    assert!(matches!(error, MediaError::MissingStream { stream: Stream::Video }), "{error}");
    write_image(&folder.path().join("1.png"), 1, 8);
    write_image(&folder.path().join("2.png"), 1, 10);
    let mut clip = avff_media::open(folder.path()).unwrap();
    let error = clip.frames_at(&[0, 1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "malformed frame folder: 2.png has 10 x 6 pixels, but the first frame has 8 x 6"
    );
    wav(&folder.path().join("b.wav"), 1, &[0; 4]);
    assert!(open_error(folder.path()).to_string().contains("2 WAV files"));
}

#[test]
fn damaged_images_are_named() {
    let folder = tempfile::tempdir().unwrap();
    wav(&folder.path().join("a.wav"), 1, &[0; 4]);
    let path = folder.path().join("1.png");
    RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y) as u8, (x ^ y) as u8, (x + 3 * y) as u8]))
        .save(&path)
        .unwrap();
    let whole = fs::read(&path).unwrap();
    for length in [whole.len() / 2, 20, 0] {
        fs::write(&path, &whole[..length]).unwrap();
        let error =
            avff_media::open(folder.path()).and_then(|mut clip| clip.frames_at(&[0])).unwrap_err();
        let MediaError::Damaged { stream: Stream::Video, what } = &error else { panic!("{error}") };
        assert!(what.starts_with("1.png: the file ends early"), "{what}");
    }
    let data = whole.windows(4).position(|name| name == b"IDAT").unwrap();
    let mut changed = whole.clone();
    changed[data + 12] ^= 1;
    fs::write(&path, &changed).unwrap();
    let error =
        avff_media::open(folder.path()).and_then(|mut clip| clip.frames_at(&[0])).unwrap_err();
    let expected =
        format!("1.png: the CRC-32 of its chunk 'IDAT' at byte {} does not match", data - 4);
    assert!(error.to_string().ends_with(&expected), "{error}");
    // The width in the header, and its checksum.
    let mut wide = whole;
    wide[16..20].copy_from_slice(&9000_u32.to_be_bytes());
    let checksum = crc32fast::hash(&wide[12..29]);
    wide[29..33].copy_from_slice(&checksum.to_be_bytes());
    fs::write(&path, &wide).unwrap();
    let error = avff_media::open(folder.path()).err().unwrap();
    assert!(error.to_string().contains("8192"), "{error}");
    fs::write(&path, "GIF89a and more").unwrap();
    let error = avff_media::open(folder.path()).err().unwrap();
    assert!(error.to_string().contains("neither PNG nor JPEG (1.png)"), "{error}");
}

#[test]
fn wav_headers_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    write_image(&folder.path().join("1.png"), 1, 8);
    let path = folder.path().join("a.wav");
    let read_audio = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        avff_media::open(folder.path()).and_then(|mut clip| clip.audio())
    };
    let float: Vec<u8> = [0.5_f32, -0.25].iter().flat_map(|s| s.to_le_bytes()).collect();
    let good = wav_bytes(3, 1, 16_000, 32, &float, 8);
    assert_eq!(read_audio(&good).unwrap().channels, [[0.5, -0.25]]);
    let piped = wav_bytes(3, 1, 16_000, 32, &float, u32::MAX);
    assert_eq!(read_audio(&piped).unwrap().channels, [[0.5, -0.25]]);
    let truncated = read_audio(&wav_bytes(3, 1, 16_000, 32, &float, 80)).unwrap_err();
    assert!(
        matches!(truncated, MediaError::Truncated { needed: 136, size: 64, .. }),
        "{truncated}"
    );
    let adpcm = read_audio(&wav_bytes(2, 1, 16_000, 4, &float, 8)).unwrap_err();
    assert_eq!(adpcm.to_string(), "unsupported audio codec WAV of format 0x0002");
    let nan = f32::NAN.to_le_bytes();
    let nan = read_audio(&wav_bytes(3, 1, 16_000, 32, &nan, 4)).unwrap_err();
    assert!(matches!(nan, MediaError::Damaged { stream: Stream::Audio, .. }), "{nan}");
    for length in 0..64 {
        let error = read_audio(&good[..length]).unwrap_err();
        let fits = matches!(error, MediaError::Malformed { .. } | MediaError::Truncated { .. });
        assert!(fits, "{length} bytes: {error}");
    }
}

#[test]
fn times_of_clip_json_are_used() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["0.png", "1.png", "2.png"] {
        write_image(&folder.path().join(name), 9, 8);
    }
    let samples: Vec<i16> = (0..22_050).map(|index| index as i16).collect();
    wav(&folder.path().join("a.wav"), 1, &samples);
    let spread = avff_media::open(folder.path()).unwrap();
    assert_eq!(spread.frame_times(), [0.0, 1.0 / 3.0, 2.0 / 3.0], "evenly over the audio");
    let json = r#"{"times": [0.0, 0.1, 0.5], "audio_start": 0.25}"#;
    fs::write(folder.path().join("clip.json"), json).unwrap();
    let mut clip = avff_media::open(folder.path()).unwrap();
    assert_eq!(clip.frame_times(), [0.0, 0.1, 0.5]);
    assert_eq!((clip.info().audio_start, clip.info().audio_end), (0.25, 1.25));
    // From 0.2 s to 0.35 s: no audio for 0.05 s, then the first 0.1 s.
    let part = clip.streams().1.between(0.2, 0.35).unwrap();
    assert_eq!(part.channels, [clip.audio().unwrap().channels[0][..2205].to_vec()]);
    for (json, what) in [
        (r#"{"fps": 0}"#, "fps of 0 is outside of"),
        ("{", "EOF"),
        (r#"{"times": [0]}"#, "1 times for 3 frames"),
    ] {
        fs::write(folder.path().join("clip.json"), json).unwrap();
        let error = open_error(folder.path());
        assert!(matches!(error, MediaError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn written_folder_reads_back_exactly() {
    let fixture = Path::new("tests/fixtures/media/h264_vfr.mp4");
    let mut clip = avff_media::open(fixture).unwrap();
    let frames = clip.frames_at(&[0, 3, 9]).unwrap();
    let times: Vec<f64> = [0, 3, 9].map(|index| clip.frame_times()[index]).to_vec();
    let (audio, start) = (clip.audio().unwrap(), clip.info().audio_start);
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::new(folder.path(), FrameCoding::Png);
    for frame in &frames {
        writer.frame(frame).unwrap();
    }
    writer.finish(&audio, &times, clip.info().video_end, start).unwrap();
    let mut back = avff_media::open(folder.path()).unwrap();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(back.frame_times().iter().zip(&times).all(|(&a, &b)| near(a, b)));
    assert!(near(back.info().audio_start, start));
    assert!(back.audio().unwrap() == audio);
    assert!(back.frames_at(&[0, 1, 2]).unwrap() == frames);
    // JPEG changes the pixels, but only slightly.
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::new(folder.path(), FrameCoding::Jpeg(95));
    writer.frame(&frames[0]).unwrap();
    writer.finish(&audio, &times[..1], 1.0, 0.0).unwrap();
    let lossy = avff_media::open(folder.path()).unwrap().frames_at(&[0]).unwrap();
    let far: u64 =
        lossy[0].rgb.iter().zip(&frames[0].rgb).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = far as f64 / lossy[0].rgb.len() as f64;
    assert!((0.01..8.0).contains(&mean), "{mean} levels");
}

#[test]
fn a_guessed_rate_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    for frame in 1..=5 {
        write_image(&folder.path().join(format!("{frame}.png")), 1, 8);
    }
    wav(&folder.path().join("a.wav"), 1, &[0; 4000]);
    let clip = avff_media::open(folder.path()).unwrap();
    let [note] = clip.info().notes.as_slice() else { panic!("{:?}", clip.info().notes) };
    let rate = 5.0 / clip.info().audio_end;
    let expected = format!("at {rate:.2} frames per second");
    assert!(note.contains("no clip.json") && note.ends_with(&expected), "{note}");
}

#[test]
fn audio_of_a_pipe_is_read_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    write_image(&folder.path().join("1.png"), 1, 8);
    let data: Vec<u8> = [1_i16, -2, 3].iter().flat_map(|s| s.to_le_bytes()).collect();
    let path = folder.path().join("sound.wav");
    fs::write(folder.path().join("clip.json"), r#"{"fps": 25}"#).unwrap();
    fs::write(&path, wav_bytes(1, 1, 8000, 16, &data, 6)).unwrap();
    let plain = avff_media::open(folder.path()).unwrap();
    assert_eq!(plain.info().notes, [""; 0]);
    fs::write(&path, wav_bytes(1, 1, 8000, 16, &data, 0x7fff_f000)).unwrap();
    let mut piped = avff_media::open(folder.path()).unwrap();
    assert_eq!(piped.info().audio_end, plain.info().audio_end);
    assert_eq!(piped.audio().unwrap().len(), 3);
    let [note] = piped.info().notes.as_slice() else { panic!("{:?}", piped.info().notes) };
    assert!(note.contains("0x7ffff000") && note.contains("3 samples"), "{note}");
}
