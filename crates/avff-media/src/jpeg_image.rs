//! Decodes a JPEG file. A damaged one is an error.
//!
//! By default the decoder fills missing data with gray. Here it is strict, and [`jpeg_scan`] finds
//! damage that it does not see.

use zune_jpeg::{
    JpegDecoder,
    errors::DecodeErrors,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::jpeg_scan;

/// A JPEG file with a parsed header.
pub(crate) struct JpegImage {
    file: Vec<u8>,
    /// Width and height.
    size: (u16, u16),
    exif: Option<Vec<u8>>,
}

impl JpegImage {
    /// Reads the header of a file.
    ///
    /// # Errors
    ///
    /// The fault of the header.
    pub(crate) fn read(file: Vec<u8>) -> Result<Self, String> {
        let (size, exif) = {
            let mut decoder = decoder(&file);
            decoder.decode_headers().map_err(fault)?;
            let (width, height) = decoder.dimensions().ok_or("no size")?;
            let size = |value: usize| u16::try_from(value).map_err(|error| error.to_string());
            ((size(width)?, size(height)?), decoder.exif().cloned())
        };
        Ok(Self { file, size, exif })
    }

    /// Returns width and height.
    pub(crate) fn size(&self) -> (u32, u32) {
        (u32::from(self.size.0), u32::from(self.size.1))
    }

    /// Returns the EXIF data.
    pub(crate) fn exif(&self) -> Option<&[u8]> {
        self.exif.as_deref()
    }

    /// Decodes the pixels as RGB.
    ///
    /// # Errors
    ///
    /// The fault of the coded data.
    pub(crate) fn decode(&self) -> Result<Vec<u8>, String> {
        jpeg_scan::check(&self.file).map_err(|what| format!("invalid JPEG: {what}"))?;
        let (size, rgb) = decode_verified(&self.file, |_| Ok(()))?;
        if size != self.size() {
            return Err("its size changed".into());
        }
        Ok(rgb)
    }
}

/// Decodes a file whose bytes are known to be those that were written, for example by a checksum:
/// damage within the coded data is not looked for. `check` may refuse width and height before the
/// pixels are decoded. Returns both, and the pixels as RGB.
///
/// # Errors
///
/// The fault of the file.
pub(crate) fn decode_verified(
    file: &[u8],
    check: impl FnOnce((u32, u32)) -> Result<(), String>,
) -> Result<((u32, u32), Vec<u8>), String> {
    let mut decoder = decoder(file);
    decoder.decode_headers().map_err(fault)?;
    let (width, height) = decoder.dimensions().ok_or("no size")?;
    let side = |value: usize| u32::try_from(value).map_err(|error| error.to_string());
    let size = (side(width)?, side(height)?);
    check(size)?;
    let is_gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let space = if is_gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(fault)?;
    let expected = width * height * space.num_components();
    if pixels.len() != expected {
        return Err(format!("{} of {expected} values were decoded", pixels.len()));
    }
    Ok(match is_gray {
        true => (size, pixels.into_iter().flat_map(|level| [level; 3]).collect()),
        false => (size, pixels),
    })
}

fn decoder(file: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    // The caller refuses a large image by its size before it is decoded.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    JpegDecoder::new_with_options(ZCursor::new(file), options)
}

fn fault(error: DecodeErrors) -> String {
    // Messages of this kind are text in quotes.
    let text = match error {
        DecodeErrors::Format(text) => text,
        DecodeErrors::FormatStatic(text) => text.to_owned(),
        error => error.to_string(),
    };
    format!("invalid JPEG: {text}")
}
