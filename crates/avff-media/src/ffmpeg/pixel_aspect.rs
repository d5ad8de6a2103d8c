//! Finds the pixel aspect ratio of a clip that FFmpeg decodes.
//!
//! FFmpeg's players prefer the ratio of the container to that of the decoded frame. The bindings
//! show only the second, so the headers of MP4, Matroska and AVI files are read here.

use std::{fs::File, io::BufReader, path::Path};

use video_rs::ffmpeg::Rational;

use super::{
    avi,
    input::{AVI, Input, MP4},
    matroska,
    video_reader::VideoReader,
};
use crate::{
    error::Stream,
    mp4::{Children, Movie, visual},
    pixel_aspect::{first_known, of_pasp},
};

/// Returns the width and height of a pixel, before rotation. `reader` has decoded a frame.
pub(super) fn pixel_aspect(path: &Path, stream: usize, reader: &VideoReader) -> (u32, u32) {
    let Rational(width, height) = reader.decoder().frame().aspect_ratio();
    let of_frame = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    first_known([of_container(path, stream, reader.input()), of_frame])
}

/// Returns the ratio that the container states.
fn of_container(path: &Path, stream: usize, input: &Input) -> Option<(u32, u32)> {
    if input.container() == MP4 {
        // FFmpeg numbers the streams of an MP4 file by their track.
        return of_track(path, u32::try_from(input.stream(stream)?.id()).ok()?);
    }
    let rank = input.of_kind(Stream::Video).position(|one| one.index() == stream)?;
    if input.container() == AVI {
        return avi::pixel_aspect(path, rank);
    }
    matroska::tracks(path, input, Stream::Video).get(rank)?.pixel_aspect
}

/// Returns the ratio in the `pasp` box of an MP4 track. A file that the embedded reader does not
/// understand has none.
fn of_track(path: &Path, track: u32) -> Option<(u32, u32)> {
    let file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let movie = Movie::read(&mut BufReader::new(file), size).ok()?;
    let tracks = movie.tracks().ok()?;
    let entry = visual(tracks.iter().find(|candidate| candidate.id == track)?.stsd).ok()?;
    of_pasp(Children::find(entry.boxes, *b"pasp").ok().flatten()?)
}
