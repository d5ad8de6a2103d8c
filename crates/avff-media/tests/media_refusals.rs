//! Everything that is not a good clip gets an error of its own kind, and quickly.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; what was measured is printed"
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

/// Of the embedded reader, whether or not another is built in.
fn refusal(path: &Path) -> MediaError {
    match avff_media::open_with(path, Decoder::Embedded) {
        Err(error) => error,
        Ok(clip) => panic!("{} opened with {} frames", path.display(), clip.frame_count()),
    }
}

fn text(name: &str) -> String {
    refusal(&fixture(name)).to_string()
}

#[test]
fn codecs_and_containers_are_named() {
    assert_eq!(text("hevc_aac.mp4"), "unsupported video codec HEVC");
    assert_eq!(text("mpeg4_mp3.avi"), "unsupported container AVI");
    assert_eq!(text("vp9_opus.webm"), "unsupported container WebM");
}

#[test]
fn each_bad_file_has_its_error() {
    assert!(matches!(refusal(&fixture("bad/empty.mp4")), MediaError::Empty));
    assert!(matches!(refusal(&fixture("bad/text.mp4")), MediaError::NotMedia));
    assert!(matches!(refusal(&fixture("bad/random_bytes.mp4")), MediaError::NotMedia));
    assert!(matches!(refusal(&fixture("bad/truncated_tail.mp4")), MediaError::NotMedia));
    for (name, stream) in
        [("bad/no_audio.mp4", Stream::Audio), ("bad/audio_only.m4a", Stream::Video)]
    {
        let error = refusal(&fixture(name));
        assert!(
            matches!(error, MediaError::MissingStream { stream: found } if found == stream),
            "{name}: {error}"
        );
    }
    assert_eq!(
        text("bad/truncated_head.mp4"),
        "malformed MP4: the file ends at byte 20000, inside its 'mdat' box that ends at 127442; \
         the index that would follow is lost"
    );
}

#[test]
fn damage_is_found_when_it_is_decoded() {
    let mut clip = avff_media::open(&fixture("bad/bit_flips.mp4")).unwrap();
    let every: Vec<usize> = (0..clip.frame_count()).collect();
    let video = clip.frames_at(&every).unwrap_err();
    assert!(matches!(video, MediaError::Damaged { stream: Stream::Video, .. }), "{video}");
    let audio = clip.audio().unwrap_err();
    assert!(matches!(audio, MediaError::Damaged { stream: Stream::Audio, .. }), "{audio}");
    println!("{video}\n{audio}");
}

#[test]
fn a_clip_of_one_frame_is_whole() {
    let mut clip = avff_media::open(&fixture("bad/one_frame_20ms.mp4")).unwrap();
    assert_eq!(clip.frame_count(), 1);
    let pictures = clip.frames_at(&[0; 16]).unwrap();
    assert_eq!(pictures.len(), 16);
    let sound = clip.audio().unwrap();
    assert_eq!(sound.rate, 44_100);
    assert!(!sound.is_empty() && sound.len() <= 1024, "{} samples", sound.len());
}

#[test]
fn a_file_cut_after_its_index_is_truncated() {
    // The index first, as for streaming, then as much of the media as fits.
    let whole = fs::read(fixture("h264_vfr.mp4")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mp4");
    let moov = index_first(&whole);
    fs::write(&path, &moov).unwrap();
    let frames = avff_media::open(&path).unwrap().frames_at(&[39]).unwrap();
    let original = avff_media::open(&fixture("h264_vfr.mp4")).unwrap().frames_at(&[39]).unwrap();
    assert!(frames == original, "moving the index changes nothing");
    fs::write(&path, &moov[..60_000]).unwrap();
    let error = refusal(&path);
    let MediaError::Truncated { needed, size, .. } = error else { panic!("{error}") };
    assert_eq!(size, 60_000);
    assert!(needed > size && needed <= whole.len() as u64, "{needed}");
}

/// `ftyp moov free mdat` of a file that is `ftyp free mdat moov`, its chunk offsets moved along.
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
fn what_is_not_a_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(refusal(&folder.path().join("none.mp4")), MediaError::NotFound));
    assert!(matches!(refusal(&fixture("hevc_aac.mp4").join("inside")), MediaError::NotFound));
    let pipe = folder.path().join("pipe.mp4");
    match Command::new("mkfifo").arg(&pipe).status() {
        Ok(status) if status.success() => {
            let error = refusal(&pipe);
            assert!(matches!(error, MediaError::NotAFile { kind: "named pipe" }), "{error}");
        }
        _ => println!("skipped: no mkfifo here"),
    }
    if cfg!(target_os = "linux") {
        let error = refusal(Path::new("/dev/zero"));
        assert!(matches!(error, MediaError::NotAFile { kind: "device" }), "{error}");
    }
}

#[test]
fn ten_gigabytes_of_nothing_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zeros.mp4");
    let started = Instant::now();
    File::create(&path).unwrap().set_len(10 << 30).unwrap();
    assert!(matches!(refusal(&path), MediaError::NotMedia));
    // The same after a good beginning: a box of size 0 takes the rest of the file.
    let mut bytes = fs::read(fixture("h264_vfr.mp4")).unwrap();
    bytes.truncate(32);
    fs::write(&path, &bytes).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(10 << 30).unwrap();
    assert!(matches!(refusal(&path), MediaError::Malformed { .. }));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
