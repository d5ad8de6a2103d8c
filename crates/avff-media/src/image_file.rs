//! Decodes the image files of a frame folder, as Pillow shows them.
//!
//! The orientation of EXIF is applied, as by `PIL.ImageOps.exif_transpose`: a frame is what a viewer
//! shows. Colors are those of Pillow's `convert("RGB")`: CMYK and YCCK are converted without their
//! color profile, and transparency is dropped.

use std::{
    fs::{self, File},
    io::{self, BufReader, Cursor, Read as _},
    path::Path,
};

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::{
    exif, jpeg,
    jpeg_image::{JpegImage, decode_verified},
    mp4::MAX_DIMENSION,
    png_chunks,
    rotate::Turns,
};
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
    image: Image,
    turns: Turns,
}

/// An image by its format.
enum Image {
    Jpeg(JpegImage),
    /// PNG; other formats are refused.
    Png(Box<dyn ImageDecoder>),
}

impl<'a> ImageFile<'a> {
    /// Reads the header of a PNG or JPEG file.
    ///
    /// # Errors
    ///
    /// `Damaged` or `UnsupportedCodec` with the file's name, `TooLarge`, `Io`.
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
        let file = if reader.format() == Some(ImageFormat::Jpeg) {
            let mut bytes = Vec::new();
            File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
            let channels = jpeg::channels(&mut BufReader::new(Cursor::new(&bytes)))?;
            if let Some(channels) = channels.filter(|channels| !matches!(channels, 1 | 3 | 4)) {
                let codec = format!("JPEG with {channels} channels ({})", name(path));
                return Err(MediaError::UnsupportedCodec { stream: Stream::Video, codec });
            }
            let image = JpegImage::read(bytes).map_err(|what| jpeg_error(path, &what))?;
            let turns = exif::orientation(image.exif());
            Self { path, image: Image::Jpeg(image), turns }
        } else {
            reader.limits(limits());
            let decoder = reader.into_decoder().map_err(damaged)?;
            let exif = exif::of_png(&mut BufReader::new(File::open(path)?))?;
            let turns = exif::orientation(exif.as_deref());
            Self { path, image: Image::Png(Box::new(decoder)), turns }
        };
        check_sides(file.size())?;
        Ok(file)
    }

    /// Returns width and height as displayed, before decoding.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.turns.size(match &self.image {
            Image::Jpeg(image) => image.size(),
            Image::Png(decoder) => decoder.dimensions(),
        })
    }

    /// Decodes the image.
    ///
    /// # Errors
    ///
    /// `Damaged` with the file's name, `Io`.
    pub(crate) fn decode(self) -> Result<Frame, MediaError> {
        let path = self.path;
        let (size, rgb) = match self.image {
            Image::Jpeg(image) => {
                (image.size(), image.decode().map_err(|what| jpeg_error(path, &what))?)
            }
            Image::Png(decoder) => {
                let image = DynamicImage::from_decoder(decoder);
                let rgb = image.map_err(|error| image_error(path, error))?.into_rgb8();
                (rgb.dimensions(), rgb.into_raw())
            }
        };
        Ok(self.turns.apply(Frame { width: size.0 as usize, height: size.1 as usize, rgb }))
    }
}

/// Decodes a PNG or JPEG file in memory that a checksum vouches for: damage that a decoder conceals
/// is not looked for. `name` is its name in messages. A turn that EXIF asks for is not applied.
///
/// # Errors
///
/// `Damaged` or `UnsupportedCodec` with the name, `TooLarge`.
pub fn verified_image(bytes: &[u8], name: &str) -> Result<Frame, MediaError> {
    let path = Path::new(name);
    let (size, rgb) = if bytes.starts_with(&[0xff, 0xd8]) {
        let mut too_large = None;
        let check = |size| {
            check_sides(size).map_err(|error| {
                let what = error.to_string();
                too_large = Some(error);
                what
            })
        };
        match decode_verified(bytes, check) {
            Ok(image) => image,
            Err(what) => return Err(too_large.unwrap_or_else(|| jpeg_error(path, &what))),
        }
    } else {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
        reader.limits(limits());
        let image = reader.decode().map_err(|error| image_error(path, error))?.into_rgb8();
        (image.dimensions(), image.into_raw())
    };
    Ok(Frame { width: size.0 as usize, height: size.1 as usize, rgb })
}

/// The limits on a PNG file.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = u32::try_from(MAX_DIMENSION).ok();
    limits.max_image_height = limits.max_image_width;
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    limits
}

fn check_sides((width, height): (u32, u32)) -> Result<(), MediaError> {
    for (what, value) in [("frame width", width), ("frame height", height)] {
        let value = u64::from(value);
        if value > MAX_DIMENSION {
            return Err(MediaError::TooLarge { what, value, limit: MAX_DIMENSION });
        }
    }
    Ok(())
}

fn jpeg_error(path: &Path, what: &str) -> MediaError {
    let what = format!("{}: {what}", name(path));
    MediaError::Damaged { stream: Stream::Video, what }
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
        ImageError::Unsupported(_) => {
            let codec = format!("of an image that is neither PNG nor JPEG ({})", name(path));
            MediaError::UnsupportedCodec { stream: Stream::Video, codec }
        }
        ImageError::Limits(_) => MediaError::Damaged {
            stream: Stream::Video,
            what: format!("{}: it is larger than {MAX_DIMENSION} pixels on a side", name(path)),
        },
        _ => {
            let what = format!("{}: {}", name(path), png_chunks::fault(path));
            MediaError::Damaged { stream: Stream::Video, what }
        }
    }
}
