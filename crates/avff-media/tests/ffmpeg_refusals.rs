//! Checks that files which FFmpeg itself would conceal, read past or follow elsewhere give an
//! error.

#![cfg(feature = "ffmpeg")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test; measurements are printed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use avff_media::{Decoder, MediaError, Stream};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from("tests/fixtures").join(name)
}

/// Returns the first error of a clip: at opening, in a frame, or in the audio.
fn fault(path: &Path, decoder: Decoder) -> Option<MediaError> {
    let mut clip = match avff_media::open_with(path, decoder) {
        Ok(clip) => clip,
        Err(error) => return Some(error),
    };
    let all: Vec<usize> = (0..clip.frame_count()).collect();
    clip.frames_at(&all).err().or_else(|| clip.audio().err())
}

#[test]
fn each_bad_file_has_its_error() {
    let bad = |name: &str| {
        let error = fault(&fixture(&format!("media/bad/{name}")), Decoder::Ffmpeg);
        let error = error.unwrap_or_else(|| panic!("{name} was read"));
        println!("{name}: {error}");
        error
    };
    assert!(matches!(bad("empty.mp4"), MediaError::Empty));
    for name in ["text.mp4", "random_bytes.mp4", "truncated_tail.mp4"] {
        assert!(matches!(bad(name), MediaError::NotMedia));
    }
    let error = bad("truncated_head.mp4");
    let MediaError::Truncated { needed: 127_442, size: 20_000, .. } = error else {
        panic!("{error}")
    };
    let absent = |stream| move |error| matches!(error, MediaError::MissingStream { stream: missing } if missing == stream);
    assert!(absent(Stream::Audio)(bad("no_audio.mp4")));
    assert!(absent(Stream::Video)(bad("audio_only.m4a")));
    assert!(matches!(bad("bit_flips.mp4"), MediaError::Damaged { .. }));
    // Short, but complete.
    assert!(fault(&fixture("media/bad/one_frame_20ms.mp4"), Decoder::Ffmpeg).is_none());
}

#[test]
fn auto_uses_ffmpeg_for_unsupported_files() {
    for name in ["media/hevc_aac.mp4", "media/mpeg4_mp3.avi", "ffmpeg/h264_interlaced_mp2.ts"] {
        assert!(avff_media::open_with(&fixture(name), Decoder::Embedded).is_err(), "{name}");
        let mut clip = avff_media::open(&fixture(name)).unwrap();
        assert!(clip.frames_at(&[0]).is_ok() && clip.audio().is_ok(), "{name}");
    }
    // For damaged files, the embedded reader's error is kept.
    for name in ["truncated_head.mp4", "bit_flips.mp4", "text.mp4", "no_audio.mp4"] {
        let path = fixture("media/bad").join(name);
        let [own, auto] = [Decoder::Embedded, Decoder::Auto]
            .map(|decoder| fault(&path, decoder).unwrap().to_string());
        assert_eq!(own, auto, "{name}");
    }
}

#[test]
fn cut_file_is_truncated() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["media/mpeg4_mp3.avi", "media/vp9_opus.webm", "ffmpeg/h264_10bit_ac3.mkv"] {
        let whole = fs::read(fixture(name)).unwrap();
        for keep in [whole.len() / 2, whole.len() - 1] {
            let path = folder.path().join("cut");
            fs::write(&path, &whole[..keep]).unwrap();
            let error = fault(&path, Decoder::Auto).unwrap();
            let MediaError::Truncated { needed, size, .. } = error else { panic!("{error}") };
            assert_eq!((needed, size), (whole.len() as u64, keep as u64), "{name}");
        }
    }
}

#[test]
fn no_file_opens_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target.mp4");
    fs::copy(fixture("media/h264_vfr.mp4"), &target).unwrap();
    let target = target.to_str().unwrap();
    for (name, text) in [
        ("list.m3u8", format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n")),
        ("list.ffconcat", format!("ffconcat version 1.0\nfile '{target}'\n")),
        ("list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n".to_owned()),
        ("list.mpd", format!("<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet contentType=\"video\"><Representation><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>")),
        ("list.asx", format!("<asx version=\"3.0\"><entry><ref href=\"{target}\"/></entry></asx>")),
        ("redirect.asf", format!("[Reference]\nRef1={target}\n")),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        for decoder in [Decoder::Auto, Decoder::Ffmpeg] {
            let error = fault(&path, decoder).unwrap_or_else(|| panic!("{name} opened another file"));
            assert!(matches!(error, MediaError::NotMedia), "{name}: {error}");
        }
    }
    // A path is never interpreted as a URL.
    let error = fault(Path::new("concat:a.mp4|b.mp4"), Decoder::Ffmpeg).unwrap();
    assert!(matches!(error, MediaError::NotFound), "{error}");
}

#[test]
fn large_pictures_are_refused_before_they_are_decoded() {
    let name = fixture("media/vp9_opus.webm");
    let mut file = fs::read(&name).unwrap();
    let clip = avff_media::open_with(&name, Decoder::Ffmpeg).unwrap();
    let [high, low] = u16::try_from(clip.info().width).unwrap().to_be_bytes();
    // The width of the video track: its id, its length and the value.
    let width = [0xb0, 0x82, high, low];
    let at = file.windows(4).position(|bytes| bytes == width).unwrap();
    file[at + 2..at + 4].copy_from_slice(&[0x40, 0]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.webm");
    fs::write(&path, &file).unwrap();
    let error = fault(&path, Decoder::Ffmpeg).unwrap();
    assert_eq!(error.to_string(), "frame width of 16384 is over the limit of 8192");
}

#[cfg(unix)]
#[test]
fn path_need_not_be_utf8() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"clip \xff.webm"));
    fs::copy(fixture("ffmpeg/vp8_altref_opus.webm"), &path).unwrap();
    assert!(fault(&path, Decoder::Ffmpeg).is_none());
}
