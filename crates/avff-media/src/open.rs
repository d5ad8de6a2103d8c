//! What is at a path, and which reader takes it.

use std::{
    fs::{self, File, FileType},
    io::{self, Cursor, Read},
    path::Path,
    sync::Arc,
};

use super::{AudioStream, Decoder, MediaSource, folder::FrameFolder, mp4_clip::Mp4Clip, wav::Wav};
use crate::error::{MediaError, Stream};

/// Bytes looked at to tell a container: enough for the third packet of a transport stream.
const SNIFF_BYTES: u64 = 1024;

/// Opens a clip: an MP4 file, or a folder of pictures with a WAV file.
///
/// # Errors
///
/// `NotFound`, `NotAFile`, `Empty`, `NotMedia`, `UnsupportedContainer`, `Malformed`,
/// `MissingStream`, `UnsupportedCodec`, `Truncated`, `TooLarge`, `Damaged` or `Io`, as
/// [`MediaError`] describes them.
pub fn open(path: &Path) -> Result<Box<dyn MediaSource>, MediaError> {
    open_with(path, Decoder::Auto)
}

/// [`open`] by a chosen reader.
///
/// # Errors
///
/// As [`open`].
pub fn open_with(path: &Path, decoder: Decoder) -> Result<Box<dyn MediaSource>, MediaError> {
    // The kind comes first: opening a pipe would wait for its writer.
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => MediaError::NotFound,
        _ => MediaError::Io(error),
    })?;
    if metadata.is_dir() {
        return Ok(Box::new(FrameFolder::open(path)?));
    }
    if !metadata.is_file() {
        return Err(MediaError::NotAFile { kind: kind_of(metadata.file_type()) });
    }
    if metadata.len() == 0 {
        return Err(MediaError::Empty);
    }
    let mut head = Vec::new();
    File::open(path)?.take(SNIFF_BYTES).read_to_end(&mut head)?;
    let container = sniff(&head);
    // A file with audio alone has no frames, whoever reads it.
    if let Err(MediaError::MissingStream { stream }) = container {
        return Err(MediaError::MissingStream { stream });
    }
    if decoder == Decoder::Ffmpeg {
        if !decoder.is_built_in() {
            return Err(MediaError::NoFfmpeg);
        }
        return ffmpeg(path).map_err(|error| match container {
            Ok(()) if matches!(error, MediaError::NotMedia) => unreadable(),
            Ok(()) => error,
            Err(own) => more_specific(own, error),
        });
    }
    match container.and_then(|()| Mp4Clip::open(path)) {
        Ok(clip) => Ok(Box::new(clip)),
        // What the embedded reader finds damaged is not tried again: FFmpeg would play on.
        Err(own) if decoder == Decoder::Auto && cfg!(feature = "ffmpeg") && foreign(&own) => {
            ffmpeg(path).map_err(|error| more_specific(own, error))
        }
        Err(own) => Err(own),
    }
}

/// Whether another reader may know better.
fn foreign(error: &MediaError) -> bool {
    use MediaError::{NotMedia, UnsupportedCodec, UnsupportedContainer};
    matches!(error, NotMedia | UnsupportedCodec { .. } | UnsupportedContainer { .. })
}

/// The more specific of two readers' errors: a fault of the clip rather than that it is unknown.
fn more_specific(own: MediaError, other: MediaError) -> MediaError {
    if foreign(&other) { own } else { other }
}

/// What looks like MP4, and yet FFmpeg makes nothing of it.
fn unreadable() -> MediaError {
    let what = "FFmpeg cannot read its index".to_owned();
    MediaError::Malformed { container: "MP4", what }
}

#[cfg(feature = "ffmpeg")]
fn ffmpeg(path: &Path) -> Result<Box<dyn MediaSource>, MediaError> {
    Ok(Box::new(super::ffmpeg::FfmpegClip::open(path)?))
}

#[cfg(not(feature = "ffmpeg"))]
fn ffmpeg(_: &Path) -> Result<Box<dyn MediaSource>, MediaError> {
    Err(MediaError::NotMedia)
}

/// [`open`] for an MP4 file that is in memory.
///
/// # Errors
///
/// As [`open`].
pub fn open_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Box<dyn MediaSource>, MediaError> {
    let bytes: Arc<[u8]> = bytes.into();
    if bytes.is_empty() {
        return Err(MediaError::Empty);
    }
    let size = bytes.len() as u64;
    let head = bytes.len().min(SNIFF_BYTES as usize);
    sniff(bytes.get(..head).unwrap_or_default())?;
    let [video, audio] = [Arc::clone(&bytes), bytes].map(Cursor::new);
    Ok(Box::new(Mp4Clip::new(video, audio, size)?))
}

/// The sound of a WAV file that is in memory.
///
/// # Errors
///
/// `Malformed`, `Truncated` or `UnsupportedCodec`, as [`MediaError`] describes them.
pub fn wav_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Box<dyn AudioStream>, MediaError> {
    let bytes: Arc<[u8]> = bytes.into();
    let size = bytes.len() as u64;
    Ok(Box::new(Wav::new(Cursor::new(bytes), size)?))
}

#[cfg(unix)]
fn kind_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "device"
    } else {
        "special file"
    }
}

#[cfg(not(unix))]
fn kind_of(_: FileType) -> &'static str {
    "special file"
}

/// `Ok` where a file starts like MP4 or QuickTime, otherwise what it starts like.
fn sniff(head: &[u8]) -> Result<(), MediaError> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    let boxes: [&[u8]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"];
    if boxes.iter().any(|kind| at(4, kind)) {
        return Ok(());
    }
    let unsupported = |container| Err(MediaError::UnsupportedContainer { container });
    // Containers that hold sound alone are media; what they lack is the pictures.
    if (starts(b"RIFF") || starts(b"RF64")) && at(8, b"WAVE")
        || [&b"fLaC"[..], b"ID3"].iter().any(|magic| starts(magic))
    {
        return Err(MediaError::MissingStream { stream: Stream::Video });
    }
    if starts(b"RIFF") && at(8, b"AVI ") {
        return unsupported("AVI");
    }
    if starts(&[0x1a, 0x45, 0xdf, 0xa3]) {
        let web = head.windows(4).take(64).any(|window| window == b"webm");
        return unsupported(if web { "WebM" } else { "Matroska" });
    }
    if starts(b"OggS") {
        return unsupported("Ogg");
    }
    if starts(b"FLV\x01") {
        return unsupported("FLV");
    }
    if starts(&[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11]) {
        return unsupported("ASF (WMV)");
    }
    if starts(&[0, 0, 1, 0xba]) {
        return unsupported("MPEG program stream");
    }
    // Packets of 188 bytes, or of 192 with a time stamp before each.
    for (first, step) in [(0, 188), (4, 192)] {
        if (0..3).all(|packet| head.get(first + packet * step) == Some(&0x47)) {
            return unsupported("MPEG transport stream");
        }
    }
    if starts(&[0, 0, 0, 1, 0x67]) || starts(&[0, 0, 0, 1, 0x09]) {
        return unsupported("raw H.264");
    }
    Err(MediaError::NotMedia)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn containers_are_named() {
        let mut transport = vec![0; 1024];
        for packet in 0..3 {
            transport[packet * 188] = 0x47;
        }
        for (head, name) in [
            (&b"RIFF\0\0\0\0AVI LIST"[..], "AVI"),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "WebM"),
            (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "Matroska"),
            (b"OggS\0\x02", "Ogg"),
            (b"FLV\x01\x05", "FLV"),
            (b"\x00\x00\x01\xba\x44", "MPEG program stream"),
            (&transport, "MPEG transport stream"),
        ] {
            let Err(MediaError::UnsupportedContainer { container }) = sniff(head) else {
                panic!("{name} was accepted or not known")
            };
            assert_eq!(container, name);
        }
    }

    #[test]
    fn boxes_pass_and_other_bytes_do_not() {
        assert!(sniff(b"\0\0\0\x18ftypqt  ").is_ok());
        assert!(sniff(b"\0\0\0\x08wide").is_ok());
        for head in [&b""[..], b"\0\0\0\x18fty", b"this is not a video", &[0; 1024]] {
            assert!(matches!(sniff(head), Err(MediaError::NotMedia)), "{head:?}");
        }
    }
}
