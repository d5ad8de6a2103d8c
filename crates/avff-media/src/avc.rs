//! Parses H.264 as MP4 stores it: parameter sets in a configuration record, length-prefixed NAL
//! units.

use super::{
    mp4::{Fields, malformed},
    sps::Sps,
};
use crate::error::MediaError;

/// The NAL unit type of a coded slice of an IDR picture (ITU-T H.264 Table 7-1).
pub(crate) const NAL_IDR: u8 = 5;
/// The NAL unit type of a sequence parameter set.
pub(crate) const NAL_SPS: u8 = 7;

/// The decoder configuration record of an `avcC` box (ISO/IEC 14496-15 section 5.3.3).
#[derive(Debug, Clone)]
pub(crate) struct AvcConfig {
    /// Bytes of the length field before each NAL unit, 1 to 4.
    pub(crate) length_size: usize,
    /// The parameter sets, each after an Annex B start code.
    pub(crate) annex_b: Vec<u8>,
    /// The first sequence parameter set, with its NAL header; empty where the record has none.
    pub(crate) sps: Vec<u8>,
}

impl AvcConfig {
    /// Reads the body of an `avcC` box.
    ///
    /// # Errors
    ///
    /// `Malformed` where the box ends early or a set holds a start code. Also the errors of
    /// [`Sps::read`] for any sequence parameter set after the first.
    pub(crate) fn read(body: &[u8]) -> Result<Self, MediaError> {
        let mut fields = Fields::new("avcC", body);
        if fields.u8()? != 1 {
            return Err(malformed("box 'avcC' has an unknown version"));
        }
        fields.take(3)?;
        let length_size = usize::from(fields.u8()? & 3) + 1;
        let mut config = Self { length_size, annex_b: Vec::new(), sps: Vec::new() };
        let sequence_sets = fields.u8()? & 31;
        for _ in 0..sequence_sets {
            let length = usize::from(fields.u16()?);
            let set = whole_nal(fields.take(length)?)?;
            if config.sps.is_empty() {
                config.sps = set.to_vec();
            } else {
                check_further(set)?;
            }
            push_nal(&mut config.annex_b, set);
        }
        for _ in 0..fields.u8()? {
            let length = usize::from(fields.u16()?);
            let set = whole_nal(fields.take(length)?)?;
            check_further(set)?;
            push_nal(&mut config.annex_b, set);
        }
        Ok(config)
    }
}

/// Applies the checks of the first set to every further set, as the decoder may use any of them.
fn check_further(set: &[u8]) -> Result<(), MediaError> {
    if nal_type(set) == Some(NAL_SPS) {
        Sps::read(set)?;
    }
    Ok(())
}

fn whole_nal(set: &[u8]) -> Result<&[u8], MediaError> {
    if has_start_code(set) {
        return Err(malformed("box 'avcC' has a parameter set with a start code in it"));
    }
    Ok(set)
}

/// Returns whether a NAL unit holds a start code, which escapes keep out of every valid unit (ITU-T
/// H.264 section 7.4.1). The decoder would treat the bytes after it as a unit that was never
/// checked.
pub(crate) fn has_start_code(nal: &[u8]) -> bool {
    let mut zeros = 0;
    nal.iter().any(|&byte| {
        let complete = byte == 1 && zeros >= 2;
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        complete
    })
}

/// Appends a NAL unit after an Annex B start code.
pub(crate) fn push_nal(annex_b: &mut Vec<u8>, nal: &[u8]) {
    annex_b.extend_from_slice(&[0, 0, 0, 1]);
    annex_b.extend_from_slice(nal);
}

/// Iterates over the NAL units of a sample, each after its length field.
#[derive(Debug, Clone)]
pub(crate) struct Nals<'a> {
    length_size: usize,
    rest: &'a [u8],
}

impl<'a> Nals<'a> {
    /// Starts at the first byte of a sample.
    pub(crate) fn new(sample: &'a [u8], length_size: usize) -> Self {
        Self { length_size, rest: sample }
    }
}

impl<'a> Iterator for Nals<'a> {
    /// The inner `None` means a length that runs past the sample.
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let nal = self.rest.split_at_checked(self.length_size).and_then(|(length, rest)| {
            let length = length.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
            rest.split_at_checked(length)
        });
        self.rest = nal.map_or(&[], |(_, rest)| rest);
        Some(nal.map(|(nal, _)| nal))
    }
}

/// Returns the NAL units of a sample.
///
/// # Errors
///
/// What is wrong, for a message.
pub(crate) fn whole_nals(sample: &[u8], length_size: usize) -> Result<Vec<&[u8]>, String> {
    let nals: Option<Vec<&[u8]>> = Nals::new(sample, length_size).collect();
    nals.ok_or_else(|| "a NAL unit runs past the end of the sample".to_owned())
}

/// Returns the type of a NAL unit: the low five bits of its first byte.
pub(crate) fn nal_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| byte & 31)
}

/// Returns whether no other picture needs a NAL unit: a slice of a non-reference picture
/// (`nal_ref_idc` of 0), supplemental information, a delimiter or filler.
pub(crate) fn is_disposable(nal: &[u8]) -> bool {
    match nal_type(nal) {
        Some(6 | 9 | 12) => true,
        _ => is_slice(nal) && nal.first().is_some_and(|byte| byte & 0x60 == 0),
    }
}

/// Returns whether a NAL unit holds a coded slice.
pub(crate) fn is_slice(nal: &[u8]) -> bool {
    nal_type(nal).is_some_and(|kind| (1..=5).contains(&kind))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn unit_past_the_end_of_its_sample_is_detected() {
        let sample = [0, 2, 9, 8, 0, 5, 1];
        let nals: Vec<_> = Nals::new(&sample, 2).collect();
        assert_eq!(nals, [Some(&sample[2..4]), None]);
        assert_eq!(Nals::new(&sample[..1], 2).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn record_yields_its_parameter_sets_or_an_error() {
        let body = [1, 100, 0, 30, 0xff, 0xe1, 0, 3, 0x67, 1, 2, 1, 0, 2, 0x68, 3];
        let config = AvcConfig::read(&body).unwrap();
        assert_eq!((config.length_size, config.sps.as_slice()), (4, &[0x67, 1, 2][..]));
        assert_eq!(config.annex_b, [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3]);
        for length in 0..body.len() {
            assert!(AvcConfig::read(&body[..length]).is_err(), "{length} bytes were enough");
        }
    }

    #[test]
    fn start_code_inside_a_unit_is_detected() {
        for nal in [&[0x67, 0, 0, 1, 0x67][..], &[0, 0, 1], &[6, 0, 0, 0, 1]] {
            assert!(has_start_code(nal), "{nal:?}");
        }
        for nal in [&[0x67, 0, 0, 3, 1][..], &[0, 1, 0, 2], &[0, 0], &[1, 0, 0]] {
            assert!(!has_start_code(nal), "{nal:?}");
        }
        let body = [1, 100, 0, 30, 0xff, 0xe1, 0, 4, 0x67, 0, 0, 1, 0];
        assert!(matches!(AvcConfig::read(&body), Err(MediaError::Malformed { .. })));
        let hidden = [1, 100, 0, 30, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 2, 0x67, 100];
        assert!(matches!(AvcConfig::read(&hidden), Err(MediaError::Damaged { .. })));
    }

    #[test]
    fn unreferenced_units_are_disposable() {
        // A B picture, a P picture, an IDR picture, supplemental information, a parameter set, an
        // empty unit.
        let heads: [&[u8]; 6] =
            [&[0x01, 0x9e], &[0x41, 0x9a], &[0x65, 0x88], &[0x06, 5], &[0x68, 1], &[]];
        assert_eq!(heads.map(is_disposable), [true, false, false, true, false, false]);
        assert_eq!(heads.map(is_slice), [true, true, true, false, false, false]);
    }
}
