//! Reads a folder of images with a WAV file: a clip whose frames and audio were extracted
//! beforehand.
//!
//! The frames are the PNG and JPEG files in the folder, in the natural order of their names
//! (`frame2` before `frame10`). The audio is the one WAV file in the folder or, without one,
//! `NAME.wav` beside the folder `NAME`. `.w64`, a Wave64 file, counts as a WAV file. `clip.json` lists when each frame is displayed. Without
//! `clip.json`, the frames are spread evenly over the audio. Other files and hidden files are
//! ignored, but a folder with a video file is refused: it may hold clips rather than the frames of
//! one clip.

use std::{
    cmp::Ordering,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    image_file::{ImageFile, name},
    memory,
    pixel_aspect::SQUARE,
    sidecar::{self, Sidecar},
    sniff,
    source::{AudioStream, FrameSink, FrameStream, MediaInfo, MediaSource, out_of_range},
    wav::Wav,
};
use crate::{
    damage_check::DamageCheck,
    damage_policy::DamagePolicy,
    error::{DamageCode, DamagedPart, MediaError, Stream, message_of},
    frame::Frame,
    tracks::Choice,
};

/// The limit on entries in a folder.
const MAX_ENTRIES: usize = 1 << 20;

/// The memory of an image for each pixel during decoding: RGBA of 16 bit, RGB and a turned copy.
const PIXEL_BYTES: u64 = 8 + 3 + 3;

/// The file extensions of video files, which are recognized even where the file is empty or cut.
const VIDEO_EXTENSIONS: [&str; 12] =
    ["mp4", "mov", "m4v", "mkv", "webm", "avi", "mpg", "mpeg", "wmv", "flv", "3gp", "m2ts"];
/// The file extensions of audio files, some of which are MP4 files.
const AUDIO_EXTENSIONS: [&str; 7] = ["m4a", "m4b", "aac", "mp3", "flac", "ogg", "opus"];

/// An open frame folder.
#[derive(Debug)]
pub(crate) struct FrameFolder {
    info: MediaInfo,
    times: Vec<f64>,
    frames: Frames,
    wav: Wav,
}

/// The image files of a frame folder.
#[derive(Debug)]
struct Frames {
    paths: Vec<PathBuf>,
    /// Width and height of the first image as displayed, which all images must share.
    size: (u32, u32),
    /// When each image is shown, in seconds: start and end. Empty where damage is refused.
    shown: Vec<(f64, f64)>,
}

impl FrameFolder {
    /// Lists a folder and checks its first image and its audio.
    ///
    /// # Errors
    ///
    /// `VideoInFolder`, `MissingStream` without images or without a WAV file. `Malformed` with
    /// several WAV files, or where a folder or a pipe has the name of a frame or of a WAV file. Also
    /// the errors of the first image, of the WAV header and of `clip.json`.
    pub(crate) fn open(folder: &Path, damage: DamagePolicy) -> Result<Self, MediaError> {
        let (mut frames, mut wavs, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let mut no_files = Vec::new();
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
            let (list, is_part) = match extension(&path).as_str() {
                "png" | "jpg" | "jpeg" => (&mut frames, true),
                "wav" | "w64" => (&mut wavs, true),
                audio if AUDIO_EXTENSIONS.contains(&audio) => continue,
                _ => (&mut others, false),
            };
            // `is_file` follows links. A pipe with an image's name would block.
            match path.is_file() {
                _ if hidden => {}
                true => list.push(path),
                false if is_part => no_files.push(path),
                false => {}
            }
        }
        others.sort_by(|a, b| natural(&name(a), &name(b)));
        if let Some(video) = others.iter().find(|path| is_video(path)) {
            return Err(MediaError::VideoInFolder { file: name(video) });
        }
        no_files.sort_by(|a, b| natural(&name(a), &name(b)));
        if let Some(path) = no_files.first() {
            return Err(not_a_file(path));
        }
        if wavs.is_empty() {
            wavs.extend(beside(folder).filter(|path| path.is_file()));
        }
        let wav = match wavs.as_slice() {
            [] if frames.is_empty() => {
                return Err(MediaError::Malformed {
                    container: "frame folder",
                    what: "contains neither an image nor a WAV file".into(),
                });
            }
            [] => return Err(MediaError::MissingStream { stream: Stream::Audio }),
            [wav] => wav,
            several => {
                return Err(MediaError::Malformed {
                    container: "frame folder",
                    what: format!("contains {} WAV files, expected one", several.len()),
                });
            }
        };
        frames.sort_by(|a, b| natural(&name(a), &name(b)));
        let first = frames.first().ok_or(MediaError::MissingStream { stream: Stream::Video })?;
        let size = ImageFile::open(first)?.size();
        let mut wav = Wav::open(wav)?;
        let seconds = wav.samples() as f64 / f64::from(wav.pcm().rate.max(1));
        let clock = folder.join(sidecar::NAME);
        let mut notes = wav.notes().to_vec();
        let (times, video_end, audio_start) = if clock.is_file() {
            let clock = Sidecar::read(&clock)?;
            let start = clock.audio_start;
            let (times, end) = clock.times(frames.len())?;
            (times, end, start)
        } else {
            // Without times, the only known fact is that all frames together last as long as the
            // audio.
            let step = seconds / frames.len() as f64;
            notes.push(format!(
                "the folder has no {}, so its {} frames are spread evenly over the audio, at {:.2} frames per second",
                sidecar::NAME,
                frames.len(),
                1.0 / step
            ));
            ((0..frames.len()).map(|index| index as f64 * step).collect(), seconds, 0.0)
        };
        wav.start_at(audio_start);
        let ends = times.iter().skip(1).copied().chain([video_end]);
        let shown = match damage {
            DamagePolicy::Refuse => Vec::new(),
            DamagePolicy::Windows => times.iter().copied().zip(ends).collect(),
        };
        let video_codec = extension(first).to_ascii_uppercase();
        let info = MediaInfo {
            container: "frame folder".to_owned(),
            video_check: DamageCheck::of(&video_codec),
            audio_check: DamageCheck::None,
            video_codec,
            width: size.0 as usize,
            height: size.1 as usize,
            pixel_aspect: SQUARE,
            audio_codec: "PCM".to_owned(),
            sample_rate: wav.pcm().rate,
            channels: wav.pcm().channels as usize,
            audio_start,
            audio_end: audio_start + seconds,
            video_end,
            hidden_frames: 0,
            audio_drift: 0.0,
            audio_gaps: Vec::new(),
            damage: Vec::new(),
            video_track: Choice::ONLY,
            audio_track: Choice::ONLY,
            notes,
        };
        Ok(Self { info, times, frames: Frames { paths: frames, size, shown }, wav })
    }
}

impl Frames {
    fn decode(&self, index: usize) -> Result<Frame, MediaError> {
        let path = self.paths.get(index).ok_or_else(|| out_of_range(index, self.paths.len()))?;
        let image = ImageFile::open(path)?;
        // Checked before decoding: a small image may be followed by a huge one.
        let size = image.size();
        if size != self.size {
            return Err(MediaError::Malformed {
                container: "frame folder",
                what: format!(
                    "{} has {} x {} pixels, but the first frame has {} x {}",
                    name(path),
                    size.0,
                    size.1,
                    self.size.0,
                    self.size.1
                ),
            });
        }
        image.decode()
    }

    /// Adds to the error of an image when it is shown, where the rest of the clip is to be read.
    fn located(&self, index: usize, error: MediaError) -> MediaError {
        let Some(&(start, end)) = self.shown.get(index) else { return error };
        let (stream, code) = (Stream::Video, DamageCode::Damaged);
        match message_of(error) {
            Ok(message) => {
                MediaError::DamagedPart(DamagedPart { start, end, stream, code, message })
            }
            Err(error) => error,
        }
    }
}

impl FrameStream for Frames {
    fn frames(&mut self, indices: &[usize], sink: FrameSink<'_>) -> Result<(), MediaError> {
        let pixels = u64::from(self.size.0) * u64::from(self.size.1);
        let _memory = memory::reserve("the frames", pixels * PIXEL_BYTES)?;
        for &index in indices {
            let frame = self.decode(index).map_err(|error| self.located(index, error))?;
            if sink(index, frame).is_break() {
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

/// Returns the error for a folder, a pipe or the like that has the name of a frame or of a WAV
/// file. Ignoring it would leave out a frame.
fn not_a_file(path: &Path) -> MediaError {
    let what = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => "is a folder".to_owned(),
        Ok(metadata) => format!("is a {}", avff_files::kind_name(metadata.file_type())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            "is a link to a missing file".to_owned()
        }
        Err(error) => return MediaError::Io(error),
    };
    MediaError::Malformed {
        container: "frame folder",
        what: format!("{} {what}, not a file", name(path)),
    }
}

/// Returns whether a file is a video by its extension or by its first bytes. A pipe is none.
#[must_use]
pub fn is_video(path: &Path) -> bool {
    // A file that cannot be read is ignored, as other files are. Reading a pipe would wait for its writer.
    path.is_file()
        && (VIDEO_EXTENSIONS.contains(&extension(path).as_str())
            || sniff::head(path).is_ok_and(|head| sniff::is_video(&head)))
}

/// Returns whether a folder holds the frames of one clip: images, no video, and a WAV file in it or beside it.
#[must_use]
pub fn is_frame_folder(folder: &Path) -> bool {
    let (mut images, mut audio) = (false, beside(folder).any(|path| path.is_file()));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match extension(&path).as_str() {
            "png" | "jpg" | "jpeg" => images = true,
            "wav" | "w64" => audio = true,
            // Some audio files are MP4 files.
            other if AUDIO_EXTENSIONS.contains(&other) => {}
            _ if is_video(&path) => return false,
            _ => {}
        }
    }
    images && audio
}

/// Returns `NAME.wav` and `NAME.w64` beside the folder `NAME`. A dot in the name is part of the
/// name.
fn beside(folder: &Path) -> impl Iterator<Item = PathBuf> {
    // `.` and `..` have no name until they are resolved.
    let folder = fs::canonicalize(folder).ok();
    [".wav", ".w64"].into_iter().filter_map(move |extension| {
        let folder = folder.as_ref()?;
        let mut name = folder.file_name()?.to_owned();
        name.push(extension);
        Some(folder.with_file_name(name))
    })
}

/// Compares names, with runs of digits as numbers. Names with equal numbers are ordered by their
/// bytes.
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

/// Splits the leading digits off `text` and drops their leading zeros.
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
    fn names_are_in_natural_order() {
        let mut names =
            ["f10.png", "f2.png", "f002.png", "f1.png", "e9", "f2b", "f", "g1", "f1.jpg"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            ["e9", "f", "f1.jpg", "f1.png", "f002.png", "f2.png", "f2b", "f10.png", "g1"]
        );
    }

    #[test]
    fn numbers_of_any_length_are_compared() {
        let large = format!("f{}9", "0".repeat(50));
        assert_eq!(natural(&large, "f10"), Ordering::Less);
        assert_eq!(natural(&"9".repeat(40), &"8".repeat(41)), Ordering::Less);
        assert_eq!(natural("ä2", "ä10"), Ordering::Less);
    }
}
