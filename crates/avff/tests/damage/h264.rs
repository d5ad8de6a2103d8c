//! The NAL units of H.264 samples whose lengths have four bytes.

use std::ops::Range;

/// The types of NAL units that hold slices: of other pictures and of IDR pictures.
const SLICES: [u8; 2] = [1, 5];
/// Bytes that the longest slice header of the fixtures takes, with room.
const HEADER: usize = 16;

/// Returns the NAL units of a sample.
pub fn units(sample: &[u8]) -> Vec<Range<usize>> {
    let mut units = Vec::new();
    let mut at = 0;
    while let Some(length) = sample.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        units.push(at + 4..at + 4 + length);
        at += 4 + length;
    }
    units
}

/// Returns the slice data of a sample, behind the headers. Small slices have none.
pub fn slice_data(sample: &[u8]) -> Vec<Range<usize>> {
    let slices =
        units(sample).into_iter().filter(|unit| SLICES.contains(&(sample[unit.start] & 31)));
    slices
        .filter(|unit| unit.len() > 2 * HEADER)
        .map(|unit| unit.start + HEADER..unit.end)
        .collect()
}

/// Returns whether other pictures can refer to the picture of a sample.
pub fn is_reference(sample: &[u8]) -> bool {
    units(sample)
        .iter()
        .any(|unit| SLICES.contains(&(sample[unit.start] & 31)) && sample[unit.start] >> 5 & 3 != 0)
}

/// Returns whether a sample holds an IDR picture.
pub fn is_idr(sample: &[u8]) -> bool {
    units(sample).iter().any(|unit| sample[unit.start] & 31 == 5)
}

/// Splits an Annex B stream into the parameter sets and the samples, one for each picture.
pub fn pictures(stream: &[u8]) -> ([Vec<u8>; 2], Vec<Vec<u8>>) {
    let starts: Vec<usize> =
        (0..stream.len() - 3).filter(|&at| stream[at..].starts_with(&[0, 0, 1])).collect();
    let mut sets = [Vec::new(), Vec::new()];
    let mut samples: Vec<Vec<u8>> = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(stream.len());
        let mut unit = &stream[start + 3..end];
        while let [rest @ .., 0] = unit {
            unit = rest;
        }
        match unit[0] & 31 {
            7 => sets[0] = unit.to_vec(),
            8 => sets[1] = unit.to_vec(),
            1 | 5 => {
                // A picture starts with macroblock 0, whose number is the single bit 1.
                if unit[1] & 0x80 != 0 {
                    samples.push(Vec::new());
                }
                let sample = samples.last_mut().unwrap();
                sample.extend(u32::try_from(unit.len()).unwrap().to_be_bytes());
                sample.extend(unit);
            }
            _ => {}
        }
    }
    (sets, samples)
}
