//! The file: hash, container, streams.

use std::path::Path;

use avff_data::ClipError;
use avff_media::{MediaError, OpenOptions, open_with};
use serde::Serialize;

use super::marks::Marks;
use crate::{error::Error, failure::ClipFailure, hash};

/// A clip as a file.
#[derive(Debug, Clone, Serialize)]
pub struct Exhibit {
    /// The name of the file or folder.
    pub name: String,
    /// Its size in bytes; 0 of a folder.
    pub bytes: u64,
    /// SHA-256 of the file, or of the names and contents of a folder.
    pub sha256: String,
    /// The container; `None` if the file cannot be opened.
    pub container: Option<String>,
    /// The frames.
    pub video: Option<VideoFacts>,
    /// The audio.
    pub audio: Option<AudioFacts>,
    /// What the reader notes of the file.
    pub notes: Vec<String>,
    /// What programs left in the file.
    pub marks: Marks,
}

/// The video stream.
#[derive(Debug, Clone, Serialize)]
pub struct VideoFacts {
    /// The codec.
    pub codec: String,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The number of frames.
    pub frames: usize,
    /// Seconds from the first frame's start to the last one's end.
    pub seconds: f64,
    /// Frames that an edit list hides.
    pub hidden_frames: usize,
}

/// The audio stream.
#[derive(Debug, Clone, Serialize)]
pub struct AudioFacts {
    /// The codec.
    pub codec: String,
    /// Samples per second.
    pub rate: u32,
    /// Channels.
    pub channels: usize,
    /// When it starts on the clip's clock, in seconds.
    pub start: f64,
    /// When it ends on the clip's clock, in seconds.
    pub end: f64,
}

impl Exhibit {
    pub(super) fn of(path: &Path, options: OpenOptions) -> Result<Self, Error> {
        let failed = |source: MediaError| {
            Error::failed(path, ClipFailure::from(ClipError::new(path, source)))
        };
        avff_media::locate(path).map_err(failed)?;
        let sha256 = hash::content(path).map_err(failed)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let bytes = path.metadata().ok().filter(|meta| meta.is_file()).map_or(0, |meta| meta.len());
        let marks = Marks::of(path);
        let plain = Self {
            name,
            bytes,
            sha256,
            container: None,
            video: None,
            audio: None,
            notes: Vec::new(),
            marks,
        };
        // What cannot be opened is a result, too: the score says why.
        let Ok(source) = open_with(path, options) else { return Ok(plain) };
        let info = source.info();
        let times = source.frame_times();
        Ok(Self {
            container: Some(info.container.clone()),
            video: Some(VideoFacts {
                codec: info.video_codec.clone(),
                width: info.width,
                height: info.height,
                frames: times.len(),
                seconds: info.video_end - times.first().copied().unwrap_or(0.0),
                hidden_frames: info.hidden_frames,
            }),
            audio: Some(AudioFacts {
                codec: info.audio_codec.clone(),
                rate: info.sample_rate,
                channels: info.channels,
                start: info.audio_start,
                end: info.audio_end,
            }),
            notes: info.notes.clone(),
            ..plain
        })
    }

    /// Whether the file still has its SHA-256.
    pub(super) fn is_unchanged(&self, path: &Path) -> bool {
        hash::content(path).is_ok_and(|now| now == self.sha256)
    }
}
