//! Where the samples of an MP4 file lie, for tests. Integration tests of this crate include the file.

use std::ops::Range;

/// Returns where the samples of the first track with the handler `kind` (`vide` or `soun`) of an MP4 file
/// lie, by its sample tables.
///
/// # Panics
/// If the file has no such track, or no tables.
#[must_use]
pub fn samples_of_mp4(bytes: &[u8], kind: &[u8; 4]) -> Vec<Range<usize>> {
    let find = |from: usize, kind: &[u8; 4]| {
        from + bytes[from..].windows(4).position(|window| window == kind).unwrap()
    };
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let track = find(0, kind);
    // The version of a box precedes its fields.
    let [sizes, chunks, runs] = [b"stsz", b"stco", b"stsc"].map(|kind| find(track, kind) + 8);
    let mut samples = Vec::new();
    for chunk in 0..word(chunks) {
        // The first chunk of each run, its number of samples and its description.
        let run = (0..word(runs)).map(|run| runs + 4 + 12 * run);
        let run = run.take_while(|&run| word(run) <= chunk + 1).last().unwrap();
        let mut start = word(chunks + 4 + 4 * chunk);
        for _ in 0..word(run + 4) {
            let common = word(sizes);
            let size = if common == 0 { word(sizes + 8 + 4 * samples.len()) } else { common };
            samples.push(start..start + size);
            start += size;
        }
    }
    samples
}
