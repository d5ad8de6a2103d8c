//! Detects the type of a file and opens it with a suitable reader.

use std::{
    fs::{self, Metadata},
    io::{self, Cursor},
    path::Path,
    sync::Arc,
};

use super::{
    AudioStream, Decoder, MediaSource,
    damage_policy::DamagePolicy,
    folder::FrameFolder,
    missing::missing,
    mp4_clip::Mp4Clip,
    sniff::{SNIFF_BYTES, head, sniff},
    tracks::Tracks,
    wav::Wav,
};
use crate::error::MediaError;

/// Opens a clip: an MP4 file, or a folder of images with a WAV file.
///
/// # Errors
///
/// `NotFound`, `Url`, `StandardInput`, `PaddedName`, `NotAFile`, `Empty`, `NotMedia`, `Image`,
/// `VideoInFolder`, `UnsupportedContainer`, `NoIndex`, `Joined`, `Malformed`, `MissingStream`,
/// `UnsupportedCodec`, `Truncated`, `TooLarge`, `Damaged` or `Io`, as [`MediaError`] describes
/// them.
pub fn open(path: &Path) -> Result<Box<dyn MediaSource>, MediaError> {
    open_with(path, Decoder::Auto)
}

/// How a clip is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenOptions {
    /// The reader.
    pub decoder: Decoder,
    /// The tracks to read.
    pub tracks: Tracks,
    /// What is done with a clip that is damaged.
    pub damage: DamagePolicy,
}

impl From<Tracks> for OpenOptions {
    fn from(tracks: Tracks) -> Self {
        Self { tracks, ..Self::default() }
    }
}

impl From<Decoder> for OpenOptions {
    fn from(decoder: Decoder) -> Self {
        Self { decoder, ..Self::default() }
    }
}

/// Checks that the file or folder of a clip exists, without opening it.
///
/// # Errors
///
/// `NotFound`, `Url`, `StandardInput`, `PaddedName` or `Io`.
pub fn locate(path: &Path) -> Result<(), MediaError> {
    metadata(path).map(drop)
}

fn metadata(path: &Path) -> Result<Metadata, MediaError> {
    fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(path),
        _ => MediaError::Io(error),
    })
}

/// Opens a clip with a chosen reader, and chosen tracks.
///
/// # Errors
///
/// The errors of [`open`], and `NoTrack` where a wanted track does not exist.
pub fn open_with(
    path: &Path,
    options: impl Into<OpenOptions>,
) -> Result<Box<dyn MediaSource>, MediaError> {
    let OpenOptions { decoder, tracks, damage } = options.into();
    // The file type is checked first, as opening a pipe would wait for its writer.
    let metadata = metadata(path)?;
    if metadata.is_dir() {
        return Ok(Box::new(FrameFolder::open(path, damage)?));
    }
    if !metadata.is_file() {
        return Err(MediaError::NotAFile { kind: avff_files::kind_name(metadata.file_type()) });
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
        return ffmpeg(path, tracks, damage).map_err(|error| match container {
            Ok(()) if matches!(error, MediaError::NotMedia) => mp4_without_index(),
            Ok(()) => error,
            Err(own) => more_specific(own, error),
        });
    }
    match container.and_then(|()| Mp4Clip::open(path, tracks, damage)) {
        Ok(clip) => Ok(Box::new(clip)),
        // FFmpeg is not tried after damage, since FFmpeg would conceal the damage.
        Err(own)
            if decoder == Decoder::Auto && cfg!(feature = "ffmpeg") && is_unsupported(&own) =>
        {
            ffmpeg(path, tracks, damage).map_err(|error| more_specific(own, error))
        }
        Err(own) => Err(own),
    }
}

/// Returns whether another reader may support the file.
fn is_unsupported(error: &MediaError) -> bool {
    use MediaError::{NotMedia, UnsupportedCodec, UnsupportedContainer};
    matches!(error, NotMedia | UnsupportedCodec { .. } | UnsupportedContainer { .. })
}

/// Returns the more specific error of two readers: a fault of the clip instead of an unknown format,
/// and a codec instead of its container.
fn more_specific(own: MediaError, other: MediaError) -> MediaError {
    use MediaError::{NotMedia, UnsupportedCodec, UnsupportedContainer};
    match (&own, &other) {
        (UnsupportedContainer { .. } | NotMedia, UnsupportedCodec { .. }) => other,
        _ if is_unsupported(&other) => own,
        _ => other,
    }
}

/// Returns the error for a file that starts like MP4 but that FFmpeg cannot open.
fn mp4_without_index() -> MediaError {
    MediaError::NoIndex { what: "FFmpeg cannot read its index".to_owned() }
}

#[cfg(feature = "ffmpeg")]
fn ffmpeg(
    path: &Path,
    tracks: Tracks,
    damage: DamagePolicy,
) -> Result<Box<dyn MediaSource>, MediaError> {
    Ok(Box::new(super::ffmpeg::FfmpegClip::open(path, tracks, damage)?))
}

#[cfg(not(feature = "ffmpeg"))]
fn ffmpeg(_: &Path, _: Tracks, _: DamagePolicy) -> Result<Box<dyn MediaSource>, MediaError> {
    Err(MediaError::NotMedia)
}

/// Opens an MP4 file in memory.
///
/// # Errors
///
/// The errors of [`open`].
pub fn open_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Box<dyn MediaSource>, MediaError> {
    open_bytes_with(bytes, Tracks::default())
}

/// Opens an MP4 file in memory with chosen tracks. The decoder is the embedded one.
///
/// # Errors
///
/// The errors of [`open_with`].
pub fn open_bytes_with(
    bytes: impl Into<Arc<[u8]>>,
    options: impl Into<OpenOptions>,
) -> Result<Box<dyn MediaSource>, MediaError> {
    let OpenOptions { tracks, damage, .. } = options.into();
    let bytes: Arc<[u8]> = bytes.into();
    if bytes.is_empty() {
        return Err(MediaError::Empty);
    }
    let size = bytes.len() as u64;
    let head = bytes.len().min(SNIFF_BYTES as usize);
    sniff(bytes.get(..head).unwrap_or_default())?;
    let [video, audio] = [Arc::clone(&bytes), bytes].map(Cursor::new);
    Ok(Box::new(Mp4Clip::new(video, audio, size, (tracks, damage))?))
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
