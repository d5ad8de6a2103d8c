//! The limits of the MP4 reader. Each limit is far above real clips. It keeps a hostile file from
//! using memory or time out of proportion to its size.

/// Bytes of the `moov` box; two million samples need about half.
pub(crate) const MAX_MOOV_BYTES: u64 = 64 << 20;

/// Bytes of one `moof` box.
pub(crate) const MAX_MOOF_BYTES: u64 = 16 << 20;
/// The largest `mfra` box, in bytes: an entry takes 11 to 28.
pub(crate) const MAX_MFRA_BYTES: u64 = 16 << 20;

/// Boxes at the top level of the file; a fragmented file of 24 hours has fewer.
pub(crate) const MAX_TOP_BOXES: usize = 200_000;

/// Tracks in a movie.
pub(crate) const MAX_TRACKS: usize = 64;

/// Samples in a track: twelve hours of AAC at 48 kHz.
pub(crate) const MAX_SAMPLES: usize = 1 << 21;

/// Bytes of one coded picture or audio packet.
pub(crate) const MAX_SAMPLE_BYTES: u64 = 64 << 20;

/// Width and height of a frame, in pixels.
pub(crate) const MAX_DIMENSION: u64 = 8192;
