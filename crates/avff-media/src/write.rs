//! Writes a clip as a frame folder: what the folder reader reads back, picture for picture and sample
//! for sample.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use image::{
    ExtendedColorType, ImageEncoder, ImageError,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};

use super::sidecar::{self, Sidecar};
use crate::{audio::Audio, frame::Frame};

/// How pictures are coded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FrameCoding {
    /// PNG: no pixel changes.
    #[default]
    Png,
    /// JPEG of a quality from 1 to 100: smaller, and other pixels than the clip's.
    Jpeg(u8),
}

/// A frame folder that is being written.
#[derive(Debug)]
pub struct FolderWriter {
    folder: PathBuf,
    coding: FrameCoding,
    pictures: usize,
}

impl FolderWriter {
    /// Writes into `folder`, which is there and empty.
    pub fn new(folder: impl Into<PathBuf>, coding: FrameCoding) -> Self {
        Self { folder: folder.into(), coding, pictures: 0 }
    }

    /// The next picture; all are of one size.
    ///
    /// # Errors
    /// What the system says.
    pub fn frame(&mut self, picture: &Frame) -> io::Result<()> {
        let name = match self.coding {
            FrameCoding::Png => format!("{:06}.png", self.pictures),
            FrameCoding::Jpeg(_) => format!("{:06}.jpg", self.pictures),
        };
        self.pictures += 1;
        let mut out = BufWriter::new(File::create(self.folder.join(name))?);
        encode(picture, self.coding, &mut out)?;
        out.flush()
    }

    /// The sound as 32-bit float, so that no sample changes, and the clock: a time for each picture
    /// and the start of the sound, in seconds.
    ///
    /// # Errors
    /// What the system says, and `InvalidInput` for more sound than a WAV file holds.
    pub fn finish(self, sound: &Audio, times: &[f64], audio_start: f64) -> io::Result<()> {
        self.end(sound, Samples::Float, &Sidecar::new(times, audio_start))
    }

    /// The sound as 16-bit integers, and pictures at `fps` a second from the start of the sound on.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_steady(self, sound: &Audio, fps: f64) -> io::Result<()> {
        let clock = Sidecar { fps: Some(fps), ..Sidecar::default() };
        self.end(sound, Samples::Short, &clock)
    }

    fn end(self, sound: &Audio, samples: Samples, clock: &Sidecar) -> io::Result<()> {
        let mut out = BufWriter::new(File::create(self.folder.join("sound.wav"))?);
        write_wav(sound, samples, &mut out)?;
        out.flush()?;
        std::fs::write(self.folder.join(sidecar::NAME), serde_json::to_string(clock)? + "\n")
    }
}

/// How a sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Samples {
    /// 32-bit float.
    Float,
    /// 16-bit integers.
    Short,
}

/// A picture as PNG or JPEG.
///
/// # Errors
/// What the system says, and `InvalidInput` for a picture that cannot be coded.
pub fn encode(picture: &Frame, coding: FrameCoding, out: &mut impl Write) -> io::Result<()> {
    let sides = u32::try_from(picture.width).ok().zip(u32::try_from(picture.height).ok());
    let (width, height) = sides.ok_or(io::ErrorKind::InvalidInput)?;
    let color = ExtendedColorType::Rgb8;
    let written = match coding {
        FrameCoding::Png => PngEncoder::new(out).write_image(&picture.rgb, width, height, color),
        FrameCoding::Jpeg(quality) => JpegEncoder::new_with_quality(out, quality).write_image(
            &picture.rgb,
            width,
            height,
            color,
        ),
    };
    written.map_err(|error| match error {
        ImageError::IoError(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidInput, error),
    })
}

fn write_wav(sound: &Audio, samples: Samples, out: &mut impl Write) -> io::Result<()> {
    /// Bytes before the sound, after the size of the file.
    const HEAD: usize = 36;
    // The tag of the format, and bytes of a sample.
    let (tag, size) = match samples {
        Samples::Float => (3_u16, 4_u16),
        Samples::Short => (1, 2),
    };
    let channels = sound.channels.len();
    let frame = channels.saturating_mul(usize::from(size));
    let bytes = frame.saturating_mul(sound.len());
    let number = |value: usize| u32::try_from(value).map_err(|_| io::ErrorKind::InvalidInput);
    let short = |value: usize| u16::try_from(value).map_err(|_| io::ErrorKind::InvalidInput);
    out.write_all(b"RIFF")?;
    out.write_all(&number(bytes.saturating_add(HEAD))?.to_le_bytes())?;
    // Sixteen bytes of format: tag, channels, rate, bytes a second and a frame, bits.
    out.write_all(b"WAVEfmt \x10\0\0\0")?;
    out.write_all(&tag.to_le_bytes())?;
    out.write_all(&short(channels)?.to_le_bytes())?;
    out.write_all(&sound.rate.to_le_bytes())?;
    out.write_all(&number(frame.saturating_mul(sound.rate as usize))?.to_le_bytes())?;
    out.write_all(&short(frame)?.to_le_bytes())?;
    out.write_all(&(8 * size).to_le_bytes())?;
    out.write_all(b"data")?;
    out.write_all(&number(bytes)?.to_le_bytes())?;
    for index in 0..sound.len() {
        for channel in &sound.channels {
            let sample = channel.get(index).copied().unwrap_or(0.0);
            match samples {
                Samples::Float => out.write_all(&sample.to_le_bytes())?,
                // The cast saturates.
                Samples::Short => {
                    out.write_all(&((sample * 32768.0).round() as i16).to_le_bytes())?;
                }
            }
        }
    }
    Ok(())
}
