//! Reads one track (`trak`): its media type, its rotation and its edit list.

use super::{
    boxes::{Children, FourCc, malformed},
    fields::Fields,
};
use crate::{
    error::{MediaError, Stream},
    rotate::Turns,
};

/// The part of a track that the edit list presents, in the track's timescale.
///
/// One segment is supported. Leading empty edits delay a stream on the clip's clock. As with
/// FFmpeg's decoders, the delay does not change what is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edit {
    /// The first presented composition time.
    pub(crate) start: i64,
    /// The first composition time after the presented part; `None` for no end.
    pub(crate) end: Option<i64>,
    /// The delay of this track's start after the clip's start, in the track's timescale.
    pub(crate) delay: i64,
}

impl Edit {
    /// Presents the whole track, for a track without an edit list.
    pub(crate) const ALL: Self = Self { start: i64::MIN, end: None, delay: 0 };

    /// Returns whether a sample with this composition time is presented.
    pub(crate) fn presents(self, time: i64) -> bool {
        time >= self.start && self.end.is_none_or(|end| time < end)
    }

    /// Converts a composition time to the clip's clock, in ticks of the track's timescale.
    pub(crate) fn clock(self, time: i64) -> i64 {
        let start = if self.start == i64::MIN { 0 } else { self.start };
        time.saturating_sub(start).saturating_add(self.delay)
    }
}

/// The boxes of a track. Their tables are read only for the selected tracks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track<'a> {
    /// The track id, which fragments reference.
    pub(crate) id: u32,
    /// The stream that the track can provide.
    pub(crate) stream: Stream,
    /// Ticks per second of the track's times.
    pub(crate) timescale: u32,
    /// The track's own display matrix.
    pub(crate) turns: [i32; 4],
    /// The body of the `elst` box.
    edits: Option<&'a [u8]>,
    /// The body of the `stsd` box.
    pub(crate) stsd: &'a [u8],
    /// The body of the `stbl` box.
    pub(crate) stbl: &'a [u8],
}

impl<'a> Track<'a> {
    /// Reads a `trak` box; returns `None` for a track that is neither video nor audio.
    ///
    /// # Errors
    ///
    /// `Malformed` where a box is missing or ends early.
    pub(crate) fn read(trak: &'a [u8]) -> Result<Option<Self>, MediaError> {
        let mdia = Children::need(trak, *b"mdia")?;
        let stream = match &handler(mdia)? {
            b"vide" => Stream::Video,
            b"soun" => Stream::Audio,
            _ => return Ok(None),
        };
        let (mut header, version, _) = Fields::full("mdhd", Children::need(mdia, *b"mdhd")?)?;
        header.take(if version == 1 { 16 } else { 8 })?;
        let timescale = header.u32()?;
        if timescale == 0 {
            return Err(malformed("a track has a timescale of 0"));
        }
        let (mut header, version, _) = Fields::full("tkhd", Children::need(trak, *b"tkhd")?)?;
        header.take(if version == 1 { 16 } else { 8 })?;
        let id = header.u32()?;
        // A reserved word, the duration, two reserved words, layer, group, volume, reserved.
        header.take(if version == 1 { 28 } else { 24 })?;
        let turns = matrix(&mut header)?;
        let edits = match Children::find(trak, *b"edts")? {
            Some(edts) => Children::find(edts, *b"elst")?,
            None => None,
        };
        let stbl = Children::need(Children::need(mdia, *b"minf")?, *b"stbl")?;
        let stsd = Children::need(stbl, *b"stsd")?;
        Ok(Some(Self { id, stream, timescale, turns, edits, stsd, stbl }))
    }

    /// Reads the edit list and converts its durations from the movie's timescale.
    ///
    /// # Errors
    ///
    /// `Malformed` where the box ends early, `UnsupportedContainer` for several segments.
    pub(crate) fn edit(&self, movie_timescale: u32) -> Result<Edit, MediaError> {
        /// The `media_time` of an empty edit.
        const EMPTY: i64 = -1;
        let Some(body) = self.edits else { return Ok(Edit::ALL) };
        let (mut fields, version, _) = Fields::full("elst", body)?;
        let mut edit = None;
        let mut delay = 0_i64;
        for _ in 0..fields.u32()? {
            let (duration, start) = if version == 1 {
                (fields.u64()?, fields.u64()?.cast_signed())
            } else {
                (u64::from(fields.u32()?), i64::from(fields.i32()?))
            };
            fields.take(4)?;
            if start == EMPTY {
                let ticks = rescale(duration, self.timescale, movie_timescale);
                delay = delay.saturating_add(ticks);
                continue;
            }
            if start < 0 {
                return Err(malformed(format!("box 'elst' starts at {start}")));
            }
            // Writers store 0 for an unknown duration.
            let end = (duration != 0).then(|| {
                let ticks = rescale(duration, self.timescale, movie_timescale);
                start.saturating_add(ticks)
            });
            if edit.replace(Edit { start, end, delay }).is_some() {
                return Err(MediaError::UnsupportedContainer {
                    container: "MP4 with an edit list of several segments",
                });
            }
        }
        Ok(edit.unwrap_or(Edit::ALL))
    }
}

/// Returns `value * to / from`, rounded to nearest as FFmpeg's `av_rescale`, saturating.
fn rescale(value: u64, to: u32, from: u32) -> i64 {
    let from = u128::from(from.max(1));
    let scaled = (u128::from(value) * u128::from(to) + from / 2) / from;
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

/// Reads the media handler: `vide`, `soun` or another.
fn handler(mdia: &[u8]) -> Result<FourCc, MediaError> {
    let (mut fields, ..) = Fields::full("hdlr", Children::need(mdia, *b"hdlr")?)?;
    fields.take(4)?;
    fields.code()
}

/// Reads the nine words of a display matrix and returns the upper left part, `[a, b, c, d]`.
pub(crate) fn matrix(fields: &mut Fields<'_>) -> Result<[i32; 4], MediaError> {
    let a = fields.i32()?;
    let b = fields.i32()?;
    fields.i32()?;
    let c = fields.i32()?;
    let d = fields.i32()?;
    fields.take(16)?;
    Ok([a, b, c, d])
}

/// Reads the movie header: timescale and rotation. The rotation is added to each track's rotation.
pub(crate) fn movie_header(moov: &[u8]) -> Result<(u32, Turns), MediaError> {
    let (mut fields, version, _) = Fields::full("mvhd", Children::need(moov, *b"mvhd")?)?;
    fields.take(if version == 1 { 16 } else { 8 })?;
    let timescale = fields.u32()?;
    if timescale == 0 {
        return Err(malformed("the movie has a timescale of 0"));
    }
    // Duration, rate, volume and ten reserved bytes.
    fields.take(if version == 1 { 24 } else { 20 })?;
    Ok((timescale, Turns::from_matrix(matrix(&mut fields)?)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn track(elst: &[u8]) -> Track<'_> {
        Track {
            id: 1,
            stream: Stream::Audio,
            timescale: 48_000,
            turns: [0; 4],
            edits: Some(elst),
            stsd: &[],
            stbl: &[],
        }
    }

    fn elst(edits: &[(u32, i32)]) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend(u32::try_from(edits.len()).unwrap().to_be_bytes());
        for (duration, start) in edits {
            body.extend(duration.to_be_bytes());
            body.extend(start.to_be_bytes());
            body.extend([0, 1, 0, 0]);
        }
        body
    }

    #[test]
    fn one_segment_after_empty_edits_is_read() {
        let body = elst(&[(40, -1), (1001, 1024)]);
        let edit = track(&body).edit(1000).unwrap();
        assert_eq!(edit, Edit { start: 1024, end: Some(1024 + 48_048), delay: 1920 });
        assert_eq!([1024, 2024].map(|time| edit.clock(time)), [1920, 2920]);
        assert_eq!(Edit::ALL.clock(-7), -7);
        assert_eq!(
            [1023, 1024, 49_071, 49_072].map(|t| edit.presents(t)),
            [false, true, true, false]
        );
        let open = elst(&[(0, 1024)]);
        assert_eq!(track(&open).edit(1000).unwrap(), Edit { start: 1024, end: None, delay: 0 });
    }

    #[test]
    fn several_segments_and_invalid_edits_are_refused() {
        assert!(track(&elst(&[(10, 0), (10, 500)])).edit(1000).is_err());
        assert!(track(&elst(&[(10, -2)])).edit(1000).is_err());
        assert!(track(&elst(&[(10, 0)])[..12]).edit(1000).is_err());
        assert!(Edit::ALL.presents(i64::MIN));
    }

    #[test]
    fn rescaling_rounds_to_nearest_and_saturates() {
        assert_eq!(rescale(5005, 30_000, 1000), 150_150);
        assert_eq!(rescale(1, 44_100, 1000), 44);
        assert_eq!(rescale(u64::MAX, u32::MAX, 1), i64::MAX);
    }
}
