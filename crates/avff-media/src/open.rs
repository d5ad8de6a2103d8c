//! Detects the type of a file and opens it with a suitable reader.

use std::{
    fs::{self, FileType},
    io::{self, Cursor},
    path::Path,
    sync::Arc,
};

use super::{
    AudioStream, Decoder, MediaSource,
    folder::FrameFolder,
    missing::missing,
    mp4_clip::Mp4Clip,
    sniff::{SNIFF_BYTES, head, sniff},
    wav::Wav,
};
use crate::error::MediaError;

/// Opens a clip: an MP4 file, or a folder of images with a WAV file.
///
/// # Errors
///
/// `NotFound`, `Url`, `StandardInput`, `PaddedName`, `NotAFile`, `Empty`, `NotMedia`, `Image`,
/// `VideoInFolder`, `UnsupportedContainer`, `NoIndex`, `Malformed`, `MissingStream`,
/// `UnsupportedCodec`, `Truncated`, `TooLarge`, `Damaged` or `Io`, as [`MediaError`] describes
/// them.
pub fn open(path: &Path) -> Result<Box<dyn MediaSource>, MediaError> {
    open_with(path, Decoder::Auto)
}

/// Opens a clip with a chosen reader.
///
/// # Errors
///
/// The errors of [`open`].
pub fn open_with(path: &Path, decoder: Decoder) -> Result<Box<dyn MediaSource>, MediaError> {
    // The file type is checked first, as opening a pipe would wait for its writer.
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(path),
        _ => MediaError::Io(error),
    })?;
    if metadata.is_dir() {
        return Ok(Box::new(FrameFolder::open(path)?));
    }
    if !metadata.is_file() {
        return Err(MediaError::NotAFile { kind: file_kind(metadata.file_type()) });
    }
    if metadata.len() == 0 {
        return Err(MediaError::Empty);
    }
    let container = sniff(&head(path)?);
    // An audio file has no frames and an image no audio, whatever the reader.
    if let Err(error @ (MediaError::MissingStream { .. } | MediaError::Image { .. })) = container {
        return Err(error);
    }
    if decoder == Decoder::Ffmpeg {
        if !decoder.is_built_in() {
            return Err(MediaError::NoFfmpeg);
        }
        return ffmpeg(path).map_err(|error| match container {
            Ok(()) if matches!(error, MediaError::NotMedia) => mp4_without_index(),
            Ok(()) => error,
            Err(own) => more_specific(own, error),
        });
    }
    match container.and_then(|()| Mp4Clip::open(path)) {
        Ok(clip) => Ok(Box::new(clip)),
        // FFmpeg is not tried after damage, since FFmpeg would conceal the damage.
        Err(own)
            if decoder == Decoder::Auto && cfg!(feature = "ffmpeg") && is_unsupported(&own) =>
        {
            ffmpeg(path).map_err(|error| more_specific(own, error))
        }
        Err(own) => Err(own),
    }
}

/// Returns whether another reader may support the file.
fn is_unsupported(error: &MediaError) -> bool {
    use MediaError::{NotMedia, UnsupportedCodec, UnsupportedContainer};
    matches!(error, NotMedia | UnsupportedCodec { .. } | UnsupportedContainer { .. })
}

/// Returns the more specific error of two readers: a fault of the clip instead of an unknown
/// format.
fn more_specific(own: MediaError, other: MediaError) -> MediaError {
    if is_unsupported(&other) { own } else { other }
}

/// Returns the error for a file that starts like MP4 but that FFmpeg cannot open.
fn mp4_without_index() -> MediaError {
    MediaError::NoIndex { what: "FFmpeg cannot read its index".to_owned() }
}

#[cfg(feature = "ffmpeg")]
fn ffmpeg(path: &Path) -> Result<Box<dyn MediaSource>, MediaError> {
    Ok(Box::new(super::ffmpeg::FfmpegClip::open(path)?))
}

#[cfg(not(feature = "ffmpeg"))]
fn ffmpeg(_: &Path) -> Result<Box<dyn MediaSource>, MediaError> {
    Err(MediaError::NotMedia)
}

/// Opens an MP4 file in memory.
///
/// # Errors
///
/// The errors of [`open`].
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

/// Opens the audio of a WAV file in memory.
///
/// # Errors
///
/// `Malformed`, `Truncated` or `UnsupportedCodec`, as [`MediaError`] describes them.
pub fn wav_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Box<dyn AudioStream>, MediaError> {
    let bytes: Arc<[u8]> = bytes.into();
    let size = bytes.len() as u64;
    Ok(Box::new(Wav::new(Cursor::new(bytes), size)?))
}

/// Returns what a path is that is neither a file nor a folder.
#[cfg(unix)]
pub(crate) fn file_kind(kind: FileType) -> &'static str {
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

/// Returns what a path is that is neither a file nor a folder.
#[cfg(not(unix))]
pub(crate) fn file_kind(_: FileType) -> &'static str {
    "special file"
}
