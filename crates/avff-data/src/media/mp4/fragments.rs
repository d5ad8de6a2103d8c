//! Movie fragments (`moof`): the sample tables of files written piece by piece, as streams are.

use std::io::{Read, Seek};

use super::{
    boxes::{Children, FileBox, box_at, malformed, read_body},
    fields::Fields,
    limits::{MAX_MOOF_BYTES, MAX_TOP_BOXES},
    table::{Sample, Samples},
};
use crate::error::DataError;

/// A track to be collected from the fragments.
#[derive(Debug)]
pub(crate) struct Fragmented {
    /// Its number.
    pub(crate) id: u32,
    /// The samples found so far.
    pub(crate) samples: Samples,
    /// Duration, size and flags of samples that say nothing themselves, from `trex`.
    defaults: Defaults,
    /// Decode time after the last sample.
    next_time: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

impl Fragmented {
    /// Starts with the samples of the `moov` box, usually none, and the track's defaults in `mvex`.
    pub(crate) fn new(id: u32, samples: Samples, mvex: &[u8]) -> Result<Self, DataError> {
        let mut defaults = Defaults::default();
        for child in Children::new(mvex) {
            let (kind, body) = child?;
            if kind != *b"trex" {
                continue;
            }
            let (mut fields, ..) = Fields::full("trex", body)?;
            if fields.u32()? == id {
                fields.take(4)?;
                defaults =
                    Defaults { duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? };
            }
        }
        Ok(Self { id, samples, defaults, next_time: 0 })
    }
}

/// Reads every fragment from `at` to the end of the file.
///
/// # Errors
///
/// `Malformed` for broken boxes and for a file that ends inside a fragment, `TooLarge` beyond the
/// limits.
pub(crate) fn read(
    file: &mut (impl Read + Seek),
    mut at: u64,
    file_size: u64,
    tracks: &mut [Fragmented],
) -> Result<(), DataError> {
    for _ in 0..MAX_TOP_BOXES {
        let Some(found) = box_at(file, at, file_size)? else { return Ok(()) };
        if found.kind == *b"moof" {
            let body = read_body(file, found, file_size, "'moof' box in bytes", MAX_MOOF_BYTES)?;
            fragment(&body, found, tracks)?;
        }
        at = found.end;
    }
    Err(DataError::TooLarge {
        what: "number of boxes",
        value: MAX_TOP_BOXES as u64 + 1,
        limit: MAX_TOP_BOXES as u64,
    })
}

fn fragment(moof: &[u8], found: FileBox, tracks: &mut [Fragmented]) -> Result<(), DataError> {
    // Without a base of its own, a track's data follows that of the track before it.
    let mut after_previous = found.start;
    for child in Children::new(moof) {
        let (kind, traf) = child?;
        if kind != *b"traf" {
            continue;
        }
        let (mut header, _, flags) = Fields::full("tfhd", Children::need(traf, *b"tfhd")?)?;
        let id = header.u32()?;
        let base = if flags & 0x1 != 0 {
            header.u64()?
        } else if flags & 0x2_0000 != 0 {
            found.start
        } else {
            after_previous
        };
        let track = tracks.iter_mut().find(|track| track.id == id);
        let mut defaults = track.as_ref().map(|track| track.defaults).unwrap_or_default();
        if flags & 0x2 != 0 && header.u32()? > 1 {
            return Err(DataError::UnsupportedContainer {
                container: "MP4 whose codec settings change midway",
            });
        }
        for (bit, value) in
            [(0x8, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)]
        {
            if flags & bit != 0 {
                *value = header.u32()?;
            }
        }
        // Tracks that are not used still move the data offset on.
        let mut unused = Fragmented { id, samples: Samples::default(), defaults, next_time: 0 };
        let track = track.unwrap_or(&mut unused);
        if let Some(body) = Children::find(traf, *b"tfdt")? {
            let (mut fields, version, _) = Fields::full("tfdt", body)?;
            let time = if version == 1 { fields.u64()? } else { u64::from(fields.u32()?) };
            track.next_time =
                i64::try_from(time).map_err(|_| malformed("box 'tfdt' has an absurd time"))?;
        }
        let mut offset = base;
        for child in Children::new(traf) {
            let (kind, trun) = child?;
            if kind == *b"trun" {
                offset = run(trun, base, offset, defaults, track)?;
            }
        }
        after_previous = offset;
    }
    Ok(())
}

/// Adds the samples of one `trun` box and returns the offset after the last.
fn run(
    trun: &[u8],
    base: u64,
    mut offset: u64,
    defaults: Defaults,
    track: &mut Fragmented,
) -> Result<u64, DataError> {
    let absurd = || malformed("box 'trun' has an absurd time or offset");
    let (mut fields, _, flags) = Fields::full("trun", trun)?;
    let count = fields.u32()?;
    if flags & 0x1 != 0 {
        let distance = i64::from(fields.i32()?);
        offset = base.checked_add_signed(distance).ok_or_else(absurd)?;
    }
    let first_flags = if flags & 0x4 != 0 { Some(fields.u32()?) } else { None };
    for index in 0..count {
        let mut field = |bit, fallback| if flags & bit != 0 { fields.u32() } else { Ok(fallback) };
        let duration = field(0x100, defaults.duration)?;
        let size = field(0x200, defaults.size)?;
        let sample_flags = field(0x400, defaults.flags)?;
        let shift = field(0x800, 0)?.cast_signed();
        let sample_flags =
            if index == 0 { first_flags.unwrap_or(sample_flags) } else { sample_flags };
        let time = track.next_time.checked_add(i64::from(shift)).ok_or_else(absurd)?;
        // Bit 16 is `sample_is_non_sync_sample`.
        let sync = sample_flags & 0x1_0000 == 0;
        track.samples.push(Sample { offset, time, size, sync })?;
        offset = offset.checked_add(u64::from(size)).ok_or_else(absurd)?;
        track.next_time = track.next_time.checked_add(i64::from(duration)).ok_or_else(absurd)?;
    }
    Ok(offset)
}
