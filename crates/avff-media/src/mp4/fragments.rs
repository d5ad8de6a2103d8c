//! Reads movie fragments (`moof`): the sample tables of files that were written piece by piece, as
//! streams.

use std::{
    collections::HashSet,
    io::{Read, Seek},
    ops::Range,
};

use super::{
    boxes::{Children, FileBox, box_at, malformed, read_body, show},
    fields::Fields,
    limits::{MAX_MFRA_BYTES, MAX_MOOF_BYTES, MAX_TOP_BOXES},
    table::{Sample, Samples},
    track::Track,
};
use crate::error::MediaError;

/// A track whose samples are collected from the fragments.
#[derive(Debug)]
pub(crate) struct Fragmented {
    /// The track id.
    pub(crate) id: u32,
    /// Ticks per second.
    timescale: u32,
    /// The samples read so far.
    pub(crate) samples: Samples,
    /// Default duration, size and flags of samples, from `trex`.
    defaults: Defaults,
    /// The decode time after the last sample.
    next_time: i64,
    /// When the last fragment starts; `None` before the first.
    started: Option<i64>,
    /// The number of the fragment that was read last.
    sequence: u32,
    /// Parts of the track that no fragment holds, in ticks.
    pub(crate) holes: Vec<Range<i64>>,
}

/// Bytes of the body of an `mfhd` box: version, flags and the number of the fragment.
const MFHD_BYTES: usize = 8;

/// The longest time in seconds between two fragments that is no sign of a lost one.
const LONGEST_PAUSE: i64 = 1;

#[derive(Debug, Clone, Copy, Default)]
struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

impl Fragmented {
    /// Moves to the start of a fragment and notes a hole before it.
    ///
    /// A fragment may start a little late: a recorder lost a packet. Where numbers are missing too,
    /// or for longer, fragments were lost.
    ///
    /// # Errors
    ///
    /// `Malformed` for a fragment that starts no later than the one before: fragments are in order, so
    /// one was repeated or moved.
    fn start(&mut self, sequence: u32, time: i64) -> Result<(), MediaError> {
        if let Some(before) = self.started
            && time <= before
            && before < self.next_time
        {
            return Err(malformed(format!(
                "fragment {sequence} starts at {time}, but the one before it at {before}"
            )));
        }
        self.started = Some(time);
        let missing = time.saturating_sub(self.next_time);
        let skipped = sequence > self.sequence.saturating_add(1) && self.sequence > 0;
        let long = missing > i64::from(self.timescale).saturating_mul(LONGEST_PAUSE);
        if missing > 0 && (skipped || long) && !self.samples.is_empty() {
            self.holes.push(self.next_time..time);
        }
        self.next_time = time;
        Ok(())
    }

    /// Starts with the samples of the `moov` box, usually none, and reads the track's defaults in
    /// `mvex`.
    pub(crate) fn new(
        track: &Track<'_>,
        samples: Samples,
        mvex: &[u8],
    ) -> Result<Self, MediaError> {
        let (id, timescale) = (track.id, track.timescale);
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
        let (next_time, sequence, holes) = (0, 0, Vec::new());
        Ok(Self { id, timescale, samples, defaults, next_time, started: None, sequence, holes })
    }
}

/// How many fragments a file has, and what says that there should be more.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    count: usize,
    /// The number of fragments that the index of fragments (`mfra`) names.
    named: Option<usize>,
    /// The last box and the size of the file, where the file ends inside the box.
    cut: Option<(FileBox, u64)>,
}

impl Extent {
    /// Checks that no fragment is missing. A hole between two fragments is known already.
    ///
    /// # Errors
    ///
    /// `Malformed` where the file ends inside a box, or has fewer fragments than its index of fragments
    /// names.
    pub(crate) fn check(&self, tracks: &[Fragmented]) -> Result<(), MediaError> {
        if let Some((cut, file_size)) = self.cut {
            let (kind, end) = (show(cut.kind), cut.end);
            return Err(malformed(format!(
                "the file ends at byte {file_size}, inside its '{kind}' box that ends at {end}"
            )));
        }
        match self.named {
            Some(named)
                if named > self.count && tracks.iter().all(|track| track.holes.is_empty()) =>
            {
                Err(malformed(format!(
                    "the file has {} fragments, but its index of fragments names {named}",
                    self.count
                )))
            }
            _ => Ok(()),
        }
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
) -> Result<Extent, MediaError> {
    let mut extent = Extent::default();
    for _ in 0..MAX_TOP_BOXES {
        let Some(file_box) = box_at(file, at, file_size)? else { return Ok(extent) };
        if file_box.end > file_size {
            extent.cut = Some((file_box, file_size));
        }
        if file_box.kind == *b"moof" {
            let body = read_body(file, file_box, file_size, "'moof' box in bytes", MAX_MOOF_BYTES)?;
            fragment(&body, file_box, tracks)?;
            extent.count += 1;
        } else if file_box.kind == *b"mfra" && file_box.end <= file_size {
            let body = read_body(file, file_box, file_size, "'mfra' box in bytes", MAX_MFRA_BYTES)?;
            extent.named = Some(named_fragments(&body)?);
        }
        at = file_box.end;
    }
    Err(MediaError::TooLarge {
        what: "number of boxes",
        value: MAX_TOP_BOXES as u64 + 1,
        limit: MAX_TOP_BOXES as u64,
    })
}

/// Returns how many fragments the tables of an `mfra` box name (ISO/IEC 14496-12 section 8.8.10).
fn named_fragments(mfra: &[u8]) -> Result<usize, MediaError> {
    let mut offsets = HashSet::new();
    for child in Children::new(mfra) {
        let (kind, body) = child?;
        if kind != *b"tfra" {
            continue;
        }
        let (mut fields, version, _) = Fields::full("tfra", body)?;
        fields.u32()?;
        // Each entry ends with three numbers, whose lengths in bytes are one more than these.
        let lengths = fields.u32()?;
        let numbers = [lengths >> 4 & 3, lengths >> 2 & 3, lengths & 3];
        let rest: usize = numbers.iter().map(|&length| length as usize + 1).sum();
        for _ in 0..fields.u32()? {
            // The time and the offset of the fragment.
            let offset = if version == 1 {
                fields.u64()?;
                fields.u64()?
            } else {
                fields.u32()?;
                u64::from(fields.u32()?)
            };
            fields.take(rest)?;
            offsets.insert(offset);
        }
    }
    Ok(offsets.len())
}

fn fragment(moof: &[u8], file_box: FileBox, tracks: &mut [Fragmented]) -> Result<(), MediaError> {
    let sequence = match Children::find(moof, *b"mfhd")? {
        // A longer box would hide the tracks after it.
        Some(body) if body.len() != MFHD_BYTES => {
            return Err(malformed(format!("box 'mfhd' has {} bytes", body.len())));
        }
        Some(body) => Fields::full("mfhd", body)?.0.u32()?,
        None => 0,
    };
    // Without a base offset of its own, a track's data follows the data of the previous track.
    let mut after_previous = file_box.start;
    for child in Children::new(moof) {
        let (kind, traf) = child?;
        // A fragment whose size is too large hides the fragments after it.
        if matches!(&kind, b"moof" | b"mdat") {
            return Err(malformed(format!("box 'moof' holds box '{}'", show(kind))));
        }
        if kind != *b"traf" {
            continue;
        }
        let (mut header, _, flags) = Fields::full("tfhd", Children::need(traf, *b"tfhd")?)?;
        let id = header.u32()?;
        let base = if flags & 0x1 != 0 {
            header.u64()?
        } else if flags & 0x2_0000 != 0 {
            file_box.start
        } else {
            after_previous
        };
        let track = tracks.iter_mut().find(|track| track.id == id);
        let mut defaults = track.as_ref().map(|track| track.defaults).unwrap_or_default();
        if flags & 0x2 != 0 && header.u32()? > 1 {
            return Err(MediaError::UnsupportedContainer {
                container: "MP4 with changing codec settings",
            });
        }
        for (bit, value) in
            [(0x8, &mut defaults.duration), (0x10, &mut defaults.size), (0x20, &mut defaults.flags)]
        {
            if flags & bit != 0 {
                *value = header.u32()?;
            }
        }
        let Some(track) = track else {
            // Unused tracks advance the data offset too.
            after_previous = skip_track(traf, base, defaults)?;
            continue;
        };
        if let Some(body) = Children::find(traf, *b"tfdt")? {
            let (mut fields, version, _) = Fields::full("tfdt", body)?;
            let time = if version == 1 { fields.u64()? } else { u64::from(fields.u32()?) };
            let time =
                i64::try_from(time).map_err(|_| malformed("box 'tfdt' has an invalid time"))?;
            track.start(sequence, time)?;
        }
        track.sequence = sequence;
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

/// Returns the offset after the samples of an unused track. The samples are not listed: there may
/// be as many lists as boxes, each with millions of samples.
fn skip_track(traf: &[u8], base: u64, defaults: Defaults) -> Result<u64, MediaError> {
    let mut offset = base;
    for child in Children::new(traf) {
        let (kind, trun) = child?;
        if kind == *b"trun" {
            let head = RunHead::read(trun, base, offset)?;
            offset = head.after(defaults.size).ok_or_else(invalid_run)?;
        }
    }
    Ok(offset)
}

/// The header of a `trun` box, which applies to all its samples.
struct RunHead<'a> {
    flags: u32,
    count: u32,
    /// The offset of the first sample.
    offset: u64,
    first_flags: Option<u32>,
    /// The reader, positioned at the entries.
    fields: Fields<'a>,
}

impl<'a> RunHead<'a> {
    fn read(trun: &'a [u8], base: u64, mut offset: u64) -> Result<Self, MediaError> {
        let (mut fields, _, flags) = Fields::full("trun", trun)?;
        let count = fields.u32()?;
        if flags & 0x1 != 0 {
            let distance = i64::from(fields.i32()?);
            offset = base.checked_add_signed(distance).ok_or_else(invalid_run)?;
        }
        let first_flags = if flags & 0x4 != 0 { Some(fields.u32()?) } else { None };
        Ok(Self { flags, count, offset, first_flags, fields })
    }

    /// Returns the offset after the last sample. `size` is the default size of samples.
    fn after(&self, size: u32) -> Option<u64> {
        let words = (self.flags & 0xf00).count_ones() as usize;
        if self.flags & 0x200 == 0 {
            return self.offset.checked_add(u64::from(self.count) * u64::from(size));
        }
        let before = (self.flags & 0x100).count_ones() as usize;
        let entries = self.fields.rest().as_chunks::<4>().0.chunks_exact(words);
        let sizes = entries.take(self.count as usize).filter_map(|entry| entry.get(before));
        sizes
            .map(|word| u64::from(u32::from_be_bytes(*word)))
            .try_fold(self.offset, u64::checked_add)
    }
}

fn invalid_run() -> MediaError {
    malformed("box 'trun' has an invalid time or offset")
}

/// Adds the samples of one `trun` box and returns the offset after the last.
fn run(
    trun: &[u8],
    base: u64,
    offset: u64,
    defaults: Defaults,
    track: &mut Fragmented,
) -> Result<u64, MediaError> {
    let RunHead { flags, count, mut offset, first_flags, mut fields } =
        RunHead::read(trun, base, offset)?;
    for index in 0..count {
        let mut field = |bit, fallback| if flags & bit != 0 { fields.u32() } else { Ok(fallback) };
        let duration = field(0x100, defaults.duration)?;
        let size = field(0x200, defaults.size)?;
        let sample_flags = field(0x400, defaults.flags)?;
        let shift = field(0x800, 0)?.cast_signed();
        let sample_flags =
            if index == 0 { first_flags.unwrap_or(sample_flags) } else { sample_flags };
        let time = track.next_time.checked_add(i64::from(shift)).ok_or_else(invalid_run)?;
        // Bit 16 is `sample_is_non_sync_sample`.
        let sync = sample_flags & 0x1_0000 == 0;
        track.samples.push(Sample { offset, time, duration, size, sync })?;
        offset = offset.checked_add(u64::from(size)).ok_or_else(invalid_run)?;
        track.next_time =
            track.next_time.checked_add(i64::from(duration)).ok_or_else(invalid_run)?;
    }
    Ok(offset)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn trun(flags: u32, words: &[u32]) -> Vec<u8> {
        let head = [flags, 2];
        head.iter().chain(words).flat_map(|word| word.to_be_bytes()).collect()
    }

    fn fragmented(samples: Samples, defaults: Defaults) -> Fragmented {
        Fragmented {
            id: 1,
            timescale: 1000,
            samples,
            defaults,
            next_time: 0,
            started: None,
            sequence: 0,
            holes: Vec::new(),
        }
    }

    #[test]
    fn lost_fragments_leave_holes() {
        let holes = |fragments: &[(u32, i64)]| {
            let mut track = fragmented(Samples::new(1 << 20), Defaults::default());
            for &(sequence, time) in fragments {
                track.start(sequence, time)?;
                track.sequence = sequence;
                let sample = Sample { offset: 0, time, duration: 100, size: 1, sync: true };
                track.samples.push(sample).unwrap();
                track.next_time += 100;
            }
            Ok::<_, MediaError>(
                track.holes.into_iter().map(|hole| (hole.start, hole.end)).collect::<Vec<_>>(),
            )
        };
        let refused = |fragments| holes(fragments).unwrap_err().to_string();
        let holes = |fragments| holes(fragments).unwrap();
        assert_eq!(holes(&[(1, 0), (2, 100), (4, 300)]), [(200, 300)]);
        assert_eq!(holes(&[(7, 1_000_000), (8, 1_000_100)]), [], "a live stream is joined late");
        assert_eq!(holes(&[(1, 0), (2, 164)]), [], "a recorder lost a packet");
        assert_eq!(holes(&[(1, 0), (2, 5_000)]), [(100, 5_000)]);
        assert_eq!(holes(&[(0, 0), (0, 100), (0, 150)]), [], "fragments overlap");
        for (fragments, error) in [
            (&[(1, 0), (2, 100), (2, 100)][..], "fragment 2 starts at 100"),
            (&[(0, 0), (0, 100), (0, 50)], "the one before it at 100"),
        ] {
            assert!(refused(fragments).contains(error), "{}", refused(fragments));
        }
    }

    #[test]
    fn fragment_that_holds_media_is_refused() {
        let media = [&[0, 0, 0, 8][..], b"mdat"].concat();
        let file_box = FileBox { kind: *b"moof", start: 0, body: 8, end: 16 };
        let error = fragment(&media, file_box, &mut []).unwrap_err().to_string();
        assert!(error.ends_with("box 'moof' holds box 'mdat'"), "{error}");
        let longer = [&[0, 0, 0, 17][..], b"mfhd", &[0; 9]].concat();
        let error = fragment(&longer, file_box, &mut []).unwrap_err().to_string();
        assert!(error.ends_with("box 'mfhd' has 9 bytes"), "{error}");
    }

    /// An index of fragments with entries of these offsets.
    fn mfra(offsets: &[u32]) -> Vec<u8> {
        let count = u32::try_from(offsets.len()).unwrap();
        let mut body = [0, 1, 0, count].map(u32::to_be_bytes).concat();
        for offset in offsets {
            body.extend([[0; 4], offset.to_be_bytes()].concat());
            body.extend([1; 3]);
        }
        let size = u32::try_from(8 + body.len()).unwrap();
        [&size.to_be_bytes()[..], b"tfra", &body].concat()
    }

    #[test]
    fn missing_fragments_at_the_ends_are_refused() {
        let mut track = fragmented(Samples::new(100), Defaults::default());
        let named = named_fragments(&mfra(&[10, 30, 30, 50])).unwrap();
        assert_eq!(named, 3);
        let check = |count, track: &Fragmented| {
            let extent = Extent { count, named: Some(named), cut: None };
            extent.check(std::slice::from_ref(track))
        };
        assert!(check(3, &track).is_ok() && check(4, &track).is_ok());
        let error = check(2, &track).unwrap_err().to_string();
        assert!(error.contains("has 2 fragments, but its index of fragments names 3"), "{error}");
        track.holes.push(0..1);
        check(2, &track).unwrap();
        named_fragments(&mfra(&[1])[..20]).unwrap_err();
    }

    /// Skipping a run must advance the offset exactly as listing it does.
    #[test]
    fn skipped_runs_advance_the_offset_like_listed_ones() {
        let defaults = Defaults { duration: 1, size: 50, flags: 0 };
        for (flags, words, after) in [
            (0, &[][..], 1100),
            (0x1, &[7], 1107),
            (0x200, &[3, 4], 1007),
            (0x705, &[5, 0, 10, 3, 0, 10, 4, 0], 1012),
            (0xb00, &[10, 3, 9, 10, 4, 9], 1007),
        ] {
            let run_box = trun(flags, words);
            let samples = Samples::new(1 << 20);
            let mut track = fragmented(samples, defaults);
            assert_eq!(run(&run_box, 1000, 1000, defaults, &mut track).unwrap(), after);
            let size = u32::try_from(8 + run_box.len()).unwrap();
            let traf = [&size.to_be_bytes()[..], b"trun", &run_box].concat();
            assert_eq!(skip_track(&traf, 1000, defaults).unwrap(), after, "flags {flags:#x}");
        }
    }

    #[test]
    fn run_of_billions_is_skipped_quickly_and_never_listed() {
        let defaults = Defaults { duration: 1, size: 1, flags: 0 };
        let mut run_box = trun(0, &[]);
        run_box.splice(4..8, u32::MAX.to_be_bytes());
        let traf = [&[0, 0, 0, 16][..], b"trun", &run_box].concat();
        assert_eq!(skip_track(&traf, 0, defaults).unwrap(), u64::from(u32::MAX));
        let mut track = fragmented(Samples::new(100), defaults);
        let listed = run(&run_box, 0, 0, defaults, &mut track);
        assert!(matches!(listed, Err(MediaError::TooLarge { limit: 100, .. })));
    }
}
