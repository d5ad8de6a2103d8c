//! A bounded reader of the MP4, MOV and M4A structure, plain or fragmented.
//!
//! Only the index is read into memory, never the media. The existing readers that were tried do not
//! suffice: one hangs on damaged files, one hides composition times and edit lists, and one lacks
//! fragments.

mod boxes;
mod edit;
mod entry;
mod fields;
mod fragments;
mod heads;
pub(crate) mod limits;
mod stbl;
mod table;
mod track;

use std::{
    io::{Read, Seek, SeekFrom},
    ops::Range,
};

#[cfg(feature = "ffmpeg")]
pub(crate) use self::entry::visual_size;
pub(crate) use self::{
    boxes::{Children, malformed, show},
    entry::{Entry, Esds, audio, audio_name, visual, visual_name},
    fields::Fields,
    heads::Heads,
    limits::MAX_DIMENSION,
    table::Sample,
    track::Track,
};
use self::{
    boxes::{box_at, read_body},
    fragments::Fragmented,
    limits::{MAX_MOOV_BYTES, MAX_TOP_BOXES, MAX_TRACKS},
};
use super::rotate::Turns;
use crate::{
    allocate::reserve_exact,
    error::{MediaError, Stream},
};

/// The index of a movie: the `moov` box and its location.
#[derive(Debug)]
pub(crate) struct Movie {
    moov: Vec<u8>,
    /// Offset of the first byte after the `moov` box.
    after: u64,
    file_size: u64,
}

/// The samples of the two selected tracks.
pub(crate) struct Tables {
    /// The samples of the video track.
    pub(crate) video: Vec<Sample>,
    /// The samples of the audio track.
    pub(crate) audio: Vec<Sample>,
    /// Whether the file has fragments.
    pub(crate) fragmented: bool,
    /// Parts of the video track that no fragment holds, in ticks.
    pub(crate) video_holes: Vec<Range<i64>>,
    /// Parts of the audio track that no fragment holds, in ticks.
    pub(crate) audio_holes: Vec<Range<i64>>,
}

impl Movie {
    /// Finds and reads the `moov` box.
    ///
    /// # Errors
    ///
    /// `NoIndex` where the box is missing or the file ends inside a box, `Malformed` for a broken
    /// box, `Joined` where another file follows, `TooLarge` beyond the limits, `Io`.
    pub(crate) fn read(file: &mut (impl Read + Seek), file_size: u64) -> Result<Self, MediaError> {
        let mut at = 0;
        for _ in 0..MAX_TOP_BOXES {
            let Some(file_box) = box_at(file, at, file_size)? else {
                return Err(no_index("the index (its 'moov' box) is missing"));
            };
            if file_box.end > file_size {
                let kind = show(file_box.kind);
                let index = if file_box.kind == *b"moov" {
                    "which is the index"
                } else {
                    "and the index (its 'moov' box) is missing"
                };
                return Err(no_index(format!(
                    "the file ends at byte {file_size}, inside its '{kind}' box that ends at {}, \
                     {index}",
                    file_box.end
                )));
            }
            if file_box.kind == *b"moov" {
                let moov =
                    read_body(file, file_box, file_size, "'moov' box in bytes", MAX_MOOV_BYTES)?;
                let movie = Self { moov, after: file_box.end, file_size };
                // Repeated fragments are refused by their times.
                if !movie.is_fragmented()? {
                    expect_no_other(file, movie.after, file_size)?;
                }
                return Ok(movie);
            }
            at = file_box.end;
        }
        Err(MediaError::TooLarge {
            what: "number of boxes",
            value: MAX_TOP_BOXES as u64 + 1,
            limit: MAX_TOP_BOXES as u64,
        })
    }

    /// Reads the movie's timescale and rotation.
    ///
    /// # Errors
    ///
    /// `Malformed`, or `UnsupportedContainer` for a display matrix that is neither a rotation by
    /// quarter turns nor a mirror.
    pub(crate) fn header(&self) -> Result<(u32, Turns), MediaError> {
        track::movie_header(&self.moov)
    }

    /// Reads every video and audio track, in order.
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

    /// Returns whether the movie has fragments.
    ///
    /// # Errors
    ///
    /// `Malformed` for a broken index.
    pub(crate) fn is_fragmented(&self) -> Result<bool, MediaError> {
        Ok(Children::find(&self.moov, *b"mvex")?.is_some())
    }

    /// Lists the samples of two tracks as far as this reader understands them. Another reader has an
    /// index of its own, but that reader does not say where tables disagree. `frame_bytes` is set for uncompressed audio,
    /// as for [`tables`](Self::tables).
    ///
    /// # Errors
    ///
    /// `Malformed`, `Truncated` and `Damaged` for a damaged table, and the errors of fragments.
    #[cfg(feature = "ffmpeg")]
    pub(crate) fn listed(
        &self,
        file: &mut (impl Read + Seek),
        video: &Track<'_>,
        audio: &Track<'_>,
        frame_bytes: Option<u32>,
    ) -> Result<Tables, MediaError> {
        let empty = || table::Samples::new(self.file_size);
        let read = |track: &Track<'_>| match frame_bytes.filter(|_| track.stream == Stream::Audio) {
            Some(bytes) => table::read_chunks(track.stbl, bytes, self.file_size),
            None => table::read(track.stbl, self.file_size),
        };
        let mvex = Children::find(&self.moov, *b"mvex")?;
        let Some(mvex) = mvex else {
            let checked = |track: &Track<'_>| {
                let samples = read(track)?;
                track.check_duration(samples.duration())?;
                samples.finish(track.stream)
            };
            let list = |track| match checked(track) {
                Err(
                    error @ (MediaError::Malformed { .. }
                    | MediaError::Truncated { .. }
                    | MediaError::Damaged { .. }),
                ) => Err(error),
                // A sample larger than the file, or more samples than bytes: no reader can have them.
                Err(error @ MediaError::TooLarge { value, .. }) if value > self.file_size => {
                    Err(error)
                }
                other => Ok(other.unwrap_or_default()),
            };
            return Ok(Tables {
                video: list(video)?,
                audio: list(audio)?,
                fragmented: false,
                video_holes: Vec::new(),
                audio_holes: Vec::new(),
            });
        };
        let start = |track| read(track).unwrap_or_else(|_| empty());
        let mut tracks = [
            Fragmented::new(video, start(video), mvex)?,
            Fragmented::new(audio, start(audio), mvex)?,
        ];
        let extent = fragments::read(file, self.after, self.file_size, &mut tracks)?;
        let fault = extent.check(&tracks);
        let [video, audio] = tracks;
        let tables = Tables {
            video: video.samples.finish(Stream::Video)?,
            audio: audio.samples.finish(Stream::Audio)?,
            fragmented: true,
            video_holes: video.holes,
            audio_holes: audio.holes,
        };
        // A sample beyond the end of the file says more.
        fault.map(|()| tables)
    }

    /// Reads the samples of two tracks, including fragments, and checks that all lie within the
    /// file.
    ///
    /// `frame_bytes` is set for uncompressed audio, whose chunks are read as few samples.
    ///
    /// # Errors
    ///
    /// `Truncated` where a sample lies beyond the file, `Damaged` for a sample without bytes, `MissingStream` where a track has none,
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
        if mvex.is_none() {
            video.check_duration(video_samples.duration())?;
            audio.check_duration(audio_samples.duration())?;
        }
        let (mut video_holes, mut audio_holes) = (Vec::new(), Vec::new());
        let mut fault = Ok(());
        if let Some(mvex) = mvex {
            let mut tracks = [
                Fragmented::new(video, video_samples, mvex)?,
                Fragmented::new(audio, audio_samples, mvex)?,
            ];
            fault = fragments::read(file, self.after, self.file_size, &mut tracks)?.check(&tracks);
            let [video, audio] = tracks;
            (video_samples, audio_samples) = (video.samples, audio.samples);
            (video_holes, audio_holes) = (video.holes, audio.holes);
        }
        let finish = |samples: table::Samples, stream| {
            let list = samples.finish(stream)?;
            if list.is_empty() { Err(MediaError::MissingStream { stream }) } else { Ok(list) }
        };
        let tables = Tables {
            video: finish(video_samples, Stream::Video)?,
            audio: finish(audio_samples, Stream::Audio)?,
            fragmented: mvex.is_some(),
            video_holes,
            audio_holes,
        };
        // A sample beyond the end of the file says more.
        fault.map(|()| tables)
    }
}

/// Checks that no other MP4 file follows the index. Players show the first of files that were joined byte by byte, as
/// if the others did not exist.
///
/// # Errors
///
/// `Joined` for a second `ftyp` or `moov` box, `Io`.
fn expect_no_other(
    file: &mut (impl Read + Seek),
    mut at: u64,
    file_size: u64,
) -> Result<(), MediaError> {
    for _ in 0..MAX_TOP_BOXES {
        let file_box = match box_at(file, at, file_size) {
            Ok(Some(file_box)) => file_box,
            Err(error @ MediaError::Io(_)) => return Err(error),
            // Bytes that are no box may follow the media.
            Ok(None) | Err(_) => return Ok(()),
        };
        if matches!(&file_box.kind, b"ftyp" | b"moov") {
            return Err(MediaError::Joined { at });
        }
        at = file_box.end;
    }
    Ok(())
}

fn no_index(what: impl Into<String>) -> MediaError {
    MediaError::NoIndex { what: what.into() }
}

/// Reads a sample into `buffer`, replacing its contents. The sample size was checked with the
/// index.
pub(crate) fn read_sample(
    file: &mut (impl Read + Seek),
    sample: &Sample,
    buffer: &mut Vec<u8>,
) -> Result<(), MediaError> {
    buffer.clear();
    let size = usize::try_from(sample.size).unwrap_or(usize::MAX);
    reserve_exact(buffer, size, "a coded frame or audio packet")?;
    buffer.resize(size, 0);
    file.seek(SeekFrom::Start(sample.offset))?;
    file.read_exact(buffer)?;
    Ok(())
}
