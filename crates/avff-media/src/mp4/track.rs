//! Reads one track (`trak`): its media type, its rotation and its edit list.

use super::{
    boxes::{Children, FourCc, malformed},
    edit,
    entry::{audio, is_playable, is_still_picture, visual},
    fields::Fields,
    stbl::Sizes,
};
use crate::{
    error::{MediaError, Stream},
    rotate::Turns,
    timeline::EditList,
    tracks::Candidate,
};

/// The boxes of a track. Their tables are read only for the selected tracks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track<'a> {
    /// The track id, which fragments reference.
    pub(crate) id: u32,
    /// The stream that the track can provide.
    pub(crate) stream: Stream,
    /// Ticks per second of the track's times.
    pub(crate) timescale: u32,
    /// The duration of the media in ticks; `None` where it is unknown.
    pub(super) duration: Option<u64>,
    /// Whether the track is switched on.
    enabled: bool,
    /// Whether the media lies in another file.
    pub(crate) external: bool,
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
        let duration = if version == 1 { header.u64()? } else { u64::from(header.u32()?) };
        let unknown = [0, u64::from(u32::MAX), u64::MAX].contains(&duration);
        let duration = Some(duration).filter(|_| !unknown);
        let (mut header, version, flags) = Fields::full("tkhd", Children::need(trak, *b"tkhd")?)?;
        header.take(if version == 1 { 16 } else { 8 })?;
        let id = header.u32()?;
        // A reserved word, the duration, two reserved words, layer, group, volume, reserved.
        header.take(if version == 1 { 28 } else { 24 })?;
        let turns = matrix(&mut header)?;
        let edits = match Children::find(trak, *b"edts")? {
            Some(edts) => Children::find(edts, *b"elst")?,
            None => None,
        };
        let minf = Children::need(mdia, *b"minf")?;
        let external = has_external_data(minf)?;
        let stbl = Children::need(minf, *b"stbl")?;
        let stsd = Children::need(stbl, *b"stsd")?;
        let enabled = flags & 1 != 0;
        Ok(Some(Self {
            id,
            stream,
            timescale,
            duration,
            enabled,
            external,
            turns,
            edits,
            stsd,
            stbl,
        }))
    }

    /// Returns what decides whether the track is read. The samples of a `fragmented` file are not in
    /// the track.
    ///
    /// # Errors
    ///
    /// `Malformed` for a track without a format.
    pub(crate) fn candidate(&self, fragmented: bool) -> Result<Candidate, MediaError> {
        let format = match self.stream {
            Stream::Video => visual(self.stsd)?.format,
            Stream::Audio => audio(self.stsd)?.format,
        };
        Ok(Candidate {
            enabled: self.enabled,
            known: is_playable(format),
            picture: is_still_picture(format),
            foreign: false,
            empty: !fragmented && Sizes::read(self.stbl).is_ok_and(|sizes| sizes.count == 0),
        })
    }

    /// Compares the duration of the track's samples, in ticks, with that of the media.
    ///
    /// # Errors
    ///
    /// `Malformed` where they differ by more than writers round.
    pub(super) fn check_duration(&self, samples: u64) -> Result<(), MediaError> {
        /// Writers count the last sample differently.
        const LONGEST_DIFFERENCE: u64 = 1;
        let Some(media) = self.duration else { return Ok(()) };
        let timescale = u64::from(self.timescale);
        if media.abs_diff(samples) > timescale.saturating_mul(LONGEST_DIFFERENCE) {
            let seconds = |ticks: u64| ticks as f64 / timescale as f64;
            return Err(malformed(format!(
                "the {} samples last {:.2} s by box 'stts', but {:.2} s by box 'mdhd'",
                self.stream,
                seconds(samples),
                seconds(media)
            )));
        }
        Ok(())
    }

    /// Returns whether the track has an edit list.
    pub(crate) fn has_edits(&self) -> bool {
        self.edits.is_some()
    }

    /// Reads the edit list.
    ///
    /// # Errors
    ///
    /// `Malformed`, `TooLarge` or `UnsupportedContainer`, as [`edit::read`] describes them.
    pub(crate) fn edits(&self, movie_timescale: u32) -> Result<EditList, MediaError> {
        match self.edits {
            Some(body) => edit::read(body, self.timescale, movie_timescale),
            None => Ok(EditList::all()),
        }
    }
}

/// Returns whether the data reference names another file. Flag 1 means the same file.
fn has_external_data(minf: &[u8]) -> Result<bool, MediaError> {
    let Some(dinf) = Children::find(minf, *b"dinf")? else { return Ok(false) };
    let Some(dref) = Children::find(dinf, *b"dref")? else { return Ok(false) };
    let (mut fields, ..) = Fields::full("dref", dref)?;
    fields.take(4)?;
    let Some(entry) = Children::new(fields.rest()).next() else { return Ok(false) };
    let (_, body) = entry?;
    Ok(Fields::full("dref", body)?.2 & 1 == 0)
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
