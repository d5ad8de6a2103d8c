//! Reads the sample table (`stbl`): the location of each sample in the file and its display time.
//!
//! Six run-length coded boxes are combined into one flat list. Boxes that disagree about the number
//! of samples are an error: a guess would shift every later sample.

use super::{
    boxes::{Children, malformed},
    fields::Fields,
    limits::{MAX_SAMPLE_BYTES, MAX_SAMPLES},
    stbl::{Chunks, Runs, Sizes},
};
use crate::error::{MediaError, Stream};

/// One coded picture or audio packet, in decode order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Offset of the first byte in the file.
    pub(crate) offset: u64,
    /// Composition time in the track's timescale, before the edit list.
    pub(crate) time: i64,
    /// How long the sample lasts, in ticks; 0 where the container does not say.
    pub(crate) duration: u32,
    /// Size in bytes.
    pub(crate) size: u32,
    /// Whether the container marks the sample as a sync sample, where decoding may start.
    pub(crate) sync: bool,
}

/// A list of samples within the limits.
#[derive(Debug)]
pub(crate) struct Samples {
    list: Vec<Sample>,
    file_size: u64,
}

impl Samples {
    /// Creates an empty list for a file of `file_size` bytes.
    pub(crate) fn new(file_size: u64) -> Self {
        Self { list: Vec::new(), file_size }
    }

    /// Returns whether there are no samples yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the duration of all samples, in ticks.
    pub(crate) fn duration(&self) -> u64 {
        self.list.iter().map(|sample| u64::from(sample.duration)).sum()
    }

    /// Checks `count` samples against the limits and reserves memory for them.
    fn reserve(&mut self, count: usize) -> Result<(), MediaError> {
        check_count(count, self.file_size)?;
        self.list.reserve_exact(count);
        Ok(())
    }

    /// Appends one sample.
    ///
    /// # Errors
    ///
    /// `TooLarge` for too many samples or a too large sample.
    pub(crate) fn push(&mut self, sample: Sample) -> Result<(), MediaError> {
        check_count(self.list.len() + 1, self.file_size)?;
        if u64::from(sample.size) > MAX_SAMPLE_BYTES {
            return Err(MediaError::TooLarge {
                what: "coded sample size in bytes",
                value: u64::from(sample.size),
                limit: MAX_SAMPLE_BYTES,
            });
        }
        self.list.push(sample);
        Ok(())
    }

    /// Checks that all samples lie inside the file and returns the list.
    ///
    /// # Errors
    ///
    /// `Damaged` for a sample without bytes. `Truncated` where a sample ends past the end of the file.
    /// `Malformed` where the samples
    /// together are larger than the file: they would have to overlap, which happens only in a
    /// decompression bomb.
    pub(crate) fn finish(self, stream: Stream) -> Result<Vec<Sample>, MediaError> {
        let (file_size, count) = (self.file_size, self.list.len());
        if let Some(empty) = self.list.iter().position(|sample| sample.size == 0) {
            let what = format!("sample {empty} of {count} has no bytes");
            return Err(MediaError::Damaged { stream, what });
        }
        let mut needed = 0;
        let mut total = 0_u64;
        for sample in &self.list {
            needed = needed.max(sample.offset.saturating_add(u64::from(sample.size)));
            total = total.saturating_add(u64::from(sample.size));
        }
        if needed > file_size {
            return Err(MediaError::Truncated { stream, needed, size: file_size });
        }
        if total > file_size {
            return Err(malformed(format!("{stream} samples overlap")));
        }
        Ok(self.list)
    }
}

/// Checks the number of samples. A sample needs at least one byte of the file, in the media or in a
/// table. Without this rule a few bytes of run lengths would yield a list of millions.
fn check_count(count: usize, file_size: u64) -> Result<(), MediaError> {
    let (value, limit) = (count as u64, file_size.min(MAX_SAMPLES as u64));
    if value > limit {
        return Err(MediaError::TooLarge { what: "number of samples in a track", value, limit });
    }
    Ok(())
}

/// Reads the samples of an `stbl` box; empty in a fragmented file.
///
/// # Errors
///
/// `Malformed` where a box is missing, truncated or disagrees with another, `TooLarge` beyond the
/// limits.
pub(crate) fn read(stbl: &[u8], file_size: u64) -> Result<Samples, MediaError> {
    let sizes = Sizes::read(stbl)?;
    let mut samples = Samples::new(file_size);
    samples.reserve(sizes.count)?;
    if sizes.count == 0 {
        return Ok(samples);
    }
    let mut times = Runs::new(Fields::full("stts", Children::need(stbl, *b"stts")?)?.0.table()?);
    let mut shifts = match Children::find(stbl, *b"ctts")? {
        Some(body) => Some(Runs::new(Fields::full("ctts", body)?.0.table()?)),
        None => None,
    };
    let mut sync = match Children::find(stbl, *b"stss")? {
        Some(body) => Some(sync_samples(body, sizes.count)?.iter().peekable()),
        None => None,
    };
    let chunks = Chunks::read(stbl)?;
    check_total("stsc", chunks.samples(), sizes.count)?;
    let mut decode_time = 0_i64;
    let mut index = 0;
    for (mut offset, count) in chunks.iter() {
        for _ in 0..count {
            let Some(size) = sizes.get(index) else { break };
            index += 1;
            let delta = times.next().ok_or_else(|| disagree("stts", index, sizes.count))?;
            let shift = match &mut shifts {
                Some(shifts) => {
                    shifts.next().ok_or_else(|| disagree("ctts", index, sizes.count))?
                }
                None => 0,
            };
            // Version 0 declares the shift unsigned, but writers store negative shifts there too.
            // Every reader treats both versions as signed.
            let time = decode_time
                .checked_add(i64::from(shift.cast_signed()))
                .ok_or_else(|| malformed("sample times overflow"))?;
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let is_sync = match &mut sync {
                Some(list) => {
                    while list.next_if(|&entry| u32::from_be_bytes(*entry) < number).is_some() {}
                    list.peek().is_some_and(|&&entry| u32::from_be_bytes(entry) == number)
                }
                None => true,
            };
            samples.push(Sample { offset, time, duration: delta, size, sync: is_sync })?;
            offset = offset
                .checked_add(u64::from(size))
                .ok_or_else(|| malformed("sample offsets overflow"))?;
            decode_time = decode_time
                .checked_add(i64::from(delta))
                .ok_or_else(|| malformed("sample times overflow"))?;
        }
    }
    if index < sizes.count {
        return Err(disagree("stco", index, sizes.count));
    }
    check_total("stts", index as u64 + times.left(), sizes.count)?;
    if let Some(shifts) = shifts {
        check_total("ctts", index as u64 + shifts.left(), sizes.count)?;
    }
    check_durations(&samples)?;
    Ok(samples)
}

/// Reads the chunks of an `stbl` box as few samples. Uncompressed audio has a sample for every
/// sampling instant, too many to list. A chunk is one sample, or several where the durations of its
/// instants differ, as before a gap.
///
/// # Errors
///
/// The errors of [`read`].
pub(crate) fn read_chunks(
    stbl: &[u8],
    frame_bytes: u32,
    file_size: u64,
) -> Result<Samples, MediaError> {
    let overflow = || malformed("chunk sizes overflow");
    let chunks = Chunks::read(stbl)?;
    let count = u32::try_from(Sizes::read(stbl)?.count).map_err(|_| overflow())?;
    let mut remaining = count;
    let mut samples = Samples::new(file_size);
    if remaining == 0 {
        return Ok(samples);
    }
    let mut durations =
        Runs::new(Fields::full("stts", Children::need(stbl, *b"stts")?)?.0.table()?);
    let mut time = 0_i64;
    for (mut offset, count) in chunks.iter() {
        let mut rest = count.min(remaining);
        remaining -= rest;
        while rest > 0 {
            let (frames, delta) = durations.take_run(rest);
            rest -= frames;
            let size = frames.checked_mul(frame_bytes).ok_or_else(overflow)?;
            let duration = frames.saturating_mul(delta);
            samples.push(Sample { offset, time, duration, size, sync: true })?;
            offset = offset.checked_add(u64::from(size)).ok_or_else(overflow)?;
            time = time.saturating_add(i64::from(frames).saturating_mul(i64::from(delta)));
        }
    }
    if remaining > 0 {
        return Err(malformed(format!("box 'stco' has no chunk for {remaining} samples")));
    }
    check_total("stsc", chunks.samples(), count as usize)?;
    check_total("stts", u64::from(count) + durations.left(), count as usize)?;
    check_durations(&samples)?;
    Ok(samples)
}

/// Checks that some sample of several has a duration.
fn check_durations(samples: &Samples) -> Result<(), MediaError> {
    let count = samples.list.len();
    if count > 1 && samples.duration() == 0 {
        return Err(malformed(format!(
            "all {count} samples of a track have the duration 0, so their order is unknown"
        )));
    }
    Ok(())
}

/// Checks that a box describes no more samples than the track has.
fn check_total(name: &str, described: u64, count: usize) -> Result<(), MediaError> {
    if described > count as u64 {
        return Err(malformed(format!(
            "box '{name}' describes {described} samples, but the track has {count}"
        )));
    }
    Ok(())
}

/// Reads the numbers of sync samples, which count from 1 and rise.
fn sync_samples(stss: &[u8], count: usize) -> Result<&[[u8; 4]], MediaError> {
    let numbers = Fields::full("stss", stss)?.0.table::<4>()?;
    let mut before = 0;
    for number in numbers.iter().map(|number| u32::from_be_bytes(*number)) {
        if number <= before || number as usize > count {
            return Err(malformed(format!(
                "box 'stss' names sample {number} after {before}, but the track has {count} samples"
            )));
        }
        before = number;
    }
    Ok(numbers)
}

fn disagree(name: &str, has: usize, needed: usize) -> MediaError {
    malformed(format!(
        "box '{name}' describes fewer than the track's {needed} samples (about {has})"
    ))
}
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn full(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let size = u32::try_from(12 + 4 * words.len()).unwrap();
        let mut out = size.to_be_bytes().to_vec();
        out.extend(kind);
        out.extend([0; 4]);
        out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        out
    }

    fn stbl(ctts: Option<&[u32]>, stsz: &[u32]) -> Vec<u8> {
        let mut out = full(b"stts", &[2, 3, 10, 2, 20]);
        out.extend(ctts.map(|words| full(b"ctts", words)).unwrap_or_default());
        out.extend(full(b"stss", &[2, 1, 4]));
        out.extend(full(b"stsc", &[2, 1, 2, 1, 2, 3, 1]));
        out.extend(full(b"stsz", stsz));
        out.extend(full(b"stco", &[2, 100, 1000]));
        out
    }

    #[test]
    fn runs_are_combined() {
        let shifts = [2, 4, 20, 1, (-10_i32).cast_unsigned()];
        let table = stbl(Some(&shifts), &[0, 5, 1, 2, 3, 4, 5]);
        let samples = read(&table, 2000).unwrap().finish(Stream::Video).unwrap();
        let flat: Vec<_> = samples.iter().map(|s| (s.offset, s.size, s.time, s.sync)).collect();
        assert_eq!(
            flat,
            [
                (100, 1, 20, true),
                (101, 2, 30, false),
                (1000, 3, 40, false),
                (1003, 4, 50, true),
                (1007, 5, 40, false),
            ]
        );
    }

    #[test]
    fn error_of_a_short_file_states_the_furthest_sample() {
        let samples = read(&stbl(None, &[7, 5]), 1020).unwrap();
        let error = samples.finish(Stream::Audio).unwrap_err();
        let MediaError::Truncated { needed, size, .. } = error else { panic!("{error}") };
        assert_eq!((needed, size), (1021, 1020));
    }

    #[test]
    fn disagreeing_boxes_and_excessive_counts_are_refused() {
        let read = |ctts, stsz: &[u32]| read(&stbl(ctts, stsz), 4500);
        assert!(matches!(read(None, &[7, 6]), Err(MediaError::Malformed { .. })));
        assert!(matches!(read(None, &[7, u32::MAX]), Err(MediaError::TooLarge { .. })));
        assert!(matches!(read(Some(&[1, 2, 0]), &[7, 5]), Err(MediaError::Malformed { .. })));
        let large = read(None, &[u32::MAX / 32, 5]).unwrap_err();
        assert!(matches!(large, MediaError::TooLarge { .. }));
        let overlapping = read(None, &[1000, 5]).unwrap().finish(Stream::Video);
        assert!(matches!(overlapping, Err(MediaError::Malformed { .. })));
    }

    /// Boxes by their kind, and their words.
    type Boxes = Vec<(&'static [u8; 4], Vec<u32>)>;
    /// Damage, and a part of the error.
    type Case = (fn(&mut Boxes), &'static str);

    #[test]
    fn boxes_that_describe_more_samples_are_refused() {
        let error = |table: &[u8]| match read(table, 4500) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        let of = |change: fn(&mut Boxes)| {
            let mut boxes = vec![
                (b"stts", vec![2, 3, 10, 2, 20]),
                (b"ctts", vec![1, 5, 20]),
                (b"stss", vec![2, 1, 4]),
                (b"stsc", vec![2, 1, 2, 1, 2, 3, 1]),
                (b"stsz", vec![7, 5]),
                (b"stco", vec![2, 100, 1000]),
            ];
            change(&mut boxes);
            error(&boxes.iter().flat_map(|(kind, words)| full(kind, words)).collect::<Vec<_>>())
        };
        assert_eq!(of(|_| ()), "");
        let cases: [Case; 10] = [
            (|boxes| boxes[0].1[3] = 4, "'stts' describes 7 samples, but the track has 5"),
            (|boxes| boxes[0].1[1] = 2, "'stts' describes fewer"),
            (|boxes| boxes[1].1[1] = 335, "'ctts' describes 335 samples"),
            (|boxes| boxes[1].1[1] = 4, "'ctts' describes fewer"),
            (|boxes| boxes[2].1[2] = 6, "'stss' names sample 6 after 1"),
            (|boxes| boxes[2].1[2] = 1, "'stss' names sample 1 after 1"),
            (|boxes| boxes[3].1[5] = 4, "'stsc' describes 6 samples"),
            (|boxes| boxes[3].1[6] = 0x1001, "names sample description 4097, but box 'stsd' has 1"),
            (|boxes| boxes[3].1[4] = 3, "describes chunks 1 to 3, but box 'stco' has 2"),
            (|boxes| boxes[0].1 = vec![1, 5, 0], "have the duration 0"),
        ];
        for (change, part) in cases {
            let error = of(change);
            assert!(error.contains(part), "{error}, not {part}");
        }
    }

    #[test]
    fn small_file_cannot_declare_millions_of_samples() {
        let error = read(&stbl(None, &[1, 4501]), 4500).unwrap_err();
        let MediaError::TooLarge { value, limit, .. } = error else { panic!("{error}") };
        assert_eq!((value, limit), (4501, 4500));
        let mut samples = Samples::new(2);
        let sample = Sample { offset: 0, time: 0, duration: 0, size: 0, sync: true };
        assert!(samples.push(sample).is_ok() && samples.push(sample).is_ok());
        assert!(matches!(samples.push(sample), Err(MediaError::TooLarge { limit: 2, .. })));
    }
}
