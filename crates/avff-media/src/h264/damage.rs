//! The parts of an H.264 track that depend on damaged samples.
//!
//! Pictures refer to pictures before them, back to an IDR picture. A fault may show later than the
//! damage: the decoder goes on after most damage and fails at a later picture. So all pictures from
//! the IDR picture before a fault to the next IDR picture count as damaged.

use std::{ops::Range, sync::Arc};

use super::VideoTrack;
use crate::{
    error::{DamageCode, DamagedPart, MAX_DAMAGED_PARTS, MediaError, Stream, message_of},
    interleaving::Interleaving,
    mp4::Sample,
};

/// How much longer than usual the sample before missing frames lasts at least.
const LONGER: f64 = 1.75;

impl VideoTrack {
    /// Returns the number of the group of a sample, from 0. A group starts with an IDR picture.
    fn group_number(&self, index: usize) -> usize {
        self.idr_samples.partition_point(|&start| start <= index)
    }

    /// Returns the samples that depend on each other and on sample `index`: from an IDR picture to the
    /// next one.
    fn group(&self, index: usize) -> Range<usize> {
        let next = self.group_number(index);
        let start = next.checked_sub(1).and_then(|at| self.idr_samples.get(at));
        let end = self.idr_samples.get(next).copied().unwrap_or(self.samples.len());
        start.copied().unwrap_or(0)..end
    }

    /// Returns when the frames are shown that may be damaged with sample `index`; `None` where none of
    /// its group is shown.
    fn part(&self, index: usize, message: String) -> Option<DamagedPart> {
        let group = self.group(index);
        let span = self.presented.span_of(|index| group.contains(&index))?;
        let bytes = self.samples.get(index).map(bytes_of);
        let (start, end) = match bytes.zip(self.places.as_ref()) {
            Some((bytes, places)) => places.extend(&bytes, span),
            None => span,
        };
        let (stream, code) = (Stream::Video, DamageCode::Damaged);
        Some(DamagedPart { start, end, stream, code, message })
    }

    /// Returns where the samples lie, and when the frames are shown that depend on each: those from it to
    /// the end of its group.
    pub(crate) fn places(&self) -> Vec<(Range<u64>, (f64, f64))> {
        let mut shown = self.presented.spans(self.samples.len());
        let mut places = Vec::new();
        let mut later: Option<(usize, (f64, f64))> = None;
        for (index, sample) in self.samples.iter().enumerate().rev() {
            let group = self.group_number(index);
            let after = later.filter(|(number, _)| *number == group).map(|(_, span)| span);
            let own = shown.pop().flatten();
            let Some(span) = own.into_iter().chain(after).reduce(join) else { continue };
            later = Some((group, span));
            places.push((bytes_of(sample), span));
        }
        places
    }

    /// Sets what lies near the samples.
    pub(crate) fn set_places(&mut self, places: Arc<Interleaving>) {
        self.places = Some(places);
    }

    /// Adds to an error at sample `index` which part of the clip depends on it, where the rest of the
    /// clip is to be read.
    pub(super) fn located(&self, index: usize, error: MediaError) -> MediaError {
        if self.damage.is_refuse() {
            return error;
        }
        match message_of(error) {
            Ok(what) => match self.part(index, what.clone()) {
                Some(part) => MediaError::DamagedPart(part),
                None => super::damaged(what),
            },
            Err(error) => error,
        }
    }

    /// Returns the parts that depend on samples that were found to be faulty.
    ///
    /// # Errors
    ///
    /// The first fault where too many parts are damaged.
    pub(crate) fn faulty(&self) -> Result<Vec<DamagedPart>, MediaError> {
        let mut parts: Vec<DamagedPart> = Vec::new();
        for (index, what) in &self.faults {
            if parts.len() >= MAX_DAMAGED_PARTS {
                return Err(super::damaged(what.clone()));
            }
            let within = |part: &DamagedPart| {
                parts.last().is_some_and(|last| last.start <= part.start && part.end <= last.end)
            };
            let part = self.part(*index, what.clone()).filter(|part| !within(part));
            parts.extend(part);
        }
        Ok(parts)
    }

    /// Returns whether the times of the container show that frames are missing before sample `index`.
    /// Without such a gap, all later frames are out of their places.
    pub(super) fn shows_gap_before(&self, index: usize) -> bool {
        let mut durations: Vec<u32> = self.samples.iter().map(|sample| sample.duration).collect();
        let before = index.checked_sub(1).and_then(|before| durations.get(before)).copied();
        durations.sort_unstable();
        let usual = durations.get(durations.len() / 2).copied().unwrap_or(0);
        let equal = durations.iter().filter(|&&duration| duration == usual).count();
        let constant = equal * 10 >= durations.len() * 9;
        constant && before.is_some_and(|before| f64::from(before) >= LONGER * f64::from(usual))
    }
}

fn join(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Returns where a sample lies in the file.
pub(crate) fn bytes_of(sample: &Sample) -> Range<u64> {
    sample.offset..sample.offset.saturating_add(u64::from(sample.size))
}
