//! Bounds the memory of decoded pictures, before FFmpeg opens a file.
//!
//! To find out what a stream is, FFmpeg decodes its first pictures with the size and the number of
//! reference pictures that the stream asks for. So the headers of Matroska and MP4 are checked
//! before. A header that is not understood is FFmpeg's matter.

use std::{fs::File, io::BufReader, path::Path};

use super::matroska;
use crate::{
    avc::AvcConfig,
    error::{MediaError, Stream},
    mp4::{Children, MAX_DIMENSION, Movie, visual},
    sps::{MAX_MACROBLOCKS, Sps},
};

/// Checks the pictures of all video tracks of a file.
///
/// # Errors
///
/// `TooLarge`.
pub(super) fn check(path: &Path) -> Result<(), MediaError> {
    for picture in matroska::pictures(path) {
        let [width, height] = picture.size;
        check_size(width, height)?;
        if let Some(config) = picture.avc {
            check_avc(&config)?;
        }
    }
    of_mp4(path)
}

/// Checks the H.264 tracks of an MP4 file.
fn of_mp4(path: &Path) -> Result<(), MediaError> {
    let Ok(file) = File::open(path) else { return Ok(()) };
    let size = file.metadata()?.len();
    let Ok(movie) = Movie::read(&mut BufReader::new(file), size) else { return Ok(()) };
    let tracks = movie.tracks().unwrap_or_default();
    for track in tracks.iter().filter(|track| track.stream == Stream::Video) {
        let entry = visual(track.stsd).ok();
        let config = entry.and_then(|entry| Children::find(entry.boxes, *b"avcC").ok().flatten());
        if let Some(config) = config {
            check_avc(config)?;
        }
    }
    Ok(())
}

/// Checks the pictures that a configuration record of H.264 describes.
fn check_avc(config: &[u8]) -> Result<(), MediaError> {
    let checked = AvcConfig::read(config).and_then(|config| Sps::read(&config.sps));
    match checked {
        Err(error @ MediaError::TooLarge { .. }) => Err(error),
        _ => Ok(()),
    }
}

/// Checks the size of pictures, in pixels.
///
/// # Errors
///
/// `TooLarge`.
pub(super) fn check_size(width: u64, height: u64) -> Result<(), MediaError> {
    for (what, value, limit) in [
        ("frame width", width, MAX_DIMENSION),
        ("frame height", height, MAX_DIMENSION),
        ("picture size in macroblocks", macroblocks(width, height), MAX_MACROBLOCKS),
    ] {
        if value > limit {
            return Err(MediaError::TooLarge { what, value, limit });
        }
    }
    Ok(())
}

/// Returns how many blocks of 16 by 16 pixels cover a picture.
pub(super) fn macroblocks(width: u64, height: u64) -> u64 {
    width.div_ceil(16).saturating_mul(height.div_ceil(16))
}
