//! Reads the `fmt ` chunk: `WAVEFORMAT`, `WAVEFORMATEX` and `WAVEFORMATEXTENSIBLE` of Microsoft's
//! mmreg.h.

use std::io::Read;

use super::malformed;
use crate::{
    error::{MediaError, Stream},
    pcm::{Coding, Pcm},
};

/// The tag of uncompressed integers.
const TAG_PCM: u16 = 1;
/// The tag of floats.
const TAG_FLOAT: u16 = 3;
/// The tag of a format whose real tag is in a GUID.
const TAG_EXTENSIBLE: u16 = 0xfffe;
/// The end of a GUID whose first two bytes are a tag (`KSDATAFORMAT_SUBTYPE_WAVEFORMATEX`).
const TAG_GUID: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/// The end of a GUID of Ambisonic B-format, whose first two bytes are a tag as well.
const AMBISONIC_GUID: [u8; 14] =
    [0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0];
/// Bytes that are read of the chunk; no field lies beyond them.
const MAX_BYTES: u64 = 64;

/// Reads a `fmt ` chunk of `length` bytes.
///
/// # Errors
///
/// `Malformed` where the chunk ends early or its values do not fit together, `UnsupportedCodec` for
/// compressed audio, `Io`.
pub(super) fn format(file: &mut impl Read, length: u64) -> Result<Pcm, MediaError> {
    let mut body = Vec::new();
    file.take(length.min(MAX_BYTES)).read_to_end(&mut body)?;
    let short = || malformed("chunk 'fmt ' is truncated");
    let word = |at: usize| {
        body.get(at..).and_then(<[u8]>::first_chunk::<2>).map(|b| u16::from_le_bytes(*b))
    };
    let unsupported = |codec| MediaError::UnsupportedCodec { stream: Stream::Audio, codec };
    let tag = match word(0).ok_or_else(short)? {
        TAG_EXTENSIBLE => {
            let tag = word(24).ok_or_else(short)?;
            let guid = body.get(26..40).ok_or_else(short)?;
            if guid != TAG_GUID && guid != AMBISONIC_GUID {
                return Err(unsupported("WAV of an extensible format with an unknown GUID".into()));
            }
            tag
        }
        tag => tag,
    };
    let channels = word(2).ok_or_else(short)?;
    let rate = body.get(4..).and_then(<[u8]>::first_chunk::<4>).ok_or_else(short)?;
    let bits = word(14).ok_or_else(short)?;
    let coding = match (tag, bits) {
        (TAG_PCM, 8) => Coding::Unsigned8,
        (TAG_PCM, _) => Coding::Signed,
        (TAG_FLOAT, _) => Coding::Float,
        _ => return Err(unsupported(format!("WAV of format 0x{tag:04x}"))),
    };
    let rate = u32::from_le_bytes(*rate);
    Pcm::new(coding, u32::from(bits), false, u32::from(channels), rate).ok_or_else(|| {
        malformed(format!("{bits} bits, {channels} channels and {rate} Hz are not a valid format"))
    })
}
