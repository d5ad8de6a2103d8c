//! Checks that every invalid clip gives its own kind of error, quickly.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; measurements are printed"
)]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use avff_media::{Decoder, MediaError, Stream};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from("tests/fixtures/media").join(name)
}

/// Returns the error of the embedded reader, whether or not the build includes FFmpeg.
fn open_error(path: &Path) -> MediaError {
    match avff_media::open_with(path, Decoder::Embedded) {
        Err(error) => error,
        Ok(clip) => panic!("{} opened with {} frames", path.display(), clip.frame_count()),
    }
}

fn error_text(name: &str) -> String {
    open_error(&fixture(name)).to_string()
}

#[test]
fn codecs_and_containers_are_named() {
    assert_eq!(error_text("hevc_aac.mp4"), "unsupported video codec HEVC");
    assert_eq!(error_text("mpeg4_mp3.avi"), "unsupported container AVI");
    assert_eq!(error_text("vp9_opus.webm"), "unsupported container WebM");
}

#[test]
fn each_bad_file_has_its_error() {
    assert!(matches!(open_error(&fixture("bad/empty.mp4")), MediaError::Empty));
    assert!(matches!(open_error(&fixture("bad/text.mp4")), MediaError::NotMedia));
    assert!(matches!(open_error(&fixture("bad/random_bytes.mp4")), MediaError::NotMedia));
    assert!(matches!(open_error(&fixture("bad/truncated_tail.mp4")), MediaError::NotMedia));
    for (name, stream) in
        [("bad/no_audio.mp4", Stream::Audio), ("bad/audio_only.m4a", Stream::Video)]
    {
        let error = open_error(&fixture(name));
        assert!(
            matches!(error, MediaError::MissingStream { stream: missing } if missing == stream),
            "{name}: {error}"
        );
    }
    assert_eq!(
        error_text("bad/truncated_head.mp4"),
        "incomplete MP4: the file ends at byte 20000, inside its 'mdat' box that ends at 127442, \
         and the index (its 'moov' box) is missing"
    );
}

#[test]
fn damage_is_detected_before_and_during_decoding() {
    let damaged = fs::read(fixture("bad/bit_flips.mp4")).unwrap();
    let video = avff_media::open_bytes(damaged.clone()).err().unwrap();
    assert!(matches!(video, MediaError::Damaged { stream: Stream::Video, .. }), "{video}");
    // Two chunks of audio packets of the clip before the bits were flipped.
    let mut only_audio = fs::read(fixture("h264_bframes_aac_48k_stereo.mp4")).unwrap();
    for chunk in [204_980..205_564, 391_981..392_579] {
        only_audio[chunk.clone()].copy_from_slice(&damaged[chunk]);
    }
    let mut clip = avff_media::open_bytes(only_audio).unwrap();
    let indices: Vec<usize> = (0..clip.frame_count()).collect();
    assert!(clip.frames_at(&indices).is_ok());
    let audio = clip.audio().unwrap_err();
    assert!(matches!(audio, MediaError::Damaged { stream: Stream::Audio, .. }), "{audio}");
    println!("{video}\n{audio}");
}

#[test]
fn clip_of_one_frame_is_read() {
    let mut clip = avff_media::open(&fixture("bad/one_frame_20ms.mp4")).unwrap();
    assert_eq!(clip.frame_count(), 1);
    let frames = clip.frames_at(&[0; 16]).unwrap();
    assert_eq!(frames.len(), 16);
    let audio = clip.audio().unwrap();
    assert_eq!(audio.rate, 44_100);
    assert!(!audio.is_empty() && audio.len() <= 1024, "{} samples", audio.len());
}

#[test]
fn file_cut_after_its_index_is_truncated() {
    // Moves the index to the front, as for streaming, and then truncates the media.
    let whole = fs::read(fixture("h264_vfr.mp4")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mp4");
    let moov = index_first(&whole);
    fs::write(&path, &moov).unwrap();
    let frames = avff_media::open(&path).unwrap().frames_at(&[39]).unwrap();
    let original = avff_media::open(&fixture("h264_vfr.mp4")).unwrap().frames_at(&[39]).unwrap();
    assert!(frames == original, "moving the index changes nothing");
    fs::write(&path, &moov[..60_000]).unwrap();
    let error = open_error(&path);
    let MediaError::Truncated { needed, size, .. } = error else { panic!("{error}") };
    assert_eq!(size, 60_000);
    assert!(needed > size && needed <= whole.len() as u64, "{needed}");
}

#[test]
fn file_cut_in_or_before_its_index_has_no_index() {
    let whole = fs::read(fixture("h264_vfr.mp4")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mp4");
    let moov = whole.windows(4).position(|bytes| bytes == b"moov").unwrap() - 4;
    for (length, what) in [
        (moov - 1, "inside its 'mdat' box"),
        (moov, "incomplete MP4: the index (its 'moov' box) is missing"),
        (moov + 100, "inside its 'moov' box that ends at"),
    ] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = open_error(&path);
        assert!(matches!(error, MediaError::NoIndex { .. }), "{length}: {error}");
        assert!(error.to_string().contains(what), "{length}: {error}");
    }
}

#[test]
fn image_is_refused_by_every_reader() {
    let image = fixture("h264_vfr.frame18.png");
    for decoder in [Decoder::Auto, Decoder::Embedded, Decoder::Ffmpeg] {
        let error = avff_media::open_with(&image, decoder).err().unwrap();
        assert_eq!(error.to_string(), "not a video but a PNG image");
    }
    let bytes = fs::read(image).unwrap();
    assert!(matches!(avff_media::open_bytes(bytes), Err(MediaError::Image { format: "PNG" })));
}

/// Reorders `ftyp free mdat moov` to `ftyp moov free mdat` and adjusts the chunk offsets.
fn index_first(file: &[u8]) -> Vec<u8> {
    let size = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let (ftyp, free) = (size(0), size(size(0)));
    let moov_at = ftyp + free + size(ftyp + free);
    let mut moov = file[moov_at..].to_vec();
    let moved = u32::try_from(moov.len()).unwrap();
    let tables: Vec<usize> =
        (0..moov.len() - 4).filter(|&at| moov[at..].starts_with(b"stco")).collect();
    assert_eq!(tables.len(), 2);
    for at in tables {
        let word = |at: usize| u32::from_be_bytes(moov[at..at + 4].try_into().unwrap());
        let offsets: Vec<u32> = (0..word(at + 8)).map(|i| word(at + 12 + 4 * i as usize)).collect();
        for (i, offset) in offsets.iter().enumerate() {
            moov[at + 12 + 4 * i..][..4].copy_from_slice(&(offset + moved).to_be_bytes());
        }
    }
    [&file[..ftyp], &moov, &file[ftyp..moov_at]].concat()
}

#[test]
fn special_files_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(open_error(&folder.path().join("none.mp4")), MediaError::NotFound));
    assert!(matches!(open_error(&fixture("hevc_aac.mp4").join("inside")), MediaError::NotFound));
    let pipe = folder.path().join("pipe.mp4");
    match Command::new("mkfifo").arg(&pipe).status() {
        Ok(status) if status.success() => {
            let error = open_error(&pipe);
            assert!(matches!(error, MediaError::NotAFile { kind: "named pipe" }), "{error}");
        }
        _ => println!("skipped: no mkfifo here"),
    }
    if cfg!(target_os = "linux") {
        let error = open_error(Path::new("/dev/zero"));
        assert!(matches!(error, MediaError::NotAFile { kind: "device" }), "{error}");
    }
}

#[test]
fn ten_gigabytes_of_zeros_are_refused_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zeros.mp4");
    let started = Instant::now();
    File::create(&path).unwrap().set_len(10 << 30).unwrap();
    assert!(matches!(open_error(&path), MediaError::NotMedia));
    // The same after a valid start: a box of size 0 extends to the end of the file.
    let mut bytes = fs::read(fixture("h264_vfr.mp4")).unwrap();
    bytes.truncate(32);
    fs::write(&path, &bytes).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(10 << 30).unwrap();
    assert!(matches!(open_error(&path), MediaError::NoIndex { .. }));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
