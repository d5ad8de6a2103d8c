//! Damage that cannot be found, each with its reason and how often it may occur.
//!
//! A kind of damage that is mostly found has a small share, so that a check that no longer works is a fault.

/// An entry of the list.
pub struct Entry {
    pub kind: &'static str,
    /// The reader, or `""` for all.
    pub reader: &'static str,
    /// The start of the site ([`super::kinds::Damaged::site`]).
    pub site: &'static str,
    /// The largest share of the mutants at such sites that may change a score.
    pub share: f64,
    pub reason: &'static str,
}

const fn entry(kind: &'static str, site: &'static str, share: f64, reason: &'static str) -> Entry {
    Entry { kind, reader: "", site, share, reason }
}

const fn ffmpeg(kind: &'static str, site: &'static str, share: f64, reason: &'static str) -> Entry {
    Entry { kind, reader: "ffmpeg", site, share, reason }
}

/// The list. The first entry that fits counts.
pub const LIST: &[Entry] = &[
    entry(
        "structure",
        "name of ",
        0.15,
        "a box of an unknown name is skipped, as the standard demands",
    ),
    entry("structure", "elst", 0.5, "any segment of an edit list is a valid one"),
    entry("structure", "stts", 0.2, "any duration is a valid one"),
    entry("structure", "ctts", 0.5, "any display time is a valid one"),
    entry("structure", "mvhd", 0.2, "any time scale is a valid one"),
    entry("structure", "mdhd", 0.2, "any time scale is a valid one"),
    entry("structure", "tkhd", 0.1, "any rotation is a valid one"),
    entry("structure", "twos", 0.3, "any sample rate is a valid one"),
    entry("structure", "avcC", 0.1, "a parameter set without a checksum"),
    entry("structure", "colr", 0.5, "any matrix of colors is a valid one"),
    entry("structure", "pasp", 0.5, "any shape of pixels is a valid one"),
    entry("structure", "tfhd", 0.4, "any duration is a valid one"),
    entry("structure", "trun", 0.4, "any duration is a valid one"),
    entry("structure", "tfdt", 0.4, "a fragment may start a little late"),
    entry("structure", "stco", 0.05, "uncompressed audio can be anywhere in the file"),
    entry(
        "slice payload",
        "CABAC",
        0.005,
        "one in a thousand damaged codes ends where its slice ends",
    ),
    entry("slice payload", "CAVLC, bit", 0.5, "another code of the same length"),
    entry("slice payload", "CAVLC", 0.25, "another code of the same length"),
    entry("slice payload", "HEVC", 0.8, "FFmpeg does not check where the codes of a slice end"),
    entry("slice payload", "AV1", 1.0, "the decoder does not check where the codes end"),
    entry("audio payload", "PCM", 1.0, "numbers without a checksum"),
    entry("audio payload", "AAC", 0.45, "values without a checksum"),
    entry("audio payload", "ALAC", 0.6, "values without a checksum"),
    entry("audio payload", "MP3", 0.9, "values without a checksum"),
    entry("lost packets", "audio at the end", 1.0, "nothing follows the gap"),
    entry("lost packets", "uncompressed samples", 1.0, "a gap of less than 10 ms is rounding"),
    entry("lost packets", "frames at the end of a clip", 1.0, "nothing follows the gap"),
    entry("lost packets", "frames that no other", 0.25, "a few frames have no constant rate"),
    ffmpeg("transport packets", "missing at the", 1.0, "nothing precedes or follows the gap"),
    ffmpeg("transport packets", "zeros at the", 1.0, "nothing precedes or follows the gap"),
    ffmpeg("lost bytes", "webm, zeros", 0.25, "values of VP8, VP9, Opus and Vorbis have no check"),
    ffmpeg("lost bytes", "mkv, zeros", 0.25, "values of Vorbis have no check"),
    ffmpeg("lost bytes", "avi, zeros", 0.25, "values of MP3 have no check"),
    entry("pictures", "jpg, cut", 0.0, "a cut JPEG is refused"),
    entry("pictures", "jpg", 0.5, "JPEG has no checksum"),
    entry("pictures", "wav", 1.0, "numbers without a checksum"),
    entry("text", "manifest, bit, values", 1.0, "another value of a cell"),
    entry("text", "manifest, sign, values", 1.0, "other values in the cells of a row"),
    entry("text", "manifest, line", 1.0, "a table of other rows"),
    entry("text", "manifest, cut", 0.3, "a table of fewer rows"),
    entry("text", "config, bit, values", 1.0, "another value of a key"),
    entry("text", "config, sign, values", 1.0, "another value of a key"),
    entry("text", "recipe, bit, values", 0.2, "another value of a key"),
    entry("text", "recipe, sign, values", 0.2, "another value of a key"),
    entry("text", "recipe, line", 0.2, "a recipe of fewer keys"),
    entry("text", "recipe, cut", 0.3, "a recipe of fewer keys"),
];

/// Returns the place of damage in the list.
pub fn find(kind: &str, reader: &str, site: &str) -> Option<usize> {
    LIST.iter().position(|entry| {
        entry.kind == kind
            && site.starts_with(entry.site)
            && (entry.reader.is_empty() || entry.reader == reader)
    })
}
