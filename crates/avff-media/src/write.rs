//! Writes a clip as a frame folder. With PNG and float audio, the folder reader reads back
//! identical frames and samples.

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

/// The image format of the frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FrameCoding {
    /// PNG, lossless.
    #[default]
    Png,
    /// JPEG with a quality from 1 to 100: smaller, but lossy.
    Jpeg(u8),
}

/// Writes a frame folder.
#[derive(Debug)]
pub struct FolderWriter {
    folder: PathBuf,
    coding: FrameCoding,
    frames: usize,
}

impl FolderWriter {
    /// Creates a writer into `folder`, which must exist and be empty.
    pub fn new(folder: impl Into<PathBuf>, coding: FrameCoding) -> Self {
        Self { folder: folder.into(), coding, frames: 0 }
    }

    /// Writes the next frame. All frames must have the same size.
    ///
    /// # Errors
    /// Returns the I/O error of the operating system.
    pub fn frame(&mut self, frame: &Frame) -> io::Result<()> {
        let name = match self.coding {
            FrameCoding::Png => format!("{:06}.png", self.frames),
            FrameCoding::Jpeg(_) => format!("{:06}.jpg", self.frames),
        };
        self.frames += 1;
        let mut out = BufWriter::new(File::create(self.folder.join(name))?);
        encode(frame, self.coding, &mut out)?;
        out.flush()
    }

    /// Writes the audio as 32-bit float, without loss, and `clip.json` with the time of each frame
    /// and the start of the audio, in seconds.
    ///
    /// # Errors
    /// Returns the I/O error of the operating system, and `InvalidInput` for more audio than a WAV
    /// file holds.
    pub fn finish(
        self,
        audio: &Audio,
        times: &[f64],
        end: f64,
        audio_start: f64,
    ) -> io::Result<()> {
        self.end(audio, SampleFormat::Float32, &Sidecar::new(times, end, audio_start))
    }

    /// Writes the audio as 16-bit integers, and `clip.json` with `fps` frames per second from the
    /// start of the audio.
    ///
    /// # Errors
    /// The errors of [`finish`](Self::finish).
    pub fn finish_with_fps(self, audio: &Audio, fps: f64) -> io::Result<()> {
        let clock = Sidecar { fps: Some(fps), ..Sidecar::default() };
        self.end(audio, SampleFormat::Int16, &clock)
    }

    fn end(self, audio: &Audio, format: SampleFormat, clock: &Sidecar) -> io::Result<()> {
        let mut out = BufWriter::new(File::create(self.folder.join("sound.wav"))?);
        write_wav(audio, format, &mut out)?;
        out.flush()?;
        std::fs::write(self.folder.join(sidecar::NAME), serde_json::to_string(clock)? + "\n")
    }
}

/// The format of written samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SampleFormat {
    /// 32-bit float.
    Float32,
    /// 16-bit integers.
    Int16,
}

/// Encodes a frame as PNG or JPEG.
///
/// # Errors
/// Returns the I/O error of the operating system, and `InvalidInput` for a frame that cannot be
/// encoded.
pub fn encode(frame: &Frame, coding: FrameCoding, out: &mut impl Write) -> io::Result<()> {
    let sides = u32::try_from(frame.width).ok().zip(u32::try_from(frame.height).ok());
    let (width, height) = sides.ok_or(io::ErrorKind::InvalidInput)?;
    let color = ExtendedColorType::Rgb8;
    let result = match coding {
        FrameCoding::Png => PngEncoder::new(out).write_image(&frame.rgb, width, height, color),
        FrameCoding::Jpeg(quality) => JpegEncoder::new_with_quality(out, quality)
            .write_image(&frame.rgb, width, height, color),
    };
    result.map_err(|error| match error {
        ImageError::IoError(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidInput, error),
    })
}

/// Writes audio as a WAV file of 16-bit integers.
///
/// # Errors
/// Returns the I/O error of the operating system, and `InvalidInput` for more audio than a WAV file
/// holds.
pub fn wav16(audio: &Audio, out: &mut impl Write) -> io::Result<()> {
    write_wav(audio, SampleFormat::Int16, out)
}

fn write_wav(audio: &Audio, format: SampleFormat, out: &mut impl Write) -> io::Result<()> {
    /// Bytes of the header after the size field of the file, before the audio.
    const HEAD: usize = 36;
    // The format tag and the bytes per sample.
    let (tag, size) = match format {
        SampleFormat::Float32 => (3_u16, 4_u16),
        SampleFormat::Int16 => (1, 2),
    };
    let channels = audio.channels.len();
    let frame_bytes = channels.saturating_mul(usize::from(size));
    let bytes = frame_bytes.saturating_mul(audio.len());
    let number = |value: usize| u32::try_from(value).map_err(|_| io::ErrorKind::InvalidInput);
    let short = |value: usize| u16::try_from(value).map_err(|_| io::ErrorKind::InvalidInput);
    out.write_all(b"RIFF")?;
    out.write_all(&number(bytes.saturating_add(HEAD))?.to_le_bytes())?;
    // The format chunk of sixteen bytes: tag, channels, rate, bytes per second and per frame, bits.
    out.write_all(b"WAVEfmt \x10\0\0\0")?;
    out.write_all(&tag.to_le_bytes())?;
    out.write_all(&short(channels)?.to_le_bytes())?;
    out.write_all(&audio.rate.to_le_bytes())?;
    out.write_all(&number(frame_bytes.saturating_mul(audio.rate as usize))?.to_le_bytes())?;
    out.write_all(&short(frame_bytes)?.to_le_bytes())?;
    out.write_all(&(8 * size).to_le_bytes())?;
    out.write_all(b"data")?;
    out.write_all(&number(bytes)?.to_le_bytes())?;
    for index in 0..audio.len() {
        for channel in &audio.channels {
            let sample = channel.get(index).copied().unwrap_or(0.0);
            match format {
                SampleFormat::Float32 => out.write_all(&sample.to_le_bytes())?,
                // The cast saturates.
                SampleFormat::Int16 => {
                    out.write_all(&((sample * 32768.0).round() as i16).to_le_bytes())?;
                }
            }
        }
    }
    Ok(())
}
