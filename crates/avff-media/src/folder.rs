//! A folder of pictures with a WAV file: clips that were taken apart beforehand.
//!
//! The pictures are the PNG and JPEG files in the folder, in the natural order of their names
//! (`frame2` before `frame10`). The sound is the one WAV file among them or, failing that,
//! `NAME.wav` beside the folder `NAME`. `clip.json` says when each picture is shown; without one they
//! are spread evenly over the sound. Other files and those whose names start with a dot are ignored.

use std::{
    cmp::Ordering,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use super::{
    mp4::MAX_DIMENSION,
    sidecar::{self, Sidecar},
    source::{AudioStream, FrameSink, FrameStream, MediaInfo, MediaSource, beyond},
    wav::Wav,
};
use crate::{
    error::{MediaError, Stream},
    frame::Frame,
};

/// Entries of a folder that are looked at.
const MAX_ENTRIES: usize = 1 << 20;
/// Bytes of one picture file.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Bytes a picture may take while it is decoded: 8192 by 8192 of 16-bit RGBA.
const MAX_DECODED_BYTES: u64 = 8 * MAX_DIMENSION * MAX_DIMENSION;

/// An opened folder.
#[derive(Debug)]
pub(crate) struct FrameFolder {
    info: MediaInfo,
    times: Vec<f64>,
    frames: Frames,
    wav: Wav,
}

/// Its pictures.
#[derive(Debug)]
struct Frames {
    paths: Vec<PathBuf>,
    /// Width and height of the first picture, which all must have.
    size: (u32, u32),
}

impl FrameFolder {
    /// Lists a folder and checks its first picture and its sound.
    ///
    /// # Errors
    ///
    /// `MissingStream` without pictures or without a WAV file, `Malformed` with several, and the
    /// errors of the first picture, of the WAV header and of `clip.json`.
    pub(crate) fn open(folder: &Path) -> Result<Self, MediaError> {
        let (mut frames, mut waves) = (Vec::new(), Vec::new());
        for (count, entry) in fs::read_dir(folder)?.enumerate() {
            if count >= MAX_ENTRIES {
                return Err(MediaError::TooLarge {
                    what: "number of files in a folder",
                    value: count as u64 + 1,
                    limit: MAX_ENTRIES as u64,
                });
            }
            let path = entry?.path();
            let hidden =
                path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let list = match extension(&path).as_str() {
                "png" | "jpg" | "jpeg" => &mut frames,
                "wav" => &mut waves,
                _ => continue,
            };
            // Follows links; a pipe with a picture's name would block.
            if !hidden && path.is_file() {
                list.push(path);
            }
        }
        if waves.is_empty() {
            waves.extend(beside(folder).filter(|path| path.is_file()));
        }
        let wav = match waves.as_slice() {
            [] if frames.is_empty() => {
                return Err(MediaError::Malformed {
                    container: "frame folder",
                    what: "neither a picture nor a WAV file is in it".into(),
                });
            }
            [] => return Err(MediaError::MissingStream { stream: Stream::Audio }),
            [wav] => wav,
            several => {
                return Err(MediaError::Malformed {
                    container: "frame folder",
                    what: format!("{} WAV files in it, which is the sound?", several.len()),
                });
            }
        };
        frames.sort_by(|a, b| natural(&name(a), &name(b)));
        let first = frames.first().ok_or(MediaError::MissingStream { stream: Stream::Video })?;
        let reader = reader(first)?;
        let size = reader.into_dimensions().map_err(|error| fault(first, error))?;
        check_size(size)?;
        let mut wav = Wav::open(wav)?;
        let seconds = wav.samples() as f64 / f64::from(wav.pcm().rate.max(1));
        let clock = folder.join(sidecar::NAME);
        let (times, audio_start) = if clock.is_file() {
            let clock = Sidecar::read(&clock)?;
            let start = clock.audio_start;
            (clock.times(frames.len())?, start)
        } else {
            // Nothing says when a picture is shown but that all together last as long as the sound.
            let step = seconds / frames.len() as f64;
            ((0..frames.len()).map(|index| index as f64 * step).collect(), 0.0)
        };
        wav.start_at(audio_start);
        let info = MediaInfo {
            container: "frame folder".to_owned(),
            video_codec: extension(first).to_ascii_uppercase(),
            width: size.0 as usize,
            height: size.1 as usize,
            audio_codec: "PCM".to_owned(),
            sample_rate: wav.pcm().rate,
            channels: wav.pcm().channels as usize,
            audio_start,
            audio_end: audio_start + seconds,
        };
        Ok(Self { info, times, frames: Frames { paths: frames, size }, wav })
    }
}

impl Frames {
    fn picture(&self, index: usize) -> Result<Frame, MediaError> {
        let path = self.paths.get(index).ok_or_else(|| beyond(index, self.paths.len()))?;
        let decoder = reader(path)?.into_decoder().map_err(|error| fault(path, error))?;
        // Before it is decoded: a small picture may be followed by a huge one.
        let found = decoder.dimensions();
        if found != self.size {
            return Err(MediaError::Malformed {
                container: "frame folder",
                what: format!(
                    "{} has {} x {} pixels, the first picture {} x {}",
                    name(path),
                    found.0,
                    found.1,
                    self.size.0,
                    self.size.1
                ),
            });
        }
        let image = DynamicImage::from_decoder(decoder).map_err(|error| fault(path, error))?;
        let rgb = image.into_rgb8();
        Ok(Frame {
            width: rgb.width() as usize,
            height: rgb.height() as usize,
            rgb: rgb.into_raw(),
        })
    }
}

impl FrameStream for Frames {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        for &index in indices {
            if sink(index, self.picture(index)?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl MediaSource for FrameFolder {
    fn info(&self) -> &MediaInfo {
        &self.info
    }

    fn frame_times(&self) -> &[f64] {
        &self.times
    }

    fn streams(&mut self) -> (&mut dyn FrameStream, &mut dyn AudioStream) {
        (&mut self.frames, &mut self.wav)
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(OsStr::to_string_lossy).unwrap_or_default().to_ascii_lowercase()
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `NAME.wav` beside the folder `NAME`; a dot in the name is part of it.
fn beside(folder: &Path) -> impl Iterator<Item = PathBuf> {
    // `.` and `..` have no name until they are resolved.
    let folder = fs::canonicalize(folder).ok();
    let wav = folder.and_then(|folder| {
        let mut name = folder.file_name()?.to_owned();
        name.push(".wav");
        Some(folder.with_file_name(name))
    });
    wav.into_iter()
}

fn reader(path: &Path) -> Result<ImageReader<io::BufReader<fs::File>>, MediaError> {
    let size = fs::metadata(path)?.len();
    if size > MAX_FILE_BYTES {
        return Err(MediaError::TooLarge {
            what: "picture file in bytes",
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
    Ok(reader)
}

fn check_size((width, height): (u32, u32)) -> Result<(), MediaError> {
    for (what, value) in [("picture width", width), ("picture height", height)] {
        let value = u64::from(value);
        if value > MAX_DIMENSION {
            return Err(MediaError::TooLarge { what, value, limit: MAX_DIMENSION });
        }
    }
    Ok(())
}

fn fault(path: &Path, error: ImageError) -> MediaError {
    match error {
        ImageError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            MediaError::Io(error)
        }
        error => {
            MediaError::Damaged { stream: Stream::Video, what: format!("{}: {error}", name(path)) }
        }
    }
}

/// Compares names with runs of digits as numbers; equal numbers fall back to the bytes.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    loop {
        match (x.chars().next(), y.chars().next()) {
            (None, None) => return a.cmp(b),
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(c), Some(d)) if c.is_ascii_digit() && d.is_ascii_digit() => {
                let (left, right) = (digits(&mut x), digits(&mut y));
                // Without leading zeros, the longer run is the larger number.
                let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
                if order != Ordering::Equal {
                    return order;
                }
            }
            (Some(c), Some(d)) if c != d => return c.cmp(&d),
            (Some(c), Some(d)) => {
                x = x.get(c.len_utf8()..).unwrap_or_default();
                y = y.get(d.len_utf8()..).unwrap_or_default();
            }
        }
    }
}

/// Splits the leading digits off and drops their leading zeros.
fn digits<'a>(text: &mut &'a str) -> &'a str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (run, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    *text = rest;
    run.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_count() {
        let mut names =
            ["f10.png", "f2.png", "f002.png", "f1.png", "e9", "f2b", "f", "g1", "f1.jpg"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            ["e9", "f", "f1.jpg", "f1.png", "f002.png", "f2.png", "f2b", "f10.png", "g1"]
        );
    }

    #[test]
    fn numbers_of_any_length() {
        let large = format!("f{}9", "0".repeat(50));
        assert_eq!(natural(&large, "f10"), Ordering::Less);
        assert_eq!(natural(&"9".repeat(40), &"8".repeat(41)), Ordering::Less);
        assert_eq!(natural("ä2", "ä10"), Ordering::Less);
    }
}
