//! Decodes the image files of a frame folder, as Pillow shows them.
//!
//! The orientation of EXIF is applied, as by `PIL.ImageOps.exif_transpose`: a frame is what a viewer
//! shows. Colors are those of Pillow's `convert("RGB")`: CMYK and YCCK are converted without their
//! color profile, and transparency is dropped.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::Path,
};

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::{exif, jpeg, mp4::MAX_DIMENSION, rotate::Turns};
use crate::{
    error::{MediaError, Stream},
    frame::Frame,
};

/// The limit on bytes of one image file.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// The limit on bytes of an image during decoding: 8192 by 8192 of 16-bit RGBA.
const MAX_DECODED_BYTES: u64 = 8 * MAX_DIMENSION * MAX_DIMENSION;

/// An image file with a parsed header.
pub(crate) struct ImageFile<'a> {
    path: &'a Path,
    decoder: Box<dyn ImageDecoder>,
    turns: Turns,
}

impl<'a> ImageFile<'a> {
    /// Reads the header of a PNG or JPEG file.
    ///
    /// # Errors
    ///
    /// `Damaged` with the file's name, `TooLarge`, `Io`.
    pub(crate) fn open(path: &'a Path) -> Result<Self, MediaError> {
        let damaged = |error| image_error(path, error);
        let size = fs::metadata(path)?.len();
        if size > MAX_FILE_BYTES {
            return Err(MediaError::TooLarge {
                what: "image file size in bytes",
                value: size,
                limit: MAX_FILE_BYTES,
            });
        }
        let mut reader = ImageReader::open(path)?.with_guessed_format()?;
        let mut limits = Limits::default();
        limits.max_image_width = u32::try_from(MAX_DIMENSION).ok();
        limits.max_image_height = limits.max_image_width;
        limits.max_alloc = Some(MAX_DECODED_BYTES);
        reader.limits(limits);
        let is_png = reader.format() == Some(ImageFormat::Png);
        if reader.format() == Some(ImageFormat::Jpeg) {
            let channels = jpeg::channels(&mut BufReader::new(File::open(path)?))?;
            if let Some(channels) = channels.filter(|channels| !matches!(channels, 1 | 3 | 4)) {
                let what = format!("{}: JPEG with {channels} channels", name(path));
                return Err(MediaError::Damaged { stream: Stream::Video, what });
            }
        }
        let mut decoder = reader.into_decoder().map_err(damaged)?;
        let exif = if is_png {
            exif::of_png(&mut BufReader::new(File::open(path)?))?
        } else {
            decoder.exif_metadata().map_err(damaged)?
        };
        let file =
            Self { path, decoder: Box::new(decoder), turns: exif::orientation(exif.as_deref()) };
        let (width, height) = file.size();
        for (what, value) in [("frame width", width), ("frame height", height)] {
            let value = u64::from(value);
            if value > MAX_DIMENSION {
                return Err(MediaError::TooLarge { what, value, limit: MAX_DIMENSION });
            }
        }
        Ok(file)
    }

    /// Returns width and height as displayed, before decoding.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.turns.size(self.decoder.dimensions())
    }

    /// Decodes the image.
    ///
    /// # Errors
    ///
    /// `Damaged` with the file's name, `Io`.
    pub(crate) fn decode(self) -> Result<Frame, MediaError> {
        let image = DynamicImage::from_decoder(self.decoder)
            .map_err(|error| image_error(self.path, error))?;
        let rgb = image.into_rgb8();
        Ok(self.turns.apply(Frame {
            width: rgb.width() as usize,
            height: rgb.height() as usize,
            rgb: rgb.into_raw(),
        }))
    }
}

/// Returns the name of a file, for messages.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn image_error(path: &Path, error: ImageError) -> MediaError {
    match error {
        ImageError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            MediaError::Io(error)
        }
        error => {
            MediaError::Damaged { stream: Stream::Video, what: format!("{}: {error}", name(path)) }
        }
    }
}
