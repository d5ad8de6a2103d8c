//! A bounded reader of MP4, MOV and M4A structure, plain or fragmented.
//!
//! Only the index is read into memory, never the media. Existing readers were not used: of those
//! tried, one hangs on damaged files, one hides composition times and edit lists, and one has no
//! fragments.

mod boxes;
mod entry;
mod fields;
mod fragments;
pub(crate) mod limits;
mod stbl;
mod table;
mod track;

use std::io::{Read, Seek, SeekFrom};

pub(crate) use self::{
    boxes::{Children, malformed, show},
    entry::{Entry, Esds, audio, audio_name, visual, visual_name},
    fields::Fields,
    limits::MAX_DIMENSION,
    table::Sample,
    track::{Edit, Track},
};
use self::{
    boxes::{box_at, read_body},
    fragments::Fragmented,
    limits::{MAX_MOOV_BYTES, MAX_TOP_BOXES, MAX_TRACKS},
};
use super::rotate::Turns;
use crate::error::{MediaError, Stream};

/// The index of a movie: the `moov` box and what was found in it.
#[derive(Debug)]
pub(crate) struct Movie {
    moov: Vec<u8>,
    /// Offset of the first byte after the `moov` box.
    after: u64,
    file_size: u64,
}

/// The samples of the two tracks in use.
pub(crate) struct Tables {
    /// Of the pictures.
    pub(crate) video: Vec<Sample>,
    /// Of the sound.
    pub(crate) audio: Vec<Sample>,
    /// Whether fragments were read.
    pub(crate) fragmented: bool,
}

impl Movie {
    /// Finds and reads the `moov` box.
    ///
    /// # Errors
    ///
    /// `Malformed` where there is none or the file ends inside a box, `TooLarge` beyond the limits,
    /// `Io`.
    pub(crate) fn read(file: &mut (impl Read + Seek), file_size: u64) -> Result<Self, MediaError> {
        let mut at = 0;
        for _ in 0..MAX_TOP_BOXES {
            let Some(found) = box_at(file, at, file_size)? else {
                return Err(malformed("no 'moov' box: the index is missing"));
            };
            if found.kind == *b"moov" {
                let moov =
                    read_body(file, found, file_size, "'moov' box in bytes", MAX_MOOV_BYTES)?;
                return Ok(Self { moov, after: found.end, file_size });
            }
            if found.end > file_size {
                return Err(malformed(format!(
                    "the file ends at byte {file_size}, inside its '{}' box that ends at {}; the \
                     index that would follow is lost",
                    show(found.kind),
                    found.end
                )));
            }
            at = found.end;
        }
        Err(MediaError::TooLarge {
            what: "number of boxes",
            value: MAX_TOP_BOXES as u64 + 1,
            limit: MAX_TOP_BOXES as u64,
        })
    }

    /// The movie's timescale and rotation.
    ///
    /// # Errors
    ///
    /// `Malformed`, or `UnsupportedContainer` for a mirrored movie.
    pub(crate) fn header(&self) -> Result<(u32, Turns), MediaError> {
        track::movie_header(&self.moov)
    }

    /// Every picture and sound track, in order.
    ///
    /// # Errors
    ///
    /// `Malformed` for a broken track, `TooLarge` for too many.
    pub(crate) fn tracks(&self) -> Result<Vec<Track<'_>>, MediaError> {
        let mut tracks = Vec::new();
        let mut count = 0;
        for child in Children::new(&self.moov) {
            let (kind, trak) = child?;
            if kind != *b"trak" {
                continue;
            }
            count += 1;
            if count > MAX_TRACKS {
                return Err(MediaError::TooLarge {
                    what: "number of tracks",
                    value: count as u64,
                    limit: MAX_TRACKS as u64,
                });
            }
            tracks.extend(Track::read(trak)?);
        }
        Ok(tracks)
    }

    /// The samples of two tracks, fragments included, all within the file.
    ///
    /// `frame_bytes` is set for uncompressed sound, whose chunks are read as one sample each.
    ///
    /// # Errors
    ///
    /// `Truncated` where a sample lies beyond the file, `MissingStream` where a track has none,
    /// `Malformed` or `TooLarge` for a broken or hostile table.
    pub(crate) fn tables(
        &self,
        file: &mut (impl Read + Seek),
        video: &Track<'_>,
        audio: &Track<'_>,
        frame_bytes: Option<u32>,
    ) -> Result<Tables, MediaError> {
        let mut video_samples = table::read(video.stbl, self.file_size)?;
        let mut audio_samples = match frame_bytes {
            Some(bytes) => table::read_chunks(audio.stbl, bytes, self.file_size)?,
            None => table::read(audio.stbl, self.file_size)?,
        };
        let mvex = Children::find(&self.moov, *b"mvex")?;
        if let Some(mvex) = mvex {
            let mut tracks = [
                Fragmented::new(video.id, video_samples, mvex)?,
                Fragmented::new(audio.id, audio_samples, mvex)?,
            ];
            fragments::read(file, self.after, self.file_size, &mut tracks)?;
            [video_samples, audio_samples] = tracks.map(|track| track.samples);
        }
        let finish = |samples: table::Samples, stream| {
            let list = samples.finish(stream)?;
            if list.is_empty() { Err(MediaError::MissingStream { stream }) } else { Ok(list) }
        };
        Ok(Tables {
            video: finish(video_samples, Stream::Video)?,
            audio: finish(audio_samples, Stream::Audio)?,
            fragmented: mvex.is_some(),
        })
    }
}

/// Reads a sample into a buffer, which it replaces. Its size was checked when the index was read.
pub(crate) fn read_sample(
    file: &mut (impl Read + Seek),
    sample: &Sample,
    buffer: &mut Vec<u8>,
) -> Result<(), MediaError> {
    buffer.clear();
    let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
    buffer.resize(size, 0);
    file.seek(SeekFrom::Start(sample.offset))?;
    file.read_exact(buffer)?;
    Ok(())
}
