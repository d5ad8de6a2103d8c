//! Bounds the memory of decoded pictures, before FFmpeg opens a file.
//!
//! To find out what a stream is, FFmpeg decodes its first pictures with the size and the number of
//! reference pictures that the stream asks for. So the headers of Matroska, MP4 and AVI are checked
//! before. A header that is not understood is FFmpeg's matter.

use std::{fs::File, io::BufReader, path::Path};

use super::{avi, hevc_sets, matroska};
use crate::{
    avc::AvcConfig,
    error::{MediaError, Stream},
    mp4::{Children, MAX_DIMENSION, Movie, visual, visual_size},
    sps::{MAX_MACROBLOCKS, Sps},
};

/// Checks the pictures of all video tracks of a file, and returns the largest number of pixels that
/// its header states; 0 where it states none.
///
/// # Errors
///
/// `TooLarge`.
pub(super) fn check(path: &Path) -> Result<u64, MediaError> {
    let mut pixels = 0;
    for picture in matroska::pictures(path) {
        let [width, height] = picture.size;
        check_size(width, height)?;
        pixels = pixels.max(width * height);
        if let Some(config) = picture.avc {
            check_avc(&config)?;
        }
        if let Some(record) = picture.hevc {
            hevc_sets::check_record(&record)?;
        }
    }
    for [width, height] in avi::sizes(path) {
        check_size(width, height)?;
        pixels = pixels.max(width * height);
    }
    Ok(pixels.max(of_mp4(path)?))
}

/// Checks the video tracks of an MP4 file.
fn of_mp4(path: &Path) -> Result<u64, MediaError> {
    let Ok(file) = File::open(path) else { return Ok(0) };
    let size = file.metadata()?.len();
    let Ok(movie) = Movie::read(&mut BufReader::new(file), size) else { return Ok(0) };
    let mut pixels = 0;
    let tracks = movie.tracks().unwrap_or_default();
    for track in tracks.iter().filter(|track| track.stream == Stream::Video) {
        if let Ok([width, height]) = visual_size(track.stsd) {
            check_size(width, height)?;
            pixels = pixels.max(width * height);
        }
        let entry = visual(track.stsd).ok();
        let record =
            |name| entry.and_then(|entry| Children::find(entry.boxes, name).ok().flatten());
        if let Some(config) = record(*b"avcC") {
            check_avc(config)?;
        }
        if let Some(record) = record(*b"hvcC") {
            hevc_sets::check_record(record)?;
        }
    }
    Ok(pixels)
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
