//! Bounds the memory of the frames that a decoder holds.
//!
//! A small file can make a decoder hold many large frames: a still picture costs a few bytes per
//! frame. So the bytes of all frames have a limit: those that the stream declares, and those that the
//! decoder can hold whatever the stream declares. The second limit is higher. FFmpeg decodes HEVC
//! whose slices refer to more frames than its parameter sets allow, but only a hostile stream does.

use video_rs::ffmpeg::{codec::Id, format::Pixel};

use crate::error::MediaError;

/// The limit on the bytes of the frames that a stream declares: 640 MiB, seven frames of HEVC with
/// 8192 x 4608 pixels of 8 bit 4:2:0.
const MAX_DECLARED_BYTES: u64 = 640 << 20;
/// The limit on the bytes of the frames that the decoder can hold.
const MAX_BYTES: u64 = 2 << 30;

/// The samples of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Samples for four pixels.
    pub(super) quarters: u64,
    /// Bytes of a sample.
    pub(super) sample_bytes: u64,
}

impl Layout {
    fn of(format: Pixel) -> Self {
        let Some(format) = format.descriptor() else {
            // An unknown format is 8 bit 4:2:0 until the first frame is decoded.
            return Self { quarters: 6, sample_bytes: 1 };
        };
        let chroma = 4_u64 >> (format.log2_chroma_w() + format.log2_chroma_h()).min(4);
        let quarters = match u64::from(format.nb_components()) {
            color @ 3.. => 4 + 2 * chroma + 4 * (color - 3),
            gray => 4 * gray,
        };
        let bits = u64::try_from(format.bits_per_pixel()).unwrap_or(64);
        // Samples of more than 8 bits take 2 bytes.
        Self { quarters, sample_bytes: (4 * bits).div_ceil(quarters.max(1)).div_ceil(8).max(1) }
    }

    /// Returns the bytes of a frame with its motion vectors.
    fn bytes(self, codec: Id, [width, height]: [u64; 2]) -> u64 {
        // In quarters of a byte for each pixel: 12 bytes for 16 or 64 pixels, and what belongs to them.
        let motion = if matches!(codec, Id::VP9 | Id::AV1) { 1 } else { 3 };
        let quarters = self.quarters * self.sample_bytes + motion;
        width.saturating_mul(height).saturating_mul(quarters) / 4
    }
}

/// Checks the memory of `frames` frames that a stream declares. The decoder holds one more, which it
/// returned last.
///
/// # Errors
///
/// `TooLarge`.
pub(super) fn check_declared(
    codec: Id,
    size: [u64; 2],
    layout: Layout,
    frames: u64,
) -> Result<(), MediaError> {
    check(layout.bytes(codec, size).saturating_mul(frames + 1), MAX_DECLARED_BYTES)
}

/// Checks the memory of the frames that a decoder of `codec` can hold, and returns it in bytes.
/// `references` is the number that the stream declares, and `reordered` says whether frames wait for
/// their display turn.
///
/// # Errors
///
/// `TooLarge`.
pub(super) fn check_held(
    codec: Id,
    (width, height): (u32, u32),
    format: Pixel,
    (references, reordered): (usize, bool),
) -> Result<u64, MediaError> {
    let (layout, size) = (Layout::of(format), [width, height].map(u64::from));
    let (declared, held) = match codec {
        Id::H264 => {
            // MAX_DELAYED_PIC_COUNT of FFmpeg.
            let declared = references as u64 + 1;
            (declared, declared + if reordered { 16 } else { 0 })
        }
        // The parameter sets declare a number, which is checked where they are.
        Id::HEVC => (1, 17),
        _ => (held(codec) - 1, held(codec)),
    };
    check_declared(codec, size, layout, declared)?;
    let bytes = layout.bytes(codec, size).saturating_mul(held);
    check(bytes, MAX_BYTES)?;
    Ok(bytes)
}

fn check(value: u64, limit: u64) -> Result<(), MediaError> {
    let what = "memory for the decoder's frames in bytes";
    if value > limit { Err(MediaError::TooLarge { what, value, limit }) } else { Ok(()) }
}

/// Returns the largest number of frames that a decoder holds: references, the current frame, and a
/// frame that was returned.
fn held(codec: Id) -> u64 {
    match codec {
        Id::MJPEG
        | Id::PRORES
        | Id::DNXHD
        | Id::DVVIDEO
        | Id::RAWVIDEO
        | Id::HUFFYUV
        | Id::FFVHUFF
        | Id::UTVIDEO
        | Id::PNG
        | Id::JPEG2000
        | Id::V210 => 2,
        Id::FFV1 => 3,
        Id::MPEG1VIDEO
        | Id::MPEG2VIDEO
        | Id::MPEG4
        | Id::MSMPEG4V1
        | Id::MSMPEG4V2
        | Id::MSMPEG4V3
        | Id::H263
        | Id::H263P
        | Id::FLV1
        | Id::WMV1
        | Id::WMV2
        | Id::WMV3
        | Id::VC1
        | Id::RV10
        | Id::RV20
        | Id::RV30
        | Id::RV40 => 4,
        Id::VP3 | Id::THEORA | Id::VP5 | Id::VP6 | Id::VP6F | Id::VP8 => 5,
        // Eight slots of references (VP9 section 7.2, AV1 section 7.20).
        Id::VP9 | Id::AV1 => 10,
        // The references of H.265 and H.266, the current frame.
        _ => 17,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_frame_has_the_bytes_of_its_format() {
        let of = |format| {
            Layout::of(format).bytes(Id::HEVC, [64, 32]) as f64 / f64::from(64 * 32) - 0.75
        };
        for (format, expected) in [
            (Pixel::GRAY8, 1.0),
            (Pixel::YUV420P, 1.5),
            (Pixel::YUVJ420P, 1.5),
            (Pixel::NV12, 1.5),
            (Pixel::YUV422P, 2.0),
            (Pixel::YUV444P, 3.0),
            (Pixel::YUV420P10LE, 3.0),
            (Pixel::YUV422P10LE, 4.0),
            (Pixel::YUV444P12LE, 6.0),
            (Pixel::YUVA420P, 2.5),
            (Pixel::RGB24, 3.0),
            (Pixel::RGBA, 4.0),
            (Pixel::RGBA64LE, 8.0),
            (Pixel::None, 1.5),
        ] {
            assert_eq!(of(format), expected, "{format:?}");
        }
    }

    #[test]
    fn large_frames_of_many_references_are_refused() {
        let fits = |codec, size, format, references| {
            check_held(codec, size, format, (references, true)).is_ok()
        };
        let (uhd, large) = ((7680, 4320), (8192, 4608));
        for format in [Pixel::YUV420P, Pixel::YUV420P10LE] {
            assert!(fits(Id::HEVC, uhd, format, 0));
            for codec in [Id::VP9, Id::AV1] {
                assert!(fits(codec, (3840, 2160), format, 0));
                assert_eq!(fits(codec, large, format, 0), format == Pixel::YUV420P);
            }
        }
        assert!(fits(Id::HEVC, (3840, 2160), Pixel::YUV444P12LE, 0));
        assert!(!fits(Id::HEVC, large, Pixel::YUV444P12LE, 0));
        assert!(fits(Id::MPEG4, large, Pixel::YUV420P, 0));
        assert!(fits(Id::H264, large, Pixel::YUV420P, 4));
        assert!(fits(Id::H264, (3840, 2160), Pixel::YUV422P10LE, 4));
        assert!(!fits(Id::H264, (3840, 2160), Pixel::YUV422P10LE, 16));
        let error = check_held(Id::H264, large, Pixel::YUV420P, (7, true)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "memory for the decoder's frames in bytes of 764411904 is over the limit of 671088640"
        );
        let held = check_held(Id::H264, large, Pixel::YUV420P, (4, true)).unwrap();
        assert_eq!(held, 21 * 8192 * 4608 * 9 / 4);
    }
}
